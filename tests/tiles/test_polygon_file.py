"""A polygon file as the source: its columns, CRS and faults."""

import geopandas as gpd
import numpy as np
import pytest
import shapely
from shapely.geometry import Point, Polygon, box

from mmearth_core.errors import TilesError
from mmearth_core.tiles.polygon_source import polygon_source

NAMES = {"eco_name": ["Llanos", "Elsewhere", "Llanos", "Rock and Ice"], "Biome_Name": ["x", "y", "x", "N/A"]}
SHAPES = [box(0, 0, 1, 1), box(10, 10, 12, 11), box(3, 0, 4, 1), box(20, 70, 30, 80)]


def put(path, columns=None, shapes=SHAPES, crs="EPSG:4326"):
    gpd.GeoDataFrame(columns or NAMES, geometry=shapes, crs=crs).to_file(path)
    return path


def test_features_of_one_ecoregion_are_one_region_and_rock_and_ice_is_left_out(tmp_path):
    source = polygon_source(put(tmp_path / "r.gpkg"), 1300.0, 1)
    assert [(region.name, region.biome, region.realm) for region in source.regions] == [
        ("Llanos", "x", None),
        ("Elsewhere", "y", None),
    ]
    assert source.regions[0].area_km2 == pytest.approx(2 * 12_309, rel=1e-3)


def test_names_of_resolve_have_their_realm(tmp_path):
    names = {"eco_region": ["Arctic foothills tundra"], "biome": ["Tundra"]}
    source = polygon_source(put(tmp_path / "r.gpkg", names, SHAPES[:1]), 1300.0, 1)
    assert source.regions[0].realm == "Nearctic"


def test_columns_can_be_named(tmp_path):
    path = put(tmp_path / "r.gpkg", {"zone": ["a"], "kind": ["b"], "part": ["c"]}, SHAPES[:1])
    source = polygon_source(path, 1300.0, 1, {"eco_region": "zone", "biome": "kind", "realm": "part"})
    assert (source.regions[0].name, source.regions[0].biome, source.regions[0].realm) == ("a", "b", "c")
    with pytest.raises(TilesError, match=r"has no column for --eco-region-column. It has: zone, kind, part"):
        polygon_source(path, 1300.0, 1)
    with pytest.raises(TilesError, match="has no column for --eco-region-column 'absent'"):
        polygon_source(path, 1300.0, 1, {"eco_region": "absent"})


def test_another_crs_and_broken_rings_are_repaired(tmp_path):
    shapes = gpd.GeoSeries(SHAPES[:1], crs="EPSG:4326").to_crs("EPSG:32631")
    moved = polygon_source(
        put(tmp_path / "utm.gpkg", {"eco_region": ["a"], "biome": ["b"]}, shapes, "EPSG:32631"), 1300.0, 1
    )
    assert moved.regions[0].area_km2 == pytest.approx(12_309, rel=2e-3)
    bow = Polygon([(0, 0), (1, 1), (1, 0), (0, 1)])
    source = polygon_source(put(tmp_path / "bow.gpkg", {"eco_region": ["a"], "biome": ["b"]}, [bow]), 1300.0, 1)
    ((_, places),) = source.draw({0: 200}, 0)
    assert shapely.contains_xy(shapely.make_valid(bow, method="structure"), places.lon, places.lat).all()


def test_each_region_and_attempt_has_its_own_chance(tmp_path):
    source = polygon_source(put(tmp_path / "r.gpkg"), 1300.0, 1)
    both = dict(source.draw({0: 5, 1: 5}, 0))
    alone = dict(source.draw({1: 5}, 0))
    assert np.array_equal(both[1].lon, alone[1].lon)
    assert not np.array_equal(both[0].lon % 1, both[1].lon % 1)
    assert not np.array_equal(dict(source.draw({1: 5}, 1))[1].lon, alone[1].lon)


def test_a_region_at_the_pole_says_so(tmp_path):
    names = {"eco_region": ["a"], "biome": ["b"]}
    source = polygon_source(put(tmp_path / "r.gpkg", names, [box(0, 89.9999, 1, 90)]), 1300.0, 1)
    assert list(source.draw({0: 3}, 0)) == [(0, "it is too near the pole.")]


@pytest.mark.parametrize(
    ("columns", "shapes", "said"),
    [
        ({"eco_region": ["a", None], "biome": ["b", "b"]}, SHAPES[:2], "feature 2 has no 'eco_region'"),
        ({"eco_region": ["a"], "biome": ["b"]}, [Point(0, 0)], "feature 1 is not a Polygon or a MultiPolygon"),
        ({"eco_region": ["Rock and Ice"], "biome": ["N/A"]}, SHAPES[:1], "has only 'Rock and Ice'"),
    ],
)
def test_faults_are_named(tmp_path, columns, shapes, said):
    with pytest.raises(TilesError, match=said):
        polygon_source(put(tmp_path / "r.gpkg", columns, shapes), 1300.0, 1)


def test_a_file_of_no_vector_format(tmp_path):
    (tmp_path / "r.gpkg").write_text("nothing")
    with pytest.raises(TilesError, match="cannot be read as a vector file"):
        polygon_source(tmp_path / "r.gpkg", 1300.0, 1)
