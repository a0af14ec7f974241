"""Where pixels are: their area, and images that are moved."""

import numpy as np
from attrs import evolve
from numpy.typing import NDArray

from localearth.errors import EarthEngineError
from localearth.raster.grid import Grid, pixels_of
from localearth.raster.sampling import Read, Sampled, nearest
from localearth.registry import function
from localearth.values.ellipsoid import AUTHALIC, equal_area
from localearth.values.geometry import Geometry
from localearth.values.image import Image, ImageBand, Pull, of_bands
from localearth.values.pixel_type import DOUBLE
from localearth.values.projection import WGS84, Projection, apply, compose, invert, metres_per_unit, reproject


@function("Image.pixelArea", note="On the ellipsoid (assumed); edges of pixels are straight in an equal-area map.")
def pixel_area() -> Image:
    """The area of each pixel, square metres."""

    def source(grid: Grid, _pull: Pull) -> Sampled:
        col, row = np.arange(grid.width + 1.0)[None, :], np.arange(grid.height + 1.0)[:, None]
        lon, lat = reproject(grid.crs, "EPSG:4326", *apply(grid.transform, col, row))
        known = np.isfinite(lon) & np.isfinite(lat) & (np.abs(lat) <= 90)
        x, y = np.radians(np.where(known, lon, 0)), equal_area(np.where(known, lat, 0))
        corners = [each[rows, cols] for each in (x, y) for rows, cols in _CORNERS]
        x0, x1, x2, x3, y0, y1, y2, y3 = corners
        # Twice the area of a quadrilateral is the cross product of its diagonals; longitudes are on a circle.
        across, back = _turned(x2 - x0), _turned(x3 - x1)
        area = np.abs(across * (y3 - y1) - back * (y2 - y0)) / 2 * AUTHALIC**2
        return area, np.asarray(np.all([known[rows, cols] for rows, cols in _CORNERS], axis=0))

    return of_bands([ImageBand("area", DOUBLE, WGS84, source)])


_CORNERS = [
    (slice(None, -1), slice(None, -1)),
    (slice(None, -1), slice(1, None)),
    (slice(1, None), slice(1, None)),
    (slice(1, None), slice(None, -1)),
]


def _turned(angle: NDArray[np.float64]) -> NDArray[np.float64]:
    """An angle between -pi and pi."""
    return (angle + np.pi) % (2 * np.pi) - np.pi


@function(
    "Image.changeProj",
    note="On a grid in another CRS than that of `dstProj`, the nearest of the image's own pixels, which must be in the "
    "CRS of `srcProj`.",
)
def change_proj(image: Image, source: Projection, target: Projection) -> Image:
    """The image moved from its place in one projection to the same coordinates in another."""
    return _moved(image, source, target, "Image.changeProj")


def _moved(image: Image, source: Projection, target: Projection, name: str) -> Image:
    """Pixels at the coordinates (col, row) of `source` appear at those of `target`."""
    back = compose(source.transform, invert(target.transform))

    def one(band: ImageBand) -> ImageBand:
        own = band.projection.crs == source.crs
        native = Projection(target.crs, compose(invert(back), band.projection.transform)) if own else target

        def read(pull: Pull) -> Read:
            # The pixels of the moved image have the rows and columns of the image's.
            return lambda *window: pull.weighted(band.source, pixels_of(band.projection).window(*window))

        def moved(grid: Grid, pull: Pull) -> Sampled:
            if grid.crs == target.crs:
                there = Grid(source.crs, compose(back, grid.transform), grid.width, grid.height)
                return pull.weighted(band.source, there)
            if own and band.projection != WGS84:  # a composite has no pixels of its own
                return nearest(pull.positions(grid, native), read(pull), None, band.type.dtype)
            raise EarthEngineError(
                f"{name}: the local Earth Engine computes it on grids of {target.crs[:40]} only, not of "
                f"{grid.crs[:40]}; request or reproject to that CRS.",
                placed=True,
            )

        return evolve(band, projection=native, source=moved, dimensions=band.dimensions if own else None)

    footprint = None
    if image.footprint is not None:
        shape = image.footprint.in_pixels(Projection(source.crs, back))
        footprint = Geometry(shape, Projection(target.crs), image.footprint.geodesic and target.crs == "EPSG:4326")
    kept = {name: value for name, value in image.properties.items() if name != "system:footprint"}
    return evolve(image.with_bands(map(one, image.bands)), footprint=footprint, properties=kept, id=None)


@function(
    "Image.translate",
    note="y points north in 'meters', and in 'pixels' in the direction of increasing rows; a degree is 111319 m "
    "(assumed).",
)
def translate(image: Image, x: float, y: float, units: str, projection: Projection | None) -> Image:
    """The image moved by a distance, in metres or in pixels of the projection."""
    if units not in ("meters", "pixels"):
        raise EarthEngineError(f"argument 'units': must be 'meters' or 'pixels', not {units!r}.")
    given = projection or image.first_band.projection
    place = given if units == "pixels" else Projection(given.crs)
    unit = 1 if units == "pixels" else metres_per_unit(given.crs)
    target = Projection(place.crs, compose(place.transform, (1, 0, x / unit, 0, 1, y / unit)))
    return _moved(image, place, target, "Image.translate")
