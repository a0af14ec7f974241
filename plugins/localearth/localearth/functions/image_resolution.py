"""Reducing the resolution of images: every output pixel is made of all input pixels that it covers.

Rules and their sources:
- The weight of an input pixel is the fraction of the output pixel that it covers; masked pixels have none (API page of
  `reduceResolution`, guide "Resampling and Reducing Resolution"). So `sum` is a mean if nothing is masked, as the
  guide warns.
- Output bands are named like inputs, with `_<output>` for reducers of several outputs (API page).
- The image needs a default projection of its own: composites and constants are refused (error of the servers).
- More than `maxPixels` input pixels per output pixel are an error (API page: 64 unless given); the servers never
  combine more than 65,536 (reports of users).
- `bestEffort` starts with pixels that are reduced already (API page).
"""

import numpy as np
from attrs import evolve

from localearth.errors import EarthEngineError
from localearth.functions.image_grid import on_grid
from localearth.raster.grid import Grid, pixels_of
from localearth.raster.mask import has_fractions, valid
from localearth.raster.overlap import Overlap
from localearth.raster.sampling import Sampled, read_window
from localearth.registry import function
from localearth.values.image import Image, ImageBand, Pull, layers
from localearth.values.pixel_type import doubles
from localearth.values.projection import WGS84
from localearth.values.reducer import BUILTIN, Reducer

MAX_PIXELS = 65_536
"""Maximum of input pixels per output pixel, whatever `maxPixels` allows."""

SLIVER = 1 / 256
"""Reducers without weights ignore pixels with a smaller share (assumed; the weights of `reduceRegion` have 8 bits)."""


@function(
    "Image.reduceResolution",
    note="Reducers of one input. `mode` is weighted; min, max, count, median and the like take pixels of which at "
    "least 1/256 is covered (assumed). `maxPixels` counts the pixels in the box around an output pixel (assumed). With "
    "`bestEffort`, pixels are first reduced by `mode`, or by `mean` for every other reducer (assumed).",
)
def reduce_resolution(image: Image, reducer: Reducer, best_effort: bool, max_pixels: int) -> Image:
    """Combines all input pixels of each output pixel by a reducer, on the grid of the next reprojection."""
    limit = min(max_pixels, MAX_PIXELS)

    def bands() -> tuple[ImageBand, ...]:
        return tuple(each for band in image.bands for each in _reduced(band, reducer, best_effort, limit))

    return evolve(image, make_bands=bands)


def _reduced(band: ImageBand, reducer: Reducer, best_effort: bool, limit: int) -> list[ImageBand]:
    """One band per output of the reducer."""
    band.numbers_only()

    def every(grid: Grid, pull: Pull) -> Sampled:
        if band.projection == WGS84:
            raise EarthEngineError(
                "Image.reduceResolution: The input to reduceResolution does not have a valid default projection. "
                "Use setDefaultProjection() first.",
                placed=True,
            )
        found = pull.overlap(grid, band.projection)
        if found.count <= limit:
            return _combined(found, band, reducer, pull)
        if not best_effort:
            raise EarthEngineError(
                f"Image.reduceResolution: Too many input pixels per output pixel. Found {found.count}, but maxPixels "
                f"allows only {limit}.",
                placed=True,
            )
        coarse = _coarser(band, reducer, found, limit)
        return _combined(pull.overlap(grid, coarse.projection), coarse, reducer, pull)

    return layers(every, reducer.names(band.name), reducer.types(band.type, None), band.projection)


def _coarser(band: ImageBand, reducer: Reducer, found: Overlap, limit: int) -> ImageBand:
    """The band reduced to pixels so large that few enough are needed."""
    factor = 2
    # Larger pixels are not aligned with the output's, so one more row and column may be touched on each side.
    while (found.down / factor + 2) * (found.across / factor + 2) > max(limit, 9):
        factor *= 2
    first = BUILTIN["mode" if reducer.outputs == ("mode",) else "mean"]
    return on_grid(_reduced(band, first, False, MAX_PIXELS)[0], band.projection.scaled(factor, factor))


def _combined(found: Overlap, band: ImageBand, reducer: Reducer, pull: Pull) -> Sampled:
    """The outputs of a reducer, (outputs, height, width), for the pixels of an overlap."""
    native = pixels_of(band.projection)
    shape = (len(reducer.outputs), *found.shape)
    values, mask = np.zeros(shape), np.zeros(shape, bool)

    def read(row: int, col: int, rows: int, cols: int) -> Sampled:
        return pull.weighted(band.source, native.window(row, col, rows, cols))

    for chunk in found.chunks():
        inputs, masks = (
            each[chunk.row, chunk.col].reshape(found.count, -1) for each in read_window(read, *chunk.window)
        )
        area = chunk.weight.sum(axis=0)
        least = 0.0 if reducer.weighted else SLIVER * np.minimum(area, 1.0)
        weight = chunk.weight / np.where(area > 0, area, 1.0) if reducer.proportional else chunk.weight
        if not reducer.exact or inputs.dtype.kind not in "iu" or inputs.dtype.itemsize == 8:
            inputs = doubles(inputs, valid(masks))
        # The weight is the product of the mask and the share (API page).
        weight = weight * masks if has_fractions(masks) else weight
        results = reducer.apply(inputs, valid(masks) & (chunk.weight > 0) & (chunk.weight >= least), weight)
        for number, (value, good) in enumerate(results):
            values[number, chunk.rows] = np.reshape(value, (-1, found.shape[1]))
            mask[number, chunk.rows] = np.reshape(good, (-1, found.shape[1]))
    return values, mask
