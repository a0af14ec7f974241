"""ASTER through the real client on a world of arrays: heights and slopes against numpy, the sea, and masked pixels."""

import datetime as dt
import math

import numpy as np
import pytest
from mmearth_aster import mmearth_modalities
from mmearth_aster.modality import Aster, AsterOptions
from mmearth_localearth.testing import ArrayBand, ArrayWorld, download, image, to_lonlat
from shapely.geometry import box

from mmearth_core import Anchor, Kind

UTM = "EPSG:32632"
LEFT, TOP = 500_000, 5_000_000
ANCHOR = Anchor(dt.date(2018, 7, 14), UTM)
ASSET = "projects/sat-io/open-datasets/ASTER/GDEM"
SIZE = 16
SEA_FROM = 40
"""The first column of the model without a height."""


def model(heights, valid=None, metres=30, asset=ASSET, name="b1"):
    """An elevation model of square pixels in the tile's own CRS."""
    transform = (metres, 0, LEFT, 0, -metres, TOP)
    shown = np.ones(heights.shape, bool) if valid is None else valid
    return ArrayWorld(image(asset, [ArrayBand(name, heights, UTM, transform, shown)]))


def tile(column, row):
    """A tile of 16 x 16 pixels of 10 m whose corner is that of a 30 m pixel of the model."""
    west, north = LEFT + 30 * column, TOP - 30 * row
    return to_lonlat(box(west + 1, north - 159, west + 159, north - 1), UTM)


def fetch(tmp_path, world, polygon, modality=None):
    return download(world, [modality or Aster()], polygon, ANCHOR, tmp_path, SIZE)


def bilinear(values, column, row):
    """A 30 m array at the centres of the tile's 10 m pixels, (16, 16)."""
    at = (np.arange(SIZE) + 0.5) / 3 - 0.5
    y, x = np.meshgrid(at + row, at + column, indexing="ij")
    i, j = np.floor(y).astype(int), np.floor(x).astype(int)
    fy, fx = y - i, x - j
    top = values[i, j] * (1 - fx) + values[i, j + 1] * fx
    bottom = values[i + 1, j] * (1 - fx) + values[i + 1, j + 1] * fx
    return top * (1 - fy) + bottom * fy


def slope(heights, metres=30):
    """Degrees, from the neighbours to the left, right, above and below."""
    found = np.full(heights.shape, np.nan)
    dx = (heights[1:-1, 2:] - heights[1:-1, :-2]) / (2 * metres)
    dy = (heights[2:, 1:-1] - heights[:-2, 1:-1]) / (2 * metres)
    found[1:-1, 1:-1] = np.degrees(np.arctan(np.hypot(dx, dy)))
    return found


RELIEF = np.random.default_rng(3).integers(-5, 60, (60, 60)).astype(np.int16)


def test_declares_the_dataset_s_layer():
    (modality,) = mmearth_modalities()
    (layer,) = modality.layers
    assert (layer.name, layer.kind, layer.dtype, layer.nodata) == ("aster", Kind.REGRESSION, "float32", -math.inf)
    assert [(band.name, band.unit, str(band.resampling)) for band in layer.bands] == [
        ("elevation", "m", "bilinear"),
        ("slope", "degree", "bilinear"),
    ]
    assert layer.preview is not None


def test_heights_are_the_model_s_bilinear(tmp_path):
    result = fetch(tmp_path, model(RELIEF), tile(10, 12))
    assert result.requests == {"locate": 1, "projections": 1, "pixels": 1}
    wanted = bilinear(RELIEF.astype(float), 10, 12)
    np.testing.assert_allclose(result.bands["aster__elevation"], wanted, atol=0.01)


def test_slope_is_taken_on_the_model_s_own_grid(tmp_path):
    result = fetch(tmp_path, model(RELIEF), tile(10, 12))
    wanted = bilinear(slope(RELIEF.astype(float)), 10, 12)
    np.testing.assert_allclose(result.bands["aster__slope"], wanted, rtol=1e-4)
    assert np.ptp(result.bands["aster__slope"]) > 20


def test_a_plane_has_its_slope_everywhere(tmp_path):
    plane = np.tile(np.arange(60, dtype=np.int16) * 30, (60, 1))
    result = fetch(tmp_path, model(plane), tile(10, 12))
    np.testing.assert_allclose(result.bands["aster__slope"], 45, rtol=1e-4)


def test_a_coast_keeps_its_land(tmp_path):
    valid = np.ones(RELIEF.shape, bool)
    valid[:, 14:] = False
    result = fetch(tmp_path, model(RELIEF, valid), tile(10, 12))
    height = result.bands["aster__elevation"]
    assert np.isfinite(height[:, :9]).all() and np.isnan(height[:, 13:]).all()
    assert "MISSING" not in Aster().info(result.located(Aster()))


def test_where_the_model_is_masked_is_no_data_with_its_reason(tmp_path):
    valid = np.ones(RELIEF.shape, bool)
    valid[:, SEA_FROM:] = False
    result = fetch(tmp_path, model(RELIEF, valid), tile(SEA_FROM + 3, 12))
    assert (result.entry.outcome, result.requests) == ("done", {"locate": 1})
    assert np.isnan(result.bands["aster__elevation"]).all() and np.isnan(result.bands["aster__slope"]).all()
    info = Aster().info(result.located(Aster()))
    assert info["BANDS"] == {"aster": []}
    # It does not say that this is sea: over sea the model has a height, 0, within its one-degree cells.
    assert info["MISSING"]["aster"] == f"{ASSET} has no height in the tile (beyond its extent, or masked)"


def test_a_height_of_0_over_the_sea_is_a_height(tmp_path):
    flat = RELIEF.copy()
    flat[:, 5:] = 0
    result = fetch(tmp_path, model(flat), tile(10, 12))
    assert (result.bands["aster__elevation"] == 0).all() and (result.bands["aster__slope"] == 0).all()
    assert Aster().info(result.located(Aster())) == {"BANDS": {"aster": ["elevation", "slope"]}}


def test_beyond_the_model_is_no_data_too(tmp_path):
    result = fetch(tmp_path, model(RELIEF), tile(200, 12))
    assert result.entry.outcome == "done"
    assert Aster().info(result.located(Aster()))["BANDS"] == {"aster": []}


def test_info_names_the_bands(tmp_path):
    result = fetch(tmp_path, model(RELIEF), tile(10, 12))
    assert Aster().info(result.located(Aster())) == {"BANDS": {"aster": ["elevation", "slope"]}}


@pytest.mark.parametrize("metres", [30, 10])
def test_another_elevation_model(tmp_path, metres):
    world = model(np.full((200, 200), 7, np.float32), metres=metres, asset="MY/DEM", name="elevation")
    modality = Aster(AsterOptions(asset="MY/DEM", band="elevation"))
    result = fetch(tmp_path, world, tile(10, 12), modality)
    assert (result.bands["aster__elevation"] == 7).all() and (result.bands["aster__slope"] == 0).all()
