"""Xee: a collection as an xarray dataset."""

import ee
import numpy as np
import xarray as xr
from shapely.geometry import box
from xee import helpers

ee.Initialize(project="any", opt_url="https://earthengine-highvolume.googleapis.com")
months = ee.ImageCollection("ECMWF/ERA5_LAND/MONTHLY_AGGR").filterDate("2018-01-01", "2018-04-01")
months = months.select("temperature_2m")
grid = helpers.fit_geometry(box(8, 46, 10, 48), grid_crs="EPSG:4326", grid_scale=(0.25, -0.25))
dataset = xr.open_dataset(months, engine="ee", **grid)
values = dataset["temperature_2m"].load()
assert values.sizes["time"] == 3
for time, month in enumerate(months.aggregate_array("system:index").getInfo()):
    image = ee.Image(f"ECMWF/ERA5_LAND/MONTHLY_AGGR/{month}").select("temperature_2m")
    for x, y in ((0, 0), (7, 3), (-1, -1)):
        cell = values.isel(time=time, x=x, y=y)
        place = ee.Geometry.Point([float(cell["x"]), float(cell["y"])])
        plain = image.reduceRegion(ee.Reducer.first(), place, 100).getInfo()["temperature_2m"]
        np.testing.assert_allclose(float(cell), plain, rtol=1e-6)
print("xee: ok")
