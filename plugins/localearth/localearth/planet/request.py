"""The region of a request: images of the planet are made on demand, so one must be given, and not too large."""

import math

from localearth.errors import EarthEngineError
from localearth.worlds.base import Area


def bounds_of_request(region: Area, asset_id: str, widest: float = math.inf) -> tuple[float, float, float, float]:
    """West, south, east and north of the region whose images are requested, degrees.

    Args:
        region: the region; None if the request has none.
        asset_id: the collection, for messages.
        widest: maximum width and height of the region, degrees.

    Raises:
        EarthEngineError: without a region, or with one that is too large.
    """
    if region is None or region.is_empty:
        raise EarthEngineError(
            f"Collection '{asset_id}': the synthetic world creates images on demand and cannot list those of the "
            "entire planet; filter the collection by bounds first (filterBounds)."
        )
    west, south, east, north = region.bounds
    if east - west > widest or north - south > widest:
        raise EarthEngineError(
            f"Collection '{asset_id}': the region spans {east - west:.1f} x {north - south:.1f} degrees; the "
            f"synthetic world lists the images of at most {widest:g} x {widest:g}. Filter by smaller bounds."
        )
    return west, south, east, north
