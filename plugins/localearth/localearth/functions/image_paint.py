"""Features as pixels: `paint` and `reduceToImage`."""

from typing import Any

import numpy as np
from attrs import evolve, frozen
from numpy.typing import NDArray

from localearth.errors import EarthEngineError
from localearth.functions.support import refuse
from localearth.promote import is_number
from localearth.raster.grid import Grid
from localearth.raster.mask import either
from localearth.raster.sampling import Sampled
from localearth.raster.shares import inside, pixel_shares
from localearth.raster.strokes import EDGE, MITRE, centres_in, in_grid, stroke, touched
from localearth.registry import function
from localearth.values.collection import Collection
from localearth.values.feature import Feature
from localearth.values.geometry import LINES, Geometry, parts, valid
from localearth.values.image import Image, ImageBand, Pull, layers, of_bands
from localearth.values.pixel_type import DOUBLE, PixelType, of_number
from localearth.values.projection import WGS84
from localearth.values.reducer import Reducer
from localearth.values.row_reducers import kinds_of, needed_pixels


@frozen
class _Painted:
    """A geometry to paint.

    Attributes:
        geometry: the geometry.
        value: its colour.
        width: the width of its outline in pixels; None fills it.
    """

    geometry: Geometry
    value: float
    width: float | None

    def covers(self, grid: Grid, pull: Pull) -> NDArray[np.bool_]:
        """The pixels of a grid that it covers."""
        if self.width is None and self.geometry.type.endswith("Polygon"):
            return inside(self.geometry, grid, pull.centres)
        if self.width is None:
            return _covered(self.geometry, grid, False)
        found = np.zeros(grid.shape, bool)
        for shape in parts(in_grid(self.geometry, grid, self.width * MITRE)):
            area = stroke(shape if shape.geom_type in LINES else shape.boundary, self.width)
            rows, cols = touched(area, *grid.shape)
            found[rows, cols] |= centres_in(area, rows, cols)
        return found


@function(
    "Image.paint",
    note="A polygon covers the pixels whose centre is inside; lines and points cover those that they touch. An outline "
    "with a `width`, in pixels of the requested grid, covers the centres at most half of it away, with square ends and "
    "mitred corners (assumed); points with a `width` are refused. Colours must be values of the bands' types; a text "
    "of digits is a number (assumed).",
)
def paint(image: Image, collection: Collection, color: Any, width: Any) -> Image:
    """The image with the features of a collection painted over it, later ones over earlier ones."""
    painted = [_to_paint(each, color, width) for each in collection.elements if each.geometry is not None]

    def over(grid: Grid, pull: Pull) -> Sampled:
        values, covered = np.zeros(grid.shape), np.zeros(grid.shape, bool)
        for each in painted:
            here = each.covers(grid, pull)
            values[here] = each.value
            covered |= here
        return values, covered

    def one(band: ImageBand) -> ImageBand:
        kind = _painted_type(band.type, [each.value for each in painted])

        def source(grid: Grid, pull: Pull) -> Sampled:
            values, mask = pull.weighted(band.source, grid)
            new, covered = pull(over, grid)
            return np.where(covered, new, values).astype(kind.dtype), either(covered, mask)

        return evolve(band, type=kind, source=source)

    return image.with_bands(map(one, image.bands))


def _to_paint(feature: Feature, color: Any, width: Any) -> _Painted:
    # Google's guide on vectors paints with the colour '000000'.
    digits = isinstance(color, str) and color.isdigit() and color not in feature.properties
    value = float(color) if digits else _number(feature, "color", color)
    wide = None if width is None else _number(feature, "width", width)
    geometry = feature.geometry
    assert geometry is not None
    if wide is not None and not wide > 0:
        raise refuse("width", wide, "it must be positive")
    if wide is not None and any(shape.geom_type == "Point" for shape in parts(geometry.shape)):
        raise refuse("width", wide, "for points, which have no outline: leave it out, or buffer them")
    return _Painted(geometry, value, wide)


def _number(feature: Feature, argument: str, given: Any) -> Any:
    """An argument that is a number, or the name of a numeric property."""
    value = feature.properties.get(given) if isinstance(given, str) else given
    if not is_number(value):
        raise EarthEngineError(f"argument '{argument}': {given!r} is not a number or a numeric property of a feature.")
    return value


def _painted_type(kind: PixelType, values: list[float]) -> PixelType:
    """The type of a painted band: a constant's range grows, other ranges do not (what then happens is not known)."""
    constant = kind.low is not None and kind.low == kind.high
    low, high = kind.bounds
    if kind.is_integer and any(value != int(value) or not (constant or low <= value <= high) for value in values):
        raise EarthEngineError(
            f"argument 'color': {max(values, key=abs):g} is not a value of the band's type {kind.dtype_name}; cast the "
            "image first, for example with toFloat()."
        )
    if not constant:
        return kind
    for value in values:
        kind = kind.union(of_number(value)) if kind.is_integer else PixelType(kind.precision)
    return kind


@function(
    "Collection.reduceToImage",
    note="A polygon intersects the pixels of which it covers a part, a line those that it touches, a point the one "
    "that contains it. Every feature has the weight 1 (assumed). Bands are named by the outputs.",
)
def reduce_to_image(collection: Collection, properties: list[str], reducer: Reducer) -> Image:
    """A reducer of properties of the features that intersect each pixel."""
    if reducer.inputs != len(properties):
        raise EarthEngineError(f"The reducer has {reducer.inputs} inputs, but {len(properties)} properties are given.")
    kinds, compute = kinds_of(reducer, [DOUBLE] * len(properties)), needed_pixels(reducer)

    def every(grid: Grid, _pull: Pull) -> Sampled:
        features = [each for each in collection.elements if each.geometry is not None]
        stack, known, pixels = _overlaid(features, properties, grid)
        values, mask = np.zeros((len(kinds), *grid.shape)), np.zeros((len(kinds), *grid.shape), bool)
        for row, (value, good) in enumerate(compute(stack, known)):
            values[row].ravel()[pixels] = np.where(good, value, 0)
            mask[row].ravel()[pixels] = good
        return values, mask

    return of_bands(layers(every, reducer.outputs, kinds, WGS84))


def _overlaid(
    features: list[Feature], properties: list[str], grid: Grid
) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.int64]]:
    """The properties of the features in each touched pixel, (n, k, m), which of them are known, and the m pixels."""
    places = [np.flatnonzero(_covered(each.geometry, grid, True)) for each in features if each.geometry is not None]
    counts = [len(each) for each in places]
    pixel = np.concatenate([*places, np.zeros(0, np.int64)])
    owner = np.repeat(np.arange(len(features)), counts)
    # Sorted by pixel; features stay in their order.
    order = np.argsort(pixel, kind="stable")
    pixels, first, column = np.unique(pixel[order], return_index=True, return_inverse=True)
    level = np.arange(len(order)) - first[column]
    table = np.array([[_value(feature, name) for name in properties] for feature in features], float)
    table = table.reshape(len(features), len(properties))
    stack = np.zeros((int(level.max(initial=-1)) + 1, len(properties), len(pixels)))
    known = np.zeros((len(stack), len(pixels)), bool)
    stack[level, :, column] = table[owner[order]]
    known[level, column] = ~np.isnan(table[owner[order]]).any(axis=1)
    return stack, known, pixels


def _value(feature: Feature, name: str) -> float:
    value = feature.properties.get(name)
    if value is not None and not is_number(value):
        raise EarthEngineError(f"Property '{name}' must be a number, not {value!r}.")
    if value is not None and abs(value) > 2**53:
        raise EarthEngineError(f"Property '{name}' has more than 53 bits; the local Earth Engine does not reduce it.")
    return np.nan if value is None else value


def _covered(geometry: Geometry, grid: Grid, in_part: bool) -> NDArray[np.bool_]:
    """The pixels of a grid that a geometry covers, of polygons with their centre or in part."""
    found = np.zeros(grid.shape, bool)
    for shape in parts(in_grid(geometry, grid)):
        rows, cols = touched(shape, *grid.shape)
        top, left = np.mgrid[rows, cols]
        if top.size:
            share, centre = pixel_shares(valid(shape), left, top, in_part)
            found[rows, cols] |= share > EDGE if in_part else centre
    return found
