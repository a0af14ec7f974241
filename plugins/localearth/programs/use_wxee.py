"""wxee: a time series as an xarray dataset."""

import ee
import numpy as np
import wxee  # noqa: F401 - it adds `wx` to the client's classes

ee.Initialize(project="any")
months = ee.ImageCollection("ECMWF/ERA5_LAND/MONTHLY_AGGR").filterDate("2018-01-01", "2018-03-01")
months = months.select("temperature_2m")
region = ee.Geometry.Rectangle([8, 46, 9, 47])
dataset = months.wx.to_time_series().wx.to_xarray(region=region, scale=5566, progress=False)
values = dataset["temperature_2m"]
assert values.sizes["time"] == 2
for time, image in enumerate(months.toList(2).getInfo()):
    for x, y in ((1, 1), (5, 8)):
        cell = values.isel(time=time, x=x, y=y)
        place = ee.Geometry.Point([float(cell["x"]), float(cell["y"])])
        plain = ee.Image(image["id"]).select("temperature_2m").reduceRegion(ee.Reducer.first(), place, 100)
        np.testing.assert_allclose(float(cell), plain.getInfo()["temperature_2m"], rtol=1e-6)
print("wxee: ok")
