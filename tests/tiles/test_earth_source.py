"""Sampling on Earth Engine: what one request asks for, what failing regions do, and whose centroids they are."""

import re

import attrs
import numpy as np
import pytest
from mmearth_devkit.testing.needs import needs_planet

from mmearth_core.config.schema import RunOptions
from mmearth_core.earthengine.client import EarthClient
from mmearth_core.errors import RequestError
from mmearth_core.registry import discover, engine_of
from mmearth_core.tiles.draw import sample
from mmearth_core.tiles.earth_source import EarthSource, PointRequest, make_batches
from mmearth_core.tiles.index import fill_centroids
from mmearth_core.tiles.read import read_tiles
from mmearth_core.tiles.regions import Allocation
from mmearth_core.tiles.spacing import Rules
from mmearth_core.tiles.squares import Places, squares
from mmearth_core.tiles.vector_files import write_tiles

TILE = [1.0, 2.0, 3.0, 4.0, 2.0, 3.0]


@pytest.fixture(scope="module")
def client():
    return EarthClient(engine_of(discover(), "local:synthetic"), RunOptions(retry_seconds=0))


class Refusing:
    """A client that counts points and refuses requests with a region of some name."""

    def __init__(self, refused=()):
        self.refused, self.requests = refused, []

    def compute(self, value, purpose):
        text = value.serialize(for_cloud_api=True)
        points = [int(found) for found in re.findall(r'"points": \{"constantValue": (\d+)\}', text)]
        assert purpose == "places"
        self.requests.append(points)
        if any(name in text for name in self.refused):
            raise RequestError("User memory limit exceeded.")
        return [[TILE] * count for count in points]


def test_batches_are_small_and_keep_the_order():
    jobs = [PointRequest(place, count, 0) for place, count in enumerate([4000, 900, 200, 5000, 1, *[1] * 25])]
    batches = make_batches(jobs)
    assert [job for batch in batches for job in batch] == jobs
    assert max(sum(job.count for job in batch) for batch in batches) <= 5000
    assert max(map(len, batches)) <= 10
    assert [len(batch) for batch in batches] == [2, 1, 1, 10, 10, 6]


def test_a_request_asks_for_5000_points_at_most(client):
    asked = Refusing()
    found = dict(EarthSource(asked, 1300.0, 1).draw({3: 12_345, 5: 10}, 0))
    assert [len(found[3]), len(found[5])] == [12_345, 10]
    assert max(sum(points) for points in asked.requests) == 5000
    assert sum(sum(points) for points in asked.requests) == 12_355


def test_a_refused_request_is_halved_until_the_region_to_blame_is_alone(client):
    source = EarthSource(Refusing(["Arctic foothills tundra"]), 1300.0, 1)
    bad = next(place for place, region in enumerate(source.regions) if region.name == "Arctic foothills tundra")
    found = dict(source.draw(dict.fromkeys(range(20), 2), 0))
    assert list(found) == list(range(20))
    assert {place for place, places in found.items() if isinstance(places, str)} == {bad}
    assert found[bad] == "User memory limit exceeded."
    assert all(isinstance(found[place], Places) and len(found[place]) == 2 for place in range(20) if place != bad)


def test_each_region_and_attempt_has_its_own_seed():
    source = EarthSource(None, 1300.0, 1)
    seeds = [job.seed for place in (3, 4) for attempt in (0, 1) for job in source.split(place, 9000, attempt)]
    assert len(set(seeds)) == 8
    assert seeds == [job.seed for place in (3, 4) for attempt in (0, 1) for job in source.split(place, 9000, attempt)]


@pytest.mark.slow
@needs_planet
def test_the_squares_made_on_the_server_are_those_made_here(client):
    ((_, places),) = EarthSource(client, 1300.0, 1).draw({700: 40}, 0)
    middle_lon, middle_lat = (places.west + places.east) / 2, (places.south + places.north) / 2
    here = squares(middle_lon, middle_lat, 1300.0)
    assert np.allclose(np.array(attrs.astuple(here)[2:]), np.array(attrs.astuple(places)[2:]), atol=2e-8)


@needs_planet
def test_the_centroids_are_earth_engines_own_to_the_last_bit(client, tmp_path):
    drawn = sample(EarthSource(client, 1300.0, 1), 14, Allocation.BIOME_AREA, Rules(1300.0))
    for suffix in (".geojson", ".gpkg", ".fgb"):
        write_tiles(tmp_path / f"t{suffix}", drawn.places.polygons(), drawn.columns())
        frame = read_tiles(tmp_path / f"t{suffix}")
        asked = fill_centroids(frame.drop(columns=["lon", "lat"]), client)
        assert np.array_equal(asked["lon"], frame["lon"])
        assert np.array_equal(asked["lat"], frame["lat"])


@needs_planet
def test_an_unknown_region_is_blamed_alone(client):
    from attrs import evolve

    source = EarthSource(client, 1300.0, 1)
    source = evolve(source, regions=(evolve(source.regions[0], name="Atlantis"), source.regions[1]))
    found = dict(source.draw({0: 2, 1: 2}, 0))
    assert isinstance(found[0], str)
    assert len(found[1]) == 2
