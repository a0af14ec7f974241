"""Pixels of all images of a collection, as a table."""

from typing import Any

from shapely.geometry import Point

from localearth.errors import EarthEngineError
from localearth.functions.sample import pixels_of
from localearth.registry import function
from localearth.values.collection import Collection
from localearth.values.date import Date
from localearth.values.feature import index_of
from localearth.values.geometry import Geometry
from localearth.values.image import Image
from localearth.values.projection import Projection, resolve

LIMIT = 1_048_576
"""Maximum number of values (documented)."""


@function(
    "ImageCollection.getRegion",
    note="Rows by pixel, then by image (assumed). All images must have the bands of the first.",
)
def get_region(
    collection: Collection, geometry: Geometry, scale: float | None, crs: Projection, transform: list[float] | None
) -> list[list[Any]]:
    """A header and a row for every pixel and image: id, longitude, latitude, time, and the bands."""
    images = collection.images
    if not images:
        raise EarthEngineError("The collection is empty.")
    names = images[0].names
    if any(image.names != names for image in images):
        raise EarthEngineError(f"the local Earth Engine needs images with equal bands, here [{', '.join(names)}].")
    target = resolve(crs, transform, scale)
    rows: list[list[list[Any]]] = []
    for image in images:
        found = pixels_of(image, geometry, target)
        if not rows:
            rows = [[] for _ in found.lon]
            if len(rows) * len(images) * (len(names) + 4) > LIMIT:
                raise EarthEngineError(
                    f"ImageCollection.getRegion: Too many values: {len(rows)} points x {len(names) + 4} bands x "
                    f"{len(images)} images > {LIMIT}.",
                    placed=True,
                )
        time = _time(image)
        for at, (lon, lat) in enumerate(zip(found.lon.tolist(), found.lat.tolist(), strict=True)):
            if image.footprint is None or image.footprint.lonlat.intersects(Point(lon, lat)):
                values = [column[at] if valid[at] else None for _, column, valid in found.columns]
                rows[at].append([index_of(image), lon, lat, time, *values])
    return [["id", "longitude", "latitude", "time", *names], *(row for pixel in rows for row in pixel)]


def _time(image: Image) -> Any:
    start = image.properties.get("system:time_start")
    return start.millis if isinstance(start, Date) else start
