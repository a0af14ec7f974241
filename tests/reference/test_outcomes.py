"""Exit statuses and JSON of all commands are those of the reference; `tests/reference/make.py` writes it again."""

from pathlib import Path

import pytest

from tests.reference.compare import load, unexpected

REMEDIES = "the remedies of `verify` are in plainer English, and name --return-tiles"

PROJECTIONS = "a run asks once for the projections of the bands that are interpolated, to refuse composites"

RULES = "the engine check has six more rules, about composites and default projections"

CHANGED = {
    **{
        f"{call} {what}": PROJECTIONS
        for call in (
            "run planet/demo.toml --json",
            "run small.toml --json",
            "run small.toml --limit 5 --json",
            "run small.toml --retry-failed --json",
            "run small.toml --shard 0/2 --json",
            "redownload small.toml --json",
            "redownload small.toml --tiles ids.txt --json",
        )
        for what in ("types purposes.projections", "values purposes.projections", "values requests.value:compute")
    },
    **{
        f"{call} values last_run.requests.value:compute": PROJECTIONS
        for call in (
            "status planet/demo.toml --json",
            "status small.toml --json (call 2)",
            "status small.toml --json (call 3)",
            "status small.toml --partitions --json",
        )
    },
    "small/runs.jsonl values requests.value:compute": PROJECTIONS,
    **{
        f"plan {call} --json values {what}": PROJECTIONS
        for call in ("planet/demo.toml", "small.toml", "small.toml --sample 2 --engine local:virginia")
        for what in ("requests.a_tile", "requests.locate", "requests.total")
    },
    "plan small.toml --sample 2 --engine local:virginia --json values sample.requests": PROJECTIONS,
    **{
        f"engine check --engine local:virginia --json {what} beliefs.[].{answer}.{key}": RULES
        for what in ("types", "values")
        for answer in ("expected", "found")
        for key in ("crs", "transform.[]", "type")
    },
    **{
        f"engine check --engine local:virginia --json values {what}": RULES
        for what in (
            "agree",
            *(f"beliefs.[].{key}" for key in ("expected", "expected.x.[]", "found", "found.x.[]")),
            *(f"beliefs.[].{key}" for key in ("key", "message", "outcome", "status")),
        )
    },
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
    **{
        f"plugins --json types modalities.[].{term}": "modalities state the attribution and the source of their data"
        for term in ("attribution", "source")
    },
    "plugins --json values": "the engine `record` of mmearth-devkit is new",
    "engine check --engine local:virginia --json values beliefs.[].rule": "plainer English, and six more rules",
    "tiles map tiles/points.geojson -o map.png": "is `mmearth-core map`, of mmearth-viz",
}
"""What may differ, a call or a call with a key such as "run small.toml --json values", and the reason."""


@pytest.mark.slow
def test_outcomes_are_those_of_the_reference(today: Path) -> None:
    assert unexpected(load("outcomes"), load("outcomes", today), CHANGED) == []
