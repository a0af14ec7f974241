"""geedim: an image as a GeoTIFF, with its no-data value."""

import tempfile
import warnings
from pathlib import Path

import ee
import geedim  # noqa: F401 - it adds `gd` to the client's classes
import numpy as np
import rasterio

ee.Initialize(project="any")
warnings.filterwarnings("ignore", "Couldn't find STAC entry")
region = ee.Geometry.Point([9.0, 48.0]).buffer(400).bounds()
scenes = ee.ImageCollection("COPERNICUS/S2_SR_HARMONIZED").filterDate("2018-06-01", "2018-06-20").filterBounds(region)
# A computed image has no id, so that geedim does not ask for an entry of Google's catalogue on the internet.
image = scenes.select(["B4", "B8"]).median()
image = image.updateMask(image.select("B4").mod(3).gt(0))
for kind, nodata in (("uint16", 0), ("int16", -32768), ("float32", -np.inf)):
    ready = image.gd.prepareForExport(crs="EPSG:32632", region=region, scale=10, dtype=kind)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "image.tif"
        ready.gd.toGeoTIFF(path)
        with rasterio.open(path) as file:
            assert (file.dtypes[0], file.nodata) == (kind, nodata)
            bands = [file.read(number, masked=True) for number in (1, 2)]
    plain = ready.reduceRegion(ee.Reducer.mean(), ready.geometry(), 10, "EPSG:32632").getInfo()
    assert 0 < np.ma.count_masked(bands[0]) < bands[0].size
    np.testing.assert_allclose([band.astype(float).mean() for band in bands], [plain["B4"], plain["B8"]], rtol=2e-3)
print("geedim: ok")
