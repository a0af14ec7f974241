"""Tests beliefs about Earth Engine on an engine, one small request each."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

from attrs import frozen

from mmearth_core.earthengine.client import EarthClient
from mmearth_core.errors import RequestError
from mmearth_devkit.beliefs.belief import REFUSED, Belief, Check


class Outcome(StrEnum):
    """What a check found."""

    AGREE = "agree"
    DIFFER = "differ"
    ERROR = "error"


@frozen
class Finding:
    """The result of one check.

    Attributes:
        belief: what was tested.
        outcome: whether the engine keeps the rule; `error` when it could not be asked.
        found: its answer.
        message: the engine's words, when it refused.
    """

    belief: Belief
    outcome: Outcome
    found: Any = None
    message: str = ""

    def as_data(self) -> dict[str, Any]:
        """Everything as JSON."""
        check = self.belief.check
        return {
            "key": self.belief.key,
            "rule": self.belief.rule,
            "status": str(self.belief.status),
            "outcome": str(self.outcome),
            "expected": check.expected if check else None,
            "found": self.found,
            "message": self.message,
        }


def find(client: EarthClient, belief: Belief) -> Finding:
    """Tests one belief.

    Args:
        client: the engine's.
        belief: one with a check.

    Raises:
        RunStoppedError: no request can succeed any more.
        ValueError: the belief has no check.
    """
    check = belief.check
    if check is None:
        raise ValueError(f"belief {belief.key!r} has no check")
    try:
        found = _answer(client, check)
    except RequestError as error:
        agrees = check.expected == REFUSED
        return Finding(belief, Outcome.AGREE if agrees else Outcome.ERROR, REFUSED, str(error))
    agrees = alike(found, check.expected, check.tolerance)
    return Finding(belief, Outcome.AGREE if agrees else Outcome.DIFFER, found)


def _answer(client: EarthClient, check: Check) -> Any:
    import ee

    asked = check.ask(ee)
    if check.grid is not None:
        return check.read(client.pixels(asked, dict(check.grid)))
    return client.compute(ee.List(asked) if isinstance(asked, list) else asked, "check")


def alike(found: Any, expected: Any, tolerance: float) -> bool:
    """Whether two plain values are equal, numbers within a tolerance."""
    if isinstance(expected, Mapping):
        return (
            isinstance(found, Mapping)
            and list(found) == list(expected)
            and all(alike(found[key], value, tolerance) for key, value in expected.items())
        )
    if isinstance(expected, Sequence) and not isinstance(expected, str):
        return (
            isinstance(found, Sequence)
            and not isinstance(found, str)
            and len(found) == len(expected)
            and all(alike(one, other, tolerance) for one, other in zip(found, expected, strict=True))
        )
    if isinstance(expected, int | float) and not isinstance(expected, bool):
        if not isinstance(found, int | float) or isinstance(found, bool):
            return False
        return abs(found - expected) <= tolerance * max(1.0, abs(expected))
    return type(found) is type(expected) and bool(found == expected)
