"""Statistics of an image in a region.

As Google documents it, unweighted reducers use the pixels whose centre is in the region. Weighted reducers (mean, sum,
variance) use every pixel with the share of its area in the region as weight. Weights have 8 bits, so shares below 1/256
are lost: a region much smaller than a pixel has no mean.
"""

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import shapely
from attrs import frozen
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from localearth.errors import EarthEngineError
from localearth.functions.support import refuse
from localearth.raster.grid import Grid, check_memory, pixels_of
from localearth.registry import function
from localearth.values.array import Array, make
from localearth.values.collection import Collection
from localearth.values.feature import Feature
from localearth.values.geometry import Geometry, valid
from localearth.values.image import Image, ImageBand, Pull
from localearth.values.pixel_type import numbers_only
from localearth.values.projection import Projection, resolve, whole
from localearth.values.reducer import BUILTIN, Reducer
from localearth.values.row_reducers import RowReducer, collected

_NOTE = (
    "`tileScale` is ignored. With `bestEffort`, a region with more than `maxPixels` pixels is refused, because "
    "Google's choice of a larger scale is not documented."
)

_CHUNK = 200_000
"""Number of pixels whose outlines are created at once."""


class TooManyPixelsError(EarthEngineError):
    """A region has more pixels than `maxPixels` allows."""


@frozen(eq=False)
class Region:
    """The pixels of a grid in a geometry.

    Attributes:
        grid: a grid that covers the geometry.
        share: share of each pixel inside the geometry, (height, width), 0 to 1 in steps of 1/255.
        centre: whether the pixel's centre is inside, (height, width).
    """

    grid: Grid
    share: NDArray[np.float64]
    centre: NDArray[np.bool_]


def region_of(geometry: Geometry, projection: Projection, max_pixels: int, weighted: bool = True) -> Region:
    """The pixels of a projection that a geometry covers.

    Raises:
        TooManyPixelsError: when there are more than `max_pixels`.
    """
    shape = valid(geometry.in_pixels(projection))
    if shape.is_empty:
        raise EarthEngineError("The region is empty.")
    west, north, east, south = shape.bounds
    col, row = math.floor(west), math.floor(north)
    if shape.geom_type.endswith("Point"):
        cols, rows = math.floor(east) - col + 1, math.floor(south) - row + 1
    else:
        cols, rows = max(math.ceil(east) - col, 1), max(math.ceil(south) - row, 1)
    if rows * cols > max_pixels:
        raise TooManyPixelsError(
            f"Too many pixels in the region. Found {rows * cols}, but maxPixels allows only {max_pixels}."
        )
    check_memory(rows, cols)
    shapely.prepare(shape)
    share, centre = np.empty((rows, cols)), np.empty((rows, cols), bool)
    chunk = max(_CHUNK // cols, 1)
    for start in range(0, rows, chunk):
        part = slice(start, min(start + chunk, rows))
        left, top = np.meshgrid(np.arange(col, col + cols), np.arange(row + start, row + part.stop))
        share[part], centre[part] = pixel_shares(shape, left, top, weighted)
    steps = np.minimum(np.floor(share * 256), 255)
    grid = pixels_of(projection).window(row, col, rows, cols)
    return Region(grid, steps / 255, centre)


def pixel_shares(
    shape: BaseGeometry, left: NDArray[Any], top: NDArray[Any], weighted: bool
) -> tuple[NDArray[Any], NDArray[Any]]:
    """The share of each pixel inside a shape, and whether its centre is inside."""
    if shape.geom_type.endswith("Point"):
        found = np.zeros(left.shape, bool)
        x, y = np.floor(shapely.get_coordinates(shape)).astype(np.int64).T
        here = (y >= top[0, 0]) & (y <= top[-1, 0])
        found[y[here] - top[0, 0], x[here] - left[0, 0]] = True
        return found.astype(np.float64), found
    if not shape.area:
        # A line selects the pixels that it touches.
        touched = shapely.intersects(shape, shapely.box(left, top, left + 1, top + 1))
        return touched.astype(np.float64), touched
    centre = shapely.intersects_xy(shape, left + 0.5, top + 0.5)
    share = centre.astype(np.float64)
    if not weighted:
        return share, centre
    # A pixel that the outline does not cross is inside if its centre is; only the few others are intersected.
    passed = _passed(shape, left, top)
    x, y = left[passed], top[passed]
    share[passed] = shapely.area(shapely.intersection(shape, shapely.box(x, y, x + 1, y + 1)))
    return share, centre


def _passed(shape: BaseGeometry, left: NDArray[Any], top: NDArray[Any]) -> NDArray[np.bool_]:
    """The pixels that the outline of a shape crosses, and possibly some of their neighbours."""
    rows, cols = left.shape
    found = np.zeros((rows + 2, cols + 2), bool)
    lines = shapely.get_parts(shapely.segmentize(shape.boundary, 0.5))
    points, line = shapely.get_coordinates(lines, return_index=True)
    starts = np.flatnonzero(line[1:] == line[:-1])
    ends = np.stack([points[starts], points[starts + 1]])
    low, high = np.floor(ends.min(axis=0) - 1e-6), np.floor(ends.max(axis=0) + 1e-6)
    # A segment of half a pixel lies in at most two columns and two rows; those outside the raster go to a border.
    for x in (low[:, 0], high[:, 0]):
        for y in (low[:, 1], high[:, 1]):
            row, col = np.clip(y - top[0, 0], -1, rows), np.clip(x - left[0, 0], -1, cols)
            found[row.astype(np.int64) + 1, col.astype(np.int64) + 1] = True
    return found[1:-1, 1:-1]


def _output(band: str, output: str, reducer: Reducer) -> str:
    return band if len(reducer.outputs) == 1 else f"{band}_{output}"


def reduced(bands: Iterable[ImageBand], reducer: Reducer, region: Region, pull: Pull) -> dict[str, Any]:
    """The reducer's outputs for every band, named by the band, and by the output when there are several."""
    if isinstance(reducer, RowReducer):
        return _rows(list(bands), reducer, region, pull)
    results: dict[str, Any] = {}
    inside = region.centre if not reducer.weighted else region.share > 0
    weights = region.share.reshape(-1, 1) if reducer.weighted else None
    for band in bands:
        if band.type.dimensions and reducer in _ENDS:
            results[band.name] = _array(band, _ENDS[reducer], region, pull)
            continue
        numbers_only(band.type, band.name)
        values, mask = pull(band.source, region.grid)
        if reducer.weighted:
            pull.no_fractions("Image.reduceRegion")
        stack = values.astype(np.float64).reshape(-1, 1)
        valid = (mask & inside).reshape(-1, 1)
        kinds = reducer.types(band.type, None)
        found = reducer.apply(stack, valid, weights)
        for output, kind, (value, good) in zip(reducer.outputs, kinds, found, strict=True):
            number = float(np.asarray(value)[0])
            shown = (int(number) if kind.is_integer else whole(number)) if good[0] else None
            results[_output(band.name, output, reducer)] = shown
    return results


_ENDS = {BUILTIN["first"]: 0, BUILTIN["firstNonNull"]: 0, BUILTIN["last"]: -1, BUILTIN["lastNonNull"]: -1}
"""Reducers that take one of the pixels, which may be an array."""


def _array(band: ImageBand, end: int, region: Region, pull: Pull) -> Array | None:
    """The first or last array in a region."""
    values, mask = pull(band.source, region.grid)
    found = values[(mask > 0) & region.centre]
    return make(found[end]) if len(found) else None


def _rows(bands: list[ImageBand], reducer: RowReducer, region: Region, pull: Pull) -> dict[str, Any]:
    """The outputs of a reducer of rows: for every band if it has one input, or of the bands together."""
    if reducer.inputs not in (1, len(bands)):
        raise EarthEngineError(f"The reducer has {reducer.inputs} inputs, but the image {len(bands)} bands.")
    inside = region.centre if not reducer.weighted else region.share > 0
    weights = region.share[inside].tolist() if reducer.weighted else None
    columns = []
    for band in bands:
        numbers_only(band.type, band.name)
        values, mask = pull(band.source, region.grid)
        if reducer.weighted:
            pull.no_fractions("Image.reduceRegion")
        columns.append(
            [value if good else None for value, good in zip(values[inside].tolist(), mask[inside], strict=True)]
        )
    if reducer.inputs == len(bands) > 1:
        return dict(zip(reducer.outputs, collected(reducer, list(zip(*columns, strict=True)), weights), strict=True))
    results: dict[str, Any] = {}
    for band, column in zip(bands, columns, strict=True):
        found = collected(reducer, [(value,) for value in column], weights)
        for output, value in zip(reducer.outputs, found, strict=True):
            results[_output(band.name, output, reducer)] = value
    return results


def image_projection(
    image: Image, crs: Projection | None, transform: list[float] | None, scale: float | None
) -> Projection:
    """The projection of a computation: the given one, or that of the first band."""
    return resolve(crs or image.first_band.projection, transform, scale)


@function("Image.reduceRegion", note=_NOTE)
def reduce_region(
    image: Image,
    reducer: Reducer,
    geometry: Geometry | None,
    scale: float | None,
    crs: Projection | None,
    transform: list[float] | None,
    best_effort: bool,
    max_pixels: int,
    _tile_scale: float,
) -> dict[str, Any]:
    """A reducer applied to the pixels of each band in a region."""
    where = geometry or image.footprint
    if where is None:
        raise EarthEngineError("A geometry is needed for an image without a footprint.")
    try:
        region = region_of(where, image_projection(image, crs, transform, scale), max_pixels, reducer.weighted)
    except TooManyPixelsError as error:
        if best_effort:
            raise refuse("bestEffort", True, f"give a larger scale: {error.message.removesuffix('.')}") from None
        raise
    return reduced(image.bands, reducer, region, Pull())


@function("Image.reduceRegions", note="`tileScale` is ignored.")
def reduce_regions(
    image: Image,
    collection: Collection,
    reducer: Reducer,
    scale: float | None,
    crs: Projection | None,
    transform: list[float] | None,
    _tile_scale: float,
    max_pixels: int | None,
) -> Collection:
    """A reducer applied to every feature; the results become properties, named by the output for a single band."""
    projection = image_projection(image, crs, transform, scale)
    limit = 10_000_000 if max_pixels is None else max_pixels

    def make() -> Iterable[Any]:
        for feature in collection.elements:
            if feature.geometry is None:
                raise EarthEngineError("Image.reduceRegions: a feature has no geometry.", placed=True)
            region = region_of(feature.geometry, projection, limit, reducer.weighted)
            found = reduced(image.bands, reducer, region, Pull())
            if len(image.bands) == 1:
                found = dict(zip(reducer.outputs, found.values(), strict=True))
            kept = {name: value for name, value in found.items() if value is not None}
            yield Feature(feature.geometry, {**feature.properties, **kept})

    return collection.derived(make, False)
