"""tile_info.json: what is known of every tile, merged from the journals and from what each modality tells."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmearth_core.download.plugin_calls import call
from mmearth_core.errors import DatasetError
from mmearth_core.folder import written_aside
from mmearth_core.post.products import TILE_INFO
from mmearth_core.post.rows import Rows
from mmearth_core.post.source import Row, Source
from mmearth_core.work.progress import Progress

ALL_MASKED = "every pixel of what was found is masked"
"""Why a layer is missing whose images exist and show nothing of the tile."""


def make_info(rows: Rows, progress: Progress) -> Path:
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


def tile_entry(source: Source, row: Row) -> dict[str, Any]:
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
