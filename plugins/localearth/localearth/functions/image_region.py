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
from shapely.affinity import translate
from shapely.geometry import box
from shapely.geometry.base import BaseGeometry

from localearth.errors import EarthEngineError
from localearth.raster.grid import Grid, check_memory, outline_lonlat, pixels_of
from localearth.raster.mask import Mask, has_fractions
from localearth.registry import function
from localearth.values.collection import Collection
from localearth.values.feature import Feature
from localearth.values.geometry import Geometry, valid
from localearth.values.image import Image, ImageBand, Pull
from localearth.values.pixel_type import numbers_only
from localearth.values.projection import Projection, resolve, whole
from localearth.values.reducer import Reducer
from localearth.values.row_reducers import RowReducer, collected

_NOTE = (
    "`tileScale` is ignored. With `bestEffort`, pixels become larger by the square root of their number through "
    "`maxPixels`, from the same origin (assumed)."
)

_CHUNK = 200_000
"""Number of pixels whose outlines are created at once."""


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
    if rows * cols > max_pixels:
        raise EarthEngineError(
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
    grid = pixels_of(projection).window(row, col, rows, cols)
    return Region(grid, _eight_bits(share), centre)


def _eight_bits(share: NDArray[Any]) -> NDArray[np.float64]:
    """Shares as they are with 8 bits."""
    return np.asarray(np.minimum(np.floor(share * 256), 255) / 255)


def clip_mask(geometry: Geometry, grid: Grid) -> Mask:
    """The share of each pixel in a geometry: all of it for points, and for lines (assumed) all that they touch."""
    shape = valid(_near(geometry, grid).in_pixels(grid.projection))
    if shape.is_empty:
        return np.zeros(grid.shape, bool)
    shapely.prepare(shape)
    share, _ = pixel_shares(shape, *np.meshgrid(np.arange(grid.width), np.arange(grid.height)), True)
    found = _eight_bits(share)
    return found.astype(np.float32) if ((found > 0) & (found < 1)).any() else found > 0


def _near(geometry: Geometry, grid: Grid) -> Geometry:
    """The part of a geometry around a grid: what is far from it may have no coordinates there."""
    west, south, east, north = outline_lonlat(grid).bounds
    margin = (east - west + north - south) / 2
    if geometry.projection.crs == grid.crs != "EPSG:4326" or east - west > 180:
        return geometry
    around = box(west - margin, south - margin, east + margin, north + margin)
    # A grid may extend beyond 180 degrees, where a geometry is a turn away.
    turns = (0,) if max(east, -west) + margin <= 180 else (-360, 0, 360)
    parts = [translate(geometry.globe, turn).intersection(around) for turn in turns]
    return Geometry(shapely.union_all(parts), geodesic=False)


def _window(shape: BaseGeometry) -> tuple[int, int, int, int]:
    """The first row and column of the pixels that a shape touches, and the numbers of rows and columns."""
    if shape.is_empty:
        raise EarthEngineError("The region is empty.")
    west, north, east, south = shape.bounds
    col, row = math.floor(west), math.floor(north)
    if shape.geom_type.endswith("Point"):
        return row, col, math.floor(south) - row + 1, math.floor(east) - col + 1
    return row, col, max(math.ceil(south) - row, 1), max(math.ceil(east) - col, 1)


def fitting(geometry: Geometry, projection: Projection, max_pixels: int) -> Projection:
    """A projection with the same origin and pixels so large that a geometry has at most `max_pixels` (assumed).

    A message of the servers says "at whatever scale results in 'maxPixels' total pixels" (geemap's issue 122).
    """
    while True:
        _, _, rows, cols = _window(valid(geometry.in_pixels(projection)))
        # Pixels of any size around the origin are four.
        if rows * cols <= max(max_pixels, 4):
            return projection
        factor = max(math.sqrt(rows * cols / max(max_pixels, 1)), 1.01)
        projection = projection.scaled(factor, factor)


def pixel_shares(
    shape: BaseGeometry, left: NDArray[Any], top: NDArray[Any], weighted: bool
) -> tuple[NDArray[Any], NDArray[Any]]:
    """The share of each pixel inside a shape, and whether its centre is inside."""
    if shape.geom_type.endswith("Point"):
        found = np.zeros(left.shape, bool)
        x, y = np.floor(shapely.get_coordinates(shape)).astype(np.int64).T
        here = (y >= top[0, 0]) & (y <= top[-1, 0]) & (x >= left[0, 0]) & (x <= left[0, -1])
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
    for band in bands:
        numbers_only(band.type, band.name)
        values, mask = pull.weighted(band.source, region.grid)
        stack = values.astype(np.float64).reshape(-1, 1)
        valid = ((mask > 0) & inside).reshape(-1, 1)
        weights = _weights(mask, region).reshape(-1, 1) if reducer.weighted else None
        kinds = reducer.types(band.type, None)
        found = reducer.apply(stack, valid, weights)
        for output, kind, (value, good) in zip(reducer.outputs, kinds, found, strict=True):
            number = float(np.asarray(value)[0])
            shown = (int(number) if kind.is_integer else whole(number)) if good[0] else None
            results[_output(band.name, output, reducer)] = shown
    return results


def _weights(mask: Mask, region: Region) -> NDArray[Any]:
    """The weights of pixels: the smaller of the mask and the share in the region (release notes of 2017-08-28)."""
    return np.minimum(mask, region.share) if has_fractions(mask) else region.share


def _rows(bands: list[ImageBand], reducer: RowReducer, region: Region, pull: Pull) -> dict[str, Any]:
    """The outputs of a reducer of rows: for every band if it has one input, or of the bands together."""
    if reducer.inputs not in (1, len(bands)):
        raise EarthEngineError(f"The reducer has {reducer.inputs} inputs, but the image {len(bands)} bands.")
    inside = region.centre if not reducer.weighted else region.share > 0
    columns, weights = [], []
    for band in bands:
        numbers_only(band.type, band.name)
        values, mask = pull.weighted(band.source, region.grid)
        columns.append(
            [value if good else None for value, good in zip(values[inside].tolist(), mask[inside], strict=True)]
        )
        weight = _weights(mask, region) if reducer.weighted else np.ones(mask.shape)
        weights.append(weight[inside].tolist())
    if reducer.inputs == len(bands) > 1:
        rows = list(zip(*columns, strict=True))
        return dict(zip(reducer.outputs, collected(reducer, rows, np.min(weights, axis=0).tolist()), strict=True))
    results: dict[str, Any] = {}
    for band, column, weight in zip(bands, columns, weights, strict=True):
        found = collected(reducer, [(value,) for value in column], weight)
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
    projection = image_projection(image, crs, transform, scale)
    if best_effort:
        projection = fitting(where, projection, max_pixels)
    return reduced(image.bands, reducer, region_of(where, projection, max_pixels, reducer.weighted), Pull())


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
