"""What a belief about Earth Engine is, and the small request that tests it."""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any

from attrs import frozen

from mmearth_core.errors import DeclarationError

GUIDES = "https://developers.google.com/earth-engine/guides/"


API = "https://developers.google.com/earth-engine/apidocs/ee-"


REST = "https://developers.google.com/earth-engine/reference/rest/v1/"


REFUSED = "(refused)"
"""Expected where Earth Engine is believed to answer with an error."""


ZONE = "EPSG:32618"


LEFT, TOP = 500_000, 4_000_000
"""Where the checks' pixels lie: a place like any other, on whole metres of a UTM zone."""


Read = Callable[[Any], Any]


class Status(StrEnum):
    """How a belief is known."""

    DOCUMENTED = "documented"
    ASSUMED = "assumed"


def first_row(pixels: Any) -> dict[str, list[float]]:
    """The values of each band in the first row of a structured array."""
    return {name: pixels[name][0].tolist() for name in pixels.dtype.names}


def fields(pixels: Any) -> list[list[str]]:
    """The bands of a structured array in order, each with its numpy dtype."""
    return [[name, pixels.dtype[name].name] for name in pixels.dtype.names]


def row_of(count: int, metres: float = 10, start: int = 0, crs: str = ZONE) -> dict[str, Any]:
    """A request's grid: one row of square pixels at the checks' place, from pixel `start` on."""
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


@frozen
class Check:
    """A request and the answer that is believed.

    Attributes:
        ask: given the `ee` package, builds what is evaluated; an image if there is a grid.
        expected: the answer, or `REFUSED`.
        grid: the pixels to ask for, if the check is about pixels.
        read: makes of the pixels what is compared.
        tolerance: how far a number may be off, as a share of it (or of 1, if it is smaller).
    """

    ask: Callable[[Any], Any]
    expected: Any
    grid: Mapping[str, Any] | None = None
    read: Read = first_row
    tolerance: float = 0.0


@frozen
class Belief:
    """A rule of Earth Engine that this project relies on.

    Attributes:
        key: a short name.
        rule: what is believed, one or two sentences.
        status: whether Google documents it.
        source: the documentation's page; for an assumption, what it rests on.
        check: tests it; None where there can be none.
        unchecked: why an assumption has no check.
    """

    key: str
    rule: str
    status: Status
    source: str
    check: Check | None = None
    unchecked: str = ""

    def __attrs_post_init__(self) -> None:
        """Refuses a belief that hides what it rests on."""
        if self.status is Status.DOCUMENTED and not self.source.startswith("https://"):
            raise DeclarationError(f"Belief {self.key!r} is documented, but names no page: {self.source!r}.")
        if self.status is Status.ASSUMED and (self.check is None) == (not self.unchecked):
            raise DeclarationError(
                f"Belief {self.key!r} is assumed: give it either a check, or the reason why there can be none."
            )


def documented(key: str, rule: str, page: str, check: Check | None = None) -> Belief:
    """A belief that a page of Google's states."""
    return Belief(key, rule, Status.DOCUMENTED, page, check)


def assumed(key: str, rule: str, because: str, check: Check | None = None, unchecked: str = "") -> Belief:
    """A belief that no page is known to state."""
    return Belief(key, rule, Status.ASSUMED, because, check, unchecked)
