"""Orbits: the times of the satellites' passes and the strips that they see.

All missions have circular orbits that repeat; a relative orbit is one orbit of the repeat cycle. Times, strips and
inclinations are the real ones; the longitude at which the Sentinels' relative orbit 1 crosses the equator is invented.
"""

import datetime as dt
import math
from collections.abc import Iterator

import numpy as np
from attrs import frozen

from localearth.planet.hashing import Floats
from localearth.planet.lattice import RADIUS


def start_of(year: int, month: int = 1, day: int = 1) -> float:
    """The start of a day, milliseconds since 1970."""
    return dt.datetime(year, month, day, tzinfo=dt.UTC).timestamp() * 1000.0


EPOCH = dt.datetime(2016, 1, 1, tzinfo=dt.UTC)
"""Start of cycle 0 of every mission."""

EPOCH_MS = EPOCH.timestamp() * 1000.0
"""The same in milliseconds since 1970."""

END_MS = start_of(2025)
"""No images are taken from this time on."""

DAY_MS = 86_400_000.0
"""Milliseconds per day."""


@frozen
class Orbit:
    """A mission's orbit.

    Attributes:
        days: days per repeat cycle.
        turns: revolutions per cycle.
        inclination: inclination, degrees.
        swath: width of the strip, metres.
        node_hour: local solar time of the northward equator crossing, hours.
    """

    days: int
    turns: int
    inclination: float
    swath: float
    node_hour: float

    @property
    def period(self) -> float:
        """Seconds per revolution."""
        return self.days * 86400.0 / self.turns

    def node(self, relative: int) -> tuple[float, float]:
        """Longitude (degrees) and time (seconds into the cycle) of a relative orbit's northward equator crossing."""
        seconds = (relative - 1) * self.period
        hours = seconds / 3600.0 % 24.0
        return ((self.node_hour - hours) * 15.0 + 180.0) % 360.0 - 180.0, seconds

    def ground(self, relative: int, angle: Floats, across: float) -> tuple[Floats, Floats]:
        """Points at a distance from the ground track.

        Args:
            relative: the relative orbit, from 1.
            angle: angle along the track from the northward crossing, radians.
            across: distance to the right of the track, metres.

        Returns:
            Longitude and latitude, degrees.
        """
        tilt = math.radians(self.inclination)
        along = np.stack([np.cos(angle), np.sin(angle) * math.cos(tilt), np.sin(angle) * math.sin(tilt)])
        normal = np.array([0.0, -math.sin(tilt), math.cos(tilt)])
        aside = across / RADIUS
        x, y, z = along * math.cos(aside) - normal[:, None] * math.sin(aside)
        lon, _ = self.node(relative)
        turned = np.degrees(np.arctan2(y, x)) + lon - 360.0 * self.period / 86400.0 * angle / (2 * math.pi)
        return (turned + 180.0) % 360.0 - 180.0, np.degrees(np.arcsin(np.clip(z, -1.0, 1.0)))

    def angle(self, lat: float, northward: bool) -> float | None:
        """The angle along the track at a latitude; None for latitudes that the orbit does not reach."""
        sine = math.sin(math.radians(lat)) / math.sin(math.radians(self.inclination))
        if abs(sine) > 1.0:
            return None
        up = math.asin(sine)
        return up if northward else math.pi - up

    def passes(self, lon: float, lat: float, northward: bool) -> list[tuple[int, float]]:
        """The relative orbits whose strip contains a point or is within 300 km, with the angle along the track."""
        angle = self.angle(lat, northward)
        if angle is None:
            return []
        width = (self.swath / 2 + 300e3) / (RADIUS * math.radians(1.0) * max(math.cos(math.radians(lat)), 0.05))
        first = float(self.ground(1, np.array([angle]), 0.0)[0][0]) - self.node(1)[0]
        found = []
        for relative in range(1, self.turns + 1):
            gap = (first + self.node(relative)[0] - lon + 180.0) % 360.0 - 180.0
            if abs(gap) < width:
                found.append((relative, angle))
        return found

    def passes_in(self, bounds: tuple[float, float, float, float], northward: bool) -> Iterator[tuple[int, float]]:
        """The passes of points in west, south, east, north, degrees; the same one may come several times."""
        west, south, east, north = bounds
        for lat in np.arange(south, north + 1.0, 1.0).clip(south, north):
            for lon in np.arange(west, east + 2.0, 2.0).clip(west, east):
                yield from self.passes(float(lon), float(lat), northward)

    def start(self, relative: int, angle: float) -> float:
        """The time of a point's pass in cycle 0, milliseconds since 1970 (may be before the epoch)."""
        seconds = self.node(relative)[1] + self.period * angle / (2 * math.pi)
        return EPOCH_MS + float(round(seconds * 1000.0))


def stamp(milliseconds: float) -> str:
    """A time in the format of scene names, e.g. `20180715T155911`."""
    return dt.datetime.fromtimestamp(milliseconds // 1000.0, dt.UTC).strftime("%Y%m%dT%H%M%S")


def milliseconds(text: str) -> float:
    """A date, or a time in that format, as milliseconds since 1970."""
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC).timestamp() * 1000.0


def day_of_year(milliseconds: float) -> int:
    """The day of the year; 1 January (UTC) is 1."""
    return dt.datetime.fromtimestamp(milliseconds / 1000.0, dt.UTC).timetuple().tm_yday


SENTINEL2 = Orbit(days=10, turns=143, inclination=98.62, swath=290e3, node_hour=22.5)
SENTINEL1 = Orbit(days=12, turns=175, inclination=98.18, swath=250e3, node_hour=18.0)
LANDSAT = Orbit(days=16, turns=233, inclination=98.2, swath=185e3, node_hour=22.216938)
"""Ten minutes past ten on the way south; the phase puts its tracks where the Worldwide Reference System 2 has them."""
