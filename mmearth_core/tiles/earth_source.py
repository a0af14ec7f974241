"""Random places in ecoregions, computed by Earth Engine."""

import math
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from attrs import field, frozen

from mmearth_core.earthengine.client import EarthClient
from mmearth_core.errors import RequestError
from mmearth_core.tiles.index import TILES_PER_REQUEST
from mmearth_core.tiles.polygon_source import seeded
from mmearth_core.tiles.regions import Region, ecoregions
from mmearth_core.tiles.squares import DECIMALS, E2, A, Places, rounded

ASSET = "RESOLVE/ECOREGIONS/2017"
"""The table of ecoregions; its ECO_NAME and BIOME_NAME are the names in ecoregions.json."""

REGIONS_PER_REQUEST = 10
"""Their polygons have thousands of vertices; more of them could exceed the memory limit of one request."""

CONCURRENT = 8
"""Requests in flight."""


@frozen
class PointRequest:
    """Points of one region in one request.

    Attributes:
        position: the region's, in the table.
        count: number of points.
        seed: of `randomPoints`.
    """

    position: int
    count: int
    seed: int


@frozen(eq=False)
class EarthSource:
    """Random points in the ecoregions of Earth Engine.

    Attributes:
        client: an open client.
        size: of the tiles, metres.
        seed: of all draws.
        regions: the ecoregions.
    """

    client: EarthClient
    size: float
    seed: int
    regions: Sequence[Region] = field(factory=lambda: ecoregions().regions)

    def draw(self, wants: Mapping[int, int], attempt: int) -> Iterator[tuple[int, Places | str]]:
        """Requests places; as `PolygonSource.draw`."""
        wanted = [part for position, count in wants.items() for part in self.split(position, count, attempt)]
        batches = make_batches(wanted)
        pool = ThreadPoolExecutor(CONCURRENT)
        try:
            answers = (answer for batch in pool.map(self._request, batches) for answer in batch)
            # The answers are in the order of `wanted`, in which the parts of one region are adjacent.
            pairs = zip(wanted, answers, strict=True)
            for position, parts in groupby(pairs, key=lambda pair: pair[0].position):
                yield position, _joined([answer for _, answer in parts])
        finally:
            # On an error or control-C, requests that were not started are dropped.
            pool.shutdown(cancel_futures=True)

    def split(self, position: int, count: int, attempt: int) -> Iterator[PointRequest]:
        """The points of one region as parts that fit into one request each, with a seed of their own."""
        for chunk in range(math.ceil(count / TILES_PER_REQUEST)):
            seed = int(seeded(self.seed, position, attempt, chunk).generate_state(1)[0])
            yield PointRequest(position, min(TILES_PER_REQUEST, count - chunk * TILES_PER_REQUEST), seed)

    def _request(self, batch: Sequence[PointRequest]) -> list[Places | str]:
        """For each part its places, or why there are none."""
        import ee

        try:
            rows = self.client.compute(ee.List([self._tiles(part) for part in batch]), "places")
        except RequestError as error:
            if len(batch) == 1:
                return [str(error)]
            # One region may be too much for Earth Engine: it must not cost the others their tiles.
            middle = len(batch) // 2
            return self._request(batch[:middle]) + self._request(batch[middle:])
        return [_places(tiles) for tiles in rows]

    def _tiles(self, part: PointRequest) -> Any:
        """A list of [west, south, east, north, lon, lat of the centroid] for each point."""
        import ee

        region = self.regions[part.position]
        names = ee.Filter.And(ee.Filter.eq("ECO_NAME", region.name), ee.Filter.eq("BIOME_NAME", region.biome))
        area = ee.FeatureCollection(ASSET).filter(names).geometry()
        points = ee.FeatureCollection.randomPoints(area, part.count, part.seed)
        return points.toList(part.count).map(lambda point: _tile(ee.Feature(point).geometry(), self.size))


def _tile(point: Any, size: float) -> Any:
    """On the server: from a point to the edges of its tile and the tile's centroid."""
    import ee

    degree = math.pi / 180
    lon, lat = (ee.Number(point.coordinates().get(axis)) for axis in (0, 1))
    # As `half_sides` in squares.py: half a side, divided by the radius of curvature.
    w = lat.multiply(degree).sin().pow(2).multiply(-E2).add(1)
    height = w.pow(1.5).multiply(size / 2 / (A * (1 - E2)) / degree)
    width = w.sqrt().divide(lat.multiply(degree).cos()).multiply(size / 2 / A / degree)
    edges = lon.subtract(width), lon.add(width), lat.subtract(height), lat.add(height)
    # Before the centroid, so that it is that of the polygon in the tiles file.
    west, east, south, north = (edge.multiply(10**DECIMALS).round().divide(10**DECIMALS) for edge in edges)
    # The vertices have the same order as in the tiles file: the last digit of the centroid depends on it.
    ring = [[east, south], [east, north], [west, north], [west, south], [east, south]]
    return ee.List([west, south, east, north]).cat(ee.Geometry.Polygon([ring]).centroid().coordinates())


def fill_boxes(frame: gpd.GeoDataFrame, client: EarthClient, size: float) -> gpd.GeoDataFrame:
    """Requests the polygons of the tiles that have none: boxes around their centroids, 5,000 per request.

    Args:
        frame: tiles with `lon` and `lat`.
        client: an open client.
        size: of the boxes, metres.
    """
    import ee

    shapes = frame.geometry.to_numpy(object)
    rows = np.flatnonzero(frame.geometry.isna())
    for start in range(0, len(rows), TILES_PER_REQUEST):
        part = rows[start : start + TILES_PER_REQUEST]
        points = ee.List([ee.Geometry.Point(place) for place in frame[["lon", "lat"]].iloc[part].to_numpy().tolist()])
        # The request by which MMEarth-data makes its tiles: how Earth Engine draws the circle is not documented.
        boxes = points.map(lambda point: ee.Geometry(point).buffer(size / 2).bounds().coordinates().get(0))
        shapes[part] = shapely.polygons(rounded(np.asarray(client.compute(boxes, "boxes"), dtype=float)))
    return frame.set_geometry(gpd.GeoSeries(shapes, frame.index, crs="EPSG:4326"))


def make_batches(parts: Sequence[PointRequest]) -> list[list[PointRequest]]:
    """Groups parts in their order, each group with at most 5,000 points and 10 regions."""
    batches: list[list[PointRequest]] = []
    points = 0
    for part in parts:
        points += part.count
        if not batches or len(batches[-1]) == REGIONS_PER_REQUEST or points > TILES_PER_REQUEST:
            batches.append([])
            points = part.count
        batches[-1].append(part)
    return batches


def _places(tiles: Sequence[Sequence[float]]) -> Places | str:
    if not tiles:
        return "Earth Engine returned no point."
    west, south, east, north, lon, lat = np.asarray(tiles, dtype=np.float64).T
    return Places(lon, lat, west, south, east, north)


def _joined(answers: Sequence[Places | str]) -> Places | str:
    parts = [answer for answer in answers if isinstance(answer, Places)]
    return Places.joined(parts) if parts else str(answers[0])
