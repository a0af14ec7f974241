"""A tile's entry in tile_info.json: what the core knows of the tile, merged with what its modalities report."""

import json
import math
from collections.abc import Iterable, Mapping
from typing import Any

from attrs import define, field

from mmearth_core.contract.bands import Layer
from mmearth_core.contract.modality import Modality, Scene
from mmearth_core.download.journal import Journal
from mmearth_core.download.locate import LocatedTile, PluginCallError, call
from mmearth_core.download.prepare import PreparedRun
from mmearth_core.errors import DatasetError, HopelessError
from mmearth_core.layers import LayerDescription
from mmearth_core.tiles.index import Tile

MISSING = "MISSING"
"""The key under which the core and the modalities report, by layer, why there are no data."""

MASKED = "MASKED"
"""The key under which a modality says, by layer, why there are no data if all pixels turn out to be masked."""


def tile_entry(
    tile: Tile | Scene,
    grid: Mapping[str, Any],
    layers: Iterable[Layer | LayerDescription],
    plugins: Mapping[str, str],
    checksums: Mapping[str, str],
    located: Iterable[tuple[Modality, Any]],
) -> dict[str, Any]:
    """The entry of a tile.

    Args:
        tile: the tile.
        grid: CRS, transform and size of its pixels, as in the journal.
        layers: what is stored of it.
        plugins: `{modality: distribution and version}`.
        checksums: of its stacks, by group.
        located: the modalities, each with what it located for the tile.

    Raises:
        DatasetError: when a modality contradicts the core or another modality.
        PluginCallError: when `info` of one raises, or returns something else than the contract says.
    """
    entry: dict[str, Any] = {
        "CRS": grid["crs"],
        "lat": tile.lat,
        "lon": tile.lon,
        "NO_DATA": {layer.name: _json_number(float(layer.nodata)) for layer in layers},
        "GRID": {"transform": list(grid["transform"]), "size": grid["size"]},
        "SHA256": dict(checksums),
        "TILE": dict(tile.attributes),
        "VERSIONS": dict(plugins),
    }
    origins = dict.fromkeys(entry, "the core")
    for modality, answer in located:
        merge_info(entry, call(modality, "info", _info, modality, answer), origins, f"modality {modality.name!r}")
    return entry


def _info(modality: Modality, located: Any) -> Mapping[str, Any]:
    """Returns what the modality reports, checked."""
    info = modality.info(located)
    if not isinstance(info, Mapping) or not all(isinstance(info.get(key, {}), Mapping) for key in (MISSING, MASKED)):
        raise TypeError(f"info() must return a mapping, with mappings in {MISSING} and {MASKED}, not {info!r}")
    json.dumps(info, allow_nan=False)  # raises what is not strict JSON, such as NaN
    return info


def merge_info(
    entry: dict[str, Any], info: Mapping[str, Any], origins: dict[str, str], origin: str, prefix: str = ""
) -> None:
    """Merges what a modality reports of a tile into the tile's entry, key by key at all levels.

    Args:
        entry: what is known already; changed.
        info: what is added; equal values agree.
        origins: for each key, with dots between levels, where its value is from; changed.
        origin: the modality whose `info` it is.
        prefix: of the keys' names in `origins`.

    Raises:
        DatasetError: when two modalities, or one and the core, have different values of a key.
    """
    for key, value in info.items():
        path = f"{prefix}{key}"
        if key not in entry:
            # Objects are copied, as others are merged into them.
            entry[key] = {} if isinstance(value, Mapping) else value
            origins[path] = origin
        if isinstance(value, Mapping) and isinstance(entry[key], dict):
            merge_info(entry[key], value, origins, origin, f"{path}.")
        elif entry[key] != value:
            other = origins.get(path) or origins.get(path.partition(".")[0], "another modality")
            raise DatasetError(
                f"{other} and {origin} contradict each other in tile_info: {path} is {entry[key]!r} and {value!r}. Use "
                f"another key in the info() of {origin}."
            )


def _json_number(nodata: float) -> float | str:
    """A no-data value as JSON: a number, or the text that `float` reads for those that JSON does not have."""
    if not math.isfinite(nodata):
        return repr(nodata)
    return int(nodata) if nodata.is_integer() else nodata


@define(eq=False)
class InfoCheck:
    """Finds contradictions in tile_info before a tile's pixels are requested, as `post` could not write the file.

    Attributes:
        prepared: the run.
    """

    prepared: PreparedRun
    _is_first: bool = field(default=True, init=False)

    def __call__(self, found: LocatedTile, grid: Mapping[str, Any]) -> None:
        """Checks one tile; the first one also against the groups that were downloaded before.

        Raises:
            HopelessError: the first tile has a contradiction, so most tiles will.
            PluginCallError: another one has; or a modality's `info` is at fault.
        """
        stored, modalities, located = self.prepared.stored, self.prepared.modalities, dict(found.located)
        is_first, self._is_first = self._is_first, False
        for group in stored.groups if is_first else ():
            journal = Journal(self.prepared.folder.journal(group, found.tile.partition)).read()
            if found.tile.tile_id in journal:
                located = {**journal[found.tile.tile_id].record.get("located", {}), **located}
        made = [(modalities[name], answer) for name, answer in located.items() if name in modalities]
        layers = [layer for modality, _ in made for layer in modality.layers]
        try:
            tile_entry(found.tile, grid, layers, stored.plugins, dict.fromkeys(stored.groups, "a checksum"), made)
        except DatasetError as error:
            text = f"tile {found.tile.tile_id!r}: {error} Its pixels were not requested."
            raise (HopelessError if is_first else PluginCallError)(text) from error
