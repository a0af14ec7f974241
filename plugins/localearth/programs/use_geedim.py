"""geedim: a search, cloud masks, composites, and downloads as GeoTIFF, numpy and xarray, with no-data values."""

import tempfile
import warnings
from pathlib import Path

import ee
import geedim  # noqa: F401 - it adds `gd` to the client's classes
import numpy as np
import rasterio
from geedim.stac import STACClient

ee.Initialize(project="any")
# geedim reads descriptions of collections from a catalogue on the internet, which is no part of Earth Engine.
STACClient()._urls["ROOT"] = {}
warnings.filterwarnings("ignore", "Couldn't find STAC entry")
region = ee.Geometry.Point([9.0, 48.0]).buffer(400).bounds()
GRID = {"crs": "EPSG:32632", "region": region, "scale": 10}
NAME = "COPERNICUS/S2_SR_HARMONIZED"
everything = ee.ImageCollection(NAME).filterDate("2019-06-01", "2019-07-01").filterBounds(region)


def share(index: str) -> float:
    """The share of the region that Cloud Score+ calls clear, by plain `ee`, percent."""
    score = ee.Image(f"GOOGLE/CLOUD_SCORE_PLUS/V1/S2_HARMONIZED/{index}").select("cs")
    clear = score.gt(0.6).unmask(0).rename("clear")
    return 100 * clear.reduceRegion(ee.Reducer.mean(), region, 60, "EPSG:32632").getInfo()["clear"]


# A search by the clear share of the region.
found = ee.ImageCollection(NAME).gd.filter("2019-06-01", "2019-07-01", region, cloudless_portion=60).gd.properties
shares = {index: share(index) for index in everything.aggregate_array("system:index").getInfo()}
sure = {index for index, value in shares.items() if value > 70}
assert sure
assert sure <= set(found) <= {index for index, value in shares.items() if value > 50}

# A cloud mask, and composites, against numpy on the images.
scenes = everything.select(["B4", "B8"])
stack = scenes.gd.prepareForExport(dtype="uint16", **GRID).gd.toNumPy(masked=True)
assert stack.shape[3] == len(shares)
pixels = stack.transpose(3, 0, 1, 2)
for method, compute in {"median": np.ma.median, "mean": np.ma.mean}.items():
    got = (
        everything.gd.composite(method=method, mask=False)
        .select(["B4", "B8"])
        .gd.prepareForExport(dtype="float32", **GRID)
    )
    np.testing.assert_allclose(got.gd.toNumPy(masked=True), compute(pixels, axis=0), rtol=1e-5)
best = ee.Image(f"{NAME}/{max(shares, key=shares.get)}").gd.addMaskBands()
masked = best.gd.maskClouds().select(["B4", "CLOUD_SCORE"]).gd.prepareForExport(dtype="float32", **GRID)
red, score = np.moveaxis(masked.gd.toNumPy(masked=True), 2, 0)
assert red.count()
assert score.compressed().min() > 0.6
clear = everything.gd.composite(method="mosaic").select(["B4", "CLOUD_SCORE"])
latest, used = np.moveaxis(clear.gd.prepareForExport(dtype="float32", **GRID).gd.toNumPy(masked=True), 2, 0)
assert used.compressed().min() > 0.6
assert not (latest.mask & ~red.mask).any()

# Downloads.
image = scenes.median()
image = image.updateMask(image.select("B4").mod(3).gt(0))
for kind, nodata in (("uint16", 0), ("int16", -32768), ("float32", -np.inf)):
    ready = image.gd.prepareForExport(dtype=kind, **GRID)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "image.tif"
        ready.gd.toGeoTIFF(path)
        with rasterio.open(path) as file:
            assert (file.dtypes[0], file.nodata) == (kind, nodata)
            bands = file.read(masked=True)
    plain = ready.reduceRegion(ee.Reducer.mean(), ready.geometry(), 10, "EPSG:32632").getInfo()
    assert 0 < np.ma.count_masked(bands[0]) < bands[0].size
    np.testing.assert_allclose([band.astype(float).mean() for band in bands], [plain["B4"], plain["B8"]], rtol=2e-3)
    cube = ready.gd.toXarray(masked=True)
    np.testing.assert_array_equal(cube.sel(band="B4").to_numpy()[~bands[0].mask], bands[0].compressed())
with tempfile.TemporaryDirectory() as folder:
    scenes.gd.prepareForExport(dtype="uint16", **GRID).gd.toGeoTIFF(folder, split="images")
    for number, index in enumerate(shares):
        with rasterio.open(Path(folder) / f"{index}.tif") as file:
            np.testing.assert_array_equal(file.read(1, masked=True).filled(0), stack[..., 0, number].filled(0))
print("geedim: ok")
