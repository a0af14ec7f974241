"""Resizing: the workers crop the centre of every tile and compress it again."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from attrs import evolve, frozen

from mmearth_core.errors import DatasetError
from mmearth_core.json_files import write_json, write_tile_info
from mmearth_core.paths import ProductPaths
from mmearth_core.product.hdf5 import PROVENANCE, create_layer, create_scales, new_file, opened
from mmearth_core.product.hdf5_rows import RowBlock, RowReader, chunk_writer, compress_row, row_blocks
from mmearth_core.product.reader import DatasetReader, find_products
from mmearth_core.product.statistics import LayerStatistics
from mmearth_core.progress import Progress
from mmearth_core.workers import Pool
from mmearth_curate.derive import shared
from mmearth_curate.derive.publish import publish, side_files, target_paths
from mmearth_curate.reading import Entry, tile_info_of


@frozen
class Resized:
    """The result.

    Attributes:
        paths: of the new dataset.
        rows: its number of rows.
        size: rows and columns of its tiles, pixels.
        before: those of the original tiles.
    """

    paths: ProductPaths
    rows: int
    size: int
    before: int


@frozen
class Crop:
    """Rows to crop, for a worker.

    Attributes:
        block: the rows.
        size: rows and columns to keep, pixels.
    """

    block: RowBlock
    size: int


@frozen
class Cropped:
    """The result of a worker.

    Attributes:
        chunks: for each row, one chunk per layer that is a map.
        statistics: of all layers.
    """

    chunks: list[dict[str, bytes]]
    statistics: LayerStatistics


def resize(source: Path, target: Path, size: int, overwrite: bool, pool: Pool, progress: Progress) -> Resized:
    """Writes the centre `size` x `size` pixels of every tile.

    If an odd number of pixels is cut off, the additional one is at the bottom and at the right, as where the tile was
    cut out of its polygon.

    Args:
        source: the dataset, a folder or an HDF5 file.
        target: the dataset to be, a folder or an HDF5 file.
        size: rows and columns of the new tiles, pixels.
        overwrite: replace an existing dataset.
        pool: crops and compresses.
        progress: called after every block.

    Raises:
        DatasetError: when tiles are not larger than that, or a file cannot be read.
        RunStoppedError: when the disk is full.
    """
    out = target_paths(target)
    with publish(out, [find_products(source)], overwrite) as staged:
        reader = shared.open_source(source)
        _require_larger(reader, size)
        statistics = _write_hdf5(staged, reader, size, pool, progress)
        write_json(staged.band_stats, statistics.entries(shared.have_step_statistics([reader])))
        write_tile_info(staged.tile_info, _entries(reader, size))
        for old, new in zip(side_files(reader.paths), side_files(staged), strict=True):
            if old.exists() and not new.exists():  # files that depend only on the rows
                shutil.copyfile(old, new)
        shared.require_unchanged([reader])
    return Resized(out, len(reader), size, reader.image_size)


def _require_larger(reader: DatasetReader, size: int) -> None:
    maps = [layer for layer in reader.layers.values() if layer.is_map]
    before, path = reader.image_size, reader.paths.hdf5
    if not maps:
        raise DatasetError(f"{path}: all its layers are vectors, so there is nothing to crop.")
    for layer in maps:
        if layer.shape[-2:] != (before, before):
            raise DatasetError(
                f"{path}: tiles of layer {layer.name!r} have {layer.shape[-2]} x {layer.shape[-1]} pixels, "
                f"others {before} x {before}. Only square tiles of the same size can be cropped."
            )
    if size >= before:
        raise DatasetError(
            f"--size {size}: tiles of {path} have {before} x {before} pixels, and can only become smaller: 1 to "
            f"{before - 1}."
        )


def _write_hdf5(
    staged: ProductPaths, reader: DatasetReader, size: int, pool: Pool, progress: Progress
) -> LayerStatistics:
    layers, count = list(reader.layers.values()), len(reader)
    statistics, every = LayerStatistics(layers), np.arange(count)
    with reader.file() as source, new_file(staged.hdf5) as file:
        shared.write_head(file, staged.name, reader, {"command": "resize", "of": reader.paths.name, "size": size})
        shared.write_table(file, shared.stored_table(reader))
        for layer in layers:
            if layer.is_map:
                made = create_layer(file, evolve(layer, shape=(*layer.shape[:-2], size, size)), count)
            else:
                made = shared.create_like(file, source[layer.name], layer, count)
            mark = str(source[layer.name].attrs.get(PROVENANCE, ""))
            made.attrs[PROVENANCE] = shared.provenance(f"resize {size}", [(mark, every)])
        create_scales(file)
        vectors = [layer.name for layer in layers if not layer.is_map]
        shared.copy_rows(source, file, vectors, every, 0, lambda _done: None)
        writers = {layer.name: chunk_writer(file[layer.name]) for layer in layers if layer.is_map}
        blocks = (Crop(block, size) for block in row_blocks(reader.paths.hdf5, layers, range(count), size))
        done = 0
        for cropped in pool.map(crop, blocks):
            for row, chunks in enumerate(cropped.chunks, start=done):
                for name, chunk in chunks.items():
                    writers[name](row, chunk, 0)
            statistics.merge(cropped.statistics)
            done += len(cropped.chunks)
            progress("cropping tiles", done, count)
    return statistics


def crop(task: Crop) -> Cropped:
    """Crops, compresses and counts some rows."""
    block = task.block
    statistics, chunks = LayerStatistics(block.layers), list[dict[str, bytes]]()
    with opened(block.path) as file:
        variants = block.variants(file)
        for layer in block.layers:
            if not layer.is_map:
                statistics.add_vectors(layer.name, variants, file[layer.name][list(block.rows)])
        maps = [(layer, RowReader(file[layer.name])) for layer in block.layers if layer.is_map]
        for row, variant in zip(block.rows, variants, strict=True):
            own = {}
            for layer, reader in maps:
                first = margin(layer.shape[-1], task.size)
                inside = slice(first, first + task.size)
                values = np.ascontiguousarray(reader.read(row)[..., inside, inside])
                statistics.add(layer.name, variant, values)
                own[layer.name] = compress_row(values)
            chunks.append(own)
    return Cropped(chunks, statistics)


def margin(before: int, size: int) -> int:
    """Pixels cut off at the top and at the left."""
    return (before - size) // 2


def _entries(reader: DatasetReader, size: int) -> Iterator[tuple[str, Entry]]:
    """The entry of every tile with its new grid."""
    for tile_id, entry in tile_info_of(reader, reader.tile_ids()):
        grid = entry.get("GRID")
        if grid:
            cut = margin(grid["size"], size)
            a, b, c, d, e, f = grid["transform"]
            moved = [a, b, c + (a + b) * cut, d, e, f + (d + e) * cut]
            entry = {**entry, "GRID": {**grid, "transform": moved, "size": size}}
        yield tile_id, entry
