"""Answers of Google's servers, as its API samples print them.

The table holds facts: expressions, and answers that agree with the printed ones to the printed digits. It is written by
`python benchmarks/api_samples.py FOLDER --table plugins/localearth/tests/api_samples.json`.
"""

import json
import math
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from localearth.rest import Service

FACTS = json.loads(Path(__file__).with_name("api_samples.json").read_text())


def graph(value: Any) -> Any:
    """An expression of the table in Earth Engine's form."""
    if isinstance(value, dict) and "()" in value:
        arguments = {key: graph(each) for key, each in value.items() if key != "()"}
        return {"functionInvocationValue": {"functionName": value["()"], "arguments": arguments}}
    if isinstance(value, dict):
        return {"dictionaryValue": {"values": {key: graph(each) for key, each in value.items()}}}
    if isinstance(value, list):
        return {"arrayValue": {"values": [graph(each) for each in value]}}
    return {"constantValue": value}


def same(answer: Any, expected: Any) -> bool:
    """Whether two answers are equal, except for rounding errors of floats."""
    if isinstance(expected, list):
        return isinstance(answer, list) and len(answer) == len(expected) and all(map(same, answer, expected))
    if isinstance(expected, dict):
        return isinstance(answer, dict) and same(sorted(answer.items()), sorted(expected.items()))
    if isinstance(expected, tuple):
        return bool(answer[0] == expected[0] and same(answer[1], expected[1]))
    if isinstance(expected, float):
        return isinstance(answer, int | float) and math.isclose(answer, expected, rel_tol=1e-12, abs_tol=1e-15)
    return type(answer) is type(expected) and bool(answer == expected)


def test_the_table_covers_many_functions():
    names = Counter(expression["()"] for expression, _ in FACTS if isinstance(expression, dict))
    assert len(FACTS) > 250
    assert len(names) > 60


@pytest.mark.parametrize("first", range(10))
def test_answers_are_those_of_google(world, first):
    service = Service(world)
    for expression, expected in FACTS[first::10]:
        body = {"expression": {"result": "0", "values": {"0": graph(expression)}}}
        status, _, answer = service.handle("POST", "/v1/projects/p/value:compute", {}, json.dumps(body).encode())
        found = json.loads(answer)
        assert status == 200, (expression, found)
        assert same(found["result"], expected), (expression, expected, found)
