"""The registry: every call is checked against Google's signatures, and refusals say what is wrong."""

import inspect
from pathlib import Path

import ee
import pytest
from localearth.coverage import markdown
from localearth.errors import EarthEngineError
from localearth.expression import evaluate
from localearth.registry import function, functions
from localearth.signatures import signatures

DOCUMENT = Path(__file__).parents[3] / "docs" / "localearth-functions.md"


def call(name, **arguments):
    values = {key: {"constantValue": value} for key, value in arguments.items()}
    node = {"functionInvocationValue": {"functionName": name, "arguments": values}}
    return evaluate(None, {"result": "0", "values": {"0": node}})


@pytest.mark.parametrize("name", sorted(functions()))
def test_an_implementation_takes_the_arguments_of_the_signature(name):
    entry = functions()[name]
    asked = [p for p in inspect.signature(entry.run).parameters.values() if p.default is p.empty]
    assert len(asked) == len(entry.signature.arguments) + entry.needs_world


def test_most_families_of_a_plugin_are_there():
    assert len(functions()) > 450
    families = {entry.family for entry in functions().values()}
    assert {"image_bands", "image_math", "image_mask", "image_grid", "collection", "filter", "terrain"} <= families


def test_the_document_is_up_to_date():
    assert DOCUMENT.read_text() == markdown(), "run: localearth functions > docs/localearth-functions.md"


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("Image.nonsense", {}, "Unknown function name 'Image.nonsense'."),
        ("Image.medialAxis", {"image": 1}, "Image.medialAxis: the local Earth Engine does not implement"),
        ("Number.add", {"left": 1}, "Number.add: Parameter 'right' is required and may not be null."),
        ("Number.add", {"left": 1, "right": None}, "Number.add: Parameter 'right' is required and may not be null."),
        ("Number.add", {"left": 1, "right": 2, "up": 3}, "Number.add: Unrecognized arguments: up."),
        (
            "Image.select",
            {"input": "a", "bandSelectors": []},
            "Image.select, argument 'input': Invalid type.\nExpected type: Image<unknown bands>.\nActual type: String.",
        ),
        (
            "List.get",
            {"list": [1], "index": 0.5},
            "List.get, argument 'index': Invalid type.\nExpected type: Integer.\nActual type: Float.",
        ),
        (
            "List.get",
            {"list": [1, 2], "index": 2},
            "List.get: List index must be between 0 and 1, or -2 and -1. Found 2.",
        ),
        ("Projection", {"crs": "EPSG:0"}, "Projection, argument 'crs': The CRS of a map projection could not"),
        (
            "Geometry.area",
            {"geometry": 3},
            "Geometry.area, argument 'geometry': Invalid type.\nExpected type: Geometry.",
        ),
        (
            "Image.resample",
            {"image": 1, "mode": "bicubic"},
            "Image.resample, argument 'mode': the local Earth Engine does not support 'bicubic'; use 'bilinear'.",
        ),
    ],
)
def test_a_call_that_does_not_fit_is_refused_by_name(name, arguments, message):
    with pytest.raises(EarthEngineError) as caught:
        call(name, **arguments)
    assert caught.value.message.startswith(message)
    assert caught.value.status == 400


def test_defaults_are_filled_in():
    assert call("List.join", list=["a", "b"]) == "ab"
    assert call("List.sequence", start=1, end=3) == [1, 2, 3]


def test_numbers_and_strings_are_promoted():
    assert call("Image.bandNames", image=3) == ["constant"]
    assert call("Image.bandNames", image=[3, 4]) == ["constant_0", "constant_1"]
    assert call("Date.millis", date="1970-01-02") == 86_400_000
    assert call("Projection.nominalScale", proj="EPSG:32618") == 1


def test_names_are_checked_when_functions_are_registered():
    with pytest.raises(LookupError, match="not in Earth Engine's list"):
        function("Image.nonsense")(lambda: None)
    with pytest.raises(LookupError, match="implemented twice"):
        function("Image.select")(lambda: None)


def test_the_signatures_are_those_of_the_installed_client():
    assert signatures()["Image.select"].arguments[0].type == "Image<unknown bands>"
    assert len(signatures()) > 900


def test_errors_of_the_client_carry_the_status(local):
    with pytest.raises(ee.EEException) as caught:
        ee.List([]).get(0).getInfo()
    assert caught.value.__context__.resp.status == 400
    assert str(caught.value) == "List.get: List index must be between 0 and -1, or 0 and -1. Found 0."
