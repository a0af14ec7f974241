"""Demos: a configuration and tiles for each shipped world."""

from collections.abc import Sequence
from typing import Any

from shapely.geometry import Polygon, mapping


def tile(number: int, lon: Sequence[float], lat: Sequence[float], biome: str, eco_region: str) -> dict[str, Any]:
    """A tile as a GeoJSON feature; its corners and its centre are rounded to 1e-8 degrees (1 mm)."""
    polygon = Polygon([(round(x, 8), round(y, 8)) for x, y in zip(lon, lat, strict=True)])
    centre = polygon.centroid
    properties = {
        "tile_id": f"{number:03d}",
        "lon": round(centre.x, 8),
        "lat": round(centre.y, 8),
        "biome": biome,
        "eco_region": eco_region,
    }
    return {"type": "Feature", "geometry": mapping(polygon), "properties": properties}
