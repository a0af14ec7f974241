"""ERA5-Land through the real client on a world of arrays: twelve numbers, compared with numpy."""

import datetime as dt
import math

import numpy as np
import pytest
from attrs import evolve
from mmearth_era5 import mmearth_modalities
from mmearth_era5.layers import QUANTITIES
from mmearth_era5.modality import Era5
from mmearth_era5.options import Era5Options
from mmearth_era5.periods import periods
from mmearth_localearth.testing import ArrayBand, ArrayCollection, ArrayWorld, download, image
from shapely.geometry import box

from mmearth_core import Anchor, Kind
from mmearth_core.config.structure import structure
from mmearth_core.errors import ConfigError

COLLECTION = "ECMWF/ERA5_LAND/MONTHLY_AGGR"
WEST, NORTH, CELL = 10.0, 50.0, 0.1
"""The world's north-western corner and its 4 x 4 cells, degrees."""
SEA = np.zeros((4, 4), bool)
SEA[:, 3] = True
ANCHOR = Anchor(dt.date(2018, 7, 14), "EPSG:32632")


def months(first, count):
    start = first.year * 12 + first.month - 1
    return [dt.date(n // 12, n % 12 + 1, 1) for n in range(start, start + count)]


def monthly(month):
    """One month's image; every number differs, in no order of time."""
    random = np.random.default_rng(month.toordinal())
    transform = (CELL, 0, WEST, 0, -CELL, NORTH)
    bands = [
        ArrayBand(quantity.source, random.uniform(0.1, 300, (4, 4)), "EPSG:4326", transform, ~SEA)
        for quantity in QUANTITIES
    ]
    return image(f"{COLLECTION}/{month:%Y%m}", bands, dt.datetime(month.year, month.month, 1))


IMAGES = {f"{month:%Y%m}": monthly(month) for month in months(dt.date(2017, 1, 1), 24)}
WORLD = ArrayWorld(ArrayCollection(COLLECTION, list(IMAGES.values())))


def tile(lon, lat, width=0.018, height=0.0117):
    """About 1300 m a side."""
    return box(lon - width / 2, lat - height / 2, lon + width / 2, lat + height / 2)


IN_A_CELL = tile(WEST + 1.5 * CELL, NORTH - 1.5 * CELL)


def fetch(tmp_path, polygon=IN_A_CELL, modality=None, anchor=ANCHOR, world=WORLD):
    return download(world, [modality or Era5()], polygon, anchor, tmp_path)


def expected(names, row=1, col=1):
    """Mean of means, least of minima, greatest of maxima, sum of sums, of the months of those names."""
    stack = np.array([[band.pixels[row, col] for band in IMAGES[name].bands] for name in names])
    mean, low, high, total = stack.T
    return [mean.mean(), low.min(), high.max(), total.sum()]


def twelve(names):
    return [*expected(["201806"]), *expected(["201807"]), *expected(names)]


YEAR = [f"{month:%Y%m}" for month in months(dt.date(2017, 8, 1), 12)]


def test_declares_the_dataset_s_layer():
    (modality,) = mmearth_modalities()
    (layer,) = modality.layers
    assert (layer.name, layer.kind, layer.dtype) == ("era5", Kind.VECTOR, "float32")
    assert math.isnan(layer.nodata)
    kinds = ["avg_temp", "min_temp", "max_temp", "total_precip"]
    names = [f"{period}_{kind}" for period in ("prev_month", "curr_month", "year") for kind in kinds]
    assert [band.name for band in layer.bands] == names
    assert [band.unit for band in layer.bands] == ["K", "K", "K", "m"] * 3


def test_twelve_numbers_in_one_request_and_no_pixels(tmp_path):
    result = fetch(tmp_path)
    assert result.requests == {"locate": 1}
    assert "sha256" not in result.entry.record
    values = Era5().values(result.located(Era5()))["era5"]
    np.testing.assert_allclose(values, twelve(YEAR), rtol=1e-12)


def test_thirteen_months_are_the_published_window(tmp_path):
    modality = Era5(Era5Options(months=13))
    values = modality.values(fetch(tmp_path, modality=modality).located(modality))["era5"]
    np.testing.assert_allclose(values, twelve(["201707", *YEAR]), rtol=1e-12)


def test_slightly_negative_precipitation_is_kept(tmp_path):
    # As the real asset has it now and then, where numbers are packed with little precision.
    def negative(image_asset):
        bands = [
            evolve(band, pixels=-1e-7 * np.ones((4, 4))) if "precip" in band.name else band
            for band in image_asset.bands
        ]
        return evolve(image_asset, bands=tuple(bands))

    world = ArrayWorld(ArrayCollection(COLLECTION, [negative(each) for each in IMAGES.values()]))
    located = fetch(tmp_path, world=world).located(Era5())
    values = Era5().values(located)["era5"]
    np.testing.assert_allclose(values[3::4], [-1e-7, -1e-7, -12e-7], rtol=1e-9)
    assert "MISSING" not in Era5().info(located)


def test_info_has_the_published_keys(tmp_path):
    info = Era5().info(fetch(tmp_path).located(Era5()))
    assert set(info) == {"era5", "BANDS"}
    for key, numbers in {"month1": ["201806"], "month2": ["201807"], "year": YEAR}.items():
        np.testing.assert_allclose(info["era5"][key], expected(numbers), rtol=1e-12)
    sources = ["temperature_2m", "temperature_2m_min", "temperature_2m_max", "total_precipitation_sum"]
    assert info["BANDS"]["era5"] == [
        *(f"201806_{name}" for name in sources),
        *(f"201807_{name}" for name in sources),
        "0_temperature_2m_mean",
        "1_temperature_2m_min_min",
        "2_temperature_2m_max_max",
        "3_total_precipitation_sum_sum",
    ]


def test_a_tile_across_cells_has_their_mean_by_area(tmp_path):
    # A quarter of its width in the cell to the west; half of its height in the row above.
    across = tile(WEST + CELL + 0.0045, NORTH - CELL)
    values = Era5().values(fetch(tmp_path, across).located(Era5()))["era5"]
    cells = np.array([expected(YEAR, row, col) for row in (0, 1) for col in (0, 1)])
    mean = np.array([0.125, 0.375, 0.125, 0.375]) @ cells
    # Points stand 100 m apart in 1300 m, so a cell's share is off by at most half of that, each way.
    assert (np.abs(values[8:] - mean) < 2 * (50 / 1300) * np.ptp(cells, axis=0)).all()


def test_points_as_close_as_published_come_closer(tmp_path):
    across = tile(WEST + CELL + 0.0045, NORTH - 1.5 * CELL)
    modality = Era5(Era5Options(scale=10))
    values = modality.values(fetch(tmp_path, across, modality).located(modality))["era5"]
    west, east = (np.array(expected(YEAR, 1, col)) for col in (0, 1))
    assert (np.abs(values[8:] - (0.25 * west + 0.75 * east)) < (5 / 1300) * np.abs(east - west)).all()


def test_the_year_is_reduced_before_the_mean_over_the_tile(tmp_path):
    across = tile(WEST + CELL, NORTH - 0.5 * CELL)
    _, low, high, _ = Era5().values(fetch(tmp_path, across).located(Era5()))["era5"][8:]
    west, east = expected(YEAR, 0, 0), expected(YEAR, 0, 1)
    assert low == pytest.approx((west[1] + east[1]) / 2, rel=0.02)
    assert high == pytest.approx((west[2] + east[2]) / 2, rel=0.02)


def test_the_sea_is_no_data_with_its_reason(tmp_path):
    located = fetch(tmp_path, tile(WEST + 3.5 * CELL, NORTH - 1.5 * CELL)).located(Era5())
    assert np.isnan(Era5().values(located)["era5"]).all()
    info = Era5().info(located)
    assert info["era5"] == {"month1": [None] * 4, "month2": [None] * 4, "year": [None] * 4}
    assert info["MISSING"]["era5"] == f"{COLLECTION} has no value at the tile (sea)"


def test_a_coast_has_the_values_of_its_land(tmp_path):
    coast = tile(WEST + 3 * CELL, NORTH - 1.5 * CELL)
    values = Era5().values(fetch(tmp_path, coast).located(Era5()))["era5"]
    np.testing.assert_allclose(values[8:], expected(YEAR, 1, 2), rtol=1e-12)


def test_a_period_whose_months_are_not_all_there_is_no_data(tmp_path):
    anchor = Anchor(dt.date(2019, 1, 31), "EPSG:32632")
    located = fetch(tmp_path, anchor=anchor).located(Era5())
    values = Era5().values(located)["era5"]
    np.testing.assert_allclose(values[:4], expected(["201812"]), rtol=1e-12)
    assert np.isnan(values[4:]).all()
    why = Era5().info(located)["MISSING"]["era5"]
    assert why == f"{COLLECTION} has only 0 of the 1 months up to 201901, 11 of the 12 months up to 201901"


def test_an_empty_collection_is_no_data_with_its_reason(tmp_path):
    located = fetch(tmp_path, world=ArrayWorld(ArrayCollection(COLLECTION))).located(Era5())
    assert np.isnan(Era5().values(located)["era5"]).all()
    assert "0 of the 12 months" in Era5().info(located)["MISSING"]["era5"]


@pytest.mark.parametrize(
    "day", [dt.date(2020, 1, 1), dt.date(2020, 1, 31), dt.date(2020, 3, 31), dt.date(2020, 12, 31)]
)
def test_periods_are_whole_months_that_follow_on_one_another(day):
    found = periods(day, 12)
    before, this, year = found.values()
    assert before.end == this.start == day.replace(day=1)
    assert this.start <= day < this.end == year.end
    assert year.start == year.end.replace(year=year.end.year - 1)
    assert this.last == f"{day:%Y%m}"
    assert all(each.start.day == each.end.day == 1 for each in found.values())


def test_periods_across_the_turn_of_the_year():
    found = periods(dt.date(2018, 1, 20), 13)
    assert found["prev_month"].last == "201712"
    assert (found["year"].start, found["year"].end) == (dt.date(2017, 1, 1), dt.date(2018, 2, 1))


@pytest.mark.parametrize("options", [{"months": 0}, {"scale": 0.0}, {"monhts": 13}])
def test_impossible_options_are_refused(options):
    with pytest.raises(ConfigError, match=next(iter(options))):
        structure(options, Era5Options, "modalities.era5", "conf.toml")
