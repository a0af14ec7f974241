"""The contract: what a declaration may say, and what a plugin inherits."""

import datetime as dt
import math

import pytest
from attrs import evolve, frozen
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import box

from mmearth_core import (
    Anchor,
    Band,
    ClassLabel,
    Connection,
    Engine,
    Kind,
    Layer,
    Limits,
    Modality,
    Preview,
    Resampling,
    Scene,
)
from mmearth_core.contract.bands import DTYPES, holds
from mmearth_core.errors import DeclarationError


@pytest.mark.parametrize(
    ("dtype", "value", "fits"),
    [
        ("uint8", 255, True),
        ("uint8", 256, False),
        ("uint8", -1, False),
        ("int8", 255, False),
        ("uint8", 0.5, False),
        ("uint8", math.nan, False),
        ("int16", -math.inf, False),
        ("uint16", 65535, True),
        ("float32", math.nan, True),
        ("float32", -math.inf, True),
        ("float32", 0.1, False),
        ("float32", 16_777_217, False),
    ],
)
def test_a_dtype_holds_a_value_exactly_or_not(dtype, value, fits):
    assert holds(dtype, value) is fits
    if fits:
        assert Band("a", dtype, value).dtype == dtype
    else:
        with pytest.raises(DeclarationError, match=r"'a': no-data .* does not fit"):
            Band("a", dtype, value)


@given(dtype=st.sampled_from(DTYPES), value=st.integers(-70_000, 70_000))
def test_what_a_dtype_holds_survives_a_float32_stack(dtype, value):
    import numpy as np

    if holds(dtype, value):
        assert np.float32(value).astype(dtype) == value


@pytest.mark.parametrize("name", ["a__b", "1a", "a-b", "a b", "", "_a", "a_", "ä"])
def test_names_that_cannot_be_band_ids(name):
    for declare in (lambda: Band(name, "uint8", 0), lambda: Layer(name, [Band("a", "uint8", 0)])):
        with pytest.raises(DeclarationError, match="single underscores"):
            declare()


def test_unknown_dtype():
    with pytest.raises(DeclarationError, match="dtype 'float64' is not one of uint8, int8, uint16, int16, float32"):
        Band("a", "float64", 0)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([(1, "x"), (1, "y")], "class value is listed twice"),
        ([(0, "x")], "class value 0 is no-data"),
        ([(256, "x")], "does not fit uint8"),
    ],
)
def test_impossible_classes(labels, message):
    with pytest.raises(DeclarationError, match=message):
        Band("a", "uint8", 0, classes=[ClassLabel(*label) for label in labels])


@pytest.mark.parametrize(
    ("key", "value", "allowed"),
    [("resampling", "bilinear", "NEAREST"), ("coarser", "bilinear", "MODE"), ("coarser", "mean", "MODE")],
)
def test_classes_are_never_mixed(key, value, allowed):
    labels, how = [ClassLabel(1, "water"), ClassLabel(2, "wood")], {key: value}
    said = f"so its {key} cannot be {value}: .*Leave out `{key}`, or set Resampling.{allowed}"
    with pytest.raises(DeclarationError, match=f"Band 'a' has classes, {said}"):
        Band("a", "uint8", 0, classes=labels, **how)
    bands = [Band("a", "uint8", 0), Band("b", "uint8", 0, **how)]
    with pytest.raises(DeclarationError, match=f"Band 'b' is in layer 'cover' of kind CLASSES, {said}"):
        Layer("cover", bands, kind=Kind.CLASSES)
    assert getattr(Layer("cover", bands).bands[1], key) is Resampling(value), "quantities may be mixed"


@pytest.mark.parametrize("resampling", ["mean", "mode"])
def test_methods_for_coarser_grids_are_no_resampling_to_finer_ones(resampling):
    with pytest.raises(
        DeclarationError,
        match=f"Band 'a': resampling {resampling} is only possible .*`coarser` to Resampling.{resampling.upper()}",
    ):
        Band("a", "uint8", 0, resampling=resampling)


def test_what_happens_on_a_coarser_grid_follows_from_the_kind_of_band():
    quantity, labelled = Band("a", "uint8", 0), Band("b", "uint8", 0, classes=[ClassLabel(1, "water")])
    assert Layer("maps", [quantity]).coarser(quantity) is Resampling.MEAN
    assert Layer("maps", [labelled]).coarser(labelled) is Resampling.MODE
    assert Layer("maps", [quantity], kind=Kind.CLASSES).coarser(quantity) is Resampling.MODE
    own = Band("c", "uint8", 0, coarser="nearest")
    assert Layer("maps", [own]).coarser(own) is Resampling.NEAREST


@pytest.mark.parametrize("size", [0, -30, math.nan, math.inf])
def test_a_pixel_size_is_a_number_of_metres(size):
    assert Band("a", "uint8", 0, pixel_size=30).pixel_size == 30
    with pytest.raises(DeclarationError, match=r"Band 'a': pixel_size .* is not a number of metres"):
        Band("a", "uint8", 0, pixel_size=size)


def test_the_transform_of_an_anchor_is_six_numbers_and_is_not_stored():
    anchor = Anchor(dt.date(2020, 1, 1), "EPSG:32618", transform=[30, 0, 15, 0, -30, 15])
    assert anchor.transform == (30, 0, 15, 0, -30, 15)
    assert anchor.to_json() == {"date": "2020-01-01", "crs": "EPSG:32618", "variant": None}
    with pytest.raises(ValueError, match="six finite numbers"):
        Anchor(dt.date(2020, 1, 1), "EPSG:32618", transform=[30, 0, 15])


def test_classes_are_resampled_by_the_nearest_pixel():
    band = Band("a", "uint8", 0, classes=[ClassLabel(1, "water")], resampling="nearest")
    assert Layer("cover", [band], kind=Kind.CLASSES).bands[0].resampling is Resampling.NEAREST


def test_a_misspelt_resampling_is_not_taken_for_the_nearest():
    assert Band("a", "uint8", 0, resampling="bilinear").resampling is Resampling.BILINEAR
    with pytest.raises(ValueError, match="'bilinaer' is not a valid Resampling"):
        Band("a", "uint8", 0, resampling="bilinaer")


def test_colour_of_a_class():
    assert ClassLabel(1, "water", "#0000ff").colour == "#0000ff"
    with pytest.raises(DeclarationError, match="'blue' is not of the form #rrggbb"):
        ClassLabel(1, "water", "blue")


def test_layer_without_bands():
    with pytest.raises(DeclarationError, match="declares no band"):
        Layer("a", [])


def test_layer_with_a_band_twice():
    with pytest.raises(DeclarationError, match="declares a band twice: x, x"):
        Layer("a", [Band("x", "uint8", 0), Band("x", "uint8", 0)])


@pytest.mark.parametrize("other", [Band("y", "uint8", 255), Band("y", "uint16", 0)])
def test_layer_of_two_kinds_of_bands(other):
    with pytest.raises(DeclarationError, match="share one dtype and one no-data value"):
        Layer("a", [Band("x", "uint8", 0), other])


def test_layer_of_nan_bands_agrees_with_itself():
    layer = Layer("a", [Band("x", "float32", math.nan), Band("y", "float32", math.nan)], "vector")
    assert layer.kind is Kind.VECTOR
    assert not layer.is_map
    assert math.isnan(layer.nodata)


@pytest.mark.parametrize(
    ("bands", "low", "high", "message"),
    [
        (("a",), (0, 0), 1, "give low and high once, or once per band"),
        (("a",), 1, 1, "low 1 is not below high 1"),
        (("a", "b", "c"), (0, 0, 2), 1, "is not below"),
    ],
)
def test_impossible_preview(bands, low, high, message):
    with pytest.raises(DeclarationError, match=message):
        Preview(bands, low, high)


def test_preview_of_a_band_that_is_not_there():
    with pytest.raises(DeclarationError, match="preview names a band"):
        Layer("a", [Band("x", "uint8", 0)], preview=Preview(["y"]))


@frozen
class Options:
    depth: int = 1


class Probe(Modality):
    name = "probe"
    api_version = 1
    layers = (Layer("map", [Band("a", "uint8", 0)]), Layer("row", [Band("b", "float32", 0)], Kind.VECTOR))
    Options = Options


SCENE = Scene("t", box(0, 0, 1, 1), 0.5, 0.5)


def test_what_a_modality_inherits_asks_nothing_and_gives_nothing():
    probe = Probe()
    assert probe.options == Options(1)
    assert probe.check_tile({"tile_id": "t"}) is None
    assert probe.locate(SCENE) is None
    assert probe.relocate(SCENE, None) is None
    assert probe.image(SCENE, None) is None
    assert probe.present(None) is None
    assert probe.values(None) == {}
    assert probe.info(None) == {}
    assert [layer.name for layer in probe.map_layers()] == ["map"]


def test_configured_leaves_the_original_alone():
    probe = Probe()
    assert probe.configured(Options(2)).options == Options(2)
    assert probe.options == Options(1)


def test_only_a_modality_with_an_anchor_can_anchor():
    class Anchoring(Probe):
        def anchor(self, scene, located):
            return Anchor(dt.date(2020, 1, 1), "EPSG:32618")

    assert Anchoring.can_anchor()
    assert not Probe.can_anchor()
    with pytest.raises(NotImplementedError, match="probe cannot be an anchor"):
        Probe().anchor(SCENE, None)


def test_scene_has_a_date_once_it_is_anchored():
    with pytest.raises(RuntimeError, match="not located yet"):
        _ = SCENE.date
    assert evolve(SCENE, anchor=Anchor(dt.date(2020, 1, 2), "EPSG:32618")).date == dt.date(2020, 1, 2)


def test_engine_inherits_options_source_and_no_demo():
    class Nowhere(Engine):
        name = "nowhere"
        api_version = 1
        Options = Options

        def connect(self, limits):
            return Connection(f"project-{limits.connections}", None)

    engine = Nowhere()
    assert engine.source == "nowhere"
    assert engine.demo() is None
    assert engine.configured(Options(4)).options == Options(4)
    assert engine.options == Options(1)
    assert engine.connect(Limits(1.0, 4)).project == "project-4"
    with pytest.raises(TypeError, match="connect"):
        Engine()


@pytest.mark.parametrize("names", [("a", "b"), ("a", "z")])
def test_preview_that_a_map_cannot_have(names):
    bands = [Band(name, "uint8", 0) for name in "abc"]
    with pytest.raises(DeclarationError, match="preview"):
        Layer("x", bands, preview=Preview(names))


def test_preview_of_a_vector_names_the_bands_that_are_printed():
    bands = [Band(name, "float32", math.nan) for name in "abc"]
    assert Layer("x", bands, "vector", preview=Preview(("a", "c"))).preview


@pytest.mark.parametrize(
    "fields",
    [
        {"date": "2018-07-01", "crs": "EPSG:32618"},
        {"date": dt.datetime(2018, 7, 1), "crs": "EPSG:32618"},
        {"date": dt.date(2018, 7, 1), "crs": 32618},
        {"date": dt.date(2018, 7, 1), "crs": "EPSG:32618", "variant": 1},
    ],
)
def test_an_anchor_is_a_day_and_texts(fields):
    with pytest.raises(TypeError):
        Anchor(**fields)
