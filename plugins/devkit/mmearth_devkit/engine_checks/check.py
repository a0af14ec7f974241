"""A rule of Earth Engine, the small request that tests it, and the result of sending that request to an engine."""

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Any

from attrs import frozen

from mmearth_core.earthengine.client import EarthClient
from mmearth_core.errors import DeclarationError, RequestError

GUIDES = "https://developers.google.com/earth-engine/guides/"

API = "https://developers.google.com/earth-engine/apidocs/ee-"

REST = "https://developers.google.com/earth-engine/reference/rest/v1/"

REFUSED = "(refused)"
"""The expected answer where Earth Engine should respond with an error."""

ZONE = "EPSG:32618"

LEFT, TOP = 500_000, 4_000_000
"""Origin of the checks' pixels: an arbitrary place on whole metres of a UTM zone."""

NATIVE = [10, 0, LEFT, 0, -10, TOP]
"""The transform of the checks' pixels of 10 m."""

Read = Callable[[Any], Any]


class Status(StrEnum):
    """How a rule is known."""

    DOCUMENTED = "documented"
    ASSUMED = "assumed"


def first_row(pixels: Any) -> dict[str, list[float]]:
    """The values of each band in the first row of a structured array."""
    return {name: pixels[name][0].tolist() for name in pixels.dtype.names}


def fields(pixels: Any) -> list[list[str]]:
    """The bands of a structured array in order, each with its numpy dtype."""
    return [[name, pixels.dtype[name].name] for name in pixels.dtype.names]


def row_of(count: int, metres: float = 10, start: int = 0, crs: str = ZONE) -> dict[str, Any]:
    """A request's grid: one row of square pixels at the checks' origin, from pixel `start` on."""
    return grid_at(LEFT + start * metres, TOP, count, metres, crs)


def grid_at(left: float, top: float, count: int, size: float, crs: str) -> dict[str, Any]:
    """A request's grid of one row."""
    return {
        "dimensions": {"width": count, "height": 1},
        "affineTransform": {
            "scaleX": size,
            "shearX": 0,
            "translateX": left,
            "shearY": 0,
            "scaleY": -size,
            "translateY": top,
        },
        "crsCode": crs,
    }


def strip(ee: Any, metres: float) -> Any:
    """A rectangle from the checks' origin: 10 m to the south and `metres` to the east."""
    return ee.Geometry.Rectangle([LEFT, TOP - 10, LEFT + metres, TOP], ZONE, False)


def columns(ee: Any, metres: float = 10) -> Any:
    """A raster with pixels of that size from (LEFT, TOP): band `x` is the number of the column."""
    projection = ee.Projection(ZONE, [metres, 0, LEFT, 0, -metres, TOP])
    return ee.Image.pixelCoordinates(projection).select("x").floor().reproject(projection)


@frozen
class Probe:
    """A request and its expected answer.

    Attributes:
        build: given the `ee` package, builds what is evaluated; an image if there is a grid.
        expected: the answer, or `REFUSED`.
        grid: the pixels to request, if the check is about pixels.
        read: turns the pixels into the value that is compared.
        tolerance: allowed difference of a number, relative to it (absolute for numbers below 1).
    """

    build: Callable[[Any], Any]
    expected: Any
    grid: Mapping[str, Any] | None = None
    read: Read = first_row
    tolerance: float = 0.0


@frozen
class EngineCheck:
    """A rule of Earth Engine that this project relies on.

    Attributes:
        key: a short name.
        rule: the rule, in one or two sentences.
        status: whether Google documents it.
        source: the page of the documentation; for an assumption, what it is based on.
        probe: tests it; None where there can be no test.
        unchecked: why an assumption has no probe.
    """

    key: str
    rule: str
    status: Status
    source: str
    probe: Probe | None = None
    unchecked: str = ""

    def __attrs_post_init__(self) -> None:
        """Refuses a rule without its basis."""
        if self.status is Status.DOCUMENTED and not self.source.startswith("https://"):
            raise DeclarationError(f"Engine check {self.key!r} is documented but has no page: {self.source!r}.")
        if self.status is Status.ASSUMED and (self.probe is None) == (not self.unchecked):
            raise DeclarationError(
                f"Engine check {self.key!r} is assumed: give it either a probe or the reason why there is none."
            )


def documented(key: str, rule: str, page: str, probe: Probe | None = None) -> EngineCheck:
    """A rule that a page of Google's documentation states."""
    return EngineCheck(key, rule, Status.DOCUMENTED, page, probe)


def assumed(key: str, rule: str, because: str, probe: Probe | None = None, unchecked: str = "") -> EngineCheck:
    """A rule that no known page states."""
    return EngineCheck(key, rule, Status.ASSUMED, because, probe, unchecked)


class Outcome(StrEnum):
    """The outcome of a check."""

    AGREE = "agree"
    DIFFER = "differ"
    ERROR = "error"


@frozen
class CheckResult:
    """The result of one check.

    Attributes:
        check: what was tested.
        outcome: whether the engine keeps the rule; `error` when the request failed.
        found: its answer.
        message: the engine's error message, if there was one.
    """

    check: EngineCheck
    outcome: Outcome
    found: Any = None
    message: str = ""

    def as_data(self) -> dict[str, Any]:
        """Everything as JSON."""
        probe = self.check.probe
        return {
            "key": self.check.key,
            "rule": self.check.rule,
            "status": str(self.check.status),
            "outcome": str(self.outcome),
            "expected": probe.expected if probe else None,
            "found": self.found,
            "message": self.message,
        }


def run_check(client: EarthClient, check: EngineCheck) -> CheckResult:
    """Tests one rule.

    Args:
        client: sends the request to the engine.
        check: one with a probe.

    Raises:
        RunStoppedError: no request can succeed any more.
        ValueError: the check has no probe.
    """
    probe = check.probe
    if probe is None:
        raise ValueError(f"engine check {check.key!r} has no probe")
    try:
        found = _answer(client, probe)
    except RequestError as error:
        agrees = probe.expected == REFUSED
        return CheckResult(check, Outcome.AGREE if agrees else Outcome.ERROR, REFUSED, str(error))
    agrees = is_equal(found, probe.expected, probe.tolerance)
    return CheckResult(check, Outcome.AGREE if agrees else Outcome.DIFFER, found)


def _answer(client: EarthClient, probe: Probe) -> Any:
    import ee

    value = probe.build(ee)
    if probe.grid is not None:
        return probe.read(client.pixels(value, dict(probe.grid)))
    return client.compute(ee.List(value) if isinstance(value, list) else value, "check")


def is_equal(found: Any, expected: Any, tolerance: float) -> bool:
    """Whether two plain values are equal, numbers within a tolerance."""
    if isinstance(expected, Mapping):
        return (
            isinstance(found, Mapping)
            and list(found) == list(expected)
            and all(is_equal(found[key], value, tolerance) for key, value in expected.items())
        )
    if isinstance(expected, Sequence) and not isinstance(expected, str):
        return (
            isinstance(found, Sequence)
            and not isinstance(found, str)
            and len(found) == len(expected)
            and all(is_equal(one, other, tolerance) for one, other in zip(found, expected, strict=True))
        )
    if isinstance(expected, int | float) and not isinstance(expected, bool):
        if not isinstance(found, int | float) or isinstance(found, bool):
            return False
        return abs(found - expected) <= tolerance * max(1.0, abs(expected))
    return type(found) is type(expected) and bool(found == expected)
