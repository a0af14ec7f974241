"""Tables of the pixels of image collections."""

import math
from typing import Any

import shapely

from localearth.errors import EarthEngineError
from localearth.functions.image_math import cast_bands
from localearth.raster.grid import pixels_of
from localearth.registry import function
from localearth.values.collection import Collection
from localearth.values.feature import index_of
from localearth.values.geometry import Geometry
from localearth.values.image import Pull
from localearth.values.projection import Projection, apply, invert, resolve, whole


@function("ImageCollection.getRegion", note="A Point only: the order of several pixels is not documented.")
def get_region(
    collection: Collection, geometry: Geometry, scale: float | None, crs: Projection, transform: list[float] | None
) -> list[list[Any]]:
    """The id, place, time and bands of each image at the pixel of a point; the first row has the names."""
    projection = resolve(crs, transform, scale)
    point = geometry.in_crs(projection.crs)
    if point.geom_type != "Point":
        raise EarthEngineError(
            f"argument 'geometry': the local Earth Engine supports a Point, not a {point.geom_type}."
        )
    images = collection.images
    if len({tuple(image.names) for image in images}) > 1:
        raise EarthEngineError("All images must have the same bands.")
    col, row = map(math.floor, apply(invert(projection.transform), point.x, point.y))
    pixel = pixels_of(projection).window(row, col, 1, 1)
    longitude, latitude = (float(each[0, 0]) for each in pixel.centres_in("EPSG:4326"))
    names = images[0].names if images else ()
    table: list[list[Any]] = [["id", "longitude", "latitude", "time", *names]]
    for image in images:
        footprint = image.geometry
        if footprint is not None and not footprint.globe.intersects(shapely.Point(longitude, latitude)):
            continue
        pull = Pull()
        values = []
        for band in image.bands:
            found, mask = pull(band.source, pixel)
            number = found[0, 0].item()
            values.append((whole(number) if isinstance(number, float) else number) if mask[0, 0] else None)
        table.append([index_of(image), longitude, latitude, image.properties.get("system:time_start"), *values])
    return table


@function("ImageCollection.cast", note="Every image is cast as by Image.cast.")
def cast_all(collection: Collection, types: Any, order: list[str]) -> Collection:
    """The images with the bands of an order, cast to types."""
    if set(types) != set(order):
        raise EarthEngineError("bandOrder must match the keys of bandTypes.")
    return collection.derived(lambda: [cast_bands(image, types, order) for image in collection.images])
