"""Each check of the plugin kit finds the mistake that it is for, says what to do, and leaves sound modalities alone."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest
from mmearth_devkit import check_modality, findings_of
from mmearth_devkit.checks import CHECKS
from mmearth_devkit.misalignment import Window, measure
from mmearth_devkit.stage import Pattern
from mmearth_devkit.testing.place import PLACE

from mmearth_core.errors import ConfigError, EngineError

_SPEC = importlib.util.spec_from_file_location("mmearth_broken_modalities", Path(__file__).with_name("broken.py"))
broken = sys.modules[_SPEC.name] = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(broken)


def found(modality, engine, **how):
    return findings_of(modality, engine=engine, **{"processes": False, **how})


@pytest.mark.parametrize(
    "modality",
    [
        broken.Sound,
        broken.Vector,
        broken.InfiniteNoData,
        pytest.param(broken.FromCollection, marks=pytest.mark.slow),
    ],
)
def test_a_sound_modality_passes(modality, engine):
    check_modality(modality, engine=engine, processes=modality is broken.FromCollection)


# The class, the check that finds it, where, and words of the message.
MISTAKES = [
    (broken.Unitless, "units", "band sound.h", 'unit="m"'),
    (broken.Unhelpful, "options", "option depth", 'metadata={"help"'),
    (broken.Nosy, "network", "locate()", "getInfo()"),
    (broken.Browsing, "network", "image()", "('127.0.0.1', 9)"),
    (broken.Insistent, "requests", "relocate()", "one object"),
    (broken.Random, "graph", "image()", "Called twice"),
    (broken.Mistyped, "assets", "'OWNER/HEIGTHS'", "Did you mean 'OWNER/HEIGHTS'?"),
    (broken.Malformed, "assets", "'OWNER//HEIGHTS '", "single slashes"),
    (broken.Elsewhere, "assets", "'projects/somebody/assets/of/their/own'", "local:world.toml"),
    (broken.Lacking, "bands", "band h", "it has height"),
    (broken.Surplus, "bands", "image()", "not downloaded: slope"),
    (broken.TooNarrow, "range", "band sound.h", "uint8 (0 to 255)"),
    (broken.Unbounded, "range", "band sound.h", "are infinite"),
    (broken.Rounding, "fractions", "band sound.h", "Declare float32"),
    (broken.UnknownClass, "classes", "band sound.kind", "It has the values 3,"),
    (broken.Colliding, "nodata", "band sound.h", "updateMask"),
    (broken.Shifted, "grid", "band sound.h", "10.0 m west and 10.0 m north"),
    (broken.OwnGrid, "grid", "band sound.h", "its pixels are 30 m"),
    (broken.Reserved, "info", "info()", "the core and modality 'sound' contradict each other in tile_info: GRID.size"),
    (broken.Unexplained, "info", "info()", "with mappings in MISSING, MASKED, STEPS"),
    (broken.Composite, "resampling", "band sound.h", "mmearth_core.resample(collection)"),
    (broken.Failing, "steps", "image()", "TypeError"),
    (broken.Nowhere, "steps", "image()", "has no image"),
    (broken.Masked, "steps", "image()", "masked"),
    (broken.ShortVector, "vectors", "layer vector", "2 numbers are declared"),
    (broken.WrongVector, "vectors", "values()", "'heights', which is not a vector layer"),
    (broken.NothingFound, "vectors", "layer vector", "no number in any of 4 tiles"),
    (broken.OnlyNoData, "vectors", "layer vector", "no number in any of 4 tiles"),
    (broken.Infinite, "vectors", "band vector.most", "values() returns inf"),
    (broken.Wordy, "vectors", "band vector.least", "values() returns '12.5'"),
    (broken.Thrifty, "vectors", "layer vector", "returns None, but 2 numbers are declared"),
    (broken.WordForAll, "vectors", "layer vector", "'ab'"),
    (broken.Unreturned, "steps", "values()", "returns None instead of a dictionary"),
    (broken.Uninformed, "steps", "info()", "returns None instead of a dictionary"),
    (broken.Lasting, "order", "values()", "other tiles were asked for before"),
    (broken.NoDataVector, "range", "band vector.most", "uint8 (0 to 255)"),
]


def one_quick_mistake_of_each_check():
    seen = set()
    for mistake in MISTAKES:
        yield pytest.param(*mistake, marks=pytest.mark.slow if mistake[1] in seen else (), id=mistake[0].__name__)
        seen.add(mistake[1])


@pytest.mark.parametrize(("modality", "check", "where", "words"), list(one_quick_mistake_of_each_check()))
def test_a_mistake_is_found_and_nothing_else(modality, check, where, words, engine):
    (finding,) = found(modality, engine)
    assert (finding.check, finding.where) == (check, where)
    assert words in str(finding)
    assert finding.problem.endswith((".", "?")) and finding.remedy.endswith((".", "?"))


def test_a_check_can_be_skipped(engine):
    assert found(broken.Colliding, engine, ignore=["nodata"]) == []


def test_a_key_of_another_installed_modality_is_found(engine, install):
    """And one that has the same value is left alone, as is a modality that cannot be located here."""
    info = "Place.info = lambda self, located: {'DAY': 1, 'deep': {'key': 'there'}}\n"
    elsewhere = (
        "class Elsewhere(Place):\n    name = 'elsewhere'\n    layers = (Layer('far', [Band('x', 'uint8', 0)]),)\n"
    )
    elsewhere += "    def locate(self, scene):\n        return {}['nothing']\n"
    hook = "@hookimpl\ndef mmearth_modalities():\n    return [Place, Elsewhere]\n"
    install("mmearth-place", PLACE + info + elsewhere + hook)
    assert found(with_info({"DAY": 1, "deep": {"mine": 2}}), engine) == []
    (finding,) = found(with_info({"DAY": 1, "deep": {"key": "here"}}), engine)
    assert (finding.check, finding.where) == ("info", "info()")
    assert finding.problem == (
        "modality 'place' and modality 'sound' contradict each other in tile_info: deep.key is 'there' and 'here'."
    )


def with_info(info):
    return type("WithInfo", (broken.Sound,), {"info": lambda self, located: info})


def test_layer_and_band_need_a_description(engine):
    findings = found(broken.Silent, engine)
    assert {(each.check, each.where) for each in findings} == {
        ("descriptions", "layer sound"),
        ("descriptions", "band sound.h"),
    }


def test_the_order_of_a_set_is_found_in_another_process(engine):
    (finding,) = found(broken.Unsorted, engine, processes=True)
    assert (finding.check, finding.where) == ("graph", "locate()")
    assert "hash seed" in finding.problem and "sort" in finding.remedy


def test_a_class_within_a_function_is_checked_in_this_process_only(engine):
    class Inner(broken.Sound):
        pass

    assert found(Inner, engine, processes=True) == []


def test_the_line_of_a_network_call_is_told(engine):
    (finding,) = found(broken.Nosy, engine)
    line = next(n for n, text in enumerate(Path(broken.__file__).read_text().splitlines(), 1) if "getInfo()" in text)
    assert f"broken.py, line {line}" in finding.problem


def test_every_check_has_a_mistake_that_it_finds():
    tested = {check for _, check, _, _ in MISTAKES} | {"descriptions"}
    assert tested == set(CHECKS)


def test_the_assertion_lists_every_finding(engine):
    with pytest.raises(AssertionError, match=r"2 things are wrong with the modality 'sound'") as caught:
        check_modality(broken.Silent, engine=engine, processes=False)
    assert str(caught.value).count("\n  - [descriptions]") == 2


def test_options_are_taken(engine):
    options = broken.FromCollection.Options(collection="OWNER/DAY")
    (finding,) = found(broken.FromCollection, engine, options=options)
    assert finding.remedy == "Did you mean 'OWNER/DAYS'?"
    (same,) = found(broken.FromCollection(), engine, options=options)
    assert same == finding


def test_an_unknown_check_cannot_be_ignored(engine):
    with pytest.raises(ConfigError, match="Did you mean 'grid'"):
        found(broken.Sound, engine, ignore=["gird"])


def test_an_engine_without_a_stage_is_refused():
    with pytest.raises(EngineError, match="has no stage on which the plugin kit"):
        found(broken.Sound, "replay")


@pytest.mark.parametrize("metres", [10, 20, 30])
@pytest.mark.parametrize("count", [96, 131])
@pytest.mark.parametrize(
    ("method", "east"), [("nearest", 0), ("nearest", 10), ("exact", 0), ("exact", 5), ("exact", -15)]
)
def test_a_shift_is_measured_whatever_is_made_of_the_values(metres, count, method, east):
    """Shifts of a wave that is scaled, turned over and cut off; sampled by numpy, not by the engine."""
    window = Window("EPSG:32632", 500_010, 5_000_010, 960, count)
    pattern = Pattern(window.crs, window.left, window.top, 480)
    x, y = window.centres()
    x = x - east
    if method == "nearest":
        # The centre of the pixel that a place lies in; pixels are on whole `metres`.
        x, y = (np.floor(x / metres) + 0.5) * metres, (np.floor(y / metres) + 0.5) * metres
    values = -3 * np.clip(pattern.values(x, y), -0.4, 0.9) + 100
    assert measure(values, window, pattern) == pytest.approx(
        (east, 0.0), abs=0.05 * metres
    )  # a quarter is the tolerance


def test_a_constant_image_has_no_measurable_place():
    window = Window("EPSG:32632", 500_000, 5_000_000, 640, 32)
    assert measure(np.ones((32, 32)), window, window.pattern) is None
    assert measure(np.full((32, 32), np.nan), window, window.pattern) is None
