"""The images of the entire planet in the order of their times, one after another: the first needs no list of all."""

from collections.abc import Callable, Iterable, Iterator, Mapping

import numpy as np
from shapely.geometry import Polygon, box

from localearth.planet.orbits import DAY_MS, END_MS, EPOCH_MS, Orbit
from localearth.planet.request import bounds_of_request
from localearth.worlds.base import ImageAsset, Interval, in_order

_STEP = 30_000.0
"""Milliseconds of a flight whose images are looked for at once."""

_MOST_STEPS, _MOST_IMAGES = 250, 50
"""Steps without an image, and images that no caller wants, after which the search ends; a night takes about 100
steps, the largest ocean 60."""

_MARGIN = 150e3
"""How far an image's centre may be outside of the strip, metres."""

_AHEAD = 0.04
"""The same along the track, radians."""

_WIDEST = 10.0
"""Width of the boxes in which images are looked for, degrees."""


def walk(
    orbit: Orbit,
    satellites: Mapping[float, float],
    images: Callable[[Polygon, Interval], Iterable[ImageAsset]],
    interval: Interval,
    asset_id: str,
    by_day: bool = True,
) -> Iterator[ImageAsset]:
    """The images of a collection by time, then index.

    Args:
        orbit: the orbit of its satellites.
        satellites: for each, how many days later it is at the places of the orbit, and the time of its first images.
        images: the images in a region and a time interval.
        interval: only images whose time is in [start, end), ms; None for all.
        asset_id: the collection, for messages.
        by_day: whether there are images of the southward half of the orbit only.

    Raises:
        EarthEngineError: when there is no image for a long time, or too many are walked.
    """
    start, end = interval or (EPOCH_MS, END_MS)
    empty = seen = 0
    for begin in np.arange(max(start, min(satellites.values())), min(end, END_MS), _STEP):
        span = float(begin), min(float(begin) + _STEP, end)
        flying = [shift for shift, since in satellites.items() if span[1] > since]
        boxes = [each for shift in flying for each in _boxes(orbit, span[0] - shift * DAY_MS, by_day)]
        found = {image.index: image for each in boxes for image in images(each, span)}
        yield from in_order(found.values())
        empty, seen = 0 if found else empty + 1, seen + len(found)
        if empty > _MOST_STEPS or seen > _MOST_IMAGES:
            bounds_of_request(None, asset_id)  # its error says what to do


def _boxes(orbit: Orbit, time: float, by_day: bool) -> Iterator[Polygon]:
    """Boxes around what a satellite sees in one step."""
    turns = (time - EPOCH_MS) / 1000.0 % (orbit.days * 86_400.0) / orbit.period
    relative, angle = int(turns), 2 * np.pi * (turns % 1.0)
    if by_day and np.cos(angle) > 0.1:
        return
    angles = angle + np.array([-_AHEAD, 0.0, 2 * np.pi * _STEP / 1000.0 / orbit.period + _AHEAD])
    reach = orbit.swath / 2 + _MARGIN
    points = [orbit.ground(relative + 1, angles, across) for across in (-reach, 0.0, reach)]
    middle = float(points[1][0][1])
    lon = (np.concatenate([each[0] for each in points]) - middle + 180.0) % 360.0 - 180.0 + middle
    lat = np.concatenate([each[1] for each in points])
    south, north = max(float(lat.min()) - 0.5, -90.0), min(float(lat.max()) + 0.5, 90.0)
    for west in np.arange(lon.min() - 0.5, lon.max() + 0.5, _WIDEST):
        east = min(west + _WIDEST, lon.max() + 0.5)
        for turn in (-360.0, 0.0, 360.0):
            left, right = max(west + turn, -180.0), min(east + turn, 180.0)
            if left < right:
                yield box(left, south, right, north)
