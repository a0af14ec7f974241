"""Finishing: the graph that brings every band in its declared type, filled and renamed."""

import ee
import numpy as np
import pytest
from mmearth_devkit.testing.ee_offline import Call, graph_of, no_answer, open_client

from mmearth_core import Band, Grid, Kind, Layer, Modality
from mmearth_core.download.stack import FLOAT_NODATA, finish_bands, present_bands, stack_bands


class Mixed(Modality):
    name = "mixed"
    api_version = 1
    layers = (
        Layer("sharp", [Band("b2", "uint16", 0), Band("b3", "uint16", 0)]),
        Layer("soft", [Band("b5", "uint16", 0, resampling="bilinear")]),
        Layer("mask", [Band("qa", "uint16", 65535)], kind=Kind.CLASSES),
        Layer("height", [Band("dem", "float32", float("-inf"), resampling="bilinear")]),
        Layer("backscatter", [Band("vv", "float32", float("nan"))]),
        Layer("signed", [Band("t", "int8", -128, resampling="bilinear")]),
        Layer("year", [Band("rain", "float32", 0.0)], kind=Kind.VECTOR),
    )

    def present(self, located):
        return located


BANDS = stack_bands([Mixed()])
GRID = Grid("EPSG:32618", 0, 0, 16)
NAMES = ["sharp__b2", "sharp__b3", "soft__b5", "mask__qa", "height__dem", "backscatter__vv", "signed__t"]


@pytest.fixture(scope="module")
def parts():
    """Names in the stack -> the steps that make them, the first first, each with its plain arguments."""
    open_client(no_answer)
    found = {}
    for image in finish_bands(ee.Image("asset"), BANDS, GRID):
        steps = steps_of(graph_of(image))
        found[tuple(steps[-1][1]["names"])] = steps
    return found


def steps_of(node):
    if node.name == "Image.load":
        return []
    plain, inner = {}, None
    for key, value in node.args.items():
        if not isinstance(value, Call):
            plain[key] = value
        elif value.name == "Image.constant":
            plain[key] = value.args["value"]
        else:
            inner = value
    return [*steps_of(inner), (node.name.removeprefix("Image."), plain)]


def test_all_map_bands_in_declared_order_and_no_vector():
    assert [band.name for band in BANDS] == NAMES


def test_together_they_have_every_band_once(parts):
    assert sorted(name for names in parts for name in names) == sorted(NAMES)
    for names, steps in parts.items():
        assert steps[0] == ("select", {"bandSelectors": [name.split("__")[1] for name in names]})


def test_alike_bands_are_finished_together(parts):
    assert ("sharp__b2", "sharp__b3") in parts


def test_nearest_integers_are_rounded_clamped_filled_cast_and_renamed(parts):
    assert parts["sharp__b2", "sharp__b3"] == [
        ("select", {"bandSelectors": ["b2", "b3"]}),
        ("round", {}),
        ("clamp", {"low": 0, "high": 65535}),
        ("unmask", {"value": 0, "sameFootprint": False}),
        ("toUint16", {}),
        ("rename", {"names": ["sharp__b2", "sharp__b3"]}),
    ]


def test_bilinear_integers_are_interpolated_as_float(parts):
    assert parts["signed__t",] == [
        ("select", {"bandSelectors": ["t"]}),
        ("toFloat", {}),
        ("resample", {"mode": "bilinear"}),
        ("round", {}),
        ("clamp", {"low": -128, "high": 127}),
        ("unmask", {"value": -128, "sameFootprint": False}),
        ("toInt8", {}),
        ("rename", {"names": ["signed__t"]}),
    ]


@pytest.mark.parametrize(("name", "resampled"), [("height__dem", True), ("backscatter__vv", False)])
def test_floats_are_not_rounded_and_travel_with_a_stand_in(parts, name, resampled):
    resampling = [("toFloat", {}), ("resample", {"mode": "bilinear"})] if resampled else []
    assert parts[name,] == [
        ("select", {"bandSelectors": [name.split("__")[1]]}),
        *resampling,
        ("unmask", {"value": FLOAT_NODATA, "sameFootprint": False}),
        ("toFloat", {}),
        ("rename", {"names": [name]}),
    ]


def test_only_bilinear_bands_are_resampled(parts):
    resampled = {name for names, steps in parts.items() for name in names if "resample" in dict(steps)}
    assert resampled == {band.name for band in BANDS if band.band.resampling == "bilinear"}


def test_bands_of_different_fill_are_filled_apart(parts):
    assert dict(parts["mask__qa",])["unmask"]["value"] == 65535
    assert dict(parts["soft__b5",])["unmask"]["value"] == 0


def test_a_fill_is_a_finite_number_that_the_type_holds():
    for band in BANDS:
        assert np.dtype(band.band.dtype).type(band.nodata) == band.nodata
        assert np.isfinite(band.nodata)


@pytest.mark.parametrize(
    ("present", "names"),
    [(None, NAMES), ([], []), (["vv", "b2"], ["sharp__b2", "backscatter__vv"]), ({"qa"}, ["mask__qa"])],
)
def test_present_bands_in_declared_order(present, names):
    assert [band.name for band in present_bands(Mixed(), present)] == names


def test_a_band_that_is_not_declared():
    with pytest.raises(ValueError, match=r"present\(\) names bands that the modality does not declare: b4, b9"):
        present_bands(Mixed(), ["b2", "b9", "b4"])


def test_nothing_was_asked_of_the_server():
    client = open_client(no_answer)
    finish_bands(ee.Image("asset"), BANDS, GRID)
    assert client.engine.asked == []
