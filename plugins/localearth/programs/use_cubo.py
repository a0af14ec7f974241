"""cubo: cubes of Sentinel-2 around a point, with several bands."""

import cubo
import ee
import numpy as np

ee.Initialize(project="any")
NAME = "COPERNICUS/S2_SR_HARMONIZED"
BANDS = ["B2", "B4", "B8", "SCL"]
SPAN = {"start_date": "2019-06-01", "end_date": "2019-06-20"}
PLACE = {"lat": 48.0, "lon": 9.0, "edge_size": 32, "resolution": 10, "gee": True, "xy_coords": "center"}
cube = cubo.create(collection=NAME, bands=BANDS, **SPAN, **PLACE).load()
scenes = ee.ImageCollection(NAME).filterDate("2019-06-01", "2019-06-21").filterBounds(ee.Geometry.Point([9.0, 48.0]))
scenes = scenes.select(BANDS).sort("system:time_start")
count = scenes.size().getInfo()
assert dict(cube.sizes) == {"time": count, "band": len(BANDS), "x": 32, "y": 32}
left, top = float(cube["x"].min()) - 5, float(cube["y"].max()) + 5
request = {
    "crsCode": f"EPSG:{cube.attrs['epsg']}",
    "dimensions": {"width": 32, "height": 32},
    "affineTransform": {"scaleX": 10, "translateX": left, "scaleY": -10, "translateY": top},
}
rows = cube.sortby("y", ascending=False).sortby("x")
images = scenes.toList(count)
for time in range(count):
    held = ee.Image(images.get(time)).toFloat().unmask(-1, False)
    plain = ee.data.computePixels({"expression": held, "fileFormat": "NUMPY_NDARRAY", "grid": request})
    for band in BANDS:
        got = rows.isel(time=time).sel(band=band).transpose("y", "x")
        np.testing.assert_array_equal(got, np.where(plain[band] == -1, np.nan, plain[band]))
    # The same pixel by its coordinates.
    cell = cube.isel(time=time, x=17, y=5)
    place = ee.Geometry.Point([float(cell["x"]), float(cell["y"])], request["crsCode"])
    pixel = ee.Image(images.get(time)).reduceRegion(ee.Reducer.first(), place, 10, request["crsCode"]).getInfo()
    np.testing.assert_array_equal(cell, [np.nan if pixel[band] is None else pixel[band] for band in BANDS])
assert np.isfinite(cube).any()

# A collection that is filtered already, and the bands as variables.
clear = ee.ImageCollection(NAME).filter(ee.Filter.lt("CLOUDY_PIXEL_PERCENTAGE", 50))
some = cubo.create(collection=clear, bands=BANDS, dataset=True, **SPAN, **PLACE)
assert 0 < some.sizes["time"] == scenes.filter("CLOUDY_PIXEL_PERCENTAGE < 50").size().getInfo() < count
assert set(BANDS) <= set(some)
print("cubo: ok")
