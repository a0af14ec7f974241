"""geetools: bands, dates, masks and statistics of images, collections, lists, dictionaries and geometries."""

import ee
import geetools  # noqa: F401 - it adds `geetools` to the client's classes
import numpy as np
from shapely.geometry import Polygon, box

ee.Initialize(project="any")
place = ee.Geometry.Point([9.0, 48.0])
region = place.buffer(200).bounds()
scenes = ee.ImageCollection("COPERNICUS/S2_SR_HARMONIZED").filterBounds(place).filterDate("2019-06-01", "2019-07-01")
scenes = scenes.select(["B4", "B8"])
first = ee.Image(scenes.first())


def mean(image: ee.Image) -> dict:
    """The means of a region by plain `ee`."""
    return image.reduceRegion(ee.Reducer.mean(), region, 10).getInfo()


# Images.
assert first.geetools.addPrefix("x_").bandNames().getInfo() == ["x_B4", "x_B8"]
assert first.geetools.addSuffix("_y", ["B8"]).bandNames().getInfo() == ["B4", "B8_y"]
assert first.geetools.rename({"B4": "red"}).bandNames().getInfo() == ["red", "B8"]
assert first.geetools.remove(["B8"]).bandNames().getInfo() == ["B4"]
dated = first.geetools.addDate().select("date").reduceRegion(ee.Reducer.first(), place, 10).getInfo()
assert dated["date"] == first.get("system:time_start").getInfo()
assert first.geetools.getValues(place, 10).getInfo() == first.reduceRegion(ee.Reducer.first(), place, 10).getInfo()
assert first.geetools.minScale().getInfo() == 10
total = mean(first.geetools.reduceBands("sum", name="total"))
np.testing.assert_allclose(total["total"], total["B4"] + total["B8"], rtol=1e-9)
merged = ee.Image(1).rename("a").geetools.merge([ee.Image(2).rename("b"), ee.Image(3).rename("c")])
assert merged.bandNames().getInfo() == ["a", "b", "c"]
np.testing.assert_allclose(list(mean(merged).values()), [1, 2, 3], rtol=1e-9)
full = ee.Image.geetools.full([1, 2], ["p", "q"])
np.testing.assert_allclose([mean(full)["p"], mean(full)["q"]], [1, 2], rtol=1e-9)
outside = first.geetools.negativeClip(place.buffer(100)).select("B4")
counts = [i.reduceRegion(ee.Reducer.count(), region, 10).getInfo()["B4"] for i in (first.select("B4"), outside)]
# A clip masks the pixels at its edge in part, and the opposite of a part is 0.
circle = Polygon(np.array(place.buffer(100).transform("EPSG:32632", 0.1).coordinates().getInfo()[0]) / 10)
west, south, east, north = map(round, circle.buffer(2).bounds)
cells = [box(x, y, x + 1, y + 1) for x in range(west, east) for y in range(south, north)]
touched = [cell.intersection(circle).area > 1 / 512 for cell in cells]  # the masks have 256 steps
np.testing.assert_allclose(counts[0] - counts[1], sum(touched), rtol=0.01)

# Collections.
times = np.array(scenes.aggregate_array("system:time_start").getInfo())
assert scenes.geetools.iloc(2).get("system:index").getInfo() == scenes.toList(3).get(2).getInfo()["id"].split("/")[-1]
target = ee.Date("2019-06-15").millis().getInfo()
close = scenes.geetools.closest("2019-06-15").aggregate_array("system:time_start").getInfo()
assert close[0] == times[np.abs(times - target).argmin()]
assert scenes.geetools.append(ee.Image(1)).size().getInfo() == len(times) + 1
valid = scenes.geetools.validPixel("B4").reduceRegion(ee.Reducer.first(), place, 10).getInfo()
assert valid["valid"] == scenes.select("B4").count().reduceRegion(ee.Reducer.first(), place, 10).getInfo()["B4"]
weekly = scenes.geetools.reduceInterval("mean", "day", 10, keep_original_names=False)
start = ee.Date(int(times[0]))
decade = scenes.filterDate(start, start.advance(10, "day")).mean()
np.testing.assert_allclose(list(mean(weekly.first()).values()), list(mean(decade).values()), rtol=1e-6)
per_image = (
    scenes.limit(3).geetools.reduceRegion("mean", region, idType=ee.String, scale=10, crs="EPSG:32632").getInfo()
)
for index, row in per_image.items():
    plain = mean(ee.Image(f"COPERNICUS/S2_SR_HARMONIZED/{index}").select(["B4", "B8"]))
    np.testing.assert_allclose([row["B4"], row["B8"]], [plain["B4"], plain["B8"]], rtol=1e-6)

# Everything else.
assert ee.List(["1", "2"]).geetools.product(["a", "b"]).getInfo() == ["1a", "1b", "2a", "2b"]
assert ee.List([1, 2, 3]).geetools.union([3, 4]).sort().getInfo() == [1, 2, 3, 4]
assert ee.Dictionary({"a": 2, "b": 1}).geetools.sort().getInfo() == {"a": 2, "b": 1}
assert ee.Number(1.256).geetools.truncate(1).getInfo() == 1.2
assert ee.String("{a} and {b}").geetools.format({"a": "x", "b": "y"}).getInfo() == "x and y"
assert ee.Date("2020-01-31").geetools.to_datetime().isoformat()[:19] == "2020-01-31T00:00:00"
print("geetools: ok")
