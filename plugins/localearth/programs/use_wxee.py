"""wxee: time series as xarray datasets and as GeoTIFFs, and their aggregates."""

import tempfile

import ee
import numpy as np
import rasterio
import wxee  # noqa: F401 - it adds `wx` to the client's classes

ee.Initialize(project="any")
months = ee.ImageCollection("ECMWF/ERA5_LAND/MONTHLY_AGGR").filterDate("2018-01-01", "2020-01-01")
months = months.select("temperature_2m")
series = months.wx.to_time_series()
GRID = {"region": ee.Geometry.Rectangle([8, 46, 9, 47]), "scale": 5566, "progress": False}
values = series.wx.to_xarray(**GRID)["temperature_2m"]
assert values.sizes["time"] == 24
images = months.toList(24).getInfo()
for time in (0, 13):
    for x, y in ((1, 1), (5, 8)):
        cell = values.isel(time=time, x=x, y=y)
        place = ee.Geometry.Point([float(cell["x"]), float(cell["y"])])
        image = ee.Image(images[time]["id"]).select("temperature_2m")
        plain = image.reduceRegion(ee.Reducer.first(), place, 100).getInfo()["temperature_2m"]
        np.testing.assert_allclose(float(cell), plain, rtol=1e-6)

# GeoTIFFs have the same pixels.
with tempfile.TemporaryDirectory() as folder:
    files = months.limit(2).wx.to_tif(out_dir=folder, **GRID)
    assert len(files) == 2
    for time, file in enumerate(sorted(files)):
        with rasterio.open(file) as opened:
            np.testing.assert_array_equal(opened.read(1), values.isel(time=time))

# Aggregates over time, against numpy.
years = series.aggregate_time("year", ee.Reducer.mean()).wx.to_xarray(**GRID)["temperature_2m"]
point = ee.Geometry.Point([8.5, 46.5])


def at(image: ee.Image) -> float:
    """The pixel at a point by plain `ee`."""
    return image.reduceRegion(ee.Reducer.first(), point, 100).getInfo()["temperature_2m"]


monthly = np.array([at(ee.Image(image["id"]).select("temperature_2m")) for image in images])
for year in (0, 1):
    mean = at(ee.Image(series.aggregate_time("year", ee.Reducer.mean()).toList(2).get(year)))
    np.testing.assert_allclose(mean, monthly[12 * year : 12 * year + 12].mean(), rtol=1e-6)
assert years.sizes["time"] == 2
assert np.isfinite(years).all()
climatology = series.climatology_mean("month")
assert np.isfinite(climatology.wx.to_xarray(**GRID)["temperature_2m"]).all()
for month in (0, 6):
    got = at(ee.Image(climatology.toList(12).get(month)))
    np.testing.assert_allclose(got, (monthly[month] + monthly[12 + month]) / 2, rtol=1e-6)
starts = np.array([image["properties"]["system:time_start"] for image in images])
between = ee.Date("2018-02-10")
share = (between.millis().getInfo() - starts[1]) / (starts[2] - starts[1])
expected = monthly[1] * (1 - share) + monthly[2] * share
np.testing.assert_allclose(at(series.interpolate_time(between, "linear")), expected, rtol=1e-6)
print("wxee: ok")
