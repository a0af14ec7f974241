"""cubo: a cube of Sentinel-2 around a point."""

import cubo
import ee
import numpy as np

ee.Initialize(project="any")
NAME = "COPERNICUS/S2_SR_HARMONIZED"
cube = cubo.create(
    lat=48.0,
    lon=9.0,
    collection=NAME,
    bands=["B4", "B8"],
    start_date="2018-06-01",
    end_date="2018-06-20",
    edge_size=32,
    resolution=10,
    gee=True,
).load()
assert dict(cube.sizes) | {"time": 0} == {"time": 0, "band": 2, "x": 32, "y": 32}
scenes = ee.ImageCollection(NAME).filterDate("2018-06-01", "2018-06-20").filterBounds(ee.Geometry.Point([9.0, 48.0]))
first = ee.Image(scenes.sort("system:time_start").first()).select(["B4", "B8"])
for x, y in ((0, 0), (17, 5), (31, 31)):
    cell = cube.isel(time=0, x=x, y=y)
    place = ee.Geometry.Point([float(cell["x"]), float(cell["y"])], f"EPSG:{cube.attrs['epsg']}")
    plain = first.reduceRegion(ee.Reducer.first(), place, 10).getInfo()
    np.testing.assert_allclose(cell.values, [np.nan if each is None else each for each in plain.values()])
print("cubo: ok")
