"""One tile with the method of MMEarth's first scripts: a plain program on Earth Engine's client that gets only a URL.

It knows nothing of mmearth-core, asks for one thing after another as scripts do, and prints what it got as JSON.
"""

import io
import json
import sys
import urllib.request
from typing import Any

import ee
import numpy as np
import rasterio

RING = [[10.8912, 48.6942], [10.9088, 48.6942], [10.9088, 48.7058], [10.8912, 48.7058], [10.8912, 48.6942]]
YEAR = 2019
S2_BANDS = ["B1", "B2", "B3", "B4", "B8", "B11"]
ERA5_BANDS = [
    "temperature_2m",
    "temperature_2m_min",
    "temperature_2m_max",
    "total_precipitation_sum",
]


def geometry(polygon: ee.Geometry) -> dict[str, Any]:
    """Shapes: what the client builds, and what the server says of them."""
    around = polygon.buffer(200)
    return {
        "centroid": polygon.centroid(1).coordinates().getInfo(),
        "area": polygon.area(1).getInfo(),
        "bounds": polygon.bounds().coordinates().getInfo(),
        "bounds_of_buffer": around.bounds().getInfo(),
        "buffer_contains": around.contains(polygon, 1).getInfo(),
        "polygon_contains": polygon.contains(around, 1).getInfo(),
    }


def optical(polygon: ee.Geometry, found: dict[str, Any]) -> ee.Image:
    """The second of the clear scenes that hold the tile and 200 m around it."""
    scenes = (
        ee.ImageCollection("COPERNICUS/S2_SR_HARMONIZED")
        .filterBounds(polygon)
        .filterDate(f"{YEAR}-01-01", f"{YEAR}-12-31")
        .filterMetadata("CLOUDY_PIXEL_PERCENTAGE", "less_than", 20)
    )
    around = polygon.buffer(200)
    whole = scenes.filter(ee.Filter.contains(".geo", around))
    marked = scenes.map(lambda image: image.set("whole", image.geometry().contains(around, 1)))
    found["sizes"] = [scenes.size().getInfo(), whole.size().getInfo()]
    found["whole_by_property"] = marked.filterMetadata("whole", "equals", True).size().getInfo()
    found["clouds"] = scenes.sort("CLOUDY_PIXEL_PERCENTAGE").aggregate_array("CLOUDY_PIXEL_PERCENTAGE").getInfo()
    image = ee.Image(whole.toList(whole.size()).get(1))
    found["date"] = image.date().format("YYYY-MM-dd").getInfo()
    found["band_names"] = image.bandNames().getInfo()
    found["projection"] = image.select("B2").projection().getInfo()
    found["image"] = image.select(S2_BANDS).getInfo()
    found["collection"] = whole.limit(2).getInfo()
    return image.select(S2_BANDS)


def radar(polygon: ee.Geometry, day: str, found: dict[str, Any]) -> ee.Image:
    """The descending scene nearest to the day, of those that hold the tile."""
    target = ee.Date(day)

    def with_distance(image: ee.Image) -> ee.Image:
        return image.set("days", ee.Number(image.date().difference(target, "day")).abs())

    scenes = (
        ee.ImageCollection("COPERNICUS/S1_GRD")
        .filterBounds(polygon)
        .filterDate("2017-01-01", "2020-12-31")
        .filterMetadata("instrumentMode", "equals", "IW")
        .filter(ee.Filter.contains(".geo", polygon.buffer(200)))
    )
    nearest = {}
    for orbit in ("ASCENDING", "DESCENDING"):
        passing = scenes.filter(ee.Filter.eq("orbitProperties_pass", orbit)).map(with_distance).sort("days")
        distances = passing.limit(5).aggregate_array("days").getInfo()
        found[f"days_{orbit}"] = distances
        if distances:
            nearest[orbit] = passing.first()
    found["never"] = scenes.filterDate("1990-01-01", "1991-01-01").first().getInfo()
    image = nearest.get("DESCENDING", nearest.get("ASCENDING"))
    return ee.Image(image).select(["VV", "VH"]).resample("bilinear").float()


def climate(polygon: ee.Geometry, found: dict[str, Any]) -> None:
    """A month and a year of ERA5-Land, as numbers of the tile."""
    months = ee.ImageCollection("ECMWF/ERA5_LAND/MONTHLY_AGGR").select(ERA5_BANDS)
    month = months.filterDate("2019-06-01", "2019-07-01").first()
    year = months.filterDate("2018-07-01", "2019-07-01")
    reducers = (ee.Reducer.mean(), ee.Reducer.min(), ee.Reducer.max(), ee.Reducer.sum())
    parts = [year.select(name).reduce(reducer) for name, reducer in zip(ERA5_BANDS, reducers, strict=True)]
    stacked = ee.ImageCollection.fromImages([month.rename([f"month_{n}" for n in range(4)]), *parts]).toBands()
    found["climate_names"] = stacked.bandNames().getInfo()
    found["climate"] = stacked.reduceRegion(reducer=ee.Reducer.mean(), geometry=polygon, scale=100).getInfo()
    found["months"] = [image["properties"]["system:index"] for image in year.getInfo()["features"]]


def maps(polygon: ee.Geometry, crs: str) -> ee.Image:
    """Land cover twice, canopy, elevation and slope."""
    labels = (
        ee.ImageCollection("GOOGLE/DYNAMICWORLD/V1")
        .filterBounds(polygon)
        .filterDate(f"{YEAR}-06-01", f"{YEAR}-09-01")
        .select("label")
        .mode()
        .add(1)
        .rename("dynamic_world")
    )
    cover = ee.ImageCollection("ESA/WorldCover/v100").first().select("Map").rename("cover")
    height = ee.Image("users/nlang/ETH_GlobalCanopyHeight_2020_10m_v1").rename("height")
    canopy = height.addBands(ee.Image("users/nlang/ETH_GlobalCanopyHeightSD_2020_10m_v1").rename("std"))
    ground = ee.Image("projects/sat-io/open-datasets/ASTER/GDEM").select("b1").rename("elevation")
    slope = ee.Terrain.slope(ground).resample("bilinear").reproject(crs=crs, scale=10)
    tall = canopy.select("height").where(canopy.select("height").lt(5), 0).rename("tall")
    wooded = cover.eq(10).And(canopy.select("height").gte(5)).rename("wooded")
    return ee.Image.cat([labels, cover, canopy, tall, wooded, ground.resample("bilinear"), slope])


def fetch(url: str) -> bytes:
    """A plain GET."""
    with urllib.request.urlopen(url, timeout=120) as answer:
        content: bytes = answer.read()
    return content


def download(image: ee.Image, polygon: ee.Geometry, crs: str, found: dict[str, Any]) -> None:
    """The whole stack in both formats."""
    found["stack"] = image.bandNames().getInfo()
    params = {"region": polygon.bounds(), "scale": 10, "crs": crs, "bands": found["stack"]}
    content = fetch(image.getDownloadURL({**params, "format": "GEO_TIFF"}))
    with rasterio.MemoryFile(content) as memory, memory.open() as file:
        tiff = file.read(masked=True).filled(0)  # NPY has 0 where a GeoTIFF has no data
        found["tiff"] = {
            "crs": file.crs.to_string(),
            "transform": list(file.transform)[:6],
            "names": file.descriptions,
            "dtype": file.dtypes[0],
        }
    array = np.load(io.BytesIO(fetch(image.getDownloadURL({**params, "format": "NPY"}))))
    found["npy"] = {name: str(array.dtype[name]) for name in array.dtype.names}
    found["shapes"] = [list(tiff.shape), list(array.shape)]
    found["alike"] = [bool((band == array[name]).all()) for band, name in zip(tiff, array.dtype.names, strict=True)]
    found["ranges"] = {name: [float(array[name].min()), float(array[name].max())] for name in array.dtype.names}
    found["tall_follows"] = bool(
        (array["tall"] == np.where(array["height"] < 5, 0, array["height"])).all()
        and (array["wooded"] == ((array["cover"] == 10) & (array["height"] >= 5))).all()
    )


def tiles(found: dict[str, Any]) -> None:
    """Squares around random points of an ecoregion."""
    regions = ee.FeatureCollection("RESOLVE/ECOREGIONS/2017")
    found["regions"] = regions.size().getInfo()
    region = regions.filter(ee.Filter.eq("ECO_NAME", "Western European broadleaf forests"))
    found["region"] = region.first().toDictionary(["ECO_NAME", "BIOME_NAME"]).getInfo()
    biome = regions.filter(ee.Filter.eq("BIOME_NAME", "Tundra")).filter(ee.Filter.neq("ECO_NAME", "Rock and Ice"))
    found["tundra"] = biome.size().getInfo()
    points = ee.FeatureCollection.randomPoints(region.geometry(), 2500, 42)
    again = ee.FeatureCollection.randomPoints(region.geometry(), 2500, 42)
    squares = points.map(lambda point: ee.Feature(point.buffer(650).bounds()))
    answer = squares.getInfo()
    found["squares"] = {"type": answer["type"], "count": len(answer["features"]), "first": answer["features"][0]}
    found["same_points"] = points.getInfo()["features"][:50] == again.getInfo()["features"][:50]
    other = ee.FeatureCollection.randomPoints(region.geometry(), 50, 43).getInfo()["features"]
    found["other_points"] = other != points.limit(50).getInfo()["features"]
    found["all_inside"] = points.limit(200).filterBounds(region.geometry()).size().getInfo()


def errors(polygon: ee.Geometry, found: dict[str, Any]) -> None:
    """What goes wrong, in the words that a script sees."""
    scenes = ee.ImageCollection("COPERNICUS/S2_SR_HARMONIZED").filterBounds(polygon)
    none = scenes.filterDate("1990-01-01", "1990-02-01")
    found["first_of_none"] = none.first().getInfo()
    asked = {
        "get_of_none": none.toList(1).get(0),
        "date_of_none": none.first().date().format(),
        "wrong_type": ee.Image(ee.Image("ESA/WorldCover/v100/2020").date()).select("Map"),
        "text_for_number": ee.Number(ee.String("x").cat("y")).add(1),
        "collection_for_image": ee.Image("ESA/WorldCover/v100"),
        "no_asset": ee.Image("NO/SUCH/ASSET"),
        "no_band": ee.ImageCollection("ESA/WorldCover/v100").first().select("Mop"),
    }
    for name, value in asked.items():
        try:
            found[name] = {"answer": value.getInfo()}
        except ee.EEException as error:
            found[name] = str(error)


def main() -> None:
    """Everything, in the order of a download."""
    ee.Initialize(credentials=None, url=sys.argv[1], project="local")
    polygon = ee.Geometry.Polygon([RING])
    found: dict[str, Any] = {"geometry": geometry(polygon)}
    sentinel2 = optical(polygon, found)
    crs = found["projection"]["crs"]
    sentinel1 = radar(polygon, found["date"], found)
    climate(polygon, found)
    image = ee.Image.cat([sentinel2.float(), sentinel1, maps(polygon, crs).float()]).clip(polygon.bounds())
    download(image, polygon, crs, found)
    tiles(found)
    errors(polygon, found)
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
