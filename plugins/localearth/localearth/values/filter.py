"""Filters: a test of an element, with the region and the interval to which an asset can be restricted."""

from collections.abc import Callable
from typing import Any

from attrs import frozen
from shapely.geometry.base import BaseGeometry


@frozen(eq=False)
class Filter:
    """A condition on elements.

    Attributes:
        test: whether an element passes.
        region: elements whose footprint does not intersect it never pass, EPSG:4326; None if unknown.
        interval: elements whose `system:time_start` is not in [start, end) never pass, ms; None if unknown.
        text: the filter in messages.
    """

    test: Callable[[Any], bool]
    region: BaseGeometry | None = None
    interval: tuple[float, float] | None = None
    text: str = "Filter"

    def info(self) -> dict[str, Any]:
        """As `getInfo` shows it, in part."""
        return {"type": self.text}
