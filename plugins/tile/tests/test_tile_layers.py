"""The modality `tile`: place, month, biome and ecoregion of a tile, without a request."""

import datetime as dt
import json
import math
from itertools import pairwise

import attrs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mmearth_devkit.testing.ee_offline import no_answer, open_client
from mmearth_tile import modality as tile_layers
from mmearth_tile.modality import TileLayers, TileOptions
from shapely.geometry import box

from mmearth_core import Anchor, Kind, Scene
from mmearth_core.builtin.file_anchor import FileAnchor
from mmearth_core.download.locate import Locator
from mmearth_core.download.stored_config import Group
from mmearth_core.registry import discover
from mmearth_core.tiles.index import Tile
from mmearth_core.tiles.regions import EcoRegions, Region, ecoregions

TABLE = ecoregions()
SAVANNAS = "Mid-Atlantic US coastal savannas"
GRASSLANDS = "Temperate Grasslands, Savannas & Shrublands"


def scene(lat=37.5, lon=-75.6, date=dt.date(2018, 7, 14), **attributes):
    return Scene("t", box(lon, lat, lon + 0.01, lat + 0.01), lon, lat, attributes, Anchor(date, "EPSG:32618"))


def located(modality=None, **tile):
    found = (modality or TileLayers()).locate(scene(**tile))
    json.dumps(found, allow_nan=False)  # as the journal keeps it
    return found


def values(**tile):
    return TileLayers().values(located(**tile))


def test_is_registered_as_an_ordinary_modality():
    entry = discover().modality("tile")
    assert (entry.origin.distribution, entry.declared) == ("mmearth-tile", TileLayers)
    assert not TileLayers.can_anchor() and TileLayers().map_layers() == ()


@pytest.mark.parametrize(
    ("name", "count", "dtype", "nodata"),
    [
        ("lat", 2, "float32", -math.inf),
        ("lon", 2, "float32", -math.inf),
        ("month", 2, "float32", -math.inf),
        ("biome", 14, "uint8", 255),
        ("eco_region", 846, "uint16", 65535),
    ],
)
def test_declares_the_dataset_s_layers(name, count, dtype, nodata):
    (layer,) = (layer for layer in TileLayers.layers if layer.name == name)
    assert (layer.kind, len(layer.bands), layer.dtype, layer.nodata) == (Kind.VECTOR, count, dtype, nodata)
    if count == 2:
        assert [band.name for band in layer.bands] == ["sin", "cos"]


def test_one_hot_bands_are_described():
    by_name = {layer.name: layer for layer in TileLayers.layers}
    assert [band.description for band in by_name["biome"].bands] == list(TABLE.biomes)
    assert [band.description for band in by_name["eco_region"].bands] == [region.name for region in TABLE.regions]
    assert by_name["eco_region"].bands[53].name == "alto_parana_atlantic_forests"


@given(
    st.floats(-90, 90),
    st.floats(-180, 180),
    st.dates(dt.date(2015, 1, 1), dt.date(2030, 12, 31)),
)
def test_angles_can_be_turned_back(lat, lon, date):
    found = values(lat=lat, lon=lon, date=date)
    assert math.degrees(math.atan2(*found["lat"])) == pytest.approx(lat, abs=1e-9)
    assert math.cos(math.atan2(*found["lon"]) - math.radians(lon)) == pytest.approx(1)
    assert round(math.atan2(*found["month"]) / (2 * math.pi) * 12) % 12 == date.month % 12
    assert all(math.hypot(*found[name]) == pytest.approx(1) for name in ("lat", "lon", "month"))


def test_months_are_encoded_as_published():
    assert values(date=dt.date(2018, 3, 1))["month"] == pytest.approx([1, 0])
    assert values(date=dt.date(2018, 12, 31))["month"] == pytest.approx([0, 1])


def test_classes_are_one_hot():
    found = values(biome=GRASSLANDS, eco_region=SAVANNAS)
    assert np.flatnonzero(found["biome"]).tolist() == [4] and sum(found["biome"]) == 1
    assert np.flatnonzero(found["eco_region"]).tolist() == [450] and len(found["eco_region"]) == 846


def test_info_has_the_published_keys():
    info = TileLayers().info(located(biome=GRASSLANDS, eco_region=SAVANNAS))
    assert info == {"lat": 37.5, "lon": -75.6, "biome": 4, "eco_region": 450}


def test_class_numbers_as_in_a_published_tile_info():
    found = located(biome=4.0, eco_region=450)
    assert (found["biome"], found["eco_region"], found["missing"]) == (4, 450, {})


def test_columns_of_other_names():
    modality = TileLayers(TileOptions(biome="BIOME_NAME", eco_region="ECO_NAME"))
    found = located(modality, BIOME_NAME=f" {GRASSLANDS}", ECO_NAME=SAVANNAS, biome="x")
    assert (found["biome"], found["eco_region"]) == (4, 450)


@pytest.mark.parametrize(
    ("columns", "layer", "why"),
    [
        ({"eco_region": SAVANNAS}, "biome", "the tile has no value in column 'biome'"),
        ({"biome": GRASSLANDS}, "eco_region", "the tile has no value in column 'eco_region'"),
        ({"biome": ""}, "biome", "the tile has no value in column 'biome'"),
        ({"biome": math.nan}, "biome", "the tile has no value in column 'biome'"),
        ({"biome": "Moon"}, "biome", "column 'biome': 'Moon' is not a biome of RESOLVE Ecoregions 2017"),
        ({"biome": 14}, "biome", "column 'biome': 14 is not a class number from 0 to 13"),
        ({"biome": 1.5}, "biome", "column 'biome': 1.5 is not a class number from 0 to 13"),
        ({"eco_region": -1}, "eco_region", "column 'eco_region': -1 is not a class number from 0 to 845"),
        (
            {"eco_region": "Rock and Ice"},
            "eco_region",
            "column 'eco_region': 'Rock and Ice' is not an ecoregion of RESOLVE Ecoregions 2017",
        ),
        (
            {"biome": "Tundra", "eco_region": SAVANNAS},
            "eco_region",
            f"column 'eco_region': '{SAVANNAS}' is in '{GRASSLANDS}', not in 'Tundra'",
        ),
    ],
)
def test_unknown_classes_are_no_data_with_their_reason(columns, layer, why):
    found = located(**columns)
    (declared,) = (each for each in TileLayers.layers if each.name == layer)
    assert TileLayers().values(found)[layer] == [declared.nodata] * len(declared.bands)
    info = TileLayers().info(found)
    assert info[layer] is None and info["MISSING"][layer] == why


def test_a_name_in_two_biomes_is_resolved_by_the_biome(monkeypatch):
    twins = [Region("Hills", "Wet", "A", 1.0), Region("Hills", "Dry", "B", 1.0)]
    table = EcoRegions(("Wet", "Dry"), tuple(twins))
    monkeypatch.setattr(tile_layers, "ecoregions", lambda: table)
    assert [located(biome=name, eco_region="Hills")["eco_region"] for name in ("Wet", "Dry")] == [0, 1]
    found = located(eco_region="Hills")
    assert found["eco_region"] is None
    assert found["missing"]["eco_region"] == (
        "column 'eco_region': 'Hills' is in several biomes ('Wet', 'Dry'), and the tile's biome is unknown"
    )


def test_values_fit_their_layers():
    vectors = values(biome=GRASSLANDS, eco_region=SAVANNAS)
    assert list(vectors) == [layer.name for layer in TileLayers.layers]
    for layer in TileLayers.layers:
        array = np.asarray(vectors[layer.name], dtype=layer.dtype)
        np.testing.assert_allclose(array, np.asarray(vectors[layer.name], dtype=float), rtol=1e-6, atol=1e-7)


def test_the_table_is_complete():
    assert len(TABLE.regions) == 846 and len(TABLE.biomes) == 14
    assert {region.biome for region in TABLE.regions} == set(TABLE.biomes)
    assert all(region.area_km2 > 0 and region.realm for region in TABLE.regions)
    # The published numbering runs biome by biome.
    biomes = [TABLE.biome(region.biome) for region in TABLE.regions]
    assert all(one <= other for one, other in pairwise(biomes))
    assert TABLE.biome("Tundra") == 0 and TABLE.biome("tundra") is None
    assert attrs.astuple(TABLE.regions[0]) == ("Adelie Land tundra", "Tundra", "Antarctica", 176.36)
    assert [TABLE.regions.index(region) for region in TABLE.named(SAVANNAS)] == [450]


def test_costs_no_request():
    tile = Tile(0, 0, "t", box(0, 0, 0.01, 0.01), 0.005, 0.005, {"biome": "Tundra"})
    group = Group("tile", (TileLayers(),), FileAnchor())
    anchor = Anchor(dt.date(2018, 7, 14), "EPSG:32631")
    (ready,) = Locator(open_client(no_answer), group).locate([tile], {"t": anchor})
    assert ready.located["tile"]["biome"] == 0
