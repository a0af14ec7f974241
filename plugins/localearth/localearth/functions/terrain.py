"""Terrain: slope, aspect, hillshade and gradient from the 4-connected neighbours, as with GDAL's ZevenbergenThorne."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from localearth.errors import EarthEngineError
from localearth.raster.grid import Grid
from localearth.raster.sampling import Sampled
from localearth.registry import function
from localearth.values.image import Image, ImageBand, Pull, of_bands
from localearth.values.pixel_type import DOUBLE, FLOAT, LIMITS, PixelType, cast
from localearth.values.projection import METRES_PER_DEGREE, lookup, metres_per_unit

_NOTE = "Computed on the requested grid; a masked neighbour masks the pixel. Its axes must be parallel to the CRS."

_RADIUS = 6_378_137.0
"""Radius of the sphere of EPSG:3857, metres."""


def _spacing(grid: Grid) -> tuple[Any, Any]:
    """Metres on the ground from one pixel centre to the next, eastward and northward (signed, or (height, 1))."""
    a, _, _, _, e, _ = grid.transform
    if grid.crs == "EPSG:3857":
        # The map's metres grow with latitude (assumed: a slope does not depend on the map in which it is computed).
        shrunk = 1 / np.cosh(grid.centres()[1][:, :1] / _RADIUS)
        return a * shrunk, e * shrunk
    if not lookup(grid.crs).is_geographic:
        unit = metres_per_unit(grid.crs)
        return a * unit, e * unit
    # A degree of longitude shrinks with the cosine of latitude (assumed; GDAL uses a fixed scale).
    latitude = grid.centres()[1][:, :1]
    return a * METRES_PER_DEGREE * np.cos(np.radians(latitude)), e * METRES_PER_DEGREE


def _gradient(band: ImageBand, grid: Grid, pull: Pull) -> tuple[NDArray[Any], NDArray[Any], NDArray[np.bool_]]:
    """The rise per metre eastward and northward, and where all of the five pixels are valid."""
    values, mask = pull(band.source, grid.around(1))
    z = np.where(mask, values, 0).astype(np.float64)
    dx, dy = _spacing(grid)
    east = (z[1:-1, 2:] - z[1:-1, :-2]) / (2 * dx)
    north = (z[2:, 1:-1] - z[:-2, 1:-1]) / (2 * dy)
    valid = mask[1:-1, 1:-1] & mask[1:-1, 2:] & mask[1:-1, :-2] & mask[2:, 1:-1] & mask[:-2, 1:-1]
    return east, north, valid


def _derived(band: ImageBand, name: str, measure: Callable[..., Any], kind: PixelType = FLOAT) -> ImageBand:
    band.numbers_only()

    def source(grid: Grid, pull: Pull) -> Sampled:
        east, north, valid = _gradient(band, grid, pull)
        return cast(measure(east, north), kind), valid

    return ImageBand(name, kind, band.projection, source)


def _slope(east: Any, north: Any) -> Any:
    return np.degrees(np.arctan(np.hypot(east, north)))


def _aspect(east: Any, north: Any) -> Any:
    """The direction that the slope faces, degrees clockwise from north; 0 at flat pixels."""
    return np.where((east == 0) & (north == 0), 0, np.degrees(np.arctan2(-east, -north)) % 360)


@function("Terrain.slope", note=_NOTE)
def slope(image: Image) -> Image:
    """Slope in degrees, of the first band."""
    return of_bands([_derived(image.first_band, "slope", _slope)], footprint=image.footprint)


@function("Terrain.aspect", note=_NOTE + " 0 at flat pixels (assumed).")
def aspect(image: Image) -> Image:
    """Aspect in degrees clockwise from north, of the first band."""
    return of_bands([_derived(image.first_band, "aspect", _aspect)], footprint=image.footprint)


_SHADE = " Fractions are cut off (assumed): values may differ by 1."


def _hillshade(azimuth: float, elevation: float) -> Callable[[Any, Any], Any]:
    """The usual hillshade: 255 times the cosine of the angle between the light and the surface's normal."""
    sun, high = np.radians(azimuth), np.radians(elevation)

    def shade(east: Any, north: Any) -> Any:
        level = np.sin(high) - np.cos(high) * (east * np.sin(sun) + north * np.cos(sun))
        return 255 * level / np.sqrt(1 + east * east + north * north)

    return shade


@function("Terrain.hillshade", note=_NOTE + _SHADE)
def hillshade(image: Image, azimuth: float, elevation: float) -> Image:
    """Light on the terrain of the first band, 0 to 255."""
    bands = [_derived(image.first_band, "hillshade", _hillshade(azimuth, elevation), LIMITS["uint8"])]
    return of_bands(bands, footprint=image.footprint)


@function("Terrain", "Terrain.products", note=_NOTE + _SHADE)
def products(image: Image) -> Image:
    """The image with slope, aspect and hillshade of its only band, or of its band `elevation`."""
    found = [band for band in image.bands if band.name == "elevation" or len(image.bands) == 1]
    if not found:
        raise EarthEngineError("The image must have one band, or a band named 'elevation'.")
    shade = _derived(found[0], "hillshade", _hillshade(270, 45), LIMITS["uint8"])
    added = [_derived(found[0], "slope", _slope), _derived(found[0], "aspect", _aspect), shade]
    return image.with_bands([*image.bands, *added])


@function(
    "Image.gradient",
    note=_NOTE + " One band. Per metre, x eastward and y northward, by differences of the neighbours (assumed).",
)
def gradient(image: Image) -> Image:
    """The change of a band per metre eastward and northward.

    The author of a program on emissions (Beirle's method) measured on Google's servers that the values are per metre,
    also in degrees: 1.4e-4 for 10 times the longitude at 50 degrees north.
    """
    band = image.single()
    both = [_derived(band, "x", lambda east, _: east, DOUBLE), _derived(band, "y", lambda _, north: north, DOUBLE)]
    return image.with_bands(both)
