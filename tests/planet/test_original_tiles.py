"""A tiles file and a tile_info.json as MMEarth-data writes them: the same image is drawn and the same window is cut.

What MMEarth-data does with them is implemented here again, with the `geojson` package, the real client and rasterio.
"""

import hashlib
import json
import math
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ee
import geojson
import geopandas as gpd
import numpy as np
import pytest
from localearth.transport import LocalTransport
from localearth.worlds import shipped
from rasterio.warp import transform

from mmearth_core.builtin.file_anchor import utm_zone
from mmearth_core.config.schema import RunOptions
from mmearth_core.earthengine.client import EarthClient
from mmearth_core.registry import discover, engine_of
from mmearth_core.tiles.earth_source import fill_boxes
from mmearth_core.tiles.grid import tile_grid
from mmearth_core.tiles.index import fill_centroids

WINDOWS = {
    2017: ("2017-01-01", "2017-12-31"),
    2018: ("2018-01-01", "2018-11-30"),
    2019: ("2018-12-01", "2019-12-31"),
    2020: ("2020-01-01", "2020-12-31"),
}
COLLECTIONS = {"l2a": "COPERNICUS/S2_SR_HARMONIZED", "l1c": "COPERNICUS/S2_HARMONIZED"}
SIZE = 128
WHOLE = {"estonia": (25.0, 59.0), "sumatra": (102.0, 0.0), "rondonia": (-63.0, -9.0)}
"""Tiles whose centroid has an integral longitude: 25 is hashed, not 25.0."""


@pytest.fixture
def client() -> Iterator[None]:
    """The unmodified client, on the planet of these tests; for each test, as a run leaves its own behind."""
    ee.Reset()
    ee.Initialize(credentials=None, project="local", http_transport=LocalTransport(shipped.open_world("synthetic")))
    yield
    ee.Reset()


def made_tiles(places: dict[str, tuple[float, float]]) -> dict[str, Any]:
    """The tiles file, as the script writes it: boxes around points with all digits, and no centroids."""
    points = ee.FeatureCollection(
        [ee.Feature(ee.Geometry.Point(*place), {"name": name}) for name, place in places.items()]
    )
    features = points.map(lambda point: point.buffer(1300 / 2).bounds()).getInfo()["features"]
    for feature, name in zip(features, places, strict=True):
        feature["properties"] = {"tile_id": name, "biome": "Tundra", "eco_region": "Arctic foothills tundra"}
    for name in WHOLE:
        if name in places:
            x, y = places[name]
            ring = [[x + 0.01 * i, y + 0.006 * j] for i, j in ((-1, -1), (1, -1), (1, 1), (-1, 1), (-1, -1))]
            features[list(places).index(name)]["geometry"]["coordinates"] = [ring]
    return {"type": "FeatureCollection", "features": features}


def original(tile: Any) -> dict[str, Any] | None:
    """What the original does with one tile: its tile_info, and its image and window; None without an image."""
    polygon = ee.Geometry.Polygon(tile["geometry"]["coordinates"])
    lon = polygon.centroid().coordinates().get(0).getInfo()
    lat = polygon.centroid().coordinates().get(1).getInfo()
    drawn = random.Random(int(hashlib.sha256(f"{lat}_{lon}".encode()).hexdigest(), 16) % 10**5)
    start, end = WINDOWS[drawn.randint(2017, 2020)]

    def images(kind: str) -> Any:
        found = ee.ImageCollection(COLLECTIONS[kind]).filterBounds(polygon).filterDate(start, end)
        return found.filterMetadata("CLOUDY_PIXEL_PERCENTAGE", "less_than", 10)

    kind = "l2a" if drawn.randint(0, 1) == 0 else "l1c"
    if kind == "l2a" and images("l2a").size().getInfo() == 0:
        kind = "l1c"
    containing = images(kind).filter(ee.Filter.contains(".geo", polygon.buffer(200)))
    count = containing.size().getInfo()
    if not count:
        return None
    image = ee.Image(containing.toList(count).get(drawn.randint(0, count - 1)))
    crs = image.select("B4").projection().getInfo()["crs"]
    # The download's pixels are whole ones of 10 m around the region; the middle ones of the array are kept.
    x, y = transform("EPSG:4326", crs, *zip(*tile["geometry"]["coordinates"][0], strict=True))
    left, bottom = math.floor(min(x) / 10), math.floor(min(y) / 10)
    rows, columns = math.ceil(max(y) / 10) - bottom, math.ceil(max(x) / 10) - left
    corner = (left + (columns - SIZE) // 2) * 10, (bottom + rows - (rows - SIZE) // 2) * 10
    return {
        "info": {
            "S2_DATE": image.date().format("YYYY-MM-dd").getInfo(),
            "S2_type": kind,
            "CRS": crs,
            "lat": lat,
            "lon": lon,
            "NO_DATA": False,
            "BANDS": {"sentinel2": image.bandNames().getInfo()},
        },
        "image": f"{COLLECTIONS[kind]}/{image.get('system:index').getInfo()}",
        "corner": corner,
    }


def drawn_here(config: Path, kit: Any) -> dict[str, Any]:
    """The image and window that a run drew for each tile, as `original` describes them."""
    kit.run(config)
    made = {}
    for name, entry in kit.journal(config.parent / "planet", "base").items():
        if entry["outcome"] == "skipped":
            made[name] = None
            continue
        located, affine = entry["located"]["sentinel2"], entry["grid"]["transform"]
        image = f"{COLLECTIONS[located['variant']]}/{located['images'][0]['index']}"
        made[name] = {"image": image, "corner": (affine[2], affine[5]), "crs": entry["grid"]["crs"]}
    return made


def compared(folder: Path, places: dict[str, tuple[float, float]], kit: Any) -> dict[str, Any]:
    """Runs both; returns the original's tile_info."""
    (folder / "tiles.geojson").write_text(json.dumps(made_tiles(places)))
    with (folder / "tiles.geojson").open() as file:
        tiles = geojson.load(file)["features"]
    wanted = {tile["properties"]["tile_id"]: original(tile) for tile in tiles}
    expected = {
        name: each and {"image": each["image"], "corner": each["corner"], "crs": each["info"]["CRS"]}
        for name, each in wanted.items()
    }
    assert drawn_here(kit.config(folder, ["sentinel2"], size=SIZE), kit) == expected
    info = {name: each["info"] for name, each in wanted.items() if each}
    (folder / "data_tile_info.json").write_text(json.dumps(info))
    again = folder / "again"
    again.mkdir()
    arguments = folder / "data_tile_info.json", "--tiles", folder / "tiles.geojson", "-o", again / "tiles.geojson"
    assert kit.cli("tiles", "from-tile-info", *arguments).exit_code == 0
    assert drawn_here(kit.config(again, ["sentinel2"], size=SIZE), kit) == expected
    alone = folder / "alone"
    alone.mkdir()
    arguments = folder / "data_tile_info.json", "--engine", "local:synthetic", "-o", alone / "tiles.geojson"
    made = json.loads(kit.cli("tiles", "from-tile-info", *arguments, "--json").stdout)
    assert made["boxes"] == len(info)
    drawn = drawn_here(kit.config(alone, ["sentinel2"], size=SIZE), kit)
    assert {name: each["image"] for name, each in drawn.items()} == {name: expected[name]["image"] for name in info}
    # Those of WHOLE are of another size.
    names = [name for name in info if name not in WHOLE]
    assert {name: drawn[name]["corner"] for name in names} == {name: expected[name]["corner"] for name in names}
    return info


@pytest.mark.usefixtures("client")
def test_a_few_tiles(tmp_path: Path, kit: Any) -> None:
    few = {name: kit.places[name] for name in ("brittany", "fiji", "patagonia")}
    info = compared(tmp_path, {**few, **WHOLE}, kit)
    assert {name: entry["lon"] for name, entry in info.items() if type(entry["lon"]) is int} == {
        name: lon for name, (lon, _) in WHOLE.items()
    }


@pytest.mark.slow  # some hundred requests
@pytest.mark.usefixtures("client")
def test_some_dozen_tiles_in_another_format(tmp_path: Path, kit: Any) -> None:
    spread = random.Random(1)
    places = {
        f"{name}{number}": (lon + spread.uniform(-0.5, 0.5), lat + spread.uniform(-0.5, 0.5))
        for name, (lon, lat) in kit.places.items()
        for number in range(4)
    }
    info = compared(tmp_path, {**places, **WHOLE, "taveuni": (179.9, -16.9), "chukotka": (-179.9, 66.5)}, kit)
    assert len(info) > 40
    assert {entry["S2_type"] for entry in info.values()} == {"l1c", "l2a"}
    gpd.read_file(tmp_path / "tiles.geojson").to_file(tmp_path / "again" / "tiles.gpkg")
    config = kit.config(tmp_path / "again", ["sentinel2"], size=SIZE)
    config.write_text(config.read_text().replace("tiles.geojson", "tiles.gpkg").replace('"planet"', '"other"'))
    first = kit.journal(tmp_path / "again" / "planet", "base")
    kit.run(config)
    second = kit.journal(tmp_path / "again" / "other", "base")
    assert {name: (entry.get("located"), entry.get("grid")) for name, entry in second.items()} == {
        name: (entry.get("located"), entry.get("grid")) for name, entry in first.items()
    }


@pytest.mark.slow  # five thousand tiles
def test_at_most_one_window_in_a_thousand_is_off_by_a_pixel_without_the_tiles_file() -> None:
    """docs/tiles.md states it: tiles by the original's rule, and again from their centroids alone."""
    count, spread = 5000, np.random.default_rng(2)
    # No place so near to 180 degrees that the box would go around the globe; by area, where land is.
    lat = np.degrees(np.arcsin(spread.uniform(math.sin(math.radians(-56)), math.sin(math.radians(82)), count)))
    places = gpd.GeoDataFrame(
        {"lon": spread.uniform(-179.9, 179.9, count), "lat": lat}, geometry=[None] * count, crs=4326
    )
    client = EarthClient(engine_of(discover(), "local:synthetic"), RunOptions())
    tiles = fill_boxes(places, client, 1300.0)
    centroids = fill_centroids(tiles.drop(columns=["lon", "lat"]), client)
    again = fill_boxes(centroids.set_geometry([None] * count, crs=4326), client, 1300.0)
    zones = [utm_zone(lon, lat) for lon, lat in zip(places.lon, places.lat, strict=True)]
    for size in (128, 64):
        grids = [
            [tile_grid(shape, zone, size) for shape, zone in zip(each.geometry, zones, strict=True)]
            for each in (tiles, again)
        ]
        apart = [max(abs(one.left - two.left), abs(one.top - two.top)) for one, two in zip(*grids, strict=True)]
        assert max(apart) <= 10
        assert sum(each > 0 for each in apart) <= count / 1000
