"""eemont: clouds masked, bands scaled, and a spectral index of Sentinel-2."""

import ee
import eemont  # noqa: F401 - it adds methods to the client's classes
import numpy as np

ee.Initialize(project="any")
place = ee.Geometry.Point([9.0, 48.0])
region = place.buffer(300).bounds()
scene = ee.ImageCollection("COPERNICUS/S2_SR_HARMONIZED").filterBounds(place).sort("CLOUDY_PIXEL_PERCENTAGE").first()
indexed = ee.Image(scene).scaleAndOffset().spectralIndices("NDVI").select("NDVI")
plain = ee.Image(scene).normalizedDifference(["B8", "B4"])
got, expected = (
    list(image.reduceRegion(ee.Reducer.mean(), region, 10).getInfo().values()) for image in (indexed, plain)
)
np.testing.assert_allclose(got, expected, rtol=1e-6)
print("eemont: ok")
