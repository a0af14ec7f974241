"""Pinned hashes of the synthetic world: the same seed makes the same bytes in every run and on every machine."""

import hashlib
from functools import lru_cache
from typing import Any

import pytest
from localearth.planet.world import SyntheticWorld
from mmearth_devkit.testing.needs import needs_planet

pytestmark = needs_planet

WINDOWS = {
    "reflectance of fields": ("COPERNICUS/S2_SR_HARMONIZED/@FIELDS", ("B2", "B8", "B11", "B1"), 0.5, 0.5),
    "reflectance above the air": ("COPERNICUS/S2_HARMONIZED/@FIELDS", ("B4", "B10", "QA60"), 0.3, 0.6),
    "scene classes": ("COPERNICUS/S2_SR_HARMONIZED/@FIELDS", ("SCL", "MSK_CLDPRB"), 0.3, 0.6),
    "labels": ("GOOGLE/DYNAMICWORLD/V1/@FIELDS", ("label", "trees"), 0.5, 0.5),
    "backscatter": ("COPERNICUS/S1_GRD/@RADAR", ("VV", "VH"), 0.5, 0.5),
    "angle of the radar": ("COPERNICUS/S1_GRD/@RADAR", ("angle",), 0.5, 0.5),
    "climate": ("ECMWF/ERA5_LAND/MONTHLY_AGGR/201807", ("temperature_2m", "total_precipitation_sum"), 0.23, 0.52),
    "land cover": ("ESA/WorldCover/v100/2020", ("Map",), 0.25, 0.52),
    "canopy": ("users/nlang/ETH_GlobalCanopyHeight_2020_10m_v1", ("b1",), 0.25, 0.52),
    "canopy's deviation": ("users/nlang/ETH_GlobalCanopyHeightSD_2020_10m_v1", ("b1",), 0.25, 0.52),
    "elevation in Europe": ("projects/sat-io/open-datasets/ASTER/GDEM", ("b1",), 0.2215, 0.5225),
    "elevation in Peru": ("projects/sat-io/open-datasets/ASTER/GDEM", ("b1",), 0.5843, 0.3055),
    "Landsat": ("LANDSAT/LC08/C02/T1_L2/LC08_024029_20200728", ("SR_B4", "SR_B5", "ST_B10", "QA_PIXEL"), 0.5, 0.5),
    "Landsat under clouds": ("LANDSAT/LC09/C02/T1_L2/LC09_025029_20230501", ("SR_B2", "QA_PIXEL"), 0.4, 0.6),
    "cloudy pixels": ("COPERNICUS/S2_CLOUD_PROBABILITY/@FIELDS", ("probability",), 0.3, 0.6),
    "rain of a day": ("UCSB-CHG/CHIRPS/DAILY/20190705", ("precipitation",), 0.02, 0.52),
    "clear pixels": ("GOOGLE/CLOUD_SCORE_PLUS/V1/S2_HARMONIZED/@FIELDS", ("cs", "cs_cdf"), 0.3, 0.6),
    "embeddings": ("GOOGLE/SATELLITE_EMBEDDING/V1/ANNUAL/x32616z1z30z2017z3a64", ("A00", "A63"), 0.5, 0.5),
    "land cover of a coast": ("ESA/WorldCover/v100/2020", ("Map",), 0.31042, 0.47403),
}
"""What is read: image, bands, and how far down and across the window's corner lies."""

PINNED: dict[str, str] = {
    "reflectance of fields": "ecda392fd3690f49",
    "reflectance above the air": "cb447b24c5a658a0",
    "scene classes": "40a9b80bc7a4242c",
    "labels": "0f3832657bb8a0a1",
    "backscatter": "dc44169e4d5c5050",
    "angle of the radar": "48c0d65607d772c4",
    "climate": "da37f32eb37a2c72",
    "land cover": "cc6cd94cc42aebbc",
    "canopy": "0adeb821a83539cf",
    "canopy's deviation": "428992251d792f55",
    "elevation in Europe": "7dfbef736b39c8aa",
    "elevation in Peru": "d5dde00b60a9f846",
    "Landsat": "ab790caf19691583",
    "Landsat under clouds": "55cfb394f0eba69c",
    "cloudy pixels": "c7728ed7cc52542c",
    "rain of a day": "dcbf5812de8c993d",
    "clear pixels": "9b43a356bda1177c",
    "embeddings": "e806077e9d57a348",
    "land cover of a coast": "fa714f2cc96e05ed",
}


@lru_cache(maxsize=1)
def world() -> Any:
    return SyntheticWorld()


def digest(asset_id: str, names: tuple[str, ...], down: float, across: float) -> str:
    scene = "20190716T102114_20190716T103039_T32UMU"
    radar = "S1A_IW_GRDH_1SDV_20190716T060457_20190716T060522_028193_0302E7_D888"
    image = world().find(asset_id.replace("@FIELDS", scene).replace("@RADAR", radar))
    bands = {band.name: band for band in image.bands}
    total = hashlib.sha256()
    for name in names:
        band = bands[name]
        row, col = int(band.height * down), int(band.width * across)
        values, mask = band.read(row, col, min(64, band.height - row), min(64, band.width - col))
        assert mask.any()
        total.update(values.tobytes() + mask.tobytes())
    return total.hexdigest()[:16]


@pytest.mark.parametrize("name", WINDOWS)
def test_the_bytes_of_a_window_never_change(name: str) -> None:
    assert digest(*WINDOWS[name]) == PINNED[name]
