"""Radar: backscatter of every kind of surface, with effects of slopes, wind, crops and speckle, in steps of 1/64 dB."""

from functools import partial

import numpy as np
from attrs import frozen

from localearth.planet.bands import MadeBand, axes, made_band
from localearth.planet.cover import Kind
from localearth.planet.hashing import Floats, bell, chance, salt
from localearth.planet.lattice import Lattice, Window
from localearth.planet.lazy import lazy
from localearth.planet.noise import smoothstep
from localearth.planet.orbits import day_of_year
from localearth.planet.outlines import Line, Point, sides, within
from localearth.planet.truth import Planet, Truth
from localearth.raster.grid import Grid
from localearth.worlds.base import Mask, Pixels

LEVELS: dict[Kind, tuple[float, float]] = {
    Kind.WATER: (-19.5, -28.0),
    Kind.TREES: (-8.3, -13.6),
    Kind.GRASS: (-12.4, -19.2),
    Kind.FLOODED: (-9.8, -16.8),
    Kind.CROPS: (-11.2, -18.0),
    Kind.SHRUB: (-10.9, -17.0),
    Kind.BUILT: (-3.2, -10.5),
    Kind.BARE: (-14.6, -23.5),
    Kind.SNOW: (-10.8, -18.5),
    Kind.MANGROVE: (-8.0, -13.4),
    Kind.MOSS: (-12.8, -19.8),
}
"""Typical backscatter at mid swath, dB: co-polarised and cross-polarised. Rounded figures for C band."""

_TABLE = np.array([LEVELS[kind] for kind in Kind])

NEAR, FAR = 30.5, 45.5
"""Incidence angles at the swath's edges, degrees."""


@frozen(slots=False)
class Take:
    """One acquisition of a frame.

    Attributes:
        key: its salt.
        ascending: whether the satellite flies northward and therefore looks east.
        corners: the frame's corners in its CRS: near and far are the sides as seen from the satellite; in the order
            near at the beginning, near at the end, far at the end, far at the beginning.
        grid: the 10 m of the planet that its pixels have their values from.
        time: milliseconds since 1970.
    """

    key: int
    ascending: bool
    corners: tuple[Point, ...]
    grid: Grid
    time: float

    @lazy
    def lines(self) -> tuple[Line, ...]:
        """The frame's sides, in its CRS."""
        return sides(self.corners)

    @property
    def pixels(self) -> Grid:
        """The grid of its pixels: the same, but with an origin of its own, as every scene on Google's servers has.

        It is less than 5 m away, so that a request on whole tens of metres reads the same pixel.
        """
        a, b, left, d, e, top = self.grid.transform
        east, north = (round(9.8 * (chance(salt("origin", self.key, axis)) - 0.5), 6) for axis in (0, 1))
        return Grid(self.grid.crs, (a, b, left + east, d, e, top + north), self.grid.width, self.grid.height)

    @property
    def ties(self) -> Grid:
        """The grid of the angle, turned like the frame: 21 points across the swath and 10 along the track.

        On Google's servers the steps are 13 and 20 km; the far edge is at the 19th step, the end at 8.35.
        """
        (x, y), (end_x, end_y), _, (far_x, far_y) = self.corners
        across, along = 1 / 19.0, 1 / 8.35
        a, d = (far_x - x) * across, (far_y - y) * across
        b, e = (end_x - x) * along, (end_y - y) * along
        return Grid(self.grid.crs, (a, b, float(x), d, e, float(y)), 21, 10)


def radar_bands(planet: Planet, take: Take, polarisations: list[str], power: bool = False) -> list[MadeBand]:
    """The bands of a scene: its polarisations, float64 dB or float32 power, and the angle."""
    pixels, read, dtype = take.pixels, _power if power else _backscatter, "float32" if power else "float64"
    bands = [made_band(name, dtype, pixels, partial(read, planet, take, name)) for name in polarisations]
    return [*bands, made_band("angle", "float32", take.ties, partial(_angle, take))]


def _incidence(take: Take, x: Floats, y: Floats) -> Floats:
    """Incidence angle, degrees; increases away from the satellite, which flies left of the strip."""
    # Order of the sides: left edge forward, far end, right edge back, near end.
    gaps = [a * x + (b * y + c) for a, b, c in (take.lines[0], take.lines[2])]
    result: Floats = NEAR + (FAR - NEAR) * np.clip(gaps[0] / np.maximum(gaps[0] + gaps[1], 1.0), 0.0, 1.0)
    return result


def _angle(take: Take, window: Window) -> tuple[Pixels, Mask | None]:
    a, b, left, d, e, top = take.ties.transform
    rows, cols = window.indices()
    i, j = cols + 0.5, rows + 0.5
    angle = _incidence(take, a * i + b * j + left, d * i + e * j + top)
    return (np.round(angle * 64.0) / 64.0).astype(np.float32), None


def _backscatter(planet: Planet, take: Take, name: str, part: Window) -> tuple[Pixels, Mask]:
    x, y = axes(take.grid, part)
    valid = within(take.lines, x, y)
    if not valid.any():
        return np.zeros(valid.shape), valid
    _, _, left, _, _, top = take.grid.transform
    window = Window(part.row - round(top / 10), part.col + round(left / 10), part.rows, part.cols)
    truth = planet.truth(Lattice(take.grid.crs, 0.0, 0.0, 10.0), window)
    inner = truth.patch.window.slices(window)
    level = _level(truth, take, name)[inner]
    level -= 0.12 * (_incidence(take, x[None, :], y[:, None]) - 38.0)
    level += 1.45 * bell(salt("speckle", name, take.key), *window.indices())
    return np.where(valid, np.round(level * 64.0) / 64.0, 0.0), valid


def _power(planet: Planet, take: Take, name: str, part: Window) -> tuple[Pixels, Mask]:
    level, valid = _backscatter(planet, take, name, part)
    return np.where(valid, 10.0 ** (level / 10.0), 0.0).astype(np.float32), valid


def _level(truth: Truth, take: Take, name: str) -> Floats:
    """Backscatter without speckle at mid swath, for the entire truth window, dB."""
    cover = truth.cover
    cross = name in ("VH", "HV")
    level = _TABLE[:, 1 if cross else 0][cover.kind]
    wind = 4.5 * (chance(salt("wind", take.key)) - 0.35)
    damp = 1.6 * (chance(salt("rain", take.key)) - 0.5)
    land = cover.kind != Kind.WATER
    level = level + np.where(land, damp, wind * (0.5 if cross else 1.0))
    # Sparse plants do not hide the ground; fields differ, and change with the season.
    plants = np.isin(cover.kind, (Kind.TREES, Kind.SHRUB, Kind.MANGROVE))
    level += np.where(plants, 2.6 * (cover.dense - 0.85), 0.0)
    turn = np.cos((day_of_year(take.time) / 365.25 + cover.own) * 2 * np.pi)
    level += np.where(cover.kind == Kind.CROPS, np.round(2.2 * turn, 9), 0.0)
    level += np.where(cover.kind == Kind.BUILT, np.where(cover.street, -5.0, 9.0 * (cover.lot - 0.45)), 0.0)
    level += np.where(cover.kind == Kind.BARE, 3.5 * smoothstep(100.0, 900.0, truth.region.rough) - 1.5, 0.0)
    level += 2.0 * (cover.patchy - 0.5) * land
    # A slope that faces the satellite is brighter.
    rise = truth.slopes[0] if take.ascending else -truth.slopes[0]
    return level + np.where(land, np.clip(11.0 * rise, -6.0, 7.0), 0.0)
