"""cubexpress: chips of a scene around points as GeoTIFFs.

Its search asks for the first image of a whole collection, which a planet that is made on demand cannot know.
"""

import tempfile
from pathlib import Path

import cubexpress
import ee
import numpy as np
import rasterio

ee.Initialize(project="any")
NAME = "COPERNICUS/S2_SR_HARMONIZED"
place = ee.Geometry.Point([9.0, 48.0])
scene = (
    ee.ImageCollection(NAME).filterBounds(place).sort("CLOUDY_PIXEL_PERCENTAGE").first().get("system:index").getInfo()
)
table = cubexpress.build_from_points([(9.0, 48.0), (9.01, 48.0)], f"{NAME}/{scene}", ["B4", "B8"], 32, 32, 10.0)
with tempfile.TemporaryDirectory() as folder:
    result = cubexpress.express(table, folder, nworkers=2, verbose=False)
    assert not result.failed
    assert len(result.paths) == 2
    for path in map(Path, result.paths.values()):
        with rasterio.open(path) as file:
            assert file.shape == (32, 32)
            got = np.ma.masked_equal(file.read(1), file.nodata)
            bounds = [*file.bounds]
            crs = file.crs.to_string()
        image = ee.Image(f"{NAME}/{scene}").select("B4")
        region = ee.Geometry.Rectangle(bounds, crs, False)
        plain = image.reduceRegion(ee.Reducer.mean(), region, 10, crs).getInfo()["B4"]
        np.testing.assert_allclose(got.mean(), plain, rtol=1e-6)
print("cubexpress: ok")
