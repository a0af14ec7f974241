"""Random places in ecoregions and centroids of tiles, computed by Earth Engine."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import geopandas as gpd
import numpy as np
from attrs import field, frozen

from mmearth_core.earthengine.client import EarthClient
from mmearth_core.errors import RequestError
from mmearth_core.tiles.polygon_source import seeded
from mmearth_core.tiles.regions import Region, known_regions
from mmearth_core.tiles.squares import E2, A, Places

TILES_A_REQUEST = 5000
"""Earth Engine lists at most 5,000 elements in one answer."""


def lacks_centroids(frame: gpd.GeoDataFrame) -> bool:
    """Whether a tile has no `lon` or no `lat`."""
    return not {"lon", "lat"} <= set(frame.columns) or bool(frame[["lon", "lat"]].isna().any(axis=None))


def fill_centroids(frame: gpd.GeoDataFrame, client: EarthClient) -> gpd.GeoDataFrame:
    """Asks for the centroids of the tiles that have none, 5,000 in a request.

    Args:
        frame: tiles, EPSG:4326.
        client: an open client.

    Returns:
        The frame with `lon` and `lat` in every row; given values stay as they are.
    """
    import ee

    filled = frame.copy()
    for column in ("lon", "lat"):
        filled[column] = filled[column].astype(float) if column in filled else np.nan
    rows = np.flatnonzero(filled["lon"].isna() | filled["lat"].isna())
    for start in range(0, len(rows), TILES_A_REQUEST):
        part = rows[start : start + TILES_A_REQUEST]
        shapes = [
            ee.Geometry.Polygon([[list(point) for point in shape.exterior.coords]])
            for shape in filled.geometry.iloc[part]
        ]
        centroids = ee.List(shapes).map(lambda shape: ee.Geometry(shape).centroid().coordinates())
        filled.loc[filled.index[part], ["lon", "lat"]] = np.asarray(client.compute(centroids, "centroids"), dtype=float)
    return filled


ASSET = "RESOLVE/ECOREGIONS/2017"
"""The table of ecoregions; ECO_NAME and BIOME_NAME are the project's names."""


REGIONS_A_REQUEST = 10
"""Their polygons have thousands of vertices; more at once would run into the memory of one request."""


CONCURRENT = 8
"""Requests under way at once."""


@frozen
class _Job:
    """Points of one region in one request."""

    place: int
    count: int
    seed: int


@frozen(eq=False)
class EarthSource:
    """Random points in the ecoregions of Earth Engine.

    Attributes:
        client: open.
        size: of the tiles, metres.
        seed: of all draws.
        regions: the project's table.
    """

    client: EarthClient
    size: float
    seed: int
    regions: Sequence[Region] = field(factory=known_regions)

    def draw(self, wants: Mapping[int, int], attempt: int) -> Iterator[tuple[int, Places | str]]:
        """Asks for places; see `Source`."""
        jobs = [job for place, count in wants.items() for job in self._jobs(place, count, attempt)]
        batches = _batches(jobs)
        found: dict[int, list[Places | str]] = {place: [] for place in wants}
        waiting = list(wants)
        pool = ThreadPoolExecutor(CONCURRENT)
        try:
            for batch, answers in zip(batches, pool.map(self._ask, batches), strict=True):
                for job, answer in zip(batch, answers, strict=True):
                    while waiting[0] != job.place:
                        place = waiting.pop(0)
                        yield place, _joined(found.pop(place))
                    found[job.place].append(answer)
        finally:
            # On an error, or control-C, what has not been asked yet is not asked.
            pool.shutdown(cancel_futures=True)
        for place in waiting:
            yield place, _joined(found.pop(place))

    def _jobs(self, place: int, count: int, attempt: int) -> Iterator[_Job]:
        for chunk in range(math.ceil(count / TILES_A_REQUEST)):
            seed = int(seeded(self.seed, place, attempt, chunk).generate_state(1)[0])
            yield _Job(place, min(TILES_A_REQUEST, count - chunk * TILES_A_REQUEST), seed)

    def _ask(self, batch: Sequence[_Job]) -> list[Places | str]:
        """The answer for each job: its places, or why there are none."""
        import ee

        try:
            rows = self.client.compute(ee.List([self._tiles(job) for job in batch]), "places")
        except RequestError as error:
            if len(batch) == 1:
                return [str(error)]
            middle = len(batch) // 2
            return self._ask(batch[:middle]) + self._ask(batch[middle:])
        return [_places(tiles) for tiles in rows]

    def _tiles(self, job: _Job) -> Any:
        """A list of [west, south, east, north, lon, lat of the centroid] for each point of a job."""
        import ee

        region = self.regions[job.place]
        named = ee.Filter.And(ee.Filter.eq("ECO_NAME", region.name), ee.Filter.eq("BIOME_NAME", region.biome))
        area = ee.FeatureCollection(ASSET).filter(named).geometry()
        points = ee.FeatureCollection.randomPoints(area, job.count, job.seed)
        return points.toList(job.count).map(_described(self.size))


def _described(size: float) -> Callable[[Any], Any]:
    """The function of a point that gives its tile and the tile's centroid, all on the server."""
    import ee

    degree = math.pi / 180

    def tile(point: Any) -> Any:
        place = ee.Feature(point).geometry().coordinates()
        lon, lat = ee.Number(place.get(0)), ee.Number(place.get(1))
        # As in square.py: half a side over the radius of curvature.
        w = lat.multiply(degree).sin().pow(2).multiply(-E2).add(1)
        height = w.pow(1.5).multiply(size / 2 / (A * (1 - E2)) / degree)
        width = w.sqrt().divide(lat.multiply(degree).cos()).multiply(size / 2 / A / degree)
        west, east, south, north = lon.subtract(width), lon.add(width), lat.subtract(height), lat.add(height)
        # The vertices in the order in which the written polygon has them.
        ring = [[east, south], [east, north], [west, north], [west, south], [east, south]]
        return ee.List([west, south, east, north]).cat(ee.Geometry.Polygon([ring]).centroid().coordinates())

    return tile


def _batches(jobs: Sequence[_Job]) -> list[list[_Job]]:
    """Jobs in order, of at most 5,000 points and a few regions together."""
    batches: list[list[_Job]] = []
    for job in jobs:
        last = batches[-1] if batches else []
        if last and len(last) < REGIONS_A_REQUEST and sum(each.count for each in last) + job.count <= TILES_A_REQUEST:
            last.append(job)
        else:
            batches.append([job])
    return batches


def _places(tiles: Sequence[Sequence[float]]) -> Places | str:
    if not tiles:
        return "Earth Engine returned no point."
    west, south, east, north, lon, lat = np.asarray(tiles, dtype=np.float64).T
    return Places(lon, lat, west, south, east, north)


def _joined(answers: Sequence[Places | str]) -> Places | str:
    found = [answer for answer in answers if isinstance(answer, Places)]
    return Places.joined(found) if found else next(str(answer) for answer in answers)
