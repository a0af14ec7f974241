"""Pixels as features: `reduceToVectors`."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import rasterio.features
import shapely
from attrs import frozen
from numpy.typing import NDArray
from shapely.geometry import MultiPolygon, Point, box, shape
from shapely.geometry.base import BaseGeometry
from shapely.geometry.polygon import orient

from localearth.errors import EarthEngineError
from localearth.functions.connected import labels
from localearth.functions.image_region import (
    Region,
    check_tile_scale,
    image_projection,
    larger_pixels,
    listed_valid,
    region_of,
    region_or_footprint,
)
from localearth.functions.support import of_numbers, refuse
from localearth.registry import function
from localearth.values.collection import Collection, lazy
from localearth.values.feature import Feature
from localearth.values.geometry import Geometry
from localearth.values.image import Image, Pull
from localearth.values.projection import Projection, apply
from localearth.values.reducer import Reducer
from localearth.values.row_reducers import collected

_TYPES = ("polygon", "bb", "centroid")


@frozen(eq=False)
class _Segments:
    """Groups of connected pixels with equal values.

    Attributes:
        number: the number of each pixel's group, in the order of first pixels; -1 for others, (height, width).
        order: the pixels of the flat grid by group.
        ends: the end of each group in `order`.
    """

    number: NDArray[np.int32]
    order: NDArray[np.int64]
    ends: NDArray[np.int64]

    def pixels(self) -> Iterator[NDArray[np.int64]]:
        """The pixels of each group, in the flat grid."""
        start = 0
        for end in self.ends:
            yield self.order[start:end]
            start = end


def _segments(values: NDArray[Any], known: NDArray[np.bool_], diagonal: bool) -> _Segments:
    number = np.full(values.shape, -1, np.int32)
    _, found = np.unique(labels(values, known, diagonal)[known], return_inverse=True)
    number[known] = found
    order = np.flatnonzero(known)[np.argsort(found, kind="stable")]
    return _Segments(number, order, np.cumsum(np.bincount(found)))


def _outlines(segments: _Segments, kind: str) -> list[BaseGeometry]:
    """The geometry of each group, in columns and rows of the grid."""
    if kind == "polygon":
        pieces: list[list[BaseGeometry]] = [[] for _ in segments.ends]
        for outline, number in rasterio.features.shapes(segments.number, segments.number >= 0, connectivity=4):
            pieces[int(number)].append(shape(outline))
        # Pieces that only meet at corners are parts of one geometry.
        return [each[0] if len(each) == 1 else MultiPolygon(each) for each in pieces]
    found: list[BaseGeometry] = []
    for pixels in segments.pixels():
        row, col = np.divmod(pixels, segments.number.shape[1])
        if kind == "bb":
            found.append(box(col.min(), row.min(), col.max() + 1, row.max() + 1))
        else:
            found.append(Point(col.mean() + 0.5, row.mean() + 0.5))
    return found


def _placed(outline: BaseGeometry, region: Region, native: bool) -> Geometry:
    """A geometry in columns and rows of a region, in EPSG:4326 or the CRS of the pixels; its rings are oriented."""
    transform, crs = region.grid.transform, region.grid.crs
    moved = shapely.transform(outline, lambda xy: np.column_stack(apply(transform, *xy.T)))
    found = Geometry(moved, Projection(crs), geodesic=False)
    if not native and crs != "EPSG:4326":
        found = Geometry(found.in_crs("EPSG:4326"), geodesic=False)
    if found.type == "Point":
        return Geometry(found.shape, found.projection)
    polygons = [orient(each) for each in getattr(found.shape, "geoms", [found.shape])]
    single = polygons[0] if len(polygons) == 1 else MultiPolygon(polygons)
    return Geometry(single, found.projection, geodesic=False)


def _results(reducer: Reducer | None, names: list[str], rows: Sequence[Sequence[Any]]) -> dict[str, Any]:
    """The outputs of a reducer of a group's rows; by default their number."""
    if reducer is None:
        return {"count": len(rows)}
    if reducer.inputs == len(names):
        return dict(zip(reducer.outputs, collected(reducer, rows), strict=True))
    results: dict[str, Any] = {}
    for name, *column in zip(names, *rows, strict=True):
        results |= zip(reducer.names(name), collected(reducer, [(value,) for value in column]), strict=True)
    return results


def _check(image: Image, reducer: Reducer | None, kind: str) -> None:
    """Refuses what cannot be reduced to vectors."""
    first, others = image.first_band, of_numbers(image).bands[1:]
    first.integers_only()
    if kind not in _TYPES:
        raise refuse("geometryType", kind, f"use one of {', '.join(_TYPES)}")
    if reducer is not None and reducer.inputs not in (1 if others else 0, len(others)):
        raise EarthEngineError(f"The reducer has {reducer.inputs} inputs, but the image {len(others)} other bands.")


@function(
    "Image.reduceToVectors",
    "Image.reduceToVectorsStreaming",
    note="Pixels whose centre is in the region, with the weight 1 (assumed). Features come in the order of their first "
    "pixels; indices are not Google's. Several bands reduced one by one give properties as in `reduceRegion` "
    "(assumed). `tileScale` has no influence. `bestEffort` is that of `reduceRegion`.",
)
def reduce_to_vectors(
    image: Image,
    reducer: Reducer | None,
    geometry: Geometry | None,
    scale: float | None,
    kind: str,
    diagonal: bool,
    label: str | None,
    crs: Projection | None,
    transform: list[float] | None,
    best_effort: bool,
    max_pixels: int,
    tile_scale: float,
    native: bool,
) -> Collection:
    """A feature for every group of connected pixels with equal values of the first band."""
    check_tile_scale(tile_scale)
    _check(image, reducer, kind)
    first, others = image.first_band, image.bands[1:]
    where, projection = region_or_footprint(image, geometry), image_projection(image, crs, transform, scale)

    def make() -> list[Feature]:
        wanted = larger_pixels(where, projection, max_pixels) if best_effort else projection
        region = region_of(where, wanted, max_pixels, weighted=False)
        pull = Pull()
        values, mask = pull(first.source, region.grid)
        segments = _segments(values, mask & region.centre, diagonal)
        pulled = [(band, *pull(band.source, region.grid)) for band in others]
        columns = [listed_valid(band, found.ravel(), good.ravel()) for band, found, good in pulled]
        names = [band.name for band in others]
        features = []
        for outline, pixels in zip(_outlines(segments, kind), segments.pixels(), strict=True):
            rows = [[column[at] for column in columns] for at in pixels.tolist()]
            named = {} if label is None else {label: int(values.flat[pixels[0]])}
            features.append(Feature(_placed(outline, region, native), named | _results(reducer, names, rows)))
        return features

    return lazy(make)
