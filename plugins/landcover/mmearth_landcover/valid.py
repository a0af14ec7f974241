"""Counts the valid pixels of an image in a tile, so that an empty layer has its reason."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ee

_SCALE = 30
"""Metres between the pixels counted: a ninth of the work of the maps' own 10 m, and what is there still shows."""


def count_valid(image: "ee.Image", geometry: "ee.Geometry") -> "ee.ComputedObject":
    """How many pixels are not masked.

    Args:
        image: an image of one band.
        geometry: where to count.

    Returns:
        A server-side number.
    """
    import ee

    return image.reduceRegion(ee.Reducer.count(), geometry, _SCALE).values().get(0)
