"""eemont: Sentinel-2 with masked clouds, scaled bands and spectral indices, and its time series of regions."""

import ee
import eemont  # noqa: F401 - it adds methods to the client's classes
import numpy as np

ee.Initialize(project="any")
place = ee.Geometry.Point([9.0, 48.0])
region = place.buffer(300).bounds()
scenes = ee.ImageCollection("COPERNICUS/S2_SR_HARMONIZED").filterBounds(place).filterDate("2019-06-01", "2019-07-01")
assert len(scenes) == scenes.size().getInfo() > 4


def mean(image: ee.Image, scale: float = 10) -> dict:
    """The means of a region by plain `ee`."""
    return image.reduceRegion(ee.Reducer.mean(), region, scale, "EPSG:32632").getInfo()


# Clouds, scales and indices of one image and of a collection.
scene = ee.Image(scenes.sort("CLOUDY_PIXEL_PERCENTAGE").first())
scaled = scene.scaleAndOffset()
np.testing.assert_allclose(mean(scaled)["B4"], mean(scene)["B4"] * 1e-4, rtol=1e-6)
NAMES = ["NDVI", "EVI", "SAVI", "NDWI", "NBR"]
indices = mean(scaled.spectralIndices(NAMES))
red, blue, near = (scene.select(band).multiply(1e-4) for band in ("B4", "B2", "B8"))
evi = near.subtract(red).multiply(2.5).divide(near.add(red.multiply(6)).subtract(blue.multiply(7.5)).add(1))
np.testing.assert_allclose(indices["NDVI"], mean(scene.normalizedDifference(["B8", "B4"]))["nd"], rtol=1e-6)
np.testing.assert_allclose(indices["NDWI"], mean(scene.normalizedDifference(["B3", "B8"]))["nd"], rtol=1e-6)
np.testing.assert_allclose(indices["EVI"], next(iter(mean(evi).values())), rtol=1e-6)
for method in ("cloud_prob", "qa"):
    for index in scenes.aggregate_array("system:index").getInfo():
        image = ee.Image(f"COPERNICUS/S2_SR_HARMONIZED/{index}")
        got = mean(image.maskClouds(method=method, prob=40, buffer=0, maskShadows=False).select("B4"))
        if method == "qa":
            bits = image.select("QA60")
            clear = bits.bitwiseAnd(1 << 10).eq(0).And(bits.bitwiseAnd(1 << 11).eq(0))
        else:
            clear = ee.Image(f"COPERNICUS/S2_CLOUD_PROBABILITY/{index}").lt(40)
        np.testing.assert_allclose(
            np.array(list(got.values()), float),
            np.array(list(mean(image.select("B4").updateMask(clear)).values()), float),
        )
# A mask with shadows also loses dark pixels, never others.
cloudy = ee.Image(scenes.filter(ee.Filter.rangeContains("CLOUDY_PIXEL_PERCENTAGE", 1, 40)).first())
light = cloudy.maskClouds(prob=40, buffer=0, maskShadows=False).select("B8")
lost = light.updateMask(cloudy.maskClouds(prob=40, buffer=0).select("B8").mask().Not()).reduceRegion(
    ee.Reducer.max().combine("count", "", True), place.buffer(4000).bounds(), 60, "EPSG:32632"
)
assert lost.getInfo()["B8_count"] > 0 and lost.getInfo()["B8_max"] < 1500
chain = scenes.maskClouds(prob=70, maskShadows=False).scaleAndOffset().spectralIndices(["NDVI"]).select("NDVI")
ndvi = mean(chain.median())["NDVI"]
assert mean(scene.normalizedDifference(["B8", "B4"]))["nd"] - 0.2 < ndvi < 1

# Time series.
values = scenes.select(["B4", "B8"]).getTimeSeriesByRegion(
    reducer=[ee.Reducer.mean(), ee.Reducer.max()], geometry=region, bands=["B4", "B8"], scale=20, crs="EPSG:32632"
)
rows = [row["properties"] for row in values.getInfo()["features"]]
dates = [f"{date}" for date in scenes.aggregate_array("system:time_start").getInfo()]
assert len(rows) == 2 * len(dates)
for number, image in enumerate(scenes.toList(3).getInfo()):
    for row in (row for row in rows if row["date"] == rows[number]["date"] and row["reducer"] == "mean"):
        assert row["B4"] > 0
    plain = mean(ee.Image(image["id"]).select(["B4", "B8"]), 20)
    np.testing.assert_allclose([rows[number][band] for band in ("B4", "B8")], [plain["B4"], plain["B8"]], rtol=1e-9)
zones = ee.FeatureCollection([ee.Feature(region, {"name": "a"}), ee.Feature(place.buffer(100).bounds(), {"name": "b"})])
series = scenes.select(["B8"]).getTimeSeriesByRegions(ee.Reducer.mean(), zones, ["B8"], 20).getInfo()["features"]
assert len(series) == 2 * len(dates)
assert {row["properties"]["name"] for row in series} == {"a", "b"}
closest = scenes.closest("2019-06-15", 1, "month").aggregate_array("system:time_start").getInfo()
times = np.array(list(map(int, dates)))
target = ee.Date("2019-06-15").millis().getInfo()
assert closest[0] == times[np.abs(times - target).argmin()]
assert mean((scene["B4"] + scene["B8"]) / 2)["B4"] == mean(scene.select("B4").add(scene.select("B8")).divide(2))["B4"]
print("eemont: ok")
