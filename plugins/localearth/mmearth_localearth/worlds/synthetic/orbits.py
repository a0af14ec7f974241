"""Orbits: when the satellites pass, and what strip of the Earth they see.

Both missions fly circular orbits that repeat; a relative orbit is one of the repeat cycle. Times, strips and
inclinations are the missions'; where relative orbit 1 crosses the equator is invented.
"""

import datetime as dt
import math

import numpy as np
from attrs import frozen

from mmearth_localearth.worlds.synthetic.hashing import Floats
from mmearth_localearth.worlds.synthetic.lattice import RADIUS

EPOCH = dt.datetime(2016, 1, 1, tzinfo=dt.UTC)
"""Cycle 0 of every mission begins here."""

EPOCH_MS = EPOCH.timestamp() * 1000.0
"""The same in milliseconds since 1970."""

END_MS = dt.datetime(2022, 1, 1, tzinfo=dt.UTC).timestamp() * 1000.0
"""No image is taken from then on."""

DAY_MS = 86_400_000.0
"""Milliseconds of a day."""


@frozen
class Orbit:
    """A mission's orbit.

    Attributes:
        days: of a repeat cycle.
        turns: revolutions in a cycle.
        inclination: degrees.
        swath: width of the strip, metres.
        node_hour: local solar time at the equator on the way north, hours.
    """

    days: int
    turns: int
    inclination: float
    swath: float
    node_hour: float

    @property
    def period(self) -> float:
        """Seconds of a revolution."""
        return self.days * 86400.0 / self.turns

    def node(self, relative: int) -> tuple[float, float]:
        """Where (degrees east) and when (seconds into the cycle) relative orbit 1, 2, ... crosses northward."""
        seconds = (relative - 1) * self.period
        hours = seconds / 3600.0 % 24.0
        return ((self.node_hour - hours) * 15.0 + 180.0) % 360.0 - 180.0, seconds

    def ground(self, relative: int, angle: Floats, across: float) -> tuple[Floats, Floats]:
        """Points beside the ground track.

        Args:
            relative: the relative orbit.
            angle: from the northward crossing along the track, radians.
            across: metres to the right of the track.

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
        """The angle along the track at a latitude; None beyond the orbit's highest."""
        sine = math.sin(math.radians(lat)) / math.sin(math.radians(self.inclination))
        if abs(sine) > 1.0:
            return None
        up = math.asin(sine)
        return up if northward else math.pi - up

    def passes(self, lon: float, lat: float, northward: bool) -> list[tuple[int, float]]:
        """The relative orbits whose strip holds a point or comes within 300 km, with the angle there."""
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

    def start(self, relative: int, angle: float) -> float:
        """Milliseconds since 1970 when a point is passed in cycle 0 (which may be before the epoch)."""
        seconds = self.node(relative)[1] + self.period * angle / (2 * math.pi)
        return EPOCH_MS + float(round(seconds * 1000.0))


def stamp(milliseconds: float) -> str:
    """A time as in scene names, e.g. `20180715T155911`."""
    return dt.datetime.fromtimestamp(milliseconds // 1000.0, dt.UTC).strftime("%Y%m%dT%H%M%S")


def day_of_year(milliseconds: float) -> int:
    """1 on the first of January (UTC)."""
    return dt.datetime.fromtimestamp(milliseconds / 1000.0, dt.UTC).timetuple().tm_yday


SENTINEL2 = Orbit(days=10, turns=143, inclination=98.62, swath=290e3, node_hour=22.5)
SENTINEL1 = Orbit(days=12, turns=175, inclination=98.18, swath=250e3, node_hour=18.0)
