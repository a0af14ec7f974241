"""Exit statuses and JSON of all commands are those of the reference; `tests/reference/make.py` writes it again."""

from pathlib import Path

import pytest

from tests.reference.compare import load, unexpected

REMEDIES = "the remedies of `verify` are in plainer English, and name --return-tiles"

CHANGED = {
    **{
        f"verify {call} values findings.[].remedy": REMEDIES
        for call in (
            "scene/demo.toml --workers 1 --json",
            "small.toml --workers 1 --json",
            "small.toml --workers 1 --json (call 2)",
            "small.toml --workers 1 --json (call 3)",
            "small.toml --workers 1 --send-back --json",
        )
    },
    "plugins --json values": "the engine `record` of mmearth-devkit is new",
    "tiles map tiles/points.geojson -o map.png": "is `mmearth-core map`, of mmearth-viz",
    "engine check --engine local:virginia --json values beliefs.[].rule": "the rules are in plainer English",
}
"""What may differ, a call or a call with a key such as "run small.toml --json values", and the reason."""


@pytest.mark.slow
def test_outcomes_are_those_of_the_reference(today: Path) -> None:
    assert unexpected(load("outcomes"), load("outcomes", today), CHANGED) == []
