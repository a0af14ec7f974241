"""Where pixels are: their area, and images that are moved."""

from typing import Any

import numpy as np
from attrs import evolve

from localearth.errors import EarthEngineError
from localearth.functions.support import refuse
from localearth.raster.grid import Grid
from localearth.raster.sampling import Sampled
from localearth.registry import function
from localearth.values.ellipsoid import AUTHALIC, equal_area
from localearth.values.geometry import Geometry
from localearth.values.image import Image, ImageBand, Pull, of_bands
from localearth.values.pixel_type import DOUBLE
from localearth.values.projection import (
    WGS84,
    Affine,
    Projection,
    apply,
    compose,
    invert,
    lookup,
    metres_per_unit,
    reproject,
)


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


def _turned(angle: Any) -> Any:
    """An angle between -pi and pi."""
    return (angle + np.pi) % (2 * np.pi) - np.pi


@function(
    "Image.changeProj",
    note="Computed where the requested grid is in the CRS of `dstProj`; another grid is an error.",
)
def change_proj(image: Image, source: Projection, target: Projection) -> Image:
    """The image moved from its place in one projection to the same coordinates in another."""
    return _moved(image, source, target, "Image.changeProj")


def _moved(image: Image, source: Projection, target: Projection, name: str) -> Image:
    """Pixels at the coordinates (col, row) of `source` appear at those of `target`."""
    back = compose(source.transform, invert(target.transform))

    def one(band: ImageBand) -> ImageBand:
        def moved(grid: Grid, pull: Pull) -> Sampled:
            if grid.crs != target.crs:
                raise EarthEngineError(
                    f"{name}: the local Earth Engine computes it on grids of {target.crs[:40]} only, not of "
                    f"{grid.crs[:40]}; request or reproject to that CRS.",
                    placed=True,
                )
            return pull.weighted(band.source, Grid(source.crs, compose(back, grid.transform), grid.width, grid.height))

        if band.projection.crs == source.crs:
            native: Affine = compose(invert(back), band.projection.transform)
            return evolve(band, projection=Projection(target.crs, native), source=moved)
        return evolve(band, projection=target, source=moved, dimensions=None)

    footprint = None
    if image.footprint is not None:
        shape = image.footprint.in_pixels(Projection(source.crs, back))
        footprint = Geometry(shape, Projection(target.crs), image.footprint.geodesic and target.crs == "EPSG:4326")
    kept = {name: value for name, value in image.properties.items() if name != "system:footprint"}
    return evolve(image.with_bands(map(one, image.bands)), footprint=footprint, properties=kept, id=None)


@function(
    "Image.translate",
    note="`units` 'meters' and a projected CRS; y points north. Computed where the requested grid is in that CRS.",
)
def translate(image: Image, x: float, y: float, units: str, projection: Projection | None) -> Image:
    """The image moved by a distance."""
    if units != "meters":
        raise refuse("units", units, "use 'meters'")
    crs = (projection or image.first_band.projection).crs
    if lookup(crs).is_geographic:
        raise refuse("proj", crs[:40], "use a projected CRS")
    unit = metres_per_unit(crs)
    return _moved(image, Projection(crs), Projection(crs, (1, 0, x / unit, 0, 1, y / unit)), "Image.translate")
