"""The products of post-processing: the HDF5 file with its statistics, and tile_info."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from attrs import asdict, frozen

from mmearth_core import __version__
from mmearth_core.download.folder import DownloadedDataset, Provenance
from mmearth_core.download.journal import mark_failed
from mmearth_core.download.tile_info import row_entry
from mmearth_core.errors import ConfigError, DamagedFileError, DatasetError
from mmearth_core.files import written_aside
from mmearth_core.json_files import write_json, write_tile_info
from mmearth_core.layers import LayerDescription, licences
from mmearth_core.post.rows import RowSelection, require_some, select_rows
from mmearth_core.post.write import BadStacksError, copy_layers, write_rows
from mmearth_core.product import hdf5
from mmearth_core.product.hdf5_rows import count_values
from mmearth_core.product.reader import DatasetReader, read_side_file
from mmearth_core.product.statistics import are_possible, have_steps, statistics_of, stats_digest
from mmearth_core.progress import Progress
from mmearth_core.workers import Pool


@frozen(eq=False)
class HDF5Result:
    """What `make_hdf5` did.

    Attributes:
        rows: the tiles in the file.
        made: names of the layers that were made of stacks and journals.
        kept: names of those that were copied, or left as they were.
        recounted: names of kept layers whose statistics were incomplete or are not those that were written with the
            file, and were counted again from their values.
    """

    rows: RowSelection
    made: tuple[str, ...]
    kept: tuple[str, ...]
    recounted: tuple[str, ...]


def make_hdf5(source: DownloadedDataset, pool: Pool, progress: Progress, step_statistics: bool = False) -> HDF5Result:
    """Writes the HDF5 file and its band statistics, and reports the tiles left out.

    Layers that are already in the file as they would be made now are copied.

    Args:
        source: the dataset; tiles with a bad stack are left out.
        pool: does the work.
        progress: called after every block.
        step_statistics: also those of each time step; as before, if False.

    Raises:
        DatasetError: when no tile is left, a plugin's vector has the wrong length, or the file is damaged.
        ConfigError: when statistics of time steps are wanted, and no layer has any.
    """
    by_step = _by_step(source, step_statistics)
    rows = select_rows(source, pool, progress)
    with _deletion_advised():
        while True:
            try:
                result = _make_hdf5(rows, pool, progress, by_step)
                break
            except BadStacksError as error:  # rare, so starting again is fast enough
                rows = rows.without(error.faults)
                require_some(rows)
    report_left_out(rows)
    with written_aside(source.products.licences) as aside:
        aside.write_text(licences(source.name, len(result.rows), result.rows.layers), encoding="utf-8")
    return result


def make_stats(source: DownloadedDataset, pool: Pool, progress: Progress, step_statistics: bool = False) -> None:
    """Writes the band statistics of an HDF5 file again, from its own values.

    Raises:
        DatasetError: when there is no such file, or it is damaged.
        ConfigError: when statistics of time steps are wanted, and no layer has any.
    """
    by_step = _by_step(source, step_statistics)
    with _deletion_advised():
        reader = DatasetReader.open(source.require_hdf5())
        layers = [reader.layers[layer.name] for layer in source.layers if layer.name in reader.layers]
        every = range(len(reader))
        stats = count_values(reader.paths.hdf5, layers, every, source.image_size, pool.map, progress, by_step)
        _write_stats(reader.paths.band_stats, layers, stats)


def _by_step(source: DownloadedDataset, wanted: bool) -> bool:
    """Whether to count each time step: if it is wanted, or the existing statistics have them.

    Raises:
        ConfigError: when it is wanted, and no layer has time steps.
    """
    if wanted and all(layer.steps is None for layer in source.layers):
        raise ConfigError(
            f"--step-statistics: no layer of {source.folder.root} has time steps. Omit the option, or add a modality "
            "that has some."
        )
    return wanted or have_steps(source.layers, _known_stats(source))


def _known_stats(source: DownloadedDataset) -> dict[str, Any]:
    with suppress(DatasetError):  # without a file that can be read, all layers are counted
        return read_side_file(source.products.band_stats, dict)
    return {}


@contextmanager
def _deletion_advised() -> Iterator[None]:
    """Adds the remedy to the error about a damaged HDF5 file: as long as the file exists, `post` reads layers from it.

    Raises:
        DatasetError: says to delete the file.
    """
    try:
        yield
    except DamagedFileError as error:
        raise DatasetError(
            f"{error.path}: {error.found}. The file is damaged: delete it and run the same command again, which makes "
            "it again from the stacks."
        ) from error


def _make_hdf5(rows: RowSelection, pool: Pool, progress: Progress, by_step: bool) -> HDF5Result:
    source, paths, provenance = rows.source, rows.source.products, Provenance(rows.source)
    exists = paths.hdf5.exists()
    # Without a file to compare with, `write_rows` computes it, so that all journals are read only once more.
    for row in rows if exists else ():
        provenance.add(row.tile.tile_id, row.variant, row.entries)
    kept, digests, is_current = _kept_layers(source, provenance)
    new = [layer for layer in source.layers if layer not in kept]
    known = _known_stats(source)
    uncounted = [layer for layer in kept if not _is_known(known, layer, len(rows), digests[layer.name], by_step)]
    trusted = [layer for layer in kept if layer not in uncounted]
    stats = {key: known[key] for layer in trusted for key in layer.stat_keys(by_step) if key in known}
    if uncounted:
        every = range(len(rows))
        stats |= count_values(paths.hdf5, uncounted, every, source.image_size, pool.map, progress, by_step)
    # The file's digest may be of a table with fewer statistics.
    is_current &= all(digests[layer.name] in (None, stats_digest(layer, stats)) for layer in uncounted)
    if new or not is_current:
        with written_aside(paths.hdf5) as aside, hdf5.new_file(aside) as file:
            _create(file, rows)
            if kept:
                with hdf5.opened(paths.hdf5) as old:
                    copy_layers(old, file, [layer.name for layer in kept])
            statistics = write_rows(file, rows, new, pool, progress, None if exists else provenance)
            added = statistics.entries(by_step)
            file.attrs[hdf5.ROWS] = hdf5.digest_of_rows(file)
            for layer in source.layers:
                file[layer.name].attrs[hdf5.STATISTICS] = stats_digest(layer, stats | added)
                file[layer.name].attrs[hdf5.PROVENANCE] = provenance.of(layer.modality)
            file.flush()
            if stats.keys() != known.keys():
                # If this process is killed before the last line, old statistics must not pass for those of new layers.
                write_json(paths.band_stats, stats)
        stats |= added
    _write_stats(paths.band_stats, source.layers, stats)
    return HDF5Result(rows, *(tuple(layer.name for layer in layers) for layers in (new, kept, uncounted)))


def _create(file: h5py.File, rows: RowSelection) -> None:
    source = rows.source
    facts = {"layout": hdf5.VERSION, "name": source.name, "anchor": source.anchor.name}
    file.attrs.update({**facts, **source.grid, "written_by": f"mmearth-core {__version__}"})
    hdf5.create_metadata(file, len(rows), source.anchor.variant_key)
    for layer in rows.layers:
        hdf5.create_layer(file, layer, len(rows))
    hdf5.create_scales(file)


def _kept_layers(
    source: DownloadedDataset, provenance: Provenance
) -> tuple[list[LayerDescription], dict[str, str | None], bool]:
    """The layers that would be made alike now, the digests of their statistics, and whether the layout is current."""
    try:
        with hdf5.opened(source.products.hdf5) as file:
            stored = hdf5.stored_layers(file)
            marks = {name: file[name].attrs.get(hdf5.PROVENANCE) for name in stored}
            same = [layer for layer in source.layers if stored.get(layer.name) == layer]
            kept = [layer for layer in same if marks[layer.name] == provenance.of(layer.modality)]
            digests = {layer.name: file[layer.name].attrs.get(hdf5.STATISTICS) for layer in kept}
            return kept, digests, file.attrs.get("layout") == hdf5.VERSION
    except DatasetError:  # it does not exist, is not HDF5, or is damaged
        return [], {}, False


def _is_known(stats: Mapping[str, Any], layer: LayerDescription, rows: int, digest: str | None, by_step: bool) -> bool:
    """Whether a layer has every statistic of the table, they count all its values, and are those of the file's digest.

    The files of older versions have no digest; then they must at least be possible.
    """
    if digest not in (None, stats_digest(layer, stats)) or not are_possible(layer, stats):
        return False
    keys = [key for key in layer.stat_keys() if key in stats]
    if by_step and not all(step in stats for key in keys for step in layer.step_keys(key)):
        return False
    entries = [stats[key] for key in keys]
    counted = sum(np.add(entry["count"], entry["nodata"]) for entry in entries)
    is_complete = all(statistic.name in entry for entry in entries for statistic in statistics_of(layer))
    return is_complete and bool(np.all(counted == rows * layer.per_band))


def _write_stats(path: Path, layers: Sequence[LayerDescription], stats: Mapping[str, Any]) -> None:
    write_json(path, {key: stats[key] for layer in layers for key in layer.stat_keys(by_step=True) if key in stats})


def report_left_out(rows: RowSelection) -> None:
    """Writes the list of tiles left out, and marks them failed, so that they can be downloaded again."""
    path = rows.source.products.left_out
    if not rows.left_out:
        path.unlink(missing_ok=True)
        return
    write_json(path, [asdict(out, filter=lambda field, _value: field.name != "partition") for out in rows.left_out])
    mark_failed(rows.source.folder, rows.left_out, "post")


def make_info(rows: RowSelection, progress: Progress) -> None:
    """Writes `{tile_id: {...}}` in the order of the rows, one tile in memory at a time.

    Raises:
        DatasetError: when two modalities contradict each other, or one returns what is not strict JSON.
    """

    def entries() -> Iterator[tuple[str, dict[str, Any]]]:
        for number, row in enumerate(rows, start=1):
            yield row.tile.tile_id, row_entry(rows.source, row)
            progress("writing tile_info", number, len(rows))

    write_tile_info(rows.source.products.tile_info, entries())
