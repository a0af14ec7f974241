"""Objects: groups of connected pixels, their labels and statistics, on the requested grid."""

import math

import numpy as np
from attrs import evolve
from numpy.typing import NDArray

from localearth.errors import EarthEngineError
from localearth.functions.connected import MOST, check_size, labels
from localearth.raster.grid import Grid
from localearth.raster.mask import valid, weights_of
from localearth.raster.sampling import Sampled
from localearth.registry import function
from localearth.values.image import Image, ImageBand, Pull, Source, layers, unique
from localearth.values.kernel import Kernel
from localearth.values.pixel_type import PixelType, doubles
from localearth.values.projection import invert
from localearth.values.reducer import Reducer
from localearth.values.row_reducers import RowReducer

_LABEL = PixelType("int", 0, 2**31 - 1)


def _diagonal(kernel: Kernel, grid: Grid) -> bool:
    """Whether a kernel of connectedness contains diagonal neighbours."""
    weights = kernel.on(grid)
    used = weights.values != 0
    if (
        used.shape == (3, 3)
        and (weights.x, weights.y) == (1, 1)
        and used[0, 1]
        and used[1, [0, 2]].all()
        and used[2, 1]
    ):
        corners = used[::2, ::2]
        if corners.all() or not corners.any():
            return bool(corners.all())
    raise EarthEngineError(
        "Image.connectedComponents, argument 'connectedness': the local Earth Engine supports Kernel.plus(1) and "
        "Kernel.square(1).",
        placed=True,
    )


def _label(grid: Grid, first: NDArray[np.int64]) -> NDArray[np.int64]:
    """A label from the first pixel of an object, by its place among the pixels of the CRS, whatever grid is requested.

    Objects have different labels unless they are more than 32,768 pixels apart.
    """
    _, _, col, _, _, row = invert(grid.transform)
    left, top = math.floor(1e-6 - col), math.floor(1e-6 - row)
    return (top + first // grid.width) % 65_536 * 32_768 + (left + first % grid.width) % 32_768


@function(
    "Image.connectedComponents",
    note="`connectedness` Kernel.plus(1) or Kernel.square(1), `maxSize` at most "
    f"{MOST}. Labels are not Google's numbers. Where an object is too large, only the band `labels` is known.",
)
def connected_components(image: Image, kernel: Kernel, most: int) -> Image:
    """The image with a band `labels`: a number for every object of the first band with up to `maxSize` pixels."""
    check_size(most)
    base = image.first_band
    base.numbers_only()

    def source(grid: Grid, pull: Pull) -> Sampled:
        wide = grid.around(most)
        values, usable = pull(base.source, wide)
        first = labels(values, usable, _diagonal(kernel, grid))
        small = np.bincount(first.ravel())[first] <= most
        part = grid.inner(most)
        mask = (usable & small)[part]
        return np.where(mask, _label(wide, first)[part], 0).astype(_LABEL.dtype), mask

    def kept(band: ImageBand) -> ImageBand:
        def known(grid: Grid, pull: Pull) -> Sampled:
            _, objects = pull(base.source, grid)
            if (objects & ~pull(source, grid)[1]).any():
                raise EarthEngineError(
                    f"Image.connectedComponents: the local Earth Engine does not know whether band '{band.name}' is "
                    f"masked in objects of more than {most} pixels; select the band 'labels'.",
                    placed=True,
                )
            return pull(band.source, grid)

        return evolve(band, source=known)

    names = unique([*image.names, "labels"])
    found = ImageBand(names[-1], _LABEL, base.projection, source)
    return image.with_bands([*map(kept, image.bands), found])


@function(
    "Image.reduceConnectedComponents",
    note=f"Reducers of one input, `maxSize` at most {MOST}. The result is valid in the whole object, also where a band "
    "is masked (assumed).",
)
def reduce_connected_components(image: Image, reducer: Reducer, name: str | None, most: int) -> Image:
    """A reducer over the pixels of each object of the label band, for each other band."""
    check_size(most)
    if isinstance(reducer, RowReducer):
        raise EarthEngineError("argument 'reducer': the local Earth Engine supports reducers of one number.")
    label = image.first_band if name is None else image.band(name)
    label.numbers_only()

    def objects(grid: Grid, pull: Pull) -> Sampled:
        """The first pixel of each object, and whether it is small enough, on the grid with its margin."""
        values, mask = pull(label.source, grid.around(most))
        first = labels(values, mask, True)
        return first, mask & _small(first, most)

    bands: list[ImageBand] = []
    for band in image.bands:
        if band is not label:
            bands += _statistics(band, reducer, objects, most)
    return image.with_bands(bands)


def _small(first: NDArray[np.int64], most: int) -> NDArray[np.bool_]:
    """Whether the object of each pixel has at most so many rows and columns."""
    fits = np.ones(first.shape, bool)
    for at in np.indices(first.shape):
        low, high = np.full(first.size, first.size), np.zeros(first.size, np.int64)
        np.minimum.at(low, first.ravel(), at.ravel())
        np.maximum.at(high, first.ravel(), at.ravel())
        fits &= (high - low)[first] < most
    return fits


def _statistics(band: ImageBand, reducer: Reducer, objects: Source, most: int) -> list[ImageBand]:
    """A band for each output of a reducer, which keeps the band's name if it is the only one."""
    band.numbers_only()
    kinds = reducer.types(band.type, None)

    def every(grid: Grid, pull: Pull) -> Sampled:
        first, usable = pull(objects, grid)
        values, masks = pull.weighted(band.source, grid.around(most))
        part = grid.inner(most)
        needed = np.unique(first[part][usable[part]])
        found, good = np.zeros((len(kinds), len(needed) + 1)), np.zeros((len(kinds), len(needed) + 1), bool)
        order = np.argsort(first.ravel(), kind="stable")
        ranked = first.ravel()[order]
        starts, ends = np.searchsorted(ranked, needed), np.searchsorted(ranked, needed, "right")
        for at, (start, end) in enumerate(zip(starts, ends, strict=True)):
            members = order[start:end]
            mask = masks.ravel()[members][:, None]
            stack = doubles(values.ravel()[members][:, None], valid(mask))
            weights = weights_of(mask) if reducer.weighted else None
            for number, (value, known) in enumerate(reducer.apply(stack, valid(mask), weights)):
                found[number, at], good[number, at] = np.asarray(value, float)[0], known[0]
        # Pixels of no usable object take the last column, which is masked.
        column = np.where(usable[part], np.searchsorted(needed, first[part]), len(needed))
        return found[:, column], good[:, column]

    return layers(every, reducer.names(band.name), kinds, band.projection)
