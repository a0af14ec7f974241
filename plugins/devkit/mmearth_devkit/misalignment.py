"""Misaligned bands: found with a test image from whose values the position of every pixel can be computed."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import shapely
from attrs import evolve
from numpy.typing import NDArray
from pyproj import Transformer
from shapely.geometry import box

from mmearth_core import Scene
from mmearth_core.config.schema import RunOptions
from mmearth_core.download.stack import FLOAT_NODATA, StackBand, finish_bands, present_bands
from mmearth_core.earthengine.client import EarthClient
from mmearth_core.tiles.grid import PIXEL, Grid, tile_grid
from mmearth_devkit.graphs import evaluate
from mmearth_devkit.network_guard import GuardedEngine, NetworkGuard
from mmearth_devkit.stage import Pattern
from mmearth_devkit.trial_record import Misalignment, TrialRecord

COARSEST = 500.0
"""Metres; a tile has too few larger pixels to measure their position."""


_PIXELS = 16
"""Pixels of the coarsest band per wave: enough to measure a shift of a quarter of a pixel."""


_SHORTEST = 320
"""Minimum wavelength, metres."""


_WAVES = 2
"""Waves along a side of the grid; a whole number, so that functions of the wave do not change its phase."""


_COMPOSITE = 100_000
"""Metres; larger pixels are those of a composite: one degree, about 111 km."""


_VISIBLE = 0.1
"""Minimum share of the wave in the variation of the pixels; a slope, for example, has none."""


def find_misalignments(record: TrialRecord, guard: NetworkGuard, client: EarthClient, image: Any) -> list[Misalignment]:
    """Downloads the modality's image from a patterned engine, as a run would, and measures the shift of each band.

    Bands in which the pattern is not visible (masked, constant, coarser than `COARSEST`) are left out.

    Args:
        record: the trial so far, with the raw pixels.
        guard: watches the modality.
        client: a session with the engine itself.
        image: the modality's image on that engine.
    """
    scene = record.scene
    names = [raw.stack_band for raw in record.raw if raw.values.size]
    if scene is None or scene.anchor is None or not names:
        return []
    grid = tile_grid(scene.polygon, scene.anchor.crs, 2)
    sizes = pixel_sizes(client, image, names)
    fine = {name: size for name, size in sizes.items() if size <= COARSEST}
    if not fine:
        return []
    period = math.ceil(max(_SHORTEST, _PIXELS * max(fine.values())) / PIXEL) * PIXEL
    side = _WAVES * period // PIXEL
    left, top = grid.left + PIXEL - PIXEL * (side // 2), grid.top - PIXEL + PIXEL * (side // 2)
    wide = Grid(grid.crs, left, top, side)
    pattern = Pattern(grid.crs, left, top, period)
    session = _Session(record, guard, pattern, evolve(scene, polygon=_outline(wide)))
    misalignments = []
    for stack_band, values in session.pixels(wide):
        shift = measure(values, wide, pattern)
        if shift is not None and stack_band.band.name in fine:
            misalignments.append(Misalignment(stack_band, *shift, pixel=fine[stack_band.band.name]))
    return misalignments


def pixel_sizes(client: EarthClient, image: Any, bands: Sequence[StackBand]) -> dict[str, float]:
    """The size of each band's own pixels, metres.

    For a composite, whose grid on the server is one degree, the size is that of the tile's pixels.
    """
    import ee

    names = [each.band.name for each in bands]
    scales = client.compute(ee.List([image.select([name]).projection().nominalScale() for name in names]), "scales")
    return {
        name: float(PIXEL) if scale > _COMPOSITE else max(float(PIXEL), scale)
        for name, scale in zip(names, scales, strict=True)
    }


def _outline(grid: Grid) -> Any:
    """A tile, EPSG:4326, that fills a grid."""
    side = grid.size * PIXEL
    inner = box(grid.left + 1, grid.top - side + 1, grid.left + side - 1, grid.top - 1)
    to_degrees = Transformer.from_crs(grid.crs, "EPSG:4326", always_xy=True).transform
    return shapely.transform(inner, to_degrees, interleaved=False)


class _Session:
    """The modality on a patterned engine, at one tile."""

    def __init__(self, record: TrialRecord, guard: NetworkGuard, pattern: Pattern, scene: Scene) -> None:
        self._modality = modality = record.modality
        engine = GuardedEngine(record.stage.patterned(pattern), guard)
        self._client = EarthClient(engine, RunOptions(retry_seconds=0.0))
        asked = evolve(scene, anchor=None) if modality.can_anchor() else scene
        located = evaluate(self._client, modality.locate(asked))
        bands = present_bands(modality, located)
        self._bands = [each for each in bands if record.names and each.band.name in record.names]
        self._image = modality.image(scene, located) if self._bands else None

    def pixels(self, grid: Grid) -> list[tuple[StackBand, NDArray[np.float64]]]:
        """The bands on a grid, finished as in a run; NaN where no-data."""
        if self._image is None:
            return []
        import ee

        image = ee.Image.cat(finish_bands(self._image, self._bands))
        array = self._client.pixels(image, grid.request())
        result = []
        for stack_band in self._bands:
            values = np.asarray(array[stack_band.name], np.float64)
            nodata = (values == stack_band.band.nodata) | (values == np.float64(np.float32(FLOAT_NODATA)))
            result.append((stack_band, np.where(nodata, np.nan, values)))
        return result


def measure(values: NDArray[np.float64], grid: Grid, pattern: Pattern) -> tuple[float, float] | None:
    """The shift of an image of the pattern, in metres east and south; None where the pattern is not visible.

    A least-squares fit of a constant and the sine and cosine of both phases; the angle between sine and cosine is the
    shift.
    """
    centres = (np.arange(grid.size) + 0.5) * PIXEL
    x, y = np.meshgrid(grid.left + centres, grid.top - centres)
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
