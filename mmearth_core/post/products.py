"""Each product of post-processing, made whole: HDF5 with its statistics, band statistics alone, and the report."""

import json
from pathlib import Path
from typing import Any

from attrs import asdict, frozen

from mmearth_core.download.bad_stack import mark_failed
from mmearth_core.errors import DatasetError
from mmearth_core.hdf5.layout import StoredLayer, stored_layers
from mmearth_core.hdf5.opening import opened
from mmearth_core.json_files import write_json
from mmearth_core.post.hdf5 import Written, mended_by_deleting, write_hdf5
from mmearth_core.post.recount import recount
from mmearth_core.post.rows import Rows
from mmearth_core.post.source import Source
from mmearth_core.work.pool import Pool
from mmearth_core.work.progress import Progress

HDF5, TILE_INFO, BAND_STATS, SPLITS = ".h5", "_tile_info.json", "_band_stats.json", "_splits.json"
"""How the products' names end, after the dataset's."""

LEFT_OUT = "_left_out.json"
"""The report of tiles whose stack cannot be used; of a name that the training reader does not look for."""


@frozen(eq=False)
class HDF5Result:
    """What `make_hdf5` did.

    Attributes:
        written: the file.
        stats: the band statistics' file.
    """

    written: Written
    stats: Path


def make_hdf5(rows: Rows, pool: Pool, progress: Progress, in_place: bool = False) -> HDF5Result:
    """Writes the HDF5 file and its band statistics, and reports the tiles left out."""
    source = rows.source
    stats_file = source.file(BAND_STATS)
    written = write_hdf5(rows, pool, progress, in_place, lambda kept: _forget_stats(stats_file, source, kept))
    results = {key: entry for layer in written.made for key, entry in written.statistics.results(layer.name).items()}
    known = _known_stats(stats_file)
    lost = []
    for layer in (layer for layer in source.layers if layer.name in written.kept):
        if _fits(known, layer, len(written.rows)):
            results |= {key: known[key] for key in known if key in (layer.name, *layer.stat_names())}
        else:
            lost.append(layer)
    if lost:
        with mended_by_deleting():
            again = recount(source.file(HDF5), lost, source.image_size, pool, progress)
        results |= {key: entry for layer in lost for key, entry in again.results(layer.name).items()}
    _write_stats(stats_file, source.layers, results)
    report(written.rows)
    return HDF5Result(written, stats_file)


def make_stats(source: Source, pool: Pool, progress: Progress) -> Path:
    """Writes the band statistics of an HDF5 file anew, from its own values.

    Raises:
        DatasetError: when there is no such file, or it is damaged.
    """
    path = required(source, HDF5)
    with mended_by_deleting():
        with opened(path) as file:
            stored = stored_layers(file)
        layers = tuple(stored[layer.name] for layer in source.layers if layer.name in stored)
        statistics = recount(path, layers, source.image_size, pool, progress)
    results = {key: entry for layer in layers for key, entry in statistics.results(layer.name).items()}
    stats_file = source.file(BAND_STATS)
    _write_stats(stats_file, layers, results)
    return stats_file


def report(rows: Rows) -> Path | None:
    """Writes the list of tiles left out, and sends them back to the download; returns the list's file."""
    path = rows.source.file(LEFT_OUT)
    if not rows.left_out:
        path.unlink(missing_ok=True)
        return None
    write_json(
        path, [{key: value for key, value in asdict(out).items() if key != "partition"} for out in rows.left_out]
    )
    mark_failed(rows.source.folder, rows.left_out, "post")
    return path


def required(source: Source, suffix: str) -> Path:
    """A product that must be there.

    Raises:
        DatasetError: when it is not.
    """
    path = source.file(suffix)
    if not path.exists():
        raise DatasetError(f"{path}: there is no such file yet. Run `mmearth-core post hdf5` with this configuration.")
    return path


def _write_stats(path: Path, layers: tuple[StoredLayer, ...], results: dict[str, Any]) -> None:
    order = [key for layer in layers for key in dict.fromkeys([*layer.stat_names(), layer.name])]
    write_json(path, {key: results[key] for key in order if key in results})


def _forget_stats(path: Path, source: Source, kept: tuple[str, ...]) -> None:
    """Drops the statistics of layers that are about to be replaced: killed in between, they would pass for the new."""
    known = _known_stats(path)
    names = {key for layer in source.layers if layer.name in kept for key in (layer.name, *layer.stat_names())}
    if not known.keys() <= names:
        write_json(path, {key: entry for key, entry in known.items() if key in names})


def _known_stats(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _fits(known: dict[str, Any], layer: StoredLayer, rows: int) -> bool:
    """Whether the statistics at hand are of all rows of a layer."""
    pixels = rows
    for extent in layer.shape[1:]:
        pixels *= extent
    entries = [known[key] for key in dict.fromkeys([*layer.stat_names(), layer.name]) if key in known]
    try:
        counted = [
            sum(entry["count"][band] + entry["nodata"][band] for entry in entries) for band in range(len(layer.bands))
        ]
    except (KeyError, IndexError, TypeError):
        return False
    return all(key in known for key in layer.stat_names()) and counted == [pixels] * len(layer.bands)
