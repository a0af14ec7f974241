"""What the doctor checks without a configuration: the engine's example, or a built-in place with every modality."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmearth_core import Engine
from mmearth_core.registry import Registry

_LON, _LAT, _ZONE = -89.9375, 44.9375, 16
"""A place in Wisconsin, far from any sea, and its UTM zone."""

_SIZE = 64
"""Rows and columns of a tile."""

_ATTRIBUTES = {
    "tile_id": "doctor",
    "date": "2018-07-15",
    "crs": f"EPSG:326{_ZONE}",
    "biome": "Temperate Broadleaf & Mixed Forests",
    "eco_region": "Western Great Lakes forests",
}


def write_example(folder: Path, registry: Registry, engine: Engine) -> Path:
    """Writes a configuration of one tile with its tiles file, and returns its path.

    Args:
        folder: where to write.
        registry: the installed plugins.
        engine: its own example is used, if it has one.
    """
    demo = engine.demo()
    config, tiles = (_config(registry), _tiles()) if demo is None else (demo.config, demo.tiles)
    (folder / "tiles.geojson").write_text(json.dumps(tiles), encoding="utf-8")
    (folder / "doctor.toml").write_text(config, encoding="utf-8")
    return folder / "doctor.toml"


def _config(registry: Registry) -> str:
    """Every installed modality with its default options; the anchor is one with images of its own, if there is any."""
    anchors = [name for name, entry in registry.modalities.items() if entry.declared.can_anchor()]
    anchor = next((name for name in anchors if registry.modalities[name].declared.layers), anchors[0])
    names = [name for name in registry.modalities if name == anchor or name not in anchors]
    tables = "\n".join(f"[modalities.{name}]" for name in names)
    return f'[dataset]\nname = "doctor"\ntiles = "tiles.geojson"\nimage_size = {_SIZE}\nanchor = "{anchor}"\n{tables}\n'


def _tiles() -> Mapping[str, Any]:
    """One square tile."""
    north = 5 * _SIZE / 111_319.49
    east = north / math.cos(math.radians(_LAT))
    corners = [(-1, -1), (1, -1), (1, 1), (-1, 1), (-1, -1)]
    ring = [(_LON + x * east, _LAT + y * north) for x, y in corners]
    geometry = {"type": "Polygon", "coordinates": [ring]}
    feature = {"type": "Feature", "geometry": geometry, "properties": {"lon": _LON, "lat": _LAT, **_ATTRIBUTES}}
    return {"type": "FeatureCollection", "features": [feature]}
