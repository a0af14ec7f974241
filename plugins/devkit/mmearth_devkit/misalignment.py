"""Misaligned bands: found with a test image from whose values the position of every pixel can be computed."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import shapely
from attrs import evolve, field, frozen
from numpy.typing import NDArray
from pyproj import Transformer
from shapely.geometry import Polygon, box

from mmearth_core import Grid, Resampling
from mmearth_core.download.stack import FLOAT_NODATA, StackBand, finish_bands
from mmearth_core.earthengine.client import EarthClient
from mmearth_devkit.finished import raw_pixels
from mmearth_devkit.stage import Pattern
from mmearth_devkit.trial_record import Shift

MISALIGNED = 0.25
"""Tolerated shift in pixels of the band; the usual mistake is half a pixel."""


COARSEST = 500.0
"""Metres; larger pixels have no measurable position near one tile."""


_PIXELS = 10
"""Pixels of the coarsest band per wave: enough to measure a shift of a quarter of a pixel."""


_SHORTEST = 320
"""Minimum wavelength, metres."""


_WAVES = 2
"""Waves along a side of the window; a whole number, so that functions of the wave do not change its phase."""


_POINTS = 131
"""Points along a side. As their number is prime, they fall into all parts of a pixel equally, whatever its size and
origin, so that taking the nearest pixel does not look like a shift."""


_REAL_TILE = 1280
"""Side in metres of an ordinary tile; the modality is never asked for a larger one."""


_VISIBLE = 0.1
"""Minimum share of the wave in the variation of the pixels; a slope, for example, has none."""


@frozen
class Window:
    """A square of points in a tile's CRS, which are the centres of square pixels.

    Attributes:
        crs: the tile's CRS.
        left: x of the west edge.
        top: y of the north edge.
        side: width and height, metres.
        count: points along a side.
        moved: how far the pattern begins east and south of the corner, metres.
        pattern: the test image with whole waves in the window.
    """

    crs: str
    left: float
    top: float
    side: float
    count: int
    moved: float = 0.0
    pattern: Pattern = field(init=False, eq=False)

    @pattern.default
    def _whole_waves(self) -> Pattern:
        return Pattern(self.crs, self.left + self.moved, self.top - self.moved, self.side / _WAVES)

    def request(self) -> dict[str, Any]:
        """The `grid` of a request for pixels."""
        step = self.side / self.count
        x = {"scaleX": step, "shearX": 0, "translateX": self.left}
        y = {"shearY": 0, "scaleY": -step, "translateY": self.top}
        size = {"width": self.count, "height": self.count}
        return {"dimensions": size, "affineTransform": x | y, "crsCode": self.crs}

    def centres(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The x and y of the points, both (count, count)."""
        along = (np.arange(self.count) + 0.5) * self.side / self.count
        x, y = np.meshgrid(self.left + along, self.top - along)
        return x, y

    def tile(self) -> Polygon:
        """The outline of a tile (EPSG:4326) that fills the window, or its middle."""
        half = min(self.side, _REAL_TILE) / 2 - 1
        x, y = self.left + self.side / 2, self.top - self.side / 2
        to_degrees = Transformer.from_crs(self.crs, "EPSG:4326", always_xy=True).transform
        outline = box(x - half, y - half, x + half, y + half)
        found: Polygon = shapely.transform(outline, to_degrees, interleaved=False)
        return found


def window_for(grid: Grid, sizes: Mapping[str, float]) -> Window:
    """The window around the middle of a tile that has enough pixels of these sizes in metres."""
    pixels = _WAVES * math.ceil(max(_SHORTEST, _PIXELS * max(sizes.values(), default=0)) / grid.pixel_size)
    corner = (grid.size - pixels) // 2 * grid.pixel_size
    return Window(grid.crs, grid.left + corner, grid.top - corner, pixels * grid.pixel_size, _POINTS)


def composite_sizes(
    client: EarthClient, image: Any, names: Sequence[str], window: Window, least: float
) -> dict[str, float]:
    """The size of the pixels that each band of a composite is made of, at least `least` metres, up to `COARSEST`.

    A composite has no grid of its own, so it is seen from what the patterned engine reads.
    """
    sizes = {}
    spacings = window.pattern.spacings
    for name in names:
        spacings.clear()
        client.pixels(image.select([name]), evolve(window, count=8).request())
        size = max(spacings, default=math.inf)
        if size <= COARSEST:
            sizes[name] = max(least, size)
    return sizes


def find_blocks(
    client: EarthClient, image: Any, bands: Sequence[StackBand], sizes: Mapping[str, float], grid: Grid
) -> list[tuple[StackBand, float]]:
    """The bands with equal neighbours on a tile of the pattern, as many as there are if nothing is interpolated."""
    coarse = [band for band in bands if sizes[band.band.name] >= 1.5 * grid.pixel_size]
    raw = raw_pixels(client, image, [band.band.name for band in coarse], grid.request()) if coarse else {}
    found = []
    for band in coarse:
        size, steps = sizes[band.band.name], np.diff(raw[band.band.name], axis=1)
        known = steps[np.isfinite(steps)]
        if known.size and (known == 0).mean() > (1 - grid.pixel_size / size) / 2:
            found.append((band, size))
    return found


def measure_shifts(
    client: EarthClient,
    image: Any,
    bands: Sequence[StackBand],
    sizes: Mapping[str, float],
    window: Window,
    grid: Grid,
) -> list[Shift]:
    """Downloads a modality's image of the pattern, finished as in a run, and measures the shift of each band.

    Bands in which the pattern is not visible (masked or constant ones) are left out.

    Args:
        client: a session with the patterned engine.
        image: the modality's image on that engine.
        bands: those of its bands to measure.
        sizes: the size of their pixels.
        window: where, with whole waves of the pattern.
        grid: of the tile.
    """
    import ee

    array = client.pixels(ee.Image.cat(finish_bands(image, bands, grid)), window.request())
    shifts = []
    for band in bands:
        values = np.asarray(array[band.name], np.float64)
        nodata = (values == band.band.nodata) | (values == np.float64(np.float32(FLOAT_NODATA)))
        shift = measure(np.where(nodata, np.nan, values), window, window.pattern)
        if shift is not None:
            shifts.append(Shift(band, *shift, pixel=sizes[band.band.name]))
    return shifts


def in_run(shift: Shift, on_tile: Shift | None, grid: Grid) -> Shift | None:
    """How far a run would shift a band that is shifted too far; None if that is not the band's fault.

    On the tile's own pixels, the nearest neighbour alone shifts by up to half of one: such a band is only at fault if a
    run shifts it further.

    Args:
        shift: the shift of the band.
        on_tile: the same, measured on the pixels of the tile.
        grid: of the tile.
    """
    methods = {shift.stack_band.band.resampling, shift.stack_band.resampling(grid.pixel_size)}
    if methods != {Resampling.NEAREST}:
        return shift
    least = grid.pixel_size / 2 + 0.1
    return next((each for each in (shift, on_tile) if each and max(abs(each.east), abs(each.south)) > least), None)


def measure(values: NDArray[np.float64], window: Window, pattern: Pattern) -> tuple[float, float] | None:
    """The shift of an image of the pattern, in metres east and south; None where the pattern is not visible.

    A least-squares fit of a constant and the sine and cosine of both phases; the angle between sine and cosine is the
    shift.
    """
    x, y = window.centres()
    known = np.isfinite(values)
    if known.mean() < 0.5:
        return None
    east, south = pattern.phases(x[known], y[known])
    terms = np.column_stack([np.ones(east.size), np.sin(east), np.cos(east), np.sin(south), np.cos(south)])
    solution, *_ = np.linalg.lstsq(terms, values[known], rcond=None)
    spread = float(values[known].std())
    shifts = []
    for sine, cosine in (solution[1:3], solution[3:5]):
        if spread == 0.0 or math.hypot(sine, cosine) < _VISIBLE * spread:
            return None
        # A decreasing function of the pattern inverts the wave, which is not a shift.
        angle = math.atan2(-cosine, sine) if sine >= 0 else math.atan2(cosine, -sine)
        shifts.append(angle * pattern.period / (2 * math.pi))
    return shifts[0], shifts[1]
