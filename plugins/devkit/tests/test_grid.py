"""The check `grid` on assets of every kind of grid: what is really shifted is found, and nothing else."""

import math
import re

import numpy as np
import pytest
from mmearth_devkit import findings_of
from mmearth_localearth.stage import WorldEngine
from mmearth_localearth.testing import ArrayBand, ArrayCollection, ArrayWorld, image
from pyproj import Transformer

from mmearth_core import Band, Layer, Modality, Resampling

UTM = "EPSG:32632"
SIDE = 240
NEAREST, BILINEAR = Resampling.NEAREST, Resampling.BILINEAR
LON, LAT = Transformer.from_crs(UTM, "EPSG:4326", always_xy=True).transform(500_000, 5_000_000)
PIXEL = 1 / 3600

GRIDS = {
    # Landsat's: the corner lies at 15 mod 30 m.
    "landsat": (UTM, (30, 0, 500_025, 0, -30, 5_000_025)),
    # Sentinel-1's: the origin is not on whole metres.
    "sentinel1": (UTM, (10, 0, 500_003.4, 0, -10, 5_000_004.8)),
    "twenty": (UTM, (20, 0, 500_000, 0, -20, 5_000_000)),
    "sixty": (UTM, (60, 0, 500_040, 0, -60, 5_000_020)),
    "geographic": ("EPSG:4326", (PIXEL, 0, LON, 0, -PIXEL, LAT)),
    "sheared": (UTM, (20, 6, 500_007, 5, -20, 5_000_003)),
    "coarse": (UTM, (450, 0, 500_000, 0, -450, 5_000_000)),
}


@pytest.fixture(scope="module")
def engine():
    random = np.random.default_rng(2)
    images = []
    for name, (crs, transform) in GRIDS.items():
        pixels = random.uniform(0, 900, (SIDE, SIDE)).astype(np.float32)
        images.append(image(f"OWNER/{name}", [ArrayBand("h", pixels, crs, transform)]))
    return WorldEngine(ArrayWorld(*images, ArrayCollection("OWNER/ALL", images)))


def modality(build, resampling):
    """A modality whose image is `build(ee, scene)`."""

    class Grid(Modality):
        name = "grid"
        api_version = 1
        layers = (
            Layer(
                "grid",
                [Band("h", "float32", math.nan, unit="m", description="height", resampling=resampling)],
                description="terrain",
            ),
        )

        def image(self, scene, located):
            import ee

            return build(ee, scene)

    return Grid


def found(engine, build, resampling, asset="landsat"):
    """The findings at a tile in the middle of an asset."""
    from mmearth_devkit.places import default_scene

    only = WorldEngine(ArrayWorld(engine._world.assets[f"OWNER/{asset}"]))
    scene = default_scene(only.stage())
    return findings_of(modality(build, resampling), engine=engine, scene=scene, processes=False)


def shift(finding):
    """Metres east and south in the message of a finding."""
    assert finding.check == "grid"
    (east, side), (south, end) = re.findall(r"(\d+\.\d) m (\w+)", finding.problem)
    return float(east) * (1 if side == "east" else -1), float(south) * (1 if end == "south" else -1)


def asset_of(ee, name):
    return ee.Image(f"OWNER/{name}")


@pytest.mark.parametrize("resampling", [NEAREST, BILINEAR])
@pytest.mark.parametrize("name", GRIDS)
def test_an_asset_is_not_shifted_by_its_own_grid(engine, name, resampling):
    assert found(engine, lambda ee, scene: asset_of(ee, name), resampling, name) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", GRIDS)
def test_nor_is_the_nearest_pixel_of_a_mosaic(engine, name):
    build = lambda ee, scene: ee.ImageCollection([asset_of(ee, name)]).mosaic()  # noqa: E731
    assert found(engine, build, NEAREST, name) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", GRIDS)
def test_nor_is_an_asset_that_is_reprojected_to_its_own_grid(engine, name):
    crs, transform = GRIDS[name]
    assert found(engine, lambda ee, scene: asset_of(ee, name).reproject(crs, list(transform)), BILINEAR, name) == []


@pytest.mark.parametrize("resampling", [NEAREST, BILINEAR])
def test_a_scale_whose_pixels_start_elsewhere_shifts_by_15_metres(engine, resampling):
    """Centres at 15 mod 30 m lie on edges of the raster's pixels, whose centres are at 0: 15 m either way."""
    (finding,) = found(engine, lambda ee, scene: asset_of(ee, "landsat").reproject(UTM, None, 30), resampling)
    assert shift(finding) == pytest.approx((-15, -15), abs=0.3)


def test_every_second_pixel_is_where_it_was(engine):
    """Centres at 30 mod 60 m are centres of the raster's pixels too."""
    assert found(engine, lambda ee, scene: asset_of(ee, "landsat").reproject(UTM, None, 60), BILINEAR) == []


def test_interpolated_before_it_is_reprojected_it_is_not_shifted(engine):
    build = lambda ee, scene: asset_of(ee, "landsat").resample("bilinear").reproject(UTM, None, 30)  # noqa: E731
    assert found(engine, build, BILINEAR) == []


def test_the_tile_s_own_pixels_are_what_a_nearest_band_gets_anyway(engine):
    build = lambda ee, scene: asset_of(ee, "sentinel1").reproject(scene.anchor.crs, None, 10)  # noqa: E731
    assert found(engine, build, NEAREST, "sentinel1") == []
    (finding,) = found(engine, build, BILINEAR, "sentinel1")
    assert shift(finding) == pytest.approx((-3.4, 4.8), abs=0.1)


@pytest.mark.parametrize(
    ("name", "half"), [("twenty", 10.0), ("sixty", 30.0), ("geographic", 0.5 * PIXEL), ("coarse", 225.0)]
)
@pytest.mark.parametrize("resampling", [NEAREST, BILINEAR])
def test_a_corner_taken_for_a_centre_is_found_on_every_grid(engine, name, half, resampling):
    crs, (a, _, left, _, e, top) = GRIDS[name]
    shifted = [a, 0, left - half, 0, e, top + half]
    (finding,) = found(engine, lambda ee, scene: asset_of(ee, name).reproject(crs, shifted), resampling, name)
    north = half if half > 1 else 30.87 / 2  # a second of latitude is 30.87 m here, one of longitude 21.9 m
    west = half if half > 1 else 21.9 / 2
    assert shift(finding) == pytest.approx((-west, -north), rel=0.02)


def test_the_fault_of_one_of_two_bands_is_that_band_s(engine):
    """Bands of 20 and 60 m in one image: the window is large enough for both."""

    class Two(modality(None, NEAREST)):
        layers = (
            Layer(
                "two",
                [Band(name, "float32", math.nan, unit="m", description="height") for name in ("fine", "coarse")],
                description="terrain",
            ),
        )

        def image(self, scene, located):
            import ee

            coarse = asset_of(ee, "sixty").reproject(UTM, [60, 0, 500_010, 0, -60, 5_000_020])
            return asset_of(ee, "twenty").rename("fine").addBands(coarse.rename("coarse"))

    (finding,) = findings_of(Two, engine=engine, processes=False)
    assert finding.where == "band two.coarse"
    assert "its pixels are 60 m" in finding.problem
    assert shift(finding) == pytest.approx((-30, 0), abs=0.6)
