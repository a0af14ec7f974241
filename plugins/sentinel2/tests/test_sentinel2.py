"""Sentinel-2 through the real client on a world of arrays: which image a tile gets, and what becomes of its bands."""

import datetime as dt

import numpy as np
import pytest
from attrs import evolve
from mmearth_localearth.testing import ArrayBand, ArrayCollection, ArrayWorld, download, image, to_lonlat
from mmearth_sentinel2 import mmearth_modalities
from mmearth_sentinel2.draw import draw
from mmearth_sentinel2.modality import Sentinel2
from mmearth_sentinel2.options import Sentinel2Options
from shapely.geometry import box

from mmearth_core import Kind
from mmearth_core.config.structure import structure
from mmearth_core.download.journal import Outcome
from mmearth_core.errors import ConfigError

UTM = "EPSG:32632"
LEFT, TOP, SIDE = 499_980, 5_000_040, 120
L1C, L2A = "COPERNICUS/S2_HARMONIZED", "COPERNICUS/S2_SR_HARMONIZED"
YEARS = [2017, 2018, 2019, 2020]
MIDDLE = {
    2017: dt.datetime(2017, 7, 1),
    2018: dt.datetime(2018, 7, 1),
    2019: dt.datetime(2019, 7, 1),
    2020: dt.datetime(2020, 7, 1),
}
METRES = {"B2": 10, "B3": 10, "B4": 10, "B8": 10, "B1": 60, "B9": 60, "B10": 60, "QA60": 60,
          **dict.fromkeys(["MSK_CLASSI_OPAQUE", "MSK_CLASSI_CIRRUS", "MSK_CLASSI_SNOW_ICE"], 60)}  # fmt: skip
REFLECTANCE = ["B1", "B2", "B3", "B4", "B5", "B6", "B7", "B8", "B8A", "B9", "B10", "B11", "B12"]
L1C_BANDS = [*REFLECTANCE, "QA60"]
L2A_BANDS = [*[name for name in REFLECTANCE if name != "B10"], "SCL", "MSK_CLDPRB", "QA60"]


def tile(number):
    """A tile of 160 m well inside the images."""
    west, north = LEFT + 400 + number, TOP - 400 - number
    return to_lonlat(box(west, north - 160, west + 160, north), UTM)


def tile_that_draws(l1c_only, year=None):
    for number in range(200):
        polygon = tile(number / 10)
        drawn = draw(polygon.centroid.y, polygon.centroid.x, YEARS)
        if drawn.l1c_only == l1c_only and year in (None, drawn.year):
            return polygon, drawn
    raise AssertionError("no such tile among 200")


def band(name, seed):
    metres = METRES.get(name, 20)
    size = SIDE * 10 // metres
    noise = np.random.default_rng([seed, *name.encode()])
    high, dtype = {
        **dict.fromkeys(NEW_BANDS, (2, "uint8")),
        "SCL": (12, "uint8"),
        "MSK_CLDPRB": (101, "uint8"),
        "QA60": (1, "uint16"),
    }.get(name, (9000, "uint16"))
    pixels = noise.integers(0 if high < 9000 else 1, high, (size, size)).astype(dtype)
    return ArrayBand(name, pixels, UTM, (metres, 0, LEFT, 0, -metres, TOP))


def scene(collection, index, time, bands=None, cloud=1.0):
    names = bands or (L2A_BANDS if collection == L2A else L1C_BANDS)
    made = [band(name, sum(index.encode())) for name in names]
    made.sort(key=lambda one: one.name != "B2")  # the footprint is the first band's extent
    return image(f"{collection}/{index}", made, time, CLOUDY_PIXEL_PERCENTAGE=cloud)


def fetch(tmp_path, polygon, l1c=(), l2a=(), modality=None):
    world = ArrayWorld(ArrayCollection(L1C, l1c), ArrayCollection(L2A, l2a))
    return download(world, [modality or Sentinel2()], polygon, None, tmp_path)


def located(result):
    return result.located(Sentinel2())


def test_declares_the_dataset_s_layers():
    modality, _series = mmearth_modalities()
    table = {
        layer.name: (layer.dtype, layer.nodata, " ".join(band.name for band in layer.bands))
        for layer in modality.layers
    }
    assert table == {
        "sentinel2": ("uint16", 0, "B1 B2 B3 B4 B5 B6 B7 B8A B8 B9 B10 B11 B12"),
        "sentinel2_cloudmask": ("uint16", 65535, "QA60"),
        "sentinel2_cloudprod": ("uint16", 65535, "MSK_CLDPRB"),
        "sentinel2_scl": ("uint8", 255, "SCL"),
    }
    assert {layer.kind for layer in modality.layers} == {Kind.REGRESSION, Kind.CLASSES}
    resampling = {band.name: str(band.resampling) for layer in modality.layers for band in layer.bands}
    assert {name for name, how in resampling.items() if how == "nearest"} == {"B2", "B3", "B4", "B8", "QA60", "SCL"}
    assert all(band.description for layer in modality.layers for band in layer.bands)


def test_takes_the_image_that_is_drawn_in_collection_order(tmp_path):
    polygon, drawn = tile_that_draws(l1c_only=True)
    scenes = [scene(L1C, f"S{day:02d}", MIDDLE[drawn.year] + dt.timedelta(days=day)) for day in range(9)]
    result = fetch(tmp_path, polygon, l1c=scenes[::-1])
    (record,) = located(result)["images"]
    assert record["index"] == f"S{drawn.pick(9):02d}"
    assert located(result)["count"] == 9
    assert record["crs"] == UTM
    assert result.requests == {"locate anchor": 1, "projections": 1, "pixels": 1}


@pytest.mark.parametrize("year", [pytest.param(y, marks=() if y == 2018 else pytest.mark.slow) for y in YEARS])
def test_windows_begin_and_end_as_published(tmp_path, year):
    polygon, drawn = tile_that_draws(l1c_only=True, year=year)
    start, end = Sentinel2Options().windows[str(year)]
    noon = dt.time(12)
    inside = [dt.datetime.combine(start, dt.time()), dt.datetime.combine(end, noon) - dt.timedelta(days=1)]
    outside = [dt.datetime.combine(start, noon) - dt.timedelta(days=1), dt.datetime.combine(end, dt.time())]
    scenes = [scene(L1C, f"in{number}", time) for number, time in enumerate(inside)]
    scenes += [scene(L1C, f"out{number}", time) for number, time in enumerate(outside)]
    result = fetch(tmp_path, polygon, l1c=scenes)
    assert located(result)["count"] == 2
    assert located(result)["images"][0]["index"] == f"in{drawn.pick(2)}"
    assert result.entry.record["anchor"]["date"] == inside[drawn.pick(2)].date().isoformat()


def test_l2a_is_preferred_when_drawn_first(tmp_path):
    polygon, drawn = tile_that_draws(l1c_only=False)
    time = MIDDLE[drawn.year]
    result = fetch(tmp_path, polygon, l1c=[scene(L1C, "toa", time)], l2a=[scene(L2A, "sr", time)])
    assert located(result)["variant"] == "l2a"
    assert result.entry.record["anchor"]["variant"] == "l2a"
    assert np.isnan(result.bands["sentinel2__B10"]).all()
    for name in ("sentinel2__B11", "sentinel2_scl__SCL", "sentinel2_cloudprod__MSK_CLDPRB"):
        assert np.isfinite(result.bands[name]).all()


def test_l1c_takes_over_when_l2a_has_nothing_in_the_window(tmp_path):
    polygon, drawn = tile_that_draws(l1c_only=False)
    time = MIDDLE[drawn.year]
    cloudy = scene(L2A, "cloudy", time, cloud=10.0)
    result = fetch(tmp_path, polygon, l1c=[scene(L1C, "toa", time)], l2a=[cloudy])
    assert located(result)["variant"] == "l1c"
    assert located(result)["images"][0]["index"] == "toa"


def test_the_choice_of_product_comes_before_the_test_of_the_footprint(tmp_path):
    polygon, drawn = tile_that_draws(l1c_only=False)
    time = MIDDLE[drawn.year]
    whole = scene(L2A, "short", time)
    # It touches the tile, and ends within the margin.
    short = type(whole)(whole.id, whole.properties, whole.bands, polygon.buffer(0.0005))
    result = fetch(tmp_path, polygon, l1c=[scene(L1C, "toa", time)], l2a=[short])
    assert result.entry.outcome is Outcome.SKIPPED
    assert "no l2a image" in result.entry.reason
    assert "200 m around it" in result.entry.reason


def test_l1c_drawn_ignores_l2a(tmp_path):
    polygon, drawn = tile_that_draws(l1c_only=True)
    time = MIDDLE[drawn.year]
    result = fetch(tmp_path, polygon, l1c=[scene(L1C, "toa", time)], l2a=[scene(L2A, "sr", time)])
    assert located(result)["variant"] == "l1c"


def test_clouds_and_footprint_decide_which_images_count(tmp_path):
    polygon, drawn = tile_that_draws(l1c_only=True)
    time = MIDDLE[drawn.year]
    clear = scene(L1C, "clear", time, cloud=9.99)
    cloudy = scene(L1C, "cloudy", time, cloud=10.0)
    unknown = scene(L1C, "unknown", time)
    unknown = type(unknown)(
        unknown.id, {"system:time_start": unknown.properties["system:time_start"]}, unknown.bands, unknown.footprint
    )
    short = type(clear)(f"{L1C}/short", clear.properties, clear.bands, polygon.buffer(0.001))
    result = fetch(tmp_path, polygon, l1c=[clear, cloudy, short, unknown])
    assert located(result)["count"] == 1
    assert located(result)["images"][0]["index"] == "clear"


def test_a_tile_without_an_image_is_skipped_with_the_reason(tmp_path):
    polygon, drawn = tile_that_draws(l1c_only=False)
    result = fetch(tmp_path, polygon)
    assert result.entry.outcome is Outcome.SKIPPED
    assert result.entry.reason == (
        f"no l1c image with less than 10 % cloud covers the tile and 200 m around it in the window of {drawn.year}"
    )
    assert result.requests == {"locate anchor": 1}


def test_l2a_without_cloud_probability_shifts_nothing(tmp_path):
    polygon, drawn = tile_that_draws(l1c_only=False)
    time = MIDDLE[drawn.year]
    bands = [name for name in L2A_BANDS if name != "MSK_CLDPRB"]
    with_it = fetch(tmp_path / "with", polygon, l2a=[scene(L2A, "sr", time)])
    without = fetch(tmp_path / "without", polygon, l2a=[scene(L2A, "sr", time, bands)])
    assert np.isnan(without.bands["sentinel2_cloudprod__MSK_CLDPRB"]).all()
    for name in with_it.bands.keys() - {"sentinel2_cloudprod__MSK_CLDPRB"}:
        np.testing.assert_array_equal(with_it.bands[name], without.bands[name], err_msg=name)


def test_ten_metre_bands_are_the_pixels_themselves(tmp_path):
    polygon, drawn = tile_that_draws(l1c_only=True)
    one = scene(L1C, "one", MIDDLE[drawn.year])
    result = fetch(tmp_path, polygon, l1c=[one])
    left, top = result.entry.record["grid"]["transform"][2::3]
    row, column = int(TOP - top) // 10, int(left - LEFT) // 10
    for name in ("B2", "B3", "B4", "B8"):
        pixels = next(band.pixels for band in one.bands if band.name == name)
        np.testing.assert_array_equal(result.bands[f"sentinel2__{name}"], pixels[row : row + 16, column : column + 16])


def test_more_images_than_the_table_take_a_second_request(tmp_path):
    polygon, drawn = tile_that_draws(l1c_only=True)
    first = scene(L1C, "S000", MIDDLE[drawn.year])
    start = first.properties["system:time_start"]
    scenes = [
        type(first)(
            f"{L1C}/S{n:03d}", {**first.properties, "system:time_start": start + n}, first.bands, first.footprint
        )
        for n in range(600)
    ]
    result = fetch(tmp_path, polygon, l1c=scenes)
    assert located(result)["images"][0]["index"] == f"S{drawn.pick(600):03d}"
    assert result.requests == {"locate anchor": 1, "locate again": 1, "projections": 1, "pixels": 1}


def test_info_has_the_published_keys(tmp_path):
    polygon, drawn = tile_that_draws(l1c_only=False)
    time = MIDDLE[drawn.year]
    result = fetch(tmp_path, polygon, l2a=[scene(L2A, "sr", time)])
    info = Sentinel2().info(located(result))
    assert info["S2_DATE"] == time.date().isoformat()
    assert info["S2_type"] == "l2a"
    assert info["S2_ID"] == f"{L2A}/sr"
    # One list, as in the published dataset.
    expected = ["B1", "B2", "B3", "B4", "B5", "B6", "B7", "B8A", "B8", "B9", "B11", "B12", "QA60", "MSK_CLDPRB", "SCL"]
    assert info["BANDS"] == {"sentinel2": expected}


NEW_BANDS = ["MSK_CLASSI_OPAQUE", "MSK_CLASSI_CIRRUS", "MSK_CLASSI_SNOW_ICE"]


def masked(one):
    return ArrayBand(one.name, one.pixels, one.crs, one.transform, np.zeros(one.pixels.shape, bool))


def newer(tmp_path, day, bands, hidden=(), **chosen):
    """A tile of an image of any year; of its cloud masks, the bands of those names are all masked."""
    windows = {str(day.year): (dt.date(day.year, 1, 1), dt.date(day.year + 1, 1, 1))}
    modality = Sentinel2(Sentinel2Options(windows=windows, **chosen))
    one = scene(L1C, "new", dt.datetime(day.year, day.month, day.day, 10), bands)
    shown = tuple(masked(each) if each.name in hidden else each for each in one.bands)
    result = fetch(tmp_path, tile(0), l1c=[evolve(one, bands=shown)], modality=modality)
    return result, modality.info(result.located(modality)), modality


IN_GAP = "QA60 is masked in Earth Engine in images from 2022-01-25 to 2024-02-28"
TOO_EARLY = "Earth Engine has MSK_CLASSI_* in images from February 2024 on"


@pytest.mark.parametrize(
    ("day", "mask", "classes"),
    [
        pytest.param(dt.date(2022, 1, 24), None, TOO_EARLY, marks=pytest.mark.slow),
        (dt.date(2022, 1, 25), IN_GAP, TOO_EARLY),
        pytest.param(dt.date(2024, 2, 28), IN_GAP, TOO_EARLY, marks=pytest.mark.slow),
        (dt.date(2024, 2, 29), None, None),
    ],
)
def test_empty_cloud_masks_have_their_reason_from_the_first_to_the_last_day(tmp_path, day, mask, classes):
    result, info, _ = newer(tmp_path, day, [*L1C_BANDS, *NEW_BANDS], ["QA60", *NEW_BANDS], cloud_classes=True)
    assert result.entry.record["masked"] == ["sentinel2_cloudmask", "sentinel2_cloudclasses"]
    reasons = {"sentinel2_cloudmask": mask, "sentinel2_cloudclasses": classes}
    assert info.get("MASKED", {}) == {name: why for name, why in reasons.items() if why}
    # The bands exist; whether their pixels do, only the download shows.
    assert "MISSING" not in info and "QA60" in info["BANDS"]["sentinel2"]


def test_bands_that_an_image_does_not_have_have_their_reason_too(tmp_path):
    without = [name for name in L1C_BANDS if name != "QA60"]
    _, info, _ = newer(tmp_path, dt.date(2023, 6, 1), without, cloud_classes=True)
    assert info["MISSING"] == {"sentinel2_cloudmask": IN_GAP, "sentinel2_cloudclasses": TOO_EARLY}
    assert not {"QA60", *NEW_BANDS} & {*info["BANDS"]["sentinel2"]}


def test_the_newer_cloud_classes_are_a_layer_if_wanted(tmp_path):
    result, info, modality = newer(tmp_path, dt.date(2024, 6, 1), [*L1C_BANDS, *NEW_BANDS], cloud_classes=True)
    *usual, layer = modality.layers
    assert tuple(usual) == Sentinel2.layers == Sentinel2().layers
    assert (layer.name, layer.kind, layer.dtype, layer.nodata) == ("sentinel2_cloudclasses", Kind.CLASSES, "uint8", 255)
    assert [(each.name, [label.value for label in each.classes]) for each in layer.bands] == [
        (name, [0, 1]) for name in NEW_BANDS
    ]
    assert {*NEW_BANDS} < {*info["BANDS"]["sentinel2"]}
    assert "MISSING" not in info
    # Nearest neighbours on 60 m pixels: the tile's corner is 400 m from the image's, and its pixels are 10 m.
    at = (np.arange(16) * 10 + 405) // 60
    for name in NEW_BANDS:
        wanted = band(name, sum(b"new")).pixels[np.ix_(at, at)]
        np.testing.assert_array_equal(result.bands[f"sentinel2_cloudclasses__{name}"], wanted)
        assert set(np.unique(wanted)) == {0, 1}


def test_the_newer_cloud_classes_are_not_downloaded_by_default(tmp_path):
    result, info, _ = newer(tmp_path, dt.date(2024, 6, 1), [*L1C_BANDS, *NEW_BANDS])
    assert not [name for name in result.bands if "CLASSI" in name]
    assert not {*NEW_BANDS} & {*info["BANDS"]["sentinel2"]}


def test_labels_and_wavelengths_are_the_catalogue_s():
    bands = {one.name: one for layer in Sentinel2.layers for one in layer.bands}
    labels = {label.value: label.name for label in bands["SCL"].classes}
    assert labels[7] == "cloud, low probability, or unclassified"
    assert labels[0] == "no data, masked in Earth Engine"
    for name, s2a, s2b in [
        ("B1", "443.9", "442.3"), ("B2", "496.6", "492.1"), ("B3", "560", "559"), ("B4", "664.5", "665"),
        ("B5", "703.9", "703.8"), ("B6", "740.2", "739.1"), ("B7", "782.5", "779.7"), ("B8", "835.1", "833"),
        ("B8A", "864.8", "864"), ("B9", "945", "943.2"), ("B10", "1373.5", "1376.9"), ("B11", "1613.7", "1610.4"),
        ("B12", "2202.4", "2185.7"),
    ]:  # fmt: skip
        assert f", {s2a} nm (S2A) or {s2b} nm (S2B), " in bands[name].description, name


def options(table):
    return structure(table, Sentinel2Options, "modalities.sentinel2", "conf.toml")


def test_assets_years_and_thresholds_are_options(tmp_path):
    windows = {"2023": [dt.date(2023, 1, 1), dt.date(2024, 1, 1)]}
    chosen = options({"l1c": "MY/TOA", "windows": windows, "cloud_percentage": 50, "margin": 0})
    scenes = [scene("MY/TOA", "one", dt.datetime(2023, 12, 31, 23), cloud=49.0)]
    world = ArrayWorld(ArrayCollection("MY/TOA", scenes), ArrayCollection(L2A))
    result = download(world, [Sentinel2(chosen)], tile(0), None, tmp_path)
    assert located(result)["images"][0]["index"] == "one"
    assert result.entry.record["anchor"]["date"] == "2023-12-31"


@pytest.mark.parametrize(
    ("windows", "words"),
    [
        ({}, "at least one year"),
        ({"2020": [dt.date(2020, 2, 1), dt.date(2020, 2, 1)]}, "ends before it begins"),
        (
            {"2018": [dt.date(2018, 1, 1), dt.date(2019, 1, 1)], "2020": [dt.date(2020, 1, 1), dt.date(2021, 1, 1)]},
            "follow",
        ),
    ],
)
def test_windows_that_cannot_be_drawn_from_are_refused(windows, words):
    with pytest.raises(ConfigError, match=words):
        options({"windows": windows})
