"""Tables of the pixels of image collections."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import shapely

from localearth.errors import EarthEngineError
from localearth.functions.image_math import cast_bands
from localearth.functions.image_region import Region, listed_valid, region_of
from localearth.raster.grid import outline_lonlat
from localearth.registry import function
from localearth.values.collection import Collection
from localearth.values.feature import index_of
from localearth.values.geometry import Geometry
from localearth.values.image import Image, Pull
from localearth.values.projection import Projection, resolve

LIMIT = 1_048_576
"""Maximum number of values of `getRegion` (documented)."""


@function(
    "ImageCollection.getRegion",
    note="All rows of a pixel together; pixels row by row, or in the order of the points of a MultiPoint (assumed).",
)
def get_region(
    collection: Collection, geometry: Geometry, scale: float | None, crs: Projection, transform: list[float] | None
) -> list[list[Any]]:
    """The id, place, time and bands of each image at the pixels with their centre in a region, after a row of names."""
    projection = resolve(crs, transform, scale)
    regions = [region_of(part, projection, LIMIT, weighted=False) for part in _parts(geometry, projection)]
    if collection.is_walked:
        collection = collection.near(shapely.union_all([outline_lonlat(each.grid) for each in regions]))
    images = collection.images
    if len({tuple(image.names) for image in images}) > 1:
        raise EarthEngineError("All images must have the same bands.")
    names = images[0].names if images else []
    if not names:
        raise EarthEngineError("No bands in collection.")  # programs recognize the servers' message
    count = sum(int(region.centre.sum()) for region in regions)
    if count * len(images) * len(names) > LIMIT:
        raise EarthEngineError(
            f"Too many values: {count} points x {len(names)} bands x {len(images)} images > {LIMIT}."
        )
    table: list[list[Any]] = [["id", "longitude", "latitude", "time", *names]]
    for region in regions:
        table += _rows_of(images, region)
    return table


def _parts(geometry: Geometry, projection: Projection) -> list[Geometry]:
    """A geometry, or one point in each pixel that a MultiPoint touches."""
    if geometry.type != "MultiPoint":
        return [geometry]
    points = [Geometry(point, geometry.projection) for point in geometry.shape.geoms]
    corners = (np.floor(shapely.get_coordinates(point.in_pixels(projection))) for point in points)
    pixels = {tuple(corner[0]): point for corner, point in zip(corners, points, strict=True)}
    return list(pixels.values())


def _rows_of(images: Sequence[Image], region: Region) -> list[list[Any]]:
    """The rows of the pixels of a region, for each pixel those of all images whose footprint it is in."""
    lon, lat = (each[region.centre] for each in region.grid.centres_in("EPSG:4326"))
    found: list[list[list[Any]]] = [[] for _ in lon]
    for image in images:
        pull = Pull()
        columns = []
        for band in image.bands:
            values, mask = pull(band.source, region.grid)
            columns.append(listed_valid(band, values[region.centre], mask[region.centre]))
        footprint = image.geometry
        inside = np.ones(lon.shape, bool) if footprint is None else shapely.intersects_xy(footprint.globe, lon, lat)
        for at in np.flatnonzero(inside):
            start = [index_of(image), float(lon[at]), float(lat[at]), image.properties.get("system:time_start")]
            found[at].append([*start, *(column[at] for column in columns)])
    return [row for rows in found for row in rows]


@function("ImageCollection.cast", note="Every image is cast as by Image.cast.")
def cast_all(collection: Collection, types: Any, order: list[str]) -> Collection:
    """The images with the bands of an order, cast to types."""
    if set(types) != set(order):
        raise EarthEngineError("bandOrder must match the keys of bandTypes.")
    return collection.derived(lambda: [cast_bands(image, types, order) for image in collection.images])
