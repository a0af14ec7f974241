"""Footprints: the outline of an image in longitude and latitude."""

import numpy as np
import shapely
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry
from shapely.geometry.polygon import Polygon, orient

from localearth.raster.grid import Grid
from localearth.values.edges import wrapped
from localearth.worlds.base import BandSource
from localearth.worlds.manifest import ImageEntry

STEPS = 20
"""Segments per edge of a raster, because a straight edge is curved in longitude and latitude."""


def band_footprint(band: BandSource) -> Polygon | None:
    """The bounds of a band as a polygon in EPSG:4326, counter-clockwise.

    Returns:
        The polygon; None when it crosses 180 degrees or leaves the domain of the CRS.
    """
    lon, lat = Grid(band.crs, band.transform, band.width, band.height).ring("EPSG:4326", STEPS)
    jumps = np.abs(np.diff(np.append(lon, lon[0])))
    if not (np.isfinite(lon).all() and np.isfinite(lat).all()) or (jumps > 180).any():
        return None
    return orient(Polygon(np.column_stack([lon, lat])))


def image_footprint(entry: ImageEntry, bands: dict[str, BandSource]) -> BaseGeometry:
    """The footprint of an image from the manifest, or from its first band.

    Raises:
        InputError: when it is neither the name of a band nor a geometry.
    """
    given = entry.footprint
    if given is None or (isinstance(given, str) and given in bands):
        name = given if isinstance(given, str) else next(iter(bands))
        outline = band_footprint(bands[name])
        if outline is None:
            raise entry.table.error(
                f"the bounds of band {name!r} cannot be expressed in longitude and latitude; set 'footprint' to WKT "
                "or GeoJSON."
            )
        return outline
    try:
        geometry = shapely.from_wkt(given) if isinstance(given, str) else shape(given)
    except (shapely.errors.ShapelyError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise entry.table.error(
            f"footprint {given!r} is neither a band of the image ({', '.join(bands)}) nor WKT or a GeoJSON "
            f"geometry in degrees: {error}."
        ) from error
    if geometry.is_empty or not geometry.is_valid or geometry.area == 0:
        raise entry.table.error(f"footprint {given!r} is not a valid polygon.")
    return wrapped(geometry)
