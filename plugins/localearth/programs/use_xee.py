"""Xee: collections and images as xarray datasets, on grids of one's own and on the image's."""

import ee
import numpy as np
import xarray as xr
from shapely.geometry import box
from xee import helpers

ee.Initialize(project="any", opt_url="https://earthengine-highvolume.googleapis.com")
MONTHS = "ECMWF/ERA5_LAND/MONTHLY_AGGR"
months = ee.ImageCollection(MONTHS).filterDate("2018-01-01", "2018-04-01").select("temperature_2m")
place = ee.Geometry.Point([9.0, 48.0])
scenes = ee.ImageCollection("COPERNICUS/S2_SR_HARMONIZED").filterBounds(place).filterDate("2019-06-01", "2019-06-20")
scenes = scenes.select(["B4", "B8"])


def computed(image: ee.Image, grid: dict) -> np.ndarray:
    """The first band of an image on a grid of Xee, by plain `ee`; masked pixels are NaN, as in Xee."""
    names = ("scaleX", "shearX", "translateX", "shearY", "scaleY", "translateY")
    width, height = grid["shape_2d"]
    request = {
        "crsCode": grid["crs"],
        "dimensions": {"width": width, "height": height},
        "affineTransform": dict(zip(names, grid["crs_transform"], strict=True)),
    }
    held = image.toFloat().unmask(-1, False)
    pixels = ee.data.computePixels({"expression": held, "fileFormat": "NUMPY_NDARRAY", "grid": request})
    pixels = pixels[pixels.dtype.names[0]]
    return np.where(pixels == -1, np.nan, pixels)


def compare(collection: ee.ImageCollection, band: str, grid: dict, is_between: bool = False) -> None:
    """The dataset of a collection against each of its images; some centres are between the image's pixels."""
    values = xr.open_dataset(collection, engine="ee", **grid)[band].load()
    count = collection.size().getInfo()
    assert dict(values.sizes) == {"time": count, "y": grid["shape_2d"][1], "x": grid["shape_2d"][0]}
    images = collection.sort("system:time_start").toList(count)
    for time in range(count):
        plain = computed(ee.Image(images.get(time)).select(band), grid)
        got = values.isel(time=time).to_numpy()
        np.testing.assert_array_equal(got, plain)
        if is_between:
            continue
        # The same pixel by its coordinates.
        cell = values.isel(time=time, x=1, y=2)
        place = ee.Geometry.Point([float(cell["x"]), float(cell["y"])], grid["crs"])
        pixel = ee.Image(images.get(time)).select(band).reduceRegion(ee.Reducer.first(), place, 10, grid["crs"])
        np.testing.assert_allclose(float(cell), np.array(pixel.getInfo()[band], float), rtol=1e-6)


coarse = helpers.fit_geometry(box(8, 46, 10, 48), grid_crs="EPSG:4326", grid_scale=(0.25, -0.25))
compare(months, "temperature_2m", coarse)
area = box(9, 48, 9.01, 48.01)
for size in ({"grid_scale": (20, -20)}, {"grid_shape": (30, 20)}):
    fine = helpers.fit_geometry(area, geometry_crs="EPSG:4326", grid_crs="EPSG:32632", **size)
    compare(scenes, "B8", fine, "grid_scale" in size)

# One image, on its own pixels; and bands resampled by Earth Engine before.
first = ee.Image(scenes.first())
own = helpers.extract_grid_params(first)
cut = xr.open_dataset(first, engine="ee", **own)["B4"].isel(time=0, x=slice(9990, 10020), y=slice(8210, 8230)).load()
a, _, c, _, e, f = own["crs_transform"]
part = {"crs": own["crs"], "crs_transform": (a, 0, c + 9990 * a, 0, e, f + 8210 * e), "shape_2d": (30, 20)}
np.testing.assert_array_equal(cut.to_numpy(), computed(first.select("B4"), part))
assert np.isfinite(cut).all()
smooth = months.map(lambda image: image.resample("bilinear"))
compare(smooth, "temperature_2m", coarse, True)
rough, even = (xr.open_dataset(each, engine="ee", **coarse)["temperature_2m"].load() for each in (months, smooth))
assert float(abs(rough - even).max()) > 0

# The name of a collection, and dask.
whole = xr.open_dataset(f"ee://{MONTHS}", engine="ee", **coarse)
assert whole.sizes["time"] == ee.ImageCollection(MONTHS).size().getInfo()
lazy = xr.open_dataset(months, engine="ee", chunks={}, **coarse)["temperature_2m"].mean("time").compute()
np.testing.assert_allclose(lazy, rough.mean("time"), rtol=1e-6)
print("xee: ok")
