"""`Image.sampleRectangle`: the pixels of a rectangle as arrays."""

import math
from typing import Any

import numpy as np

from localearth.errors import EarthEngineError
from localearth.functions.image_region import region_or_footprint
from localearth.functions.support import refuse
from localearth.raster.grid import Grid, pixels_of
from localearth.registry import function
from localearth.values.array import Array
from localearth.values.feature import Feature
from localearth.values.geometry import Geometry
from localearth.values.image import Image, ImageBand, Pull
from localearth.values.projection import apply, invert

LIMIT = 262_144
"""Maximum number of pixels of a rectangle, which Google's error message names."""


def rectangle(band: ImageBand, geometry: Geometry) -> Grid:
    """The pixels of a band's projection that the bounding box of a geometry in its CRS touches.

    That touched pixels count, not those whose centre is inside, is assumed: a public program reports 21 x 21 pixels of
    0.1 degrees in a box of 2 degrees.
    """
    west, south, east, north = geometry.in_crs(band.projection.crs).bounds
    inverse = invert(band.projection.transform)
    corners = [apply(inverse, x, y) for x in (west, east) for y in (south, north)]
    cols, rows = zip(*corners, strict=True)
    # Corners that lie on a pixel's edge may have a rounding error.
    left, top = math.floor(min(cols) + 1e-6), math.floor(min(rows) + 1e-6)
    width, height = (max(math.ceil(max(at) - 1e-6) - low, 1) for at, low in ((cols, left), (rows, top)))
    if width * height > LIMIT:
        raise EarthEngineError(f"Too many pixels in sample; must be <= {LIMIT}. Got {width * height}.")
    return pixels_of(band.projection).window(top, left, height, width)


def _values(band: ImageBand, geometry: Geometry, default: float | None) -> Array:
    band.numbers_only()
    values, mask = Pull()(band.source, rectangle(band, geometry))
    if default is None and not mask.all():
        raise EarthEngineError(
            f"Fully masked pixels / pixels outside of the image footprint when sampling band '{band.name}' with no "
            "default value set. Note that calling sampleRectangle() on an image after ee.Image.clip() may result in a "
            "sampling bounding box outside the geometry passed to clip()."
        )
    if default is not None:
        low, high = band.type.bounds
        if not low <= default <= high or (band.type.is_integer and default != int(default)):
            raise refuse("defaultValue", default, f"band '{band.name}' cannot hold it; cast the image first")
        values = np.where(mask, values, default)
    return Array(values.astype(band.type.element), band.type)


@function(
    "Image.sampleRectangle",
    note="Number bands only. All pixels that the bounding box of the region touches (assumed). A `defaultValue` must "
    "be a value of the band's type.",
)
def sample_rectangle(
    image: Image,
    region: Geometry | None,
    properties: list[str] | None,
    default: float | None,
    array_default: Array | None,
) -> Feature:
    """The pixels of each band in its own projection, as a two-dimensional array."""
    if array_default is not None:
        raise refuse("defaultArrayValue", array_default.info(), "bands of numbers need 'defaultValue'")
    where = region_or_footprint(image, region, "region")
    if where.shape.is_empty:
        raise EarthEngineError("The region is empty.")
    kept: dict[str, Any] = {
        name: value
        for name, value in image.properties.items()
        if (name in properties if properties is not None else not name.startswith("system:"))
    }
    return Feature(where, {**kept, **{band.name: _values(band, where, default) for band in image.bands}})
