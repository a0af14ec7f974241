"""geetools: an image cut into pieces of a table, and the dates of a collection."""

import ee
import geetools  # noqa: F401 - it adds `geetools` to the client's classes

ee.Initialize(project="any")
place = ee.Geometry.Point([9.0, 48.0])
scenes = ee.ImageCollection("COPERNICUS/S2_SR_HARMONIZED").filterBounds(place).filterDate("2018-06-01", "2018-06-20")
first = ee.Image(scenes.first())
renamed = first.select(["B4", "B8"]).geetools.addPrefix("x_").bandNames().getInfo()
assert renamed == ["x_B4", "x_B8"]
dated = first.select("B4").geetools.addDate().select("date").reduceRegion(ee.Reducer.first(), place, 10).getInfo()
assert dated["date"] == first.get("system:time_start").getInfo()
print("geetools: ok")
