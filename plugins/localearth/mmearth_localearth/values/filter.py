"""Filters: a test of one element, with the region and interval that an asset can be restricted to."""

from collections.abc import Callable
from typing import Any

from attrs import frozen
from shapely.geometry.base import BaseGeometry


@frozen(eq=False)
class Filter:
    """A condition on elements.

    Attributes:
        test: whether an element passes.
        region: in EPSG:4326; elements whose footprint misses it never pass. None says nothing.
        interval: [start, end) in ms; elements whose `system:time_start` is not in it never pass.
        text: for messages.
    """

    test: Callable[[Any], bool]
    region: BaseGeometry | None = None
    interval: tuple[float, float] | None = None
    text: str = "Filter"

    def info(self) -> dict[str, Any]:
        """As `getInfo` shows it, in part."""
        return {"type": self.text}
