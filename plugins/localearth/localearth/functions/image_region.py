"""Statistics of an image in a region.

As Google documents it, unweighted reducers use the pixels whose centre is in the region. Weighted reducers (mean, sum,
variance) use every pixel with the share of its area in the region as weight. Weights have 8 bits, so shares below 1/256
are lost: a region much smaller than a pixel has no mean.
"""

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
from attrs import evolve, frozen
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from localearth.errors import EarthEngineError
from localearth.raster.grid import Grid, check_memory, pixels_of
from localearth.raster.mask import Mask, has_fractions
from localearth.raster.shares import shares_of
from localearth.registry import function
from localearth.values.array import Array
from localearth.values.collection import Collection
from localearth.values.feature import Feature
from localearth.values.geometry import Geometry, valid
from localearth.values.image import Image, ImageBand, Pull
from localearth.values.pixel_type import doubles
from localearth.values.projection import WGS84, Projection, resolve, whole
from localearth.values.reducer import BUILTIN, Reducer
from localearth.values.row_reducers import RowReducer, collected

_NOTE = (
    "`tileScale` has no influence. With `bestEffort`, the pixel size is multiplied by the square root of the number of "
    "pixels divided by `maxPixels`; the origin stays the same (assumed)."
)


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
        EarthEngineError: when there are more than `max_pixels`.
    """
    shape = valid(geometry.in_pixels(projection))
    row, col, rows, cols = _window(shape)
    # Google counts the area: 80300348117 pixels of 100 m on the globe (guide on debugging).
    if int(shape.area) > max_pixels:
        raise EarthEngineError(
            f"Too many pixels in the region. Found {int(shape.area)}, but maxPixels allows only {max_pixels}."
        )
    check_memory(rows, cols)
    share, centre = shares_of(shape, (row, col, rows, cols), weighted)
    return Region(pixels_of(projection).window(row, col, rows, cols), share, centre)


def _window(shape: BaseGeometry) -> tuple[int, int, int, int]:
    """The first row and column of the pixels that a shape touches, and the numbers of rows and columns."""
    if shape.is_empty:
        raise EarthEngineError("The region is empty.")
    west, north, east, south = shape.bounds
    col, row = math.floor(west), math.floor(north)
    if shape.geom_type.endswith("Point"):
        return row, col, math.floor(south) - row + 1, math.floor(east) - col + 1
    return row, col, max(math.ceil(south) - row, 1), max(math.ceil(east) - col, 1)


def larger_pixels(geometry: Geometry, projection: Projection, max_pixels: int) -> Projection:
    """A projection with the same origin and pixels so large that a geometry has at most `max_pixels` (assumed).

    A message of the servers says "at whatever scale results in 'maxPixels' total pixels" (reported to geemap).
    """
    factor = math.sqrt(valid(geometry.in_pixels(projection)).area / max(max_pixels, 1))
    return projection.scaled(factor, factor) if factor > 1 else projection


def reduced(bands: Iterable[ImageBand], reducer: Reducer, region: Region, pull: Pull) -> dict[str, Any]:
    """The reducer's outputs for every band, named by the band, and by the output when there are several."""
    if isinstance(reducer, RowReducer):
        return _rows(list(bands), reducer, region, pull)
    results: dict[str, Any] = {}
    inside = region.centre if not reducer.weighted else region.share > 0
    for band in bands:
        if band.type.dimensions and reducer in _ENDS:
            results[band.name] = _array(band, _ENDS[reducer], region, pull)
            continue
        if reducer is not BUILTIN["count"]:
            band.numbers_only()
        values, mask = pull.weighted(band.source, region.grid)
        valid = ((mask > 0) & inside).reshape(-1, 1)
        counted = band.type.dimensions or reducer is BUILTIN["count"]
        stack = doubles((mask > 0 if counted else values).reshape(-1, 1), valid)
        weights = _weights(mask, region).reshape(-1, 1) if reducer.weighted else None
        kinds = reducer.types(band.type, None)
        found = reducer.apply(stack, valid, weights)
        for name, kind, (value, good) in zip(reducer.names(band.name), kinds, found, strict=True):
            number = float(np.asarray(value)[0])
            results[name] = (int(number) if kind.is_integer else whole(number)) if good[0] else None
    return results


def _weights(mask: Mask, region: Region) -> NDArray[Any]:
    """The weights of pixels: the smaller of the mask and the share in the region (release notes of 2017-08-28)."""
    return np.minimum(mask, region.share) if has_fractions(mask) else region.share


_ENDS = {BUILTIN["first"]: 0, BUILTIN["firstNonNull"]: 0, BUILTIN["last"]: -1, BUILTIN["lastNonNull"]: -1}
"""Reducers that take one of the pixels, which may be an array."""


def _array(band: ImageBand, end: int, region: Region, pull: Pull) -> Array | None:
    """The first or last array in a region."""
    values, mask = pull(band.source, region.grid)
    found = listed(band, values[mask & region.centre])
    return found[end] if found else None


def _rows(bands: list[ImageBand], reducer: RowReducer, region: Region, pull: Pull) -> dict[str, Any]:
    """The outputs of a reducer of rows: for every band if it has one input, or of the bands together."""
    if reducer.inputs not in (1, len(bands)):
        raise EarthEngineError(f"The reducer has {reducer.inputs} inputs, but the image {len(bands)} bands.")
    inside = region.centre if not reducer.weighted else region.share > 0
    columns, weights = [], []
    for band in bands:
        if not reducer.arrays:
            band.numbers_only()
        values, mask = pull.weighted(band.source, region.grid)
        columns.append(listed_valid(band, values[inside], mask[inside]))
        weight = _weights(mask, region) if reducer.weighted else np.ones(mask.shape)
        weights.append(weight[inside].tolist())
    if reducer.inputs == len(bands) > 1:
        rows, least = list(zip(*columns, strict=True)), np.min(weights, axis=0)
        # A pixel that is masked in all bands is left out, also if all inputs are optional.
        kept = [i for i, row in enumerate(rows) if any(value is not None for value in row)]
        found = collected(reducer, [rows[i] for i in kept], least[kept].tolist())
        return dict(zip(reducer.outputs, found, strict=True))
    results: dict[str, Any] = {}
    for band, column, weight in zip(bands, columns, weights, strict=True):
        # Masked pixels are no inputs, also of the reducers that count nulls (documented).
        kept = [i for i, value in enumerate(column) if value is not None]
        found = collected(reducer, [(column[i],) for i in kept], [weight[i] for i in kept])
        results |= zip(reducer.names(band.name), found, strict=True)
    return results


def listed(band: ImageBand, values: NDArray[Any]) -> list[Any]:
    """Pixels of a band, (n,), as numbers or arrays; whole numbers are integers."""
    if band.type.dimensions:
        kind = evolve(band.type, dimensions=0)
        return [Array(np.asarray(value, kind.element), kind) for value in values]
    return values.tolist() if band.type.is_integer else list(map(whole, values.tolist()))


def listed_valid(band: ImageBand, values: NDArray[Any], mask: Mask) -> list[Any]:
    """Pixels of a band, (n,), as by `listed`, with None for masked ones."""
    return [value if good else None for value, good in zip(listed(band, values), mask > 0, strict=True)]


def image_projection(
    image: Image, crs: Projection | None, transform: list[float] | None, scale: float | None
) -> Projection:
    """The projection of a computation: the given one, or that of the first band.

    Raises:
        EarthEngineError: nothing is given, and the image has no grid of its own (documented in Google's guide on
            projections).
    """
    own = image.first_band.projection
    if crs is None and transform is None and scale is None and own == WGS84:
        raise EarthEngineError(
            "The default WGS84 projection is invalid for aggregations. Specify a scale or crs & crs_transform."
        )
    return resolve(crs or own, transform, scale)


def check_tile_scale(scale: float | None) -> None:
    """`tileScale` has no effect here, but must be one that the servers accept (documented at reduceRegion).

    Raises:
        EarthEngineError: it is not.
    """
    if scale is not None and not 0.1 <= scale <= 16:
        raise EarthEngineError("Valid tileScales are 0.1 to 16.")


def region_or_footprint(image: Image, given: Geometry | None, argument: str = "geometry") -> Geometry:
    """The given region, or the footprint of the image.

    Raises:
        EarthEngineError: there is neither.
    """
    found = given or image.footprint
    if found is None:
        raise EarthEngineError(f"Provide '{argument}' parameter when aggregating over an unbounded image.")
    return found


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
    tile_scale: float,
) -> dict[str, Any]:
    """A reducer applied to the pixels of each band in a region."""
    check_tile_scale(tile_scale)
    if not image.bands:
        return {}  # as on Google's servers, for example for the mean of a month without images (assumed)
    where, projection = region_or_footprint(image, geometry), image_projection(image, crs, transform, scale)
    if best_effort:
        projection = larger_pixels(where, projection, max_pixels)
    return reduced(image.bands, reducer, region_of(where, projection, max_pixels, reducer.weighted), Pull())


@function("Image.reduceRegions", note="`tileScale` has no influence.")
def reduce_regions(
    image: Image,
    collection: Collection,
    reducer: Reducer,
    scale: float | None,
    crs: Projection | None,
    transform: list[float] | None,
    tile_scale: float,
    max_pixels: int | None,
) -> Collection:
    """A reducer applied to every feature; the results become properties, named by the output for a single band."""
    check_tile_scale(tile_scale)
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
