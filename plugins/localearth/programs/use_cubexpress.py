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
            got = file.read(1)
            a, b, c, d, e, f = file.transform[:6]
            crs = file.crs.to_string()
        affine = {"scaleX": a, "shearX": b, "translateX": c, "shearY": d, "scaleY": e, "translateY": f}
        request = {"crsCode": crs, "dimensions": {"width": 32, "height": 32}, "affineTransform": affine}
        image = ee.Image(f"{NAME}/{scene}").select("B4")
        plain = ee.data.computePixels({"expression": image, "fileFormat": "NUMPY_NDARRAY", "grid": request})
        np.testing.assert_array_equal(got, plain["B4"])
print("cubexpress: ok")
