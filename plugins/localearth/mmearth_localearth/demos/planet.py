"""The demo of the synthetic planet: one tile in each of 240 ecoregions, every modality of MMEarth.

When it replaces the demo of the real scene it has Sentinel-2 only, which needs no other plugin.
"""

from typing import Any

from localearth.worlds.base import FeatureRecord, World

from mmearth_core import Demo
from mmearth_localearth.demos import tile
from mmearth_localearth.stage import square

TILES = 240

SIDE = 1300.0
"""Width and height of the tiles, metres, as in MMEarth."""

NORTH, SOUTH = 80.0, -60.0
"""Sentinel-2 takes few images beyond these latitudes, degrees."""

ECOREGIONS = "RESOLVE/ECOREGIONS/2017"

CREDIT = (
    "A synthetic planet: coasts are real (global-land-mask, MIT), everything else is generated from a seed by "
    "mmearth-localearth"
)

CONFIG = """\
# {what} on a synthetic planet: no account, no network.

[dataset]
name = "planet"
anchor = "sentinel2"        # the modality that fixes every tile's date and 10 m grid
tiles = "tiles.geojson"
image_size = 128            # pixels of 10 m

[run]
engine = "local"            # "earthengine" asks Google instead, with the same plugins

[engines.local]
world = "{world}"
processes = 3               # the planet's pixels are computed: one more process than cores keeps the cores busy

[modalities.sentinel2]      # one table a modality; keys in it are its options
"""

OTHERS = """\
[modalities.sentinel1]
[modalities.aster]
[modalities.era5]
[modalities.dynamic_world]
[modalities.esa_worldcover]
[modalities.canopy_height_eth]
[modalities.tile]           # longitude, latitude, month, biome and ecoregion as layers
"""


def planet(world: World, name: str, missing: str = "") -> Demo:
    """The demo on a synthetic planet.

    Args:
        world: the planet.
        name: its name in the configuration, e.g. `synthetic:7`.
        missing: what the demo of the real scene needs, when this demo replaces it.
    """
    table = world.find(ECOREGIONS)
    regions = [region for region in table.features() if SOUTH < _place(region).y < NORTH]  # type: ignore[union-attr]
    chosen = [regions[number * len(regions) // TILES] for number in range(TILES)]
    features = [_feature(number, region) for number, region in enumerate(chosen)]
    config = CONFIG.format(world=name, what="Sentinel-2" if missing else "Every modality of MMEarth")
    return Demo(
        config=config if missing else config + OTHERS,
        tiles={"type": "FeatureCollection", "features": features},
        credit=CREDIT,
        missing=missing,
    )


def _place(region: FeatureRecord) -> Any:
    return region.geometry.representative_point()


def _feature(number: int, region: FeatureRecord) -> dict[str, Any]:
    """A square on the ground in a region."""
    place = _place(region)
    lon, lat = square(place.x, place.y, SIDE).exterior.xy
    return tile(number, lon, lat, region.properties["BIOME_NAME"], region.properties["ECO_NAME"])
