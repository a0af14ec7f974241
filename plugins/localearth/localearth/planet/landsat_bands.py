"""The bands of Landsat's level 2: reflectance, temperature and quality, as uint16 with the catalogue's scales."""

from functools import partial
from typing import Any

import numpy as np
from attrs import frozen

from localearth.planet.bands import MadeBand, axes, made_band, rounded
from localearth.planet.cover import Kind
from localearth.planet.hashing import Floats
from localearth.planet.lattice import Lattice, Window
from localearth.planet.optics import Optics, Part, Pass
from localearth.planet.outlines import Line, within
from localearth.planet.sentinel2 import flat, measured
from localearth.planet.snow import today
from localearth.planet.surface import MATERIALS
from localearth.raster.grid import Grid
from localearth.worlds.base import Mask, Pixels

FACTOR = 3
"""Pixels of 10 m along a side of a pixel."""

BLOCK = 256
"""Side of the blocks that are computed at once, pixels; the planet is computed at 10 m."""

LIKE = {"SR_B1": "B1", "SR_B2": "B2", "SR_B3": "B3", "SR_B4": "B4", "SR_B5": "B8A", "SR_B6": "B11", "SR_B7": "B12"}
"""The band of Sentinel-2 at the wavelength of each band."""

SCALE, OFFSET = 0.0000275, -0.2
"""Reflectance of a digital number (catalogue)."""

KELVIN_SCALE, KELVIN_OFFSET = 0.00341802, 149.0
"""Temperature of a digital number (catalogue)."""

CLEAR, LOW = 1 << 6, 1 << 8 | 1 << 10 | 1 << 12 | 1 << 14
"""QA_PIXEL of clear land: bit 6, and low confidences of cloud, shadow, snow and cirrus (catalogue)."""

_GREEN = [MATERIALS.index(name) for name in ("broadleaf", "conifer", "grass", "crop")]


@frozen
class Take:
    """One acquisition of a frame: the pass, the frame's sides in its CRS, and its grid of 30 m."""

    seen: Pass
    lines: tuple[Line, ...]
    grid: Grid


def landsat_bands(optics: Optics, take: Take) -> list[MadeBand]:
    """The bands of a scene, in the catalogue's order."""

    def band(name: str, make: Any, dtype: str = "uint16") -> MadeBand:
        return made_band(name, dtype, take.grid, partial(_read, optics, take, make, dtype), BLOCK)

    return [
        *(band(name, partial(_reflectance, like)) for name, like in LIKE.items()),
        band("SR_QA_AEROSOL", partial(flat, 96), "uint8"),
        band("ST_B10", _temperature),
        band("ST_EMIS", partial(flat, 9700), "int16"),
        band("ST_QA", partial(flat, 200), "int16"),
        band("QA_PIXEL", _quality),
        band("QA_RADSAT", partial(flat, 0)),
    ]


def _read(optics: Optics, take: Take, make: Any, dtype: str, part: Window) -> tuple[Pixels, Mask]:
    mask = within(take.lines, *axes(take.grid, part))
    if not mask.any():
        return np.zeros(mask.shape, dtype), mask
    _, _, left, _, _, top = take.grid.transform
    # Pixels begin at odd multiples of 15 m, so a lattice of 10 m that is shifted by 5 m divides them.
    lattice = Lattice(take.grid.crs, 5.0, 5.0, 10.0)
    window = Window(
        round((5.0 - top) / 10.0) + part.row * FACTOR,
        round((left - 5.0) / 10.0) + part.col * FACTOR,
        part.rows * FACTOR,
        part.cols * FACTOR,
    )
    return np.where(mask, rounded(make(optics.part(lattice, window, take.seen, FACTOR)), dtype), 0), mask


def _reflectance(like: str, part: Part) -> Floats:
    share = measured(like, False, 1.0, part) * 1e-4
    # In the products, 0 means no data.
    numbers: Floats = np.maximum((share - OFFSET) / SCALE, 1.0)
    return numbers


def _temperature(part: Part) -> Floats:
    """Kelvin of the surface at ten in the morning: bare and built ground is warmer than plants; clouds are cold."""
    view, truth = part.view, part.view.truth
    bare = 1.0 - sum(view.surface.mixture[at] for at in _GREEN)
    sun = np.where(truth.cover.kind == Kind.WATER, 1.0, 4.0 + 11.0 * bare) * view.seen.sun()[2]
    kelvin = 273.15 + today(truth.region, truth.terrain, view.seen.day) + sun * (1.0 - view.surface.snow)
    values = part.means(kelvin)
    return (values + part.cloud() * (np.minimum(values, 262.0) - values) - KELVIN_OFFSET) / KELVIN_SCALE


def _quality(part: Part) -> Floats:
    """QA_PIXEL: bits of cloud, its border, cirrus, shadow, snow, clear and water, and four confidences."""
    cloud, snow = part.cloud(), part.material("snow") > 0.5
    water = part.means((part.view.truth.cover.kind == Kind.WATER).astype(float)) > 0.5
    opaque, thin, border = cloud > 0.45, (cloud > 0.12) & (cloud <= 0.45), (cloud > 0.02) & (cloud <= 0.12)
    dark, white = (part.shadow() > 0.4) & ~opaque, snow & ~opaque
    bits = np.full(cloud.shape, CLEAR | LOW)
    bits[opaque | border] &= ~CLEAR
    # A low confidence is 1, a high one 3.
    for where, value in (
        (border, 1 << 1),
        (thin, 1 << 2 | 3 << 14),
        (opaque, 1 << 3 | 3 << 8),
        (dark, 1 << 4 | 3 << 10),
        (white, 1 << 5 | 3 << 12),
        (water & ~snow, 1 << 7),
    ):
        bits[where] |= value
    return bits.astype(float)
