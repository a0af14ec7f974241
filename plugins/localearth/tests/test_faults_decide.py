"""Which requests a rule applies to: by reproducible random decisions, by count, and by location."""

import json
import random
from concurrent.futures import ThreadPoolExecutor

import ee
import geopandas as gpd
import pytest
from localearth.errors import InputError
from localearth.faults.decide import Decider
from localearth.faults.request import Request
from localearth.faults.rules import parse_rule
from shapely.geometry import box

from mmearth_core.tiles.grid import tile_grid

VALUE = "/v1/projects/p/value:compute"
PIXELS = "/v1/projects/p/image:computePixels"


def asked(number, path=VALUE):
    return Request(path, json.dumps({"number": number}).encode())


def struck(decider, requests):
    return [decider.decide(request) is not None for request in requests]


def test_chance_is_seeded_and_near_its_rate():
    def drawn(seed):
        return struck(Decider([parse_rule("500:rate=0.1")], seed), [asked(n) for n in range(5000)])

    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)
    # Five standard deviations of a binomial distribution; as the seed is fixed, it cannot fail by chance.
    assert sum(drawn(1)) == pytest.approx(500, abs=5 * (5000 * 0.1 * 0.9) ** 0.5)


def test_chance_does_not_depend_on_the_order_of_threads():
    rules = [parse_rule("500:rate=0.2"), parse_rule("429:rate=0.2:times=1")]
    numbers = [n for n in range(150) for _ in range(3)]

    def outcome(order):
        decider = Decider(rules, 7)
        with ThreadPoolExecutor(8) as pool:
            decided = list(pool.map(lambda n: (n, str(decider.decide(asked(n)))), order))
        return sorted(decided)

    shuffled = random.Random(0).sample(numbers, len(numbers))
    assert outcome(numbers) == outcome(shuffled)


def test_a_repeated_request_gets_a_new_decision_unless_always():
    decider = Decider([parse_rule("500:rate=0.5")], 0)
    assert 20 < sum(struck(decider, [asked(1)] * 80)) < 60
    always = Decider([parse_rule("500:rate=0.5:always=true")], 0)
    for number in range(20):
        assert len(set(struck(always, [asked(number)] * 5))) == 1
    assert len(set(struck(always, [asked(number) for number in range(20)]))) == 2


def test_decisions_do_not_depend_on_the_project_or_on_other_requests():
    rule = parse_rule("500:rate=0.5")
    body = b"{}"
    for seed in range(10):
        one, other = (Request(f"/v1/projects/{project}/value:compute", body) for project in ("a", "b"))
        assert struck(Decider([rule], seed), [one]) == struck(Decider([rule], seed), [other])


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("500:first=2", [1, 1, 0, 0, 0, 0, 0]),
        ("500:after=5", [0, 0, 0, 0, 0, 1, 1]),
        ("500:after=2:first=3", [0, 0, 1, 1, 1, 0, 0]),
        ("500:every=3", [0, 0, 1, 0, 0, 1, 0]),
        ("500:after=1:every=2", [0, 0, 1, 0, 1, 0, 1]),
        ("500", [1] * 7),
    ],
)
def test_by_count(rule, expected):
    assert struck(Decider([parse_rule(rule)], 0), [asked(n) for n in range(7)]) == [bool(one) for one in expected]


def test_times_are_counted_for_each_request():
    decider = Decider([parse_rule("500:times=2")], 0)
    assert struck(decider, [asked(1), asked(2), asked(1), asked(1), asked(2), asked(2)]) == [True] * 3 + [
        False,
        True,
        False,
    ]


def test_by_phase_and_the_first_rule_wins():
    decider = Decider([parse_rule("500:phase=pixels"), parse_rule("429")], 0)
    assert [decider.decide(asked(1, path)).kind for path in (VALUE, PIXELS)] == ["429", "500"]
    assert decider.decide(Request("/v1/projects/p/algorithms", None)).kind == "429"


WEST, EAST = box(-75.01, 37.0, -75.0, 37.01), box(-75.0, 37.0, -74.99, 37.01)


@pytest.fixture
def tiles(tmp_path):
    path = tmp_path / "tiles.geojson"
    gpd.GeoDataFrame({"tile_id": ["west", "7"]}, geometry=[WEST, EAST], crs="EPSG:4326").to_file(path)
    return path


def of_pixels(polygon):
    return Request(PIXELS, json.dumps({"grid": tile_grid(polygon, "EPSG:32618", 128).request()}).encode())


def of_locate(*polygons):
    shapes = [ee.Geometry.Polygon([[list(point) for point in polygon.exterior.coords]]) for polygon in polygons]
    scenes = ee.ImageCollection("TEST/SCENES")
    graph = ee.List([scenes.filterBounds(shape).filter(ee.Filter.bounds(shape.centroid(1))) for shape in shapes])
    return Request(VALUE, json.dumps({"expression": ee.serializer.encode(graph, for_cloud_api=True)}).encode())


@pytest.mark.usefixtures("local")
@pytest.mark.parametrize("place", ["tile=7:tiles={tiles}", "bounds=-75,37,-74.99,37.01"])
def test_by_tile_without_its_neighbour(tiles, place):
    decider = Decider([parse_rule("500:" + place.format(tiles=tiles))], 0)
    # The two touch, and so do their grids.
    assert struck(decider, [of_pixels(EAST), of_pixels(WEST)]) == [True, False]
    assert struck(decider, [of_locate(EAST), of_locate(WEST), of_locate(WEST, EAST)]) == [True, False, True]
    assert struck(decider, [asked(1), Request("/v1/projects/p/algorithms", None)]) == [False, False]


@pytest.mark.usefixtures("local")
def test_a_file_without_a_tile_means_all_of_them(tiles):
    decider = Decider([parse_rule(f"500:tiles={tiles}")], 0)
    far = box(10, 10, 10.01, 10.01)
    assert struck(decider, [of_locate(EAST), of_locate(WEST), of_locate(far)]) == [True, True, False]


def test_requests_without_a_location_match_no_bounds():
    decider = Decider([parse_rule("500:bounds=-180,-90,180,90")], 0)
    utm = {"functionName": "GeometryConstructors.Point", "arguments": {"coordinates": {"constantValue": [5, 5]}}}
    utm["arguments"]["crs"] = {"constantValue": "EPSG:32618"}
    computed = {"functionName": "GeometryConstructors.Point", "arguments": {"coordinates": {"argumentReference": "x"}}}
    for call in (utm, computed):
        graph = {"result": "0", "values": {"0": {"functionInvocationValue": call}}}
        assert struck(decider, [Request(VALUE, json.dumps({"expression": graph}).encode())]) == [False]
    bodies = [b"no json", b"[]", b'{"expression": 3}', json.dumps({"grid": {"dimensions": {}}}).encode()]
    assert struck(decider, [Request(PIXELS, body) for body in bodies]) == [False] * 4


def test_a_tile_that_does_not_exist_is_reported(tiles, tmp_path):
    with pytest.raises(InputError, match=r"tiles.geojson has no tile 'north'. Set `tile` to a tile_id in it"):
        Decider([parse_rule(f"500:tile=north:tiles={tiles}")], 0)
    with pytest.raises(InputError, match="no such tiles file"):
        Decider([parse_rule(f"500:tiles={tmp_path / 'none.geojson'}")], 0)
