"""The bands of Landsat's level 2: reflectance, temperature and quality, as uint16 with the catalogue's scales."""

from functools import partial
from typing import Any

import numpy as np
from attrs import frozen

from mmearth_localearth.worlds.base import Mask, Pixels
from mmearth_localearth.worlds.synthetic.bands import Grid, MadeBand, rounded
from mmearth_localearth.worlds.synthetic.cover import Kind
from mmearth_localearth.worlds.synthetic.hashing import Floats
from mmearth_localearth.worlds.synthetic.lattice import Lattice, Window
from mmearth_localearth.worlds.synthetic.optics import Optics, Pass, View
from mmearth_localearth.worlds.synthetic.outlines import Line, within
from mmearth_localearth.worlds.synthetic.sentinel2 import block_means, cloud_means, measured
from mmearth_localearth.worlds.synthetic.snow import today
from mmearth_localearth.worlds.synthetic.surface import MATERIALS

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
        return MadeBand(name, dtype, take.grid, partial(_read, optics, take, make, dtype), BLOCK)

    return [
        *(band(name, partial(_reflectance, like)) for name, like in LIKE.items()),
        band("SR_QA_AEROSOL", partial(_flat, 96), "uint8"),
        band("ST_B10", _temperature),
        band("ST_EMIS", partial(_flat, 9700), "int16"),
        band("ST_QA", partial(_flat, 200), "int16"),
        band("QA_PIXEL", _quality),
        band("QA_RADSAT", partial(_flat, 0)),
    ]


def _read(
    optics: Optics, take: Take, make: Any, dtype: str, row: int, col: int, rows: int, cols: int
) -> tuple[Pixels, Mask]:
    size, _, left, _, _, top = take.grid.transform
    mask = within(
        take.lines, left + (np.arange(col, col + cols) + 0.5) * size, top - (np.arange(row, row + rows) + 0.5) * size
    )
    if not mask.any():
        return np.zeros((rows, cols), dtype), mask
    # Pixels begin at odd multiples of 15 m, so a lattice of 10 m that is shifted by 5 m divides them.
    lattice = Lattice(take.grid.crs, 5.0, 5.0, 10.0)
    window = Window(
        round((5.0 - top) / 10.0) + row * FACTOR,
        round((left - 5.0) / 10.0) + col * FACTOR,
        rows * FACTOR,
        cols * FACTOR,
    )
    held, view = optics.view(lattice, window, take.seen)
    return np.where(mask, rounded(make(view, held, window), dtype), 0), mask


def _flat(value: int, view: View, held: Window, window: Window) -> Floats:
    return np.full((window.rows // FACTOR, window.cols // FACTOR), float(value))


def _reflectance(like: str, view: View, held: Window, window: Window) -> Floats:
    share = measured(like, False, 1.0, view, held, window, FACTOR) * 1e-4
    # In the products, 0 means no data.
    return np.maximum((share - OFFSET) / SCALE, 1.0)


def _temperature(view: View, held: Window, window: Window) -> Floats:
    """Kelvin of the surface at ten in the morning: bare and built ground is warmer than plants; clouds are cold."""
    inner = held.slices(window)
    truth = view.truth
    bare = 1.0 - sum(view.surface.mixture[at] for at in _GREEN)
    sun = np.where(truth.cover.kind == Kind.WATER, 1.0, 4.0 + 11.0 * bare) * view.seen.sun()[2]
    kelvin = 273.15 + today(truth.region, truth.terrain, view.seen.day) + sun * (1.0 - view.surface.snow)
    values = block_means(kelvin[inner], FACTOR)
    cloud = cloud_means(view, held, window, FACTOR)
    return (values + cloud * (np.minimum(values, 262.0) - values) - KELVIN_OFFSET) / KELVIN_SCALE


def _quality(view: View, held: Window, window: Window) -> Floats:
    """QA_PIXEL: bits of cloud, its border, cirrus, shadow, snow, clear and water, and four confidences."""
    inner = held.slices(window)
    cloud = cloud_means(view, held, window, FACTOR)
    shadow = np.zeros(cloud.shape) if view.shadow is None else block_means(view.shadow[inner], FACTOR)
    snow = block_means(view.surface.mixture[MATERIALS.index("snow")][inner], FACTOR) > 0.5
    water = block_means((view.truth.cover.kind[inner] == Kind.WATER).astype(float), FACTOR) > 0.5
    opaque, thin, border = cloud > 0.45, (cloud > 0.12) & (cloud <= 0.45), (cloud > 0.02) & (cloud <= 0.12)
    dark, white = (shadow > 0.4) & ~opaque, snow & ~opaque
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
