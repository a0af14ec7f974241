"""Smaller tiles: the centre of every tile of a dataset, cropped and compressed again by all workers."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from attrs import evolve, frozen

from mmearth_core.errors import DatasetError
from mmearth_core.json_files import write_json
from mmearth_core.layers import LayerDescription
from mmearth_core.post.encode import block_rows
from mmearth_core.product.hdf5 import METADATA, PROVENANCE, create_layer, new_file, opened, write_head
from mmearth_core.product.hdf5_rows import ChunkWriter, RowReader, copy_chunks, create_like, encode
from mmearth_core.product.statistics import LayerStatistics
from mmearth_core.progress import Progress
from mmearth_core.workers import Pool
from mmearth_curate.derive.files import DatasetFiles, publish
from mmearth_curate.derive.head import derived_head, provenance
from mmearth_curate.derive.layouts import Layout, read_layout
from mmearth_curate.derive.tile_info import Entry, entries_of, write_entries


@frozen
class Resized:
    """What became of it.

    Attributes:
        files: the new dataset.
        rows: its rows.
        size: rows and columns of its tiles, pixels.
        before: those of the old ones.
    """

    files: DatasetFiles
    rows: int
    size: int
    before: int


@frozen
class Part:
    """Consecutive rows to crop.

    Attributes:
        path: the HDF5 file.
        layers: its layers.
        size: rows and columns to keep.
        start: the first row.
        variants: of each row.
    """

    path: Path
    layers: tuple[LayerDescription, ...]
    size: int
    start: int
    variants: tuple[str | None, ...]


@frozen
class Cropped:
    """A part's new chunks.

    Attributes:
        chunks: for each row, a chunk for each layer that is a map.
        statistics: of all layers.
    """

    chunks: list[dict[str, bytes]]
    statistics: LayerStatistics


def resize(source: Path, target: Path, size: int, overwrite: bool, pool: Pool, progress: Progress) -> Resized:
    """Writes the centre `size` x `size` pixels of every tile.

    Where an odd number of pixels is cut off, the odd one goes at the bottom and at the right, as where the tile was
    cut out of its polygon.

    Args:
        source: the dataset, a folder or an HDF5 file.
        target: the dataset to be, likewise.
        size: rows and columns of the new tiles, pixels.
        overwrite: replace a dataset that is there.
        pool: crops and compresses.
        progress: is told of every block.

    Raises:
        DatasetError: when tiles are no larger than that, or a file cannot be read.
        RunStoppedError: when the disk is full.
    """
    files, out = DatasetFiles.find(source), DatasetFiles.target(target)
    with publish(out, [files], overwrite) as staged:
        layout = read_layout(files)
        _require_larger(layout, size)
        statistics = _write_hdf5(staged, out.name, layout, size, pool, progress)
        results = {key: entry for layer in layout.layers for key, entry in statistics.results(layer).items()}
        write_json(staged.band_stats, results)
        write_entries(staged.tile_info, _entries(layout, size))
        for old, new in (
            (files.splits, staged.splits),
            (files.splits_made, staged.splits_made),
            (files.left_out, staged.left_out),
        ):
            if old.exists():
                shutil.copyfile(old, new)
    return Resized(out, len(layout.table), size, layout.size)


def _require_larger(layout: Layout, size: int) -> None:
    maps = [layer for layer in layout.layers.values() if layer.is_map]
    if not maps:
        raise DatasetError(f"{layout.files.hdf5}: all its layers are vectors, so there is nothing to crop.")
    for layer in maps:
        if layer.shape[1:] != (layout.size, layout.size):
            raise DatasetError(
                f"{layout.files.hdf5}: tiles of layer {layer.name!r} have {layer.shape[1]} x {layer.shape[2]} pixels, "
                f"others {layout.size} x {layout.size}. Only square tiles of one size can be cropped."
            )
    if size >= layout.size:
        raise DatasetError(
            f"--size {size}: tiles of {layout.files.hdf5} have {layout.size} x {layout.size} pixels, and can only "
            f"become smaller: 1 to {layout.size - 1}."
        )


def _write_hdf5(
    staged: DatasetFiles, name: str, layout: Layout, size: int, pool: Pool, progress: Progress
) -> LayerStatistics:
    layers, count, step = tuple(layout.layers.values()), len(layout.table), block_rows(size)
    variants = tuple(variant.decode() or None for _, variant in layout.table.tolist())
    every = np.arange(count)
    statistics = LayerStatistics(layers)

    def parts() -> Iterator[Part]:
        for start in range(0, count, step):
            yield Part(layout.files.hdf5, layers, size, start, variants[start : start + step])

    with layout.files.open() as source, new_file(staged.hdf5) as file:
        how = {"command": "resize", "of": layout.files.name, "size": size}
        write_head(file, derived_head(name, layout.anchor, how))
        file.create_dataset(METADATA, data=layout.table)
        vectors, writers = [], {}
        for layer in layers:
            if layer.is_map:
                made = create_layer(file, evolve(layer, shape=(len(layer.bands), size, size)), count)
                writers[layer.name] = ChunkWriter(made)
            else:
                made = create_like(file, source[layer.name], count)
                vectors.append((source[layer.name], made))
            made.attrs[PROVENANCE] = provenance(f"resize {size}", [(layout.provenance[layer.name], every)])
        copy_chunks(vectors)
        for start, cropped in zip(range(0, count, step), pool.map(crop_part, parts()), strict=True):
            for row, chunks in enumerate(cropped.chunks, start):
                for layer_name, chunk in chunks.items():
                    writers[layer_name].write(row, chunk)
            statistics.merge(cropped.statistics)
            progress("cropping tiles", start + len(cropped.chunks), count)
    return statistics


def crop_part(part: Part) -> Cropped:
    """Crops, compresses and counts some rows."""
    statistics, chunks = LayerStatistics(part.layers), list[dict[str, bytes]]()
    end = part.start + len(part.variants)
    with opened(part.path) as file:
        for layer in part.layers:
            if not layer.is_map:
                statistics.add_vectors(layer.name, part.variants, file[layer.name][part.start : end])
        maps = [(layer, RowReader(file[layer.name])) for layer in part.layers if layer.is_map]
        for row, variant in enumerate(part.variants, part.start):
            made = {}
            for layer, reader in maps:
                first = margin(layer.shape[-1], part.size)
                inside = slice(first, first + part.size)
                values = np.ascontiguousarray(reader.read(row)[:, inside, inside])
                statistics.add(layer.name, variant, values.reshape(len(layer.bands), -1))
                made[layer.name] = encode(values)
            chunks.append(made)
    return Cropped(chunks, statistics)


def margin(before: int, size: int) -> int:
    """Pixels cut off at the top and at the left."""
    return (before - size) // 2


def _entries(layout: Layout, size: int) -> Iterator[tuple[str, Entry]]:
    """Every tile's entry, with its new grid."""
    for tile_id, entry in entries_of(layout.files.tile_info, layout.ids()):
        grid = entry.get("GRID")
        if grid:
            cut = margin(grid["size"], size)
            a, b, c, d, e, f = grid["transform"]
            moved = [a, b, c + (a + b) * cut, d, e, f + (d + e) * cut]
            entry = {**entry, "GRID": {**grid, "transform": moved, "size": size}}
        yield tile_id, entry
