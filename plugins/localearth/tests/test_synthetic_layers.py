"""The layers of the synthetic world agree, as one hidden planet is behind them all."""

import datetime as dt
from functools import lru_cache
from typing import Any

import numpy as np
import pytest
from localearth.planet.world import SyntheticWorld
from localearth.values.projection import reproject
from mmearth_devkit.testing.needs import needs_planet
from shapely.geometry import box

pytestmark = needs_planet

PLACES = {
    "fields": (7.1, 48.1),
    "mountains": (8.0, 46.2),
    "farms": (-93.5, 42.0),
    "shore": (-9.35, 39.3),
    "desert": (5.0, 24.0),
    "taiga": (100.0, 66.0),
    "town": (2.3249, 49.475),
    "outback": (135.0, -25.0),
}
LABEL_OF = {10: 1, 20: 5, 30: 2, 40: 4, 50: 6, 60: 7, 70: 8, 80: 0, 90: 3, 95: 1, 100: 2}
SIDE = 128


@lru_cache(maxsize=1)
def world() -> Any:
    return SyntheticWorld()


def year(number: int) -> tuple[float, float]:
    first, last = (dt.datetime(each, 1, 1, tzinfo=dt.UTC).timestamp() * 1000.0 for each in (number, number + 1))
    return first, last


class Place:
    """128 x 128 pixels of every layer, on the grid of the clearest Sentinel-2 image in summer."""

    def __init__(self, lon: float, lat: float) -> None:
        self.region = box(lon - 0.01, lat - 0.01, lon + 0.01, lat + 0.01)
        first, _ = year(2019)
        summer = (first + 120 * 864e5, first + 270 * 864e5) if lat > 0 else (first, first + 100 * 864e5)
        images = [
            image
            for image in world().find("COPERNICUS/S2_SR_HARMONIZED").images(self.region, summer)
            if image.footprint.contains(self.region)
        ]
        self.image = min(images, key=lambda image: self._cloud(image, lon, lat))
        self.bands = {band.name: band for band in self.image.bands}
        self.crs = self.bands["B2"].crs
        x, y = reproject("EPSG:4326", self.crs, np.array([lon]), np.array([lat]))
        self.left, self.top = int(x[0] // 120) * 120, int(y[0] // 120) * 120
        cols = self.left + (np.arange(SIDE) + 0.5) * 10
        rows = self.top - (np.arange(SIDE) + 0.5) * 10
        self.lon, self.lat = reproject(self.crs, "EPSG:4326", *np.meshgrid(cols, rows))

    @staticmethod
    def _cloud(image: Any, lon: float, lat: float) -> tuple[float, float]:
        band = image.bands[-1]
        x, y = reproject("EPSG:4326", band.crs, np.array([lon]), np.array([lat]))
        row, col = int((band.transform[5] - y[0]) // 60), int((x[0] - band.transform[2]) // 60)
        bits, _ = band.read(row - 2, col - 2, 28, 28)
        return float((bits > 0).mean()), image.properties["CLOUDY_PIXEL_PERCENTAGE"]

    def utm(self, band: Any) -> Any:
        size = band.transform[0]
        row, col = round((band.transform[5] - self.top) / size), round((self.left - band.transform[2]) / size)
        values, mask = band.read(row, col, round(SIDE * 10 / size), round(SIDE * 10 / size))
        assert mask.all()
        return values.astype(float)

    def s2(self, name: str) -> Any:
        values = self.utm(self.bands[name])
        times = SIDE // values.shape[0]
        return values.repeat(times, 0).repeat(times, 1)

    def labels(self) -> Any:
        found = world().find(f"GOOGLE/DYNAMICWORLD/V1/{self.image.index}")
        return self.utm(found.bands[-1]).astype(int)

    def globe(self, asset_id: str) -> Any:
        band = world().find(asset_id).bands[0]
        size, _, left, _, _, top = band.transform
        cols, rows = np.floor((self.lon - left) / size).astype(int), np.floor((top - self.lat) / size).astype(int)
        values, mask = band.read(rows.min(), cols.min(), np.ptp(rows) + 1, np.ptp(cols) + 1)
        at = rows - rows.min(), cols - cols.min()
        return np.ma.array(values[at], mask=~mask[at])

    def radar(self, ascending: bool) -> dict[str, Any]:
        wanted = "ASCENDING" if ascending else "DESCENDING"
        for image in world().find("COPERNICUS/S1_GRD").images(self.region, year(2019)):
            if image.properties["orbitProperties_pass"] == wanted and image.footprint.contains(
                self.region.buffer(0.03)
            ):
                band = image.bands[0]
                if band.crs == self.crs:
                    return {band.name: self.utm(band) for band in image.bands[:2]}
        raise LookupError(wanted)


@lru_cache(maxsize=16)
def place(name: str) -> Place:
    return Place(*PLACES[name])


@pytest.mark.parametrize("name", PLACES)
def test_dynamic_world_and_worldcover_agree(name: str) -> None:
    cover = place(name).globe("ESA/WorldCover/v100/2020")
    agree = np.vectorize(LABEL_OF.get)(cover.filled(80)) == place(name).labels()
    assert agree[~cover.mask].mean() > 0.9


def test_water_is_dark_in_short_wave_infrared_and_to_the_radar() -> None:
    shore = place("shore")
    water = shore.labels() == 0
    assert 0.02 < water.mean() < 0.98
    assert shore.s2("B11")[water].mean() < 400 < 1200 < shore.s2("B11")[~water].mean()
    inner = water & np.roll(water, 2, 0) & np.roll(water, -2, 1)
    assert (shore.s2("SCL")[inner] == 6).mean() > 0.9
    for ascending in (True, False):
        try:
            level = shore.radar(ascending)["VV"]
        except LookupError:
            continue
        assert level[water].mean() < level[~water].mean() - 4
        return
    pytest.fail("no orbit sees the shore")


def test_plants_are_green_and_towns_and_deserts_are_not() -> None:
    def ndvi(name: str, label: int) -> float:
        there = place(name)
        red, infrared = there.s2("B4"), there.s2("B8")
        return float(((infrared - red) / (infrared + red))[there.labels() == label].mean())

    assert ndvi("fields", 1) > 0.6
    assert ndvi("mountains", 1) > 0.6
    assert ndvi("town", 6) < 0.3
    assert ndvi("desert", 7) < 0.25


def test_canopy_is_tall_where_trees_are_and_masked_on_water() -> None:
    for name in ("fields", "shore", "mountains"):
        there = place(name)
        height = there.globe("users/nlang/ETH_GlobalCanopyHeight_2020_10m_v1")
        cover = there.globe("ESA/WorldCover/v100/2020")
        assert height[cover == 10].mean() > 8 > 1 > height[(cover == 30) | (cover == 40)].mean()
        assert height.mask[(cover == 80).filled(False)].all()
        spread = there.globe("users/nlang/ETH_GlobalCanopyHeightSD_2020_10m_v1")
        assert spread[cover == 10].mean() > spread[(cover == 30) | (cover == 40)].mean()


def test_towns_and_forests_are_brighter_to_the_radar_than_fields() -> None:
    def level(name: str, label: int) -> float:
        there = place(name)
        values = [there.radar(way)["VV"] for way in (True, False) if _sees(there, way)]
        return float(np.mean([each[there.labels() == label].mean() for each in values]))

    assert level("town", 6) > level("fields", 1) > level("fields", 4) > level("desert", 7)


def _sees(there: Place, ascending: bool) -> bool:
    try:
        there.radar(ascending)
    except LookupError:
        return False
    return True


def test_slopes_that_face_the_sun_are_brighter() -> None:
    there = place("mountains")
    height = there.globe("projects/sat-io/open-datasets/ASTER/GDEM").astype(float)
    assert np.ptp(height) > 150
    # The sun stands in the south-east: where the ground falls that way, it is lit.
    lit = (height - np.roll(height, (-6, -6), (0, 1)))[8:-8, 8:-8]
    forest = (there.labels() == 1)[8:-8, 8:-8]
    seen = there.s2("B8")[8:-8, 8:-8]
    assert np.corrcoef(lit[forest], seen[forest])[0, 1] > 0.4


def test_the_air_is_in_level_1c_only() -> None:
    there = place("fields")
    above = world().find(f"COPERNICUS/S2_HARMONIZED/{there.image.index}")
    blue = {band.name: there.utm(band) for band in above.bands if band.name in ("B2", "B10")}
    assert blue["B2"].mean() > there.s2("B2").mean() + 150
    assert blue["B10"].mean() < 60


def test_leaves_fall_in_winter() -> None:
    there = place("fields")
    trees = there.labels() == 1
    images = world().find("COPERNICUS/S2_SR_HARMONIZED").images(there.region, year(2019))
    winter = [image for image in images if image.index[:8] < "20190215" or image.index[:8] > "20191201"]
    same_tile = [image for image in winter if image.index[-6:] == there.image.index[-6:]]
    clear = [image for image in same_tile if image.footprint.contains(there.region) and _clear(there, image)]
    bands = {band.name: band for band in clear[0].bands}
    red, infrared = there.utm(bands["B4"]), there.utm(bands["B8"])
    now = ((infrared - red) / (infrared + red))[trees].mean()
    summer = ((there.s2("B8") - there.s2("B4")) / (there.s2("B8") + there.s2("B4")))[trees].mean()
    assert now < summer - 0.1


def _clear(there: Place, image: Any) -> bool:
    bits = next(band for band in image.bands if band.name == "SCL")
    classes = there.utm(bits)
    return bool(np.isin(classes, (2, 4, 5, 11)).mean() > 0.97)


def test_clouds_are_in_every_layer_that_shows_them() -> None:
    there = place("farms")
    for image in world().find("COPERNICUS/S2_SR_HARMONIZED").images(there.region, year(2019)):
        if image.index[-6:] != there.image.index[-6:] or not image.footprint.contains(there.region):
            continue
        bands = {band.name: band for band in image.bands}
        opaque = there.utm(bands["QA60"]) == 1024
        if 0.2 < opaque.mean() < 0.9 and np.isin(there.utm(bands["SCL"]), (4, 5)).mean() > 0.1:
            break
    else:
        pytest.fail("no half-clouded image in a year")
    mean = {name: there.utm(bands[name]).reshape(-1) for name in ("B1", "QA60")}
    assert mean["B1"][opaque.reshape(-1)].mean() > 2 * mean["B1"][(mean["QA60"] == 0)].mean()
    probability, classes = there.utm(bands["MSK_CLDPRB"]), there.utm(bands["SCL"])
    assert probability[np.isin(classes, (8, 9))].mean() > 50 > 5 > probability[np.isin(classes, (4, 5))].mean()
    found = world().find(f"GOOGLE/DYNAMICWORLD/V1/{image.index}")
    if found is not None:
        label = found.bands[-1]
        _, valid = label.read(
            round((label.transform[5] - there.top) / 10), round((there.left - label.transform[2]) / 10), SIDE, SIDE
        )
        assert not valid[probability.repeat(2, 0).repeat(2, 1) > 60].any()


def test_temperature_falls_with_height_and_seasons_turn_around_the_equator() -> None:
    months = world().find("ECMWF/ERA5_LAND/MONTHLY_AGGR")
    january, july = months.find("201801"), months.find("201807")

    def cells(image: Any, band: int, lon: float, lat: float, rows: int, cols: int) -> Any:
        values, mask = image.bands[band].read(round((90 - lat) * 10), round((lon + 180) * 10), rows, cols)
        return np.ma.array(values, mask=~mask)

    alps = cells(july, 0, 6.0, 47.0, 20, 60)
    ground = world().find("projects/sat-io/open-datasets/ASTER/GDEM").bands[0]
    height = np.array([
        [ground.read(int((83 - (47.0 - 0.1 * i)) * 3600) - 2, int((186.0 + 0.1 * j) * 3600) - 2, 5, 5)[0].mean()
         for j in range(0, 60, 4)] for i in range(0, 20, 4)
    ])  # fmt: skip
    assert np.corrcoef(height.ravel(), alps[::4, ::4].ravel())[0, 1] < -0.7
    assert cells(january, 0, 10, 50, 20, 20).mean() < 280 < cells(july, 0, 10, 50, 20, 20).mean()
    assert cells(july, 0, 20, -30, 20, 20).mean() < cells(january, 0, 20, -30, 20, 20).mean()
    low, mean, high = (cells(july, band, 10, 50, 20, 20) for band in (1, 0, 2))
    assert (low < mean).all()
    assert (mean < high).all()
    assert cells(july, 3, 5, 24, 20, 20).mean() < 0.01 < cells(july, 3, 8, 6, 20, 20).mean()
    assert cells(july, 0, -40, 30, 10, 10).mask.all()


def test_elevation_and_canopy_end_at_the_sea() -> None:
    def masked(asset_id: str) -> Any:
        band = world().find(asset_id).bands[0]
        size, _, left, _, _, top = band.transform
        return ~band.read(int((top - 30.0) / size), int((-40.0 - left) / size), 20, 20)[1]

    assert masked("projects/sat-io/open-datasets/ASTER/GDEM").all()
    assert masked("users/nlang/ETH_GlobalCanopyHeight_2020_10m_v1").all()
    assert masked("ESA/WorldCover/v100/2020").all()
