"""The synthetic ecoregions: all of RESOLVE's names, on land, without overlaps."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import ee
import numpy as np
import pytest
import shapely
from localearth.planet.ecoregions import entries, label_map
from localearth.planet.realms import BIOMES, REALMS
from localearth.planet.world import SyntheticWorld
from mmearth_devkit.testing.needs import needs_planet
from shapely.geometry import Point, box


@lru_cache(maxsize=1)
def world() -> Any:
    return SyntheticWorld()


@lru_cache(maxsize=1)
def records() -> Any:
    return world().find("RESOLVE/ECOREGIONS/2017").features()


def test_the_list_has_846_regions_in_14_biomes_and_8_realms() -> None:
    table = entries()
    assert [entry.number for entry in table] == list(range(846))
    assert len({entry.name for entry in table}) == 846
    assert {entry.biome for entry in table} == set(range(1, 15))
    assert {entry.realm for entry in table} == set(REALMS)
    assert len(BIOMES) == 14
    assert all(entry.area > 0 for entry in table)


@pytest.mark.slow
@needs_planet
def test_every_region_is_a_valid_polygon_with_its_properties() -> None:
    assert len(records()) == 846
    assert len({record.index for record in records()}) == 846
    for record, entry in zip(records(), entries(), strict=True):
        assert record.geometry.is_valid
        assert record.geometry.geom_type in ("Polygon", "MultiPolygon")
        assert record.geometry.area > 0
        assert record.properties["ECO_NAME"] == entry.name
        assert record.properties["BIOME_NAME"] == BIOMES[entry.biome - 1]
        assert record.properties["REALM"] == entry.realm


@needs_planet
def test_the_client_gets_them_as_a_table(engine: Callable[[Any], None]) -> None:
    engine(world())
    regions = ee.FeatureCollection("RESOLVE/ECOREGIONS/2017")
    assert regions.size().getInfo() == 846
    here = regions.filterBounds(ee.Geometry.Point(8.4, 48.5)).first()
    assert here.get("REALM").getInfo() == "Palearctic"
    name = here.get("ECO_NAME").getInfo()
    assert regions.filter(ee.Filter.eq("ECO_NAME", name)).size().getInfo() == 1


@needs_planet
def test_regions_do_not_overlap() -> None:
    shapes = [record.geometry for record in records()]
    union = shapely.union_all(shapes)
    assert union.area == pytest.approx(sum(shape.area for shape in shapes), rel=1e-9)


@needs_planet
@pytest.mark.slow
def test_regions_lie_on_land_and_most_have_about_their_area() -> None:
    labels = label_map(world().planet)
    land = world().planet.mask.coarse
    assert (land[labels >= 0] >= 20).all()
    assert (land[labels >= 0] >= 113).mean() > 0.98
    lat = 90 - (np.arange(1440) + 0.5) / 8
    area = np.cos(np.radians(lat))[:, None] * (np.radians(0.125) * 6371) ** 2 * np.ones(labels.shape)
    found = np.bincount(labels[labels >= 0], weights=area[labels >= 0], minlength=846)
    ratio = found / np.array([entry.area for entry in entries()])
    assert 0.6 < np.median(ratio) < 1.6


@needs_planet
def test_biomes_lie_where_their_climate_is() -> None:
    def latitudes(biome: int) -> Any:
        chosen = [record for record in records() if record.properties["BIOME_NUM"] == biome]
        return np.array([abs(record.geometry.centroid.y) for record in chosen])

    assert np.median(latitudes(1)) < 20 < np.median(latitudes(4)) < np.median(latitudes(6)) < 75
    assert np.median(latitudes(11)) > 58


@needs_planet
def test_features_are_filtered_by_region() -> None:
    table = world().find("RESOLVE/ECOREGIONS/2017")
    here = table.features(Point(8.4, 48.5))
    assert len(here) == 1
    assert here[0].properties["REALM"] == "Palearctic"
    assert table.features(Point(-40.0, 30.0)) == []
    assert 1 < len(table.features(box(0, 40, 20, 55))) < 80
