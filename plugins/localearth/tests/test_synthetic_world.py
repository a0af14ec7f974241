"""The synthetic world: its assets by id, the protocol of worlds, its dates, and that equal seeds make equal bytes."""

import datetime as dt
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np
import pytest
from localearth.errors import EarthEngineError, SetupError
from localearth.planet.world import SyntheticWorld
from localearth.worlds.base import BandSource, ImageAsset
from localearth.worlds.shipped import open_world, world_label
from mmearth_devkit.testing.needs import needs_planet
from shapely.geometry import box

pytestmark = needs_planet

S2_L1C, S2_L2A = "COPERNICUS/S2_HARMONIZED", "COPERNICUS/S2_SR_HARMONIZED"
DATED = [S2_L1C, S2_L2A, "COPERNICUS/S1_GRD", "GOOGLE/DYNAMICWORLD/V1", "COPERNICUS/S2_CLOUD_PROBABILITY"]
BLACK_FOREST = box(8.39, 48.49, 8.41, 48.51)
REFLECTANCES = ["B1", "B2", "B3", "B4", "B5", "B6", "B7", "B8", "B8A", "B9", "B10", "B11", "B12"]


@lru_cache(maxsize=1)
def world() -> SyntheticWorld:
    return SyntheticWorld()


def when(text: str) -> float:
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC).timestamp() * 1000.0


def collection(asset_id: str, of: SyntheticWorld | None = None) -> Any:
    return (of or world()).find(asset_id)


def months(asset_id: str, first: str = "2019-06-01", last: str = "2019-09-01") -> list[ImageAsset]:
    return list(collection(asset_id).images(BLACK_FOREST, (when(first), when(last))))


def some_images() -> Iterator[ImageAsset]:
    for asset_id in DATED:
        yield months(asset_id)[0]
    yield collection("ECMWF/ERA5_LAND/MONTHLY_AGGR/201807")
    yield collection("ESA/WorldCover/v100").images()[0]
    yield collection("ESA/WorldCover/v200/2021")
    yield collection("users/nlang/ETH_GlobalCanopyHeight_2020_10m_v1")
    yield collection("users/nlang/ETH_GlobalCanopyHeightSD_2020_10m_v1")
    yield collection("projects/sat-io/open-datasets/ASTER/GDEM")
    yield collection("USGS/SRTMGL1_003")


def corner(band: BandSource, image: ImageAsset) -> tuple[int, int]:
    """A window of 40 pixels inside the image (ERA5: in Europe)."""
    if band.crs == "EPSG:4326":
        left, top, size = band.transform[2], band.transform[5], band.transform[0]
        return int((top - 48.5) / size), int((8.4 - left) / size)
    return band.height // 2, band.width // 2


def test_every_image_is_found_by_the_id_that_its_collection_gives_it() -> None:
    for image in some_images():
        again = collection(image.id)
        assert isinstance(again, ImageAsset)
        assert again.properties == image.properties
        assert [band.name for band in again.bands] == [band.name for band in image.bands]


@pytest.mark.parametrize(
    "asset_id",
    [
        "COPERNICUS/S3",
        f"{S2_L1C}/nonsense",
        f"{S2_L1C}/20190601T102031_20190601T102032_T32UMU",
        f"{S2_L1C}/20190601T102031_20190601T102032_T99ZZZ",
        "COPERNICUS/S1_GRD/S1A_IW_GRDH_1SDV_20190601T000000_20190601T000025_000001_000002_ABCD",
        "COPERNICUS/S1_GRD/S1A_IW_GRDH_1SDV_2019_2019_000001_000002_ABCD",
        "ECMWF/ERA5_LAND/MONTHLY_AGGR/201513",
        "ESA/WorldCover/v100/1999",
    ],
)
def test_what_does_not_exist_is_none(asset_id: str) -> None:
    assert collection(asset_id) is None


def test_bands_and_types_are_those_of_the_real_assets() -> None:
    l1c, l2a, radar, labels, *_ = some_images()
    assert [band.name for band in l1c.bands] == ["B1", "B2", "B3", "B4", "B5", "B6", "B7", "B8", "B8A", "B9", "B10",
                                                 "B11", "B12", "QA10", "QA20", "QA60"]  # fmt: skip
    assert [band.name for band in l2a.bands] == [
        *(name for name in REFLECTANCES if name != "B10"), "AOT", "WVP", "SCL", "MSK_CLDPRB", "QA10", "QA20", "QA60"
    ]  # fmt: skip
    sizes = {band.name: (band.transform[0], band.width, band.dtype) for band in (*l1c.bands, *l2a.bands)}
    assert sizes["B2"] == (10, 10980, "uint16")
    assert sizes["B5"] == (20, 5490, "uint16")
    assert sizes["B1"] == sizes["QA60"] == (60, 1830, "uint16")
    assert sizes["SCL"] == sizes["MSK_CLDPRB"] == (20, 5490, "uint8")
    assert [(band.name, band.dtype) for band in radar.bands][:2] == [("VV", "float64"), ("VH", "float64")]
    assert labels.bands[-1].name == "label"
    assert len(labels.bands) == 10
    assert radar.properties["instrumentMode"] == "IW"
    assert radar.properties["transmitterReceiverPolarisation"] == ["VV", "VH"]


@pytest.mark.slow
def test_a_window_is_the_same_alone_and_inside_a_larger_one() -> None:
    for image in some_images():
        fresh = SyntheticWorld()
        alone = collection(image.id, fresh)
        for band, other in zip(image.bands, alone.bands, strict=True):
            if band.name == "angle":
                continue  # Only 10 x 21 pixels: test_synthetic_products.py reads them.
            row, col = corner(band, image)
            values, mask = band.read(row, col, 40, 33)
            small, small_mask = other.read(row + 9, col + 5, 13, 17)
            assert values.dtype == small.dtype == np.dtype(band.dtype), band.name
            assert values.shape == mask.shape == (40, 33)
            assert mask.dtype == bool
            np.testing.assert_array_equal(values[9:22, 5:22], small, err_msg=f"{image.id} {band.name}")
            np.testing.assert_array_equal(mask[9:22, 5:22], small_mask)


def test_a_window_beyond_the_edge_is_refused() -> None:
    band = months(S2_L1C)[0].bands[1]
    with pytest.raises(IndexError, match="window 10 x 10 at row -1, column 0 is not inside its 10980 x 10980 pixels"):
        band.read(-1, 0, 10, 10)
    with pytest.raises(IndexError, match="at row 0, column 10975"):
        band.read(0, 10975, 10, 10)


def test_collections_are_ordered_and_keep_to_interval_and_region() -> None:
    for asset_id in DATED:
        start, end = when("2019-06-01"), when("2019-09-01")
        images = months(asset_id)
        times = [image.properties["system:time_start"] for image in images]
        assert times == sorted(times)
        assert all(start <= time < end for time in times)
        assert all(image.footprint is not None and image.footprint.intersects(BLACK_FOREST) for image in images)
        assert len({image.id for image in images}) == len(images) > 5
        assert collection(asset_id).images(BLACK_FOREST, (end, start)) == []


@pytest.mark.parametrize("asset_id", DATED)
def test_no_sensor_looks_outside_its_years(asset_id: str) -> None:
    images = collection(asset_id).images(BLACK_FOREST)
    times = [image.properties["system:time_start"] for image in images]
    assert when("2016-01-01") <= min(times)
    assert max(times) < when("2025-01-01")
    if asset_id == S2_L2A:
        assert min(times) >= when("2017-03-28")


def test_era5_has_sixty_months() -> None:
    images = collection("ECMWF/ERA5_LAND/MONTHLY_AGGR").images()
    assert [images[0].index, images[-1].index, len(images)] == ["201601", "202012", 60]
    some = collection("ECMWF/ERA5_LAND/MONTHLY_AGGR").images(None, (when("2018-05-01"), when("2018-07-01")))
    assert [image.index for image in some] == ["201805", "201806"]


def test_level_2a_is_sparse_at_first_and_complete_later() -> None:
    places = [box(lon, 48, lon + 0.01, 48.01) for lon in range(0, 100, 4)]
    count = {}
    for year in (2017, 2020):
        interval = (when(f"{year}-01-01"), when(f"{year}-12-31"))
        for asset_id in (S2_L1C, S2_L2A):
            count[asset_id, year] = [len(collection(asset_id).images(place, interval)) for place in places]
    assert count[S2_L1C, 2020] == count[S2_L2A, 2020]
    assert any(number == 0 for number in count[S2_L2A, 2017])
    assert 0 < sum(count[S2_L2A, 2017]) < 0.5 * sum(count[S2_L1C, 2017])


def test_some_level_2a_images_lack_the_cloud_probability() -> None:
    names = [{band.name for band in image.bands} for image in months(S2_L2A, "2017-03-28", "2018-12-01")]
    names += [{band.name for band in image.bands} for image in collection(S2_L2A).images(
        box(28.0, 64.0, 28.1, 64.1), (when("2017-03-28"), when("2018-12-01")))]  # fmt: skip
    assert any("MSK_CLDPRB" in each for each in names)
    assert any("MSK_CLDPRB" not in each for each in names)


@pytest.mark.parametrize("asset_id", DATED)
def test_a_whole_planet_of_images_is_refused_with_the_remedy(asset_id: str) -> None:
    with pytest.raises(EarthEngineError, match=r"filterBounds"):
        collection(asset_id).images()
    with pytest.raises(EarthEngineError, match="smaller bounds"):
        collection(asset_id).images(box(-100, -50, 100, 50))


def test_another_seed_is_another_planet_with_the_same_calendar() -> None:
    other = open_world("synthetic:7")
    assert isinstance(other, SyntheticWorld)
    assert (other.name, other.planet.seed, world().name) == ("synthetic:7", 7, "synthetic")
    image = months(S2_L1C)[0]
    twin = collection(S2_L1C, other).images(BLACK_FOREST, (when("2019-06-01"), when("2019-09-01")))[0]
    assert twin.properties["system:time_start"] == image.properties["system:time_start"]
    first, second = (each.bands[1].read(5000, 5000, 64, 64)[0] for each in (image, twin))
    assert (first != second).mean() > 0.9


def test_worlds_are_opened_by_name_and_seed() -> None:
    assert [world_label(name) for name in ("synthetic", "synthetic:0", "synthetic:7")] == [
        "synthetic", "synthetic", "synthetic:7"
    ]  # fmt: skip
    with pytest.raises(SetupError, match=r"'synthetic:x' has an invalid seed.*e\.g\. synthetic:7"):
        open_world("synthetic:x")
