"""The products of post-processing: the HDF5 file with statistics, and tile_info."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import asdict, frozen

from mmearth_core.download.folder import DatasetRow, DownloadedDataset
from mmearth_core.download.journal import mark_failed
from mmearth_core.download.locate import call
from mmearth_core.errors import DatasetError
from mmearth_core.files import written_aside
from mmearth_core.json_files import write_json
from mmearth_core.layers import LayerDescription
from mmearth_core.post.encode import recount
from mmearth_core.post.rows import RowSelection
from mmearth_core.post.write import Written, mended_by_deleting, write_hdf5
from mmearth_core.product.hdf5 import opened, stored_layers
from mmearth_core.progress import Progress
from mmearth_core.workers import Pool

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


def make_hdf5(rows: RowSelection, pool: Pool, progress: Progress, in_place: bool = False) -> HDF5Result:
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


def make_stats(source: DownloadedDataset, pool: Pool, progress: Progress) -> Path:
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


def report(rows: RowSelection) -> Path | None:
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


def required(source: DownloadedDataset, suffix: str) -> Path:
    """A product that must be there.

    Raises:
        DatasetError: when it is not.
    """
    path = source.file(suffix)
    if not path.exists():
        raise DatasetError(f"{path}: there is no such file yet. Run `mmearth-core post hdf5` with this configuration.")
    return path


def _write_stats(path: Path, layers: tuple[LayerDescription, ...], results: dict[str, Any]) -> None:
    order = [key for layer in layers for key in dict.fromkeys([*layer.stat_names(), layer.name])]
    write_json(path, {key: results[key] for key in order if key in results})


def _forget_stats(path: Path, source: DownloadedDataset, kept: tuple[str, ...]) -> None:
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


def _fits(known: dict[str, Any], layer: LayerDescription, rows: int) -> bool:
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


ALL_MASKED = "every pixel of what was found is masked"
"""Why a layer is missing whose images exist and show nothing of the tile."""


def make_info(rows: RowSelection, progress: Progress) -> Path:
    """Writes `{tile_id: {...}}` in the order of the rows, one tile in memory at a time.

    Raises:
        DatasetError: when two modalities contradict each other, or one tells what is no JSON.
    """
    path = rows.source.file(TILE_INFO)
    with written_aside(path) as aside, aside.open("w", encoding="utf-8") as file:
        lead = "{\n"
        for number, row in enumerate(rows, start=1):
            entry = tile_entry(rows.source, row)
            try:
                text = json.dumps(entry, ensure_ascii=False, allow_nan=False)
            except (TypeError, ValueError) as error:
                raise DatasetError(
                    f"tile {row.tile.tile_id!r}: what its modalities tell for tile_info.json is no strict JSON "
                    f"({error}). Repair the plugin whose info() holds it; null stands for a missing number."
                ) from error
            file.write(f"{lead}{json.dumps(row.tile.tile_id, ensure_ascii=False)}: {text}")
            lead = ",\n"
            progress("writing tile_info", number, len(rows))
        file.write("\n}\n")
    return path


def tile_entry(source: DownloadedDataset, row: DatasetRow) -> dict[str, Any]:
    """What tile_info.json says of one tile."""
    grid = row.grid
    sums = {group: sha256 for group in source.effective.groups if (sha256 := row.sha256(group))}
    entry: dict[str, Any] = {
        "CRS": grid["crs"],
        "lat": row.tile.lat,
        "lon": row.tile.lon,
        "NO_DATA": {layer.name: _number(layer.nodata) for layer in source.layers},
        "GRID": {"transform": list(grid["transform"]), "size": grid["size"]},
        "SHA256": sums,
        "TILE": dict(row.tile.attributes),
        "VERSIONS": dict(source.effective.plugins),
    }
    told = dict.fromkeys(entry, "the core")
    for name, modality in source.modalities.items():
        info = call(modality, modality.info, source.located(row, name))
        _merge(entry, info, told, name, row.tile.tile_id)
    if row.masked:
        # A plugin that has said why a layer is missing knows better.
        missing = entry.setdefault("MISSING", {})
        missing.update({layer: ALL_MASKED for layer in row.masked if layer not in missing})
    return entry


def _merge(
    entry: dict[str, Any], info: Mapping[str, Any], told: dict[str, str], modality: str, tile_id: str, prefix: str = ""
) -> None:
    """Merges objects key by key, all the way down; equal values agree, others are refused."""
    for key, value in info.items():
        path = f"{prefix}{key}"
        if key not in entry:
            # Objects are copied, as others are merged into them.
            entry[key] = {} if isinstance(value, Mapping) else value
            told[path] = modality
        if isinstance(value, Mapping) and isinstance(entry[key], dict):
            _merge(entry[key], value, told, modality, tile_id, f"{path}.")
        elif entry[key] != value:
            raise DatasetError(
                f"tile {tile_id!r}: {told.get(path, 'another modality')} and modality {modality!r} contradict each "
                f"other in tile_info: {path} is {entry[key]!r} and {value!r}. One of the two plugins needs another key "
                "in its info()."
            )


def _number(nodata: str) -> float | str:
    """A no-data value as JSON: a number, or for those that JSON lacks the text that `float` reads."""
    value = float(nodata)
    if not math.isfinite(value):
        return nodata
    return int(value) if value.is_integer() else value
