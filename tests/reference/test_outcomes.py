"""Exit statuses and JSON of all commands are those of the reference; `tests/reference/make.py` writes it again."""

from pathlib import Path
from typing import Any

import pytest

from tests.reference.compare import load, unexpected

REMEDIES = "the remedies of `verify` are in plainer English, and name --return-tiles"

PROJECTIONS = "a run asks once for the projections of the bands that are interpolated, to refuse composites"

RULES = "the engine check has more rules"

RESTRICTED = "a run says whether Earth Engine answered in restricted mode"

RUNS = (
    "run planet/demo.toml --json",
    "run small.toml --json",
    "run small.toml --limit 5 --json",
    "run small.toml --retry-failed --json",
    "run small.toml --shard 0/2 --json",
    "redownload small.toml --json",
    "redownload small.toml --tiles ids.txt --json",
)

SCENE = ("run scene/demo.toml --json", "run scene/demo.toml --json (call 2)")

STATUSES = (
    "status planet/demo.toml --json",
    "status small.toml --json (call 2)",
    "status small.toml --json (call 3)",
    "status small.toml --partitions --json",
)

COST = "a sample measures EECU from the engine's profiles, in total and by modality, and compares endpoints"

MEASURED = "plan small.toml --sample 2 --engine local:virginia --json"

CHANGED = {
    **{
        f"plugins --json types modalities.[].layers.[].bands.[].{key}": "new: bands on pixels of other sizes"
        for key in ("coarser", "pixel_size")
    },
    "plugins --json types modalities.[].layers.[].steps": "new: layers with time steps",
    **{
        f"{call} {what} restricted": RESTRICTED
        for call in (*RUNS, *SCENE, "small/runs.jsonl")
        for what in ("types", "values")
    },
    **{f"{call} {what} last_run.restricted": RESTRICTED for call in STATUSES for what in ("types", "values")},
    **{
        f"{call} {what}": PROJECTIONS
        for call in RUNS
        for what in ("types purposes.projections", "values purposes.projections", "values requests.value:compute")
    },
    **{f"{call} values last_run.requests.value:compute": PROJECTIONS for call in STATUSES},
    "small/runs.jsonl values requests.value:compute": PROJECTIONS,
    **{
        f"plan {call} --json values {what}": PROJECTIONS
        for call in ("planet/demo.toml", "small.toml", "small.toml --sample 2 --engine local:virginia")
        for what in ("requests.a_tile", "requests.locate", "requests.total")
    },
    "plan small.toml --sample 2 --engine local:virginia --json values sample.requests": PROJECTIONS,
    **{
        f"engine check --engine local:virginia --json values {what}": RULES
        for what in (
            "agree",
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
        f"verify {call} {what} {key}": "new: --images"
        for call in (
            "planet/planet --workers 1 --json",
            "resized/resized.h5 --workers 1 --json",
            "scene/demo.toml --workers 1 --json",
            "small.toml --workers 1 --json",
            "small.toml --workers 1 --json (call 2)",
            "small.toml --workers 1 --json (call 3)",
            "small.toml --workers 1 --send-back --json",
        )
        for what in ("types", "values")
        for key in ("images", "requests")
    },
    **{
        f"post {call} {what} recounted": "new: the layers whose band statistics were counted again"
        for call in (
            "hdf5 small.toml --workers 1 --json",
            "planet/demo.toml --workers 1 --json",
            "scene/demo.toml --workers 1 --json",
            "scene/demo.toml --workers 1 --json (call 2)",
            "small.toml --workers 1 --json",
            "small.toml --workers 1 --json (call 2)",
        )
        for what in ("types", "values")
    },
    **{
        f"plugins --json types modalities.[].{term}": "modalities state the attribution and the source of their data"
        for term in ("attribution", "source")
    },
    **{
        f"plan {call} --json {what}": COST
        for call in ("planet/demo.toml", "scene/demo.toml", "small.toml")
        for what in (
            *("types eecu.seconds_a_tile_by_modality", "values eecu.seconds_a_tile_by_modality"),
            *("types endpoints", "values endpoints", "values sources.eecu"),
        )
    },
    **{
        f"{MEASURED} {kind} {what}": COST
        for kind in ("types", "values")
        for what in (
            *("eecu.seconds_a_tile", "eecu.seconds_a_tile_by_modality.sentinel2", "eecu.tiers.[].share_of_a_month"),
            *("endpoints", "sample.eecu_seconds.locate", "sample.eecu_seconds.pixels"),
        )
    },
    f"{MEASURED} types eecu.hours": COST,
    f"{MEASURED} values sources.eecu": COST,
    "plugins --json values": "the engine `record` of mmearth-devkit is new",
    "engine check --engine local:virginia --json values beliefs.[].rule": "plainer English, and more rules",
    "tiles map tiles/points.geojson -o map.png": "is `mmearth-core map`, of mmearth-viz",
}
"""What may differ, a call or a call with a key such as "run small.toml --json values", and the reason."""


def without_answers(outcomes: dict[str, Any]) -> dict[str, Any]:
    """Outcomes without what each rule of `engine check` expects and found: that they agree is among its values."""
    call = "engine check --engine local:virginia --json"
    answers = ("beliefs.[].expected", "beliefs.[].found")
    kept = {
        kind: {key: value for key, value in outcomes[call][kind].items() if not key.startswith(answers)}
        for kind in ("types", "values")
    }
    return {**outcomes, call: {**outcomes[call], **kept}}


@pytest.mark.slow
def test_outcomes_are_those_of_the_reference(today: Path) -> None:
    assert unexpected(without_answers(load("outcomes")), without_answers(load("outcomes", today)), CHANGED) == []
