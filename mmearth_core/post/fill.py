"""Fills datasets in one pass over the tiles: each stack is read once, for its chunks and its statistics."""

from collections.abc import Callable, Iterator, Sequence

import h5py

from mmearth_core.download.bad_stack import BadStack
from mmearth_core.hdf5.layout import METADATA, ChunkWriter, StoredLayer, encode
from mmearth_core.hdf5.table import metadata_rows
from mmearth_core.post.encode import Block, Encoded, block_rows, encode_block
from mmearth_core.post.rows import Rows
from mmearth_core.post.source import Row
from mmearth_core.post.statistics import Statistics
from mmearth_core.post.vectors import vector_rows
from mmearth_core.work.batches import batches
from mmearth_core.work.pool import Pool
from mmearth_core.work.progress import Progress


def fill_layers(
    file: h5py.File,
    rows: Rows,
    layers: Sequence[StoredLayer],
    pool: Pool,
    progress: Progress,
    seen: Callable[[Row], None] | None = None,
) -> tuple[Statistics, list[BadStack]]:
    """Writes the table of tiles, and all rows of some layers.

    Args:
        file: with the datasets, empty.
        rows: the tiles.
        layers: which datasets.
        pool: makes the chunks.
        progress: is told of every block.
        seen: is given every row, in order.

    Returns:
        The statistics of these layers, and the tiles whose stack is damaged: then the datasets are not whole.
    """
    source = rows.source
    vectors = [layer for layer in layers if not layer.is_map]
    maps = {group: tuple(layer for layer in own if layer in layers) for group, own in source.stacked().items()}
    maps = {group: own for group, own in maps.items() if own}
    statistics, faults, done = Statistics(layers), list[BadStack](), 0
    under_way: list[list[Row]] = []

    def blocks() -> Iterator[Block]:
        for block in batches(rows, block_rows(source.image_size)):
            under_way.append(block)
            if seen is not None:
                for row in block:
                    seen(row)
            yield Block(maps, source.image_size, [(row.variant, source.stacks(row)) for row in block])

    answers = pool.map(encode_block, blocks()) if maps else (Encoded([], Statistics([]), []) for _ in blocks())
    table, writers = file[METADATA], {layer.name: ChunkWriter(file[layer.name]) for layer in layers}
    for encoded in answers:
        block = under_way.pop(0)
        table[done : done + len(block)] = metadata_rows([(row.tile.tile_id, row.variant) for row in block], table.dtype)
        statistics.merge(encoded.statistics)
        for place, chunks in enumerate(encoded.chunks):
            for name, chunk in chunks.items():
                writers[name].write(done + place, chunk)
        own = Statistics(vectors)
        for name, values in vector_rows(source, vectors, block).items():
            own.add_vectors(name, [row.variant for row in block], values)
            for place, row_values in enumerate(values):
                writers[name].write(done + place, encode(row_values))
        statistics.merge(own)
        for place, group, reason in encoded.faults:
            tile = block[place].tile
            faults.append(BadStack(tile.tile_id, tile.ordinal, tile.partition, group, reason))
        done += len(block)
        progress("writing tiles", done, len(rows))
    return statistics, faults
