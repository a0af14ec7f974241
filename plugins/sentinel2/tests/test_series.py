"""Time series of Sentinel-2 on a world of arrays: which images a step gets, and composites compared with numpy."""

import datetime as dt
import re
import warnings
from typing import Any

import numpy as np
import pytest
from mmearth_localearth.testing import ArrayBand, ArrayCollection, ArrayWorld, Downloaded, download, image, to_lonlat
from mmearth_sentinel2.modality import Sentinel2
from mmearth_sentinel2.series import Sentinel2Series, SeriesOptions
from shapely.geometry import box

from mmearth_core import Anchor
from mmearth_core.config.structure import structure
from mmearth_core.errors import ConfigError

UTM = "EPSG:32632"
LEFT, TOP, SIDE, SIZE = 499_980, 5_000_040, 120, 16
L2A, SCORES = "COPERNICUS/S2_SR_HARMONIZED", "GOOGLE/CLOUD_SCORE_PLUS/V1/S2_HARMONIZED"
FINE, COARSE = ["B2", "B3", "B4"], ["B5", "B11"]
BANDS = [*FINE, *COARSE]
CLEAR = (4, 5, 6, 7, 11)

# The tile's first pixel is the 40th of the images in both directions, so all grids are aligned.
FIRST = 40
POLYGON = to_lonlat(
    box(*(LEFT + 10 * FIRST, TOP - 10 * (FIRST + SIZE), LEFT + 10 * (FIRST + SIZE), TOP - 10 * FIRST)), UTM
)
ANCHOR = Anchor(dt.date(2020, 7, 4), UTM, "l2a")


def scene(day: str, cloud: float = 10.0, index: str = "", empty: bool = False, **changes: np.ndarray) -> Any:
    """An image of random pixels."""
    time = dt.datetime.fromisoformat(day)
    name = index or f"{time:%Y%m%dT%H%M%S}_{time:%Y%m%dT%H%M%S}_T32TNS"
    random = np.random.default_rng([*name.encode()])
    bands = []
    for band in [*BANDS, "SCL", "QA60"]:
        metres = {"QA60": 60, **dict.fromkeys([*COARSE, "SCL"], 20)}.get(band, 10)
        side = SIDE * 10 // metres
        shape, dtype = (side, side), "uint8" if band == "SCL" else "uint16"
        pixels = random.integers(*{"SCL": (0, 12), "QA60": (0, 4)}.get(band, (1, 9000)), shape)
        pixels = changes.get(band, pixels << 10 if band == "QA60" else pixels).astype(dtype)
        valid = np.full(shape, not empty)
        bands.append(ArrayBand(band, pixels, UTM, (metres, 0, LEFT, 0, -metres, TOP), valid))
    return image(f"{L2A}/{name}", bands, time, CLOUDY_PIXEL_PERCENTAGE=cloud)


def score(of: Any, seed: int = 1) -> Any:
    """The Cloud Score+ of an image."""
    random = np.random.default_rng([seed, *of.index.encode()])
    grid = (10, 0, LEFT, 0, -10, TOP)
    made = [ArrayBand(name, random.random((SIDE, SIDE)).astype("float32"), UTM, grid) for name in ("cs", "cs_cdf")]
    time = dt.datetime.fromtimestamp(of.properties["system:time_start"] / 1000, dt.UTC)
    return image(f"{SCORES}/{of.index}", made, time)


def fetch(tmp_path: Any, scenes: Any, scores: Any = (), **options: Any) -> tuple[Downloaded, Sentinel2Series]:
    modality = Sentinel2Series(SeriesOptions(bands=tuple(options.pop("bands", BANDS)), **options))
    world = ArrayWorld(ArrayCollection(L2A, scenes), ArrayCollection(SCORES, scores))
    return download(world, [modality], POLYGON, ANCHOR, tmp_path, SIZE), modality


def steps(result: Downloaded, count: int, bands: Any = BANDS) -> np.ndarray:
    """(steps, bands, size, size)."""
    return np.stack([[result.bands[f"sentinel2_series__{band}__{step}"] for band in bands] for step in range(count)])


def on_tile(scene: Any, name: str) -> np.ndarray:
    """A band of an image on the tile's grid, by its nearest pixels."""
    (band,) = [band for band in scene.bands if band.name == name]
    factor = int(band.transform[0]) // 10
    fine = band.pixels.repeat(factor, 0).repeat(factor, 1)
    return fine[FIRST : FIRST + SIZE, FIRST : FIRST + SIZE]


def clear(scene: Any, mask: str, scores: Any = (), least: float = 0.6) -> np.ndarray:
    if mask == "scl":
        return np.isin(on_tile(scene, "SCL"), CLEAR)
    if mask == "qa60":
        return on_tile(scene, "QA60") == 0
    if mask == "cloud_score":
        (own,) = [each for each in scores if each.index == scene.index]
        return on_tile(own, "cs_cdf") >= np.float32(least)
    return np.ones((SIZE, SIZE), bool)


SUMMER = [scene(f"2020-0{month}-{day:02d}", cloud) for month, day, cloud in
          [(6, 3, 30.0), (6, 20, 5.0), (7, 1, 55.0), (7, 16, 12.0), (8, 30, 1.0)]]  # fmt: skip
SCORED = [score(each) for each in SUMMER]


def whole_images(tmp_path: Any, scenes: Any) -> dict[str, np.ndarray]:
    """Images of the summer one by one, without a mask, as float: by index, (bands, size, size)."""
    result, modality = fetch(tmp_path, scenes, method="images", per_interval=len(scenes), mask="none", interval="year")
    described = modality.info(result.located(modality))["STEPS"]["sentinel2_series"]
    return {
        step["id"].rpartition("/")[2]: pixels
        for step, pixels in zip(described, steps(result, len(scenes)), strict=True)
    }


@pytest.mark.parametrize(
    "mask", ["cloud_score", *(pytest.param(mask, marks=pytest.mark.slow) for mask in ("scl", "qa60", "none"))]
)
def test_composites_are_those_of_numpy(tmp_path: Any, mask: str) -> None:
    single = whole_images(tmp_path, SUMMER)
    masked = [np.where(clear(each, mask, SCORED), single[each.index], np.nan) for each in SUMMER]
    with warnings.catch_warnings():  # pixels that are clear in no image
        warnings.simplefilter("ignore", RuntimeWarning)
        median = np.nanmedian(masked, axis=0)
    order = sorted(range(len(SUMMER)), key=lambda each: SUMMER[each].properties["CLOUDY_PIXEL_PERCENTAGE"])
    least = np.full_like(median, np.nan)
    for each in order[::-1]:
        least = np.where(np.isnan(masked[each]), least, masked[each])
    if mask != "none":
        assert np.isnan(median).any() and (np.isnan(masked).sum(axis=0) == 2).any()
    for method, expected in (("median", median), ("least_cloudy", least)):
        result, _ = fetch(tmp_path, SUMMER, SCORED, method=method, mask=mask)
        found = steps(result, 4)
        assert np.isnan(found[[0, 1, 3]]).all()
        # Here every image was rounded before they were combined; there only the composite is. 20 m are interpolated.
        np.testing.assert_allclose(found[2], expected, atol=0.5 + 1e-3)
        assert result.requests == {"locate": 1, "pixels": 1}


@pytest.mark.slow
def test_a_series_of_one_image_is_that_image(tmp_path: Any) -> None:
    only = SUMMER[:1]
    (pixels,) = whole_images(tmp_path, only).values()
    world = ArrayWorld(ArrayCollection(L2A, only))

    class Single(Sentinel2):
        """The same image as a single one, resampled by the core."""

        def locate(self, scene: Any) -> Any:
            bands = [band.name for band in only[0].bands]
            return {
                "variant": "l2a",
                "count": 1,
                "images": [{"index": only[0].index, "date": "2020-06-03", "bands": bands}],
            }

    single = download(world, [Single()], POLYGON, ANCHOR, tmp_path, SIZE)
    assert single.entry.outcome == "done", single.entry
    for own, band in zip(pixels, BANDS, strict=True):
        np.testing.assert_array_equal(own, single.bands[f"sentinel2__{band}"], err_msg=band)
    np.testing.assert_array_equal(pixels[0], on_tile(only[0], "B2"))


@pytest.mark.slow
def test_months_seasons_and_years(tmp_path: Any) -> None:
    days = ["2019-11-30", "2019-12-01", "2020-02-29", "2020-03-01", "2020-05-31", "2020-08-31T23:59:59", "2020-11-30",
            "2020-12-01", "2021-01-01"]  # fmt: skip
    scenes = [scene(day) for day in days]
    expected = {
        "month": {2: [2], 3: [3], 5: [4], 8: [5], 11: [6], 12: [7]},
        "season": {1: [1, 2], 2: [3, 4], 3: [5], 4: [6]},
        "year": {1: [2, 3, 4, 5, 6, 7]},
    }
    for interval, by_step in expected.items():
        result, modality = fetch(tmp_path, scenes, interval=interval, bands=["B2"], mask="none", method="least_cloudy")
        count = modality.layers[0].steps
        assert count == {"month": 12, "season": 4, "year": 1}[interval]
        reported = modality.info(result.located(modality))["STEPS"]["sentinel2_series"]
        assert {n: step["ids"] for n, step in enumerate(reported, 1) if step} == {
            n: sorted(f"{L2A}/{scenes[i].index}" for i in chosen) for n, chosen in by_step.items()
        }
        found = steps(result, count, ["B2"])
        assert [n for n, pixels in enumerate(found, 1) if not np.isnan(pixels).all()] == list(by_step)
    dates = [step["date"] if step else None for step in reported]
    assert dates == ["2020"]
    result, modality = fetch(tmp_path, scenes, interval="season", years=(-1, 0), bands=["B2"], mask="none")
    reported = modality.info(result.located(modality))["STEPS"]["sentinel2_series"]
    assert [step["date"] if step else None for step in reported] == [
        *[None] * 3, "2019-09/2019-11", "2019-12/2020-02", "2020-03/2020-05",
        "2020-06/2020-08", "2020-09/2020-11",
    ]  # fmt: skip


@pytest.mark.slow
def test_the_least_cloudy_images_in_the_order_of_time(tmp_path: Any) -> None:
    twice = "20200830T000000_20200830T010203_T32TNR"  # the next granule of the same overpass
    other = "20200701T000000_20200702T000000_T33TUM"  # of the next zone, and less cloudy
    early = "20200601T000000_20200601T000000_T32TNS"
    late = "20200601T000000_20210101T000000_T32TNS"  # the same image, processed again
    scenes = [*SUMMER, scene("2020-08-30", 1.5, twice), scene("2020-07-01", 0.1, other)]
    scenes += [scene("2020-06-01", 2.0, early), scene("2020-06-01", 2.0, late)]
    outside = scene("2020-08-01", 60.0)
    options = {"method": "images", "per_interval": 4, "mask": "none", "bands": ["B2"]}
    result, modality = fetch(tmp_path, [*scenes, outside], **options)
    reported = modality.info(result.located(modality))["STEPS"]["sentinel2_series"]
    assert [step["id"].rpartition("/")[2] if step else None for step in reported] == [
        *[None] * 8, late, SUMMER[1].index, SUMMER[3].index, SUMMER[4].index, *[None] * 4,
    ]  # fmt: skip
    found = steps(result, 16, ["B2"])
    np.testing.assert_array_equal(found[9, 0], on_tile(SUMMER[1], "B2"))
    assert np.isnan(found[12:]).all()
    assert modality.info(result.located(modality))["STEPS"]["sentinel2_series"][9]["date"] == "2020-06-20"


@pytest.mark.slow
def test_a_tile_without_images_says_why(tmp_path: Any) -> None:
    result, modality = fetch(tmp_path, [scene("2020-07-04", 60.0), scene("2018-07-04")])
    info = modality.info(result.located(modality))
    assert info["STEPS"] == {"sentinel2_series": [None] * 4}
    assert info["MISSING"] == {
        "sentinel2_series": "no l2a image with less than 60 % cloud from 2019-12-01 to 2020-11-30"
    }
    assert np.isnan(steps(result, 4)).all()


@pytest.mark.slow
def test_images_without_a_score_are_not_used(tmp_path: Any) -> None:
    result, modality = fetch(tmp_path, SUMMER, SCORED[2:], mask="cloud_score")
    (step,) = [each for each in modality.info(result.located(modality))["STEPS"]["sentinel2_series"] if each]
    assert step["ids"] == [f"{L2A}/{each.index}" for each in SUMMER[2:]]


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        ({"interval": "week"}, 'interval: found "week", expected'),
        ({"per_interval": 2}, 'per_interval: a composite has one step per interval: set method = "images"'),
        ({"method": "images", "per_interval": 0}, "per_interval: 'per_interval' must be >= 1"),
        ({"interval": "month", "years": [-3, 2]}, "years: these are 72 steps, years x intervals x per_interval"),
        ({"years": [1, 0]}, "years: give the first and the last year relative to the anchor's"),
        ({"level": "l1c"}, "mask: level 1C has no scene classification"),
        ({"bands": ["B2", "B10"]}, "bands: name some of the bands of l2a, each once: B1, B2"),
        ({"bands": []}, "bands: name some of the bands"),
        ({"clear_classes": []}, "clear_classes: "),
        ({"clear_classes": [12]}, "clear_classes: "),
        ({"clear_score": 1.5}, "clear_score: 'clear_score' must be <= 1"),
        ({"method": "mean"}, 'method: found "mean", expected'),
    ],
)
def test_options_that_do_not_fit_are_refused(table: Any, problem: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(f"[modalities.sentinel2_series] {problem}")):
        structure(table, SeriesOptions, "modalities.sentinel2_series", "my.toml")


def test_the_layer_depends_on_the_options() -> None:
    made = {
        4: SeriesOptions(),
        12: SeriesOptions(interval="month"),
        36: SeriesOptions(interval="month", years=(-1, 1)),
        10: SeriesOptions(interval="year", method="images", per_interval=10),
    }
    assert {steps: Sentinel2Series(options).layers[0].steps for steps, options in made.items()} == {
        4: 4,
        12: 12,
        36: 36,
        10: 10,
    }
    layer = Sentinel2Series(SeriesOptions(bands=("B8", "B11"))).layers[0]
    assert ([band.name for band in layer.bands], layer.preview) == (["B8", "B11"], None)
