"""geemap: downloads, arrays, zonal statistics, histograms, tables, pictures, and numbers of images and collections."""

import json
import tempfile
from pathlib import Path

import ee
import geemap
import numpy as np
import pandas as pd
import rasterio
from geemap import chart
from rasterio.features import rasterize
from shapely.geometry import box, shape

ee.Initialize(project="any")
region = ee.Geometry.Rectangle([9.0, 48.0, 9.01, 48.01])
halves = {"west": box(9.0, 48.0, 9.005, 48.01), "east": box(9.005, 48.0, 9.01, 48.01)}
zones = ee.FeatureCollection([ee.Feature(ee.Geometry(b.__geo_interface__), {"name": n}) for n, b in halves.items()])
heights = ee.Image("projects/sat-io/open-datasets/ASTER/GDEM").rename("elevation")
classes = ee.ImageCollection("ESA/WorldCover/v200").first()
scenes = ee.ImageCollection("COPERNICUS/S2_SR_HARMONIZED").filterBounds(region).filterDate("2019-06-01", "2019-06-08")
scenes = scenes.select(["B4", "B8"])
folder = Path(tempfile.mkdtemp())


def read(name: str):
    """The bands of a file and its transform."""
    with rasterio.open(folder / name) as file:
        return file.read(), file.transform


def plain(image: ee.Image, reducer: str, scale: float) -> list[float]:
    """A statistic of each zone by plain `ee`."""
    found = image.reduceRegions(zones, getattr(ee.Reducer, reducer)(), scale).aggregate_array(reducer)
    return found.getInfo()


# Images as files and arrays.
geemap.ee_export_image(heights, str(folder / "heights.tif"), crs="EPSG:32632", scale=30, region=region)
exported, transform = read("heights.tif")
grid = {
    "crsCode": "EPSG:32632",
    "dimensions": {"width": exported.shape[2], "height": exported.shape[1]},
    "affineTransform": dict(
        zip(("scaleX", "shearX", "translateX", "shearY", "scaleY", "translateY"), transform[:6], strict=True)
    ),
}
pixels = ee.data.computePixels({"expression": heights, "fileFormat": "NUMPY_NDARRAY", "grid": grid})["elevation"]
assert len(np.unique(pixels)) > 4
inside = exported[0] != rasterio.open(folder / "heights.tif").nodata
assert inside.mean() > 0.9
np.testing.assert_array_equal(exported[0][inside], pixels[inside])
array = geemap.ee_to_numpy(scenes.first(), region=region, scale=30)
assert array.shape[2] == 2
means = scenes.first().reduceRegion(ee.Reducer.mean(), region, 30).getInfo()
np.testing.assert_allclose(array.mean(axis=(0, 1)), [means["B4"], means["B8"]], rtol=0.01)
geemap.ee_export_image_collection(scenes, str(folder / "all"), scale=30, region=region)
indices = scenes.aggregate_array("system:index").getInfo()
assert sorted(path.stem for path in (folder / "all").glob("*.tif")) == sorted(indices)
for index in indices:
    got, _ = read(f"all/{index}.tif")
    means = ee.Image(f"COPERNICUS/S2_SR_HARMONIZED/{index}").reduceRegion(ee.Reducer.mean(), region, 30).getInfo()
    np.testing.assert_allclose(got[0][got[0] > 0].mean(), means["B4"], rtol=0.01)

# Zonal statistics, against plain `ee` and against numpy on the exported pixels.
for statistic, reducer in {"MEAN": "mean", "MAXIMUM": "max", "MEDIAN": "median", "STD": "stdDev", "SUM": "sum"}.items():
    geemap.zonal_stats(heights, zones, str(folder / "zones.csv"), statistics_type=statistic, scale=30, verbose=False)
    table = pd.read_csv(folder / "zones.csv")
    assert table["name"].tolist() == ["west", "east"]
    np.testing.assert_allclose(table[reducer], plain(heights, reducer, 30), rtol=1e-9)
geemap.ee_export_image(classes, str(folder / "classes.tif"), crs="EPSG:4326", scale=10, region=region)
kinds, transform = read("classes.tif")
geemap.zonal_stats_by_group(
    classes, zones, str(folder / "groups.csv"), statistics_type="PERCENTAGE", scale=10, decimal_places=2, verbose=False
)
groups = pd.read_csv(folder / "groups.csv").set_index("name")
for name, outline in halves.items():
    held = rasterize([outline], kinds.shape[1:], transform=transform).astype(bool) & (kinds[0] > 0)
    for value in np.unique(kinds[0][held]):
        np.testing.assert_allclose(groups.loc[name, f"Class_{value}"], (kinds[0][held] == value).mean(), atol=0.02)

# Histograms: with buckets of one unit, the counts of every value.
figure = chart.image_histogram(scenes.first(), region, 30, 256, 1, None, 1e8, {"crs": "EPSG:32632"})
where = {"geometry": region, "crs": "EPSG:32632", "scale": 30}
for bars, band in zip(figure.marks, ("B4", "B8"), strict=True):
    counted = scenes.first().select(band).reduceRegion(ee.Reducer.frequencyHistogram(), **where).get(band).getInfo()
    np.testing.assert_allclose(bars.y[bars.y > 0], [counted[value] for value in sorted(counted, key=int)])
    np.testing.assert_allclose(bars.x[bars.y > 0], sorted(map(int, counted)))
assert geemap.image_histogram(scenes.first().select("B4"), region, 30, return_df=True)["value"].sum() > 900
geemap.zonal_stats(heights, zones, str(folder / "zones.csv"), statistics_type="HIST", scale=30, verbose=False)
for row in pd.read_csv(folder / "zones.csv").itertuples():
    assert sum(json.loads(row.histogram)["histogram"]) > 500

# Tables.
assert geemap.ee_to_df(zones)["name"].tolist() == ["west", "east"]
assert geemap.ee_to_gdf(zones).geometry.iloc[0].equals(halves["west"])
geemap.ee_to_csv(zones, str(folder / "table.csv"))
assert pd.read_csv(folder / "table.csv")["name"].tolist() == ["west", "east"]
geemap.ee_to_geojson(zones, str(folder / "table.geojson"))
rows = json.loads((folder / "table.geojson").read_text())["features"]
assert shape(rows[1]["geometry"]).equals(halves["east"])
points = ee.FeatureCollection([ee.Feature(ee.Geometry.Point([9.001 + 0.001 * n, 48.002]), {"n": n}) for n in range(4)])
geemap.extract_values_to_points(points, heights, str(folder / "points.csv"), scale=30)
sampled = [heights.reduceRegion("first", points.toList(4).get(n), 30).get("elevation").getInfo() for n in range(4)]
assert pd.read_csv(folder / "points.csv")["first"].tolist() == sampled
series = geemap.extract_timeseries_to_point(48.002, 9.001, scenes, "2019-06-01", "2019-06-08", ["B4", "B8"], 10)
assert series["id"].tolist() == indices

# Pictures.
style = {"min": 300, "max": 320, "palette": ["navy", "white"]}
geemap.get_image_thumbnail(heights, str(folder / "heights.png"), style, dimensions=64, region=region, format="png")
picture, _ = read("heights.png")
assert picture.shape[1:] == (64, 64) or max(picture.shape[1:]) == 64
lowest = np.unravel_index(picture[0].argmin(), picture[0].shape)
level = picture[:3, lowest[0], lowest[1]].astype(float)
np.testing.assert_allclose(level[1], level[0], atol=1)  # from navy (0, 0, 128) to white
np.testing.assert_allclose(level[2], 128 + level[0] * 127 / 255, atol=1.5)
geemap.get_image_collection_thumbnails(
    scenes, str(folder / "thumbs"), {"bands": ["B8", "B4", "B4"], "max": 9000, "min": 0}, dimensions=32, region=region
)
assert len(list((folder / "thumbs").glob("*.jpg"))) == len(indices)

# Numbers.
assert geemap.image_stats(heights, region, 30).get("max").getInfo() == {
    "elevation": int(max(plain(heights, "max", 30)))
}
numbers = np.arange(6.0).reshape(2, 3)
image = geemap.numpy_to_ee(numbers.T, "EPSG:4326", transform=[0.01, 0, 9, 0, -0.01, 48], band_names="x")
at = ee.Geometry.Point([9.015, 47.995])
assert image.reduceRegion(ee.Reducer.first(), at, 10).getInfo() == {"x": numbers[0, 1]}
print("geemap: ok")
