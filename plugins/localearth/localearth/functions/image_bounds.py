"""Clipping an image to bounds and a size, as `getDownloadURL` does for region, scale and dimensions."""

import math

from attrs import evolve
from shapely.geometry import box

from localearth.errors import EarthEngineError
from localearth.functions.image_grid import projection_of
from localearth.raster.grid import Grid, pixels_of
from localearth.registry import function
from localearth.values.geometry import Geometry
from localearth.values.image import Image, ImageBand, dimensions_of, window
from localearth.values.projection import Projection, apply

_NOISE_DIGITS = 7
"""Decimals of pixel coordinates, so that rounding errors of a transformation do not add a row of pixels."""

Bounds = tuple[float, float, float, float]


def pixel_bounds(geometry: Geometry, projection: Projection) -> Bounds:
    """The bounds (left, top, right, bottom) of a geometry in fractional pixels of a projection."""
    shape = geometry.in_pixels(projection)
    if shape.is_empty:
        raise EarthEngineError("The region to clip the image to is empty.")
    west, north, east, south = (round(edge, _NOISE_DIGITS) for edge in shape.bounds)
    return west, north, east, south


def not_empty(region: Geometry) -> None:
    """Refuses to clip to a geometry without points, with the message of Google's servers."""
    if region.globe.is_empty:
        raise EarthEngineError("The geometry for image clipping must not be empty.")


def clipped_dimensions(band: ImageBand, geometry: Geometry) -> tuple[int, ...] | None:
    """The dimensions of a clipped band: the whole pixels around the geometry, inside the band."""
    try:
        west, north, east, south = pixel_bounds(geometry, band.projection)
    except EarthEngineError:
        # A geometry that the band's projection cannot represent, such as the globe, clips nothing.
        return band.dimensions
    left, top, right, bottom = math.floor(west), math.floor(north), math.ceil(east), math.ceil(south)
    inside = window(band)
    if inside is not None:
        left, top = max(left, inside[0]), max(top, inside[1])
        right, bottom = min(right, inside[2]), min(bottom, inside[3])
    return dimensions_of((left, top, right, bottom))


def covering(geometry: Geometry, projection: Projection) -> Grid:
    """The smallest grid of whole pixels of a projection that covers a geometry."""
    west, north, east, south = pixel_bounds(geometry, projection)
    left, top = math.floor(west), math.floor(north)
    width, height = max(math.ceil(east) - left, 1), max(math.ceil(south) - top, 1)
    return pixels_of(projection).window(top, left, height, width)


@function(
    "Image.clipToBoundsAndScale",
    note="The bands may have pixels of different sizes in one CRS with one origin. With `width` "
    "and `height`, or `maxDimension`, the pixels start at the corner of the bounds; otherwise they are whole pixels of "
    "the image's own projection (assumed).",
)
def clip_to_bounds_and_scale(
    image: Image,
    geometry: Geometry | None,
    width: int | None,
    height: int | None,
    max_dimension: int | None,
    scale: float | None,
) -> Image:
    """Sets the grid on which an image is computed, and clips it to the bounds of a geometry."""
    if (width is None) != (height is None):
        raise EarthEngineError("'width' and 'height' must be given together.")
    if sum(each is not None for each in (width, max_dimension, scale)) > 1:
        raise EarthEngineError("Only one of 'width' with 'height', 'maxDimension' and 'scale' may be given.")
    if any(each is not None and not each > 0 for each in (width, height, max_dimension, scale)):
        raise EarthEngineError("'width', 'height', 'maxDimension' and 'scale' must be positive.")
    region = geometry or image.footprint
    if region is None:
        raise EarthEngineError("The geometry for image clipping must not be unbounded.")
    not_empty(region)
    grid = scaled_grid(_shared(image, scale, width or max_dimension), region, width, height, max_dimension, scale)
    if all(band.dimensions is None for band in image.bands):
        grid = north_up(grid)
    projection = grid.projection
    size = grid.width, grid.height
    bounds = Geometry(box(0, 0, grid.width, grid.height), projection, geodesic=False)
    cut = image.with_bands(evolve(band, projection=projection, dimensions=size) for band in image.bands)
    return evolve(cut, footprint=bounds)


def north_up(grid: Grid) -> Grid:
    """The grid with its rows from north to south.

    The default projection of composites and of a CRS's code has rows from south to north, but pictures and downloads of
    such images have north at the top (assumed: nobody reports otherwise).
    """
    a, b, c, d, e, f = grid.transform
    if e <= 0 or b or d:
        return grid
    return Grid(grid.crs, (a, b, c, d, -e, f + e * grid.height), grid.width, grid.height)


def _shared(image: Image, scale: float | None, side: int | None) -> Projection:
    """The projection to cut an image in: with a scale or a size, bands may differ in pixel size."""
    if (scale or side) and image.bands:
        scaled = [band.projection.at_scale(scale or 1.0) for band in image.bands]
        # Rounded, because 60 * (7 / 60) is not 7.
        if len({(each.crs, tuple(round(number, 9) for number in each.transform)) for each in scaled}) == 1:
            return image.bands[0].projection
    return projection_of(image)


def scaled_grid(
    projection: Projection,
    region: Geometry,
    width: int | None,
    height: int | None,
    max_dimension: int | None,
    scale: float | None,
) -> Grid:
    """The grid of a region with a scale, a width and height, or a maximum side; by default the projection's pixels."""
    if width is None and max_dimension is None:
        return covering(region, projection if scale is None else projection.at_scale(scale))
    west, north, east, south = pixel_bounds(region, projection)
    across, down = east - west, south - north
    if not (across > 0 and down > 0):
        raise EarthEngineError("The region to scale the image to has no area.")
    if max_dimension is not None:
        step = max(across, down) / max_dimension
        width, height = max(round(across / step), 1), max(round(down / step), 1)
    assert width is not None and height is not None
    a, b, _, d, e, _ = projection.transform
    x, y = apply(projection.transform, west, north)
    corner = (a, b, x, d, e, y)
    scaled = Projection(projection.crs, corner).scaled(across / width, down / height)
    return Grid(scaled.crs, scaled.transform, width, height)
