"""The grid of a request that has no grid, or only a part of one."""

from collections.abc import Mapping
from typing import Any

from localearth.errors import EarthEngineError
from localearth.functions.image_bounds import covering
from localearth.functions.image_grid import projection_of
from localearth.pixels import COEFFICIENTS, parse_grid
from localearth.raster.grid import Grid
from localearth.values.image import Image, ImageBand


def native_grid(image: Image, bands: tuple[ImageBand, ...]) -> Grid:
    """The whole image on its own pixels.

    Raises:
        EarthEngineError: the image has no bounds, or its bands have different projections.
    """
    projection = projection_of(image.with_bands(bands))
    sizes = {band.dimensions for band in bands}
    size = sizes.pop() if len(sizes) == 1 else None
    # A clip has another footprint than the asset whose metadata it keeps.
    if size is not None and image.footprint is image.properties.get("system:footprint"):
        return Grid(projection.crs, projection.transform, size[0], size[1])
    if image.footprint is None:
        raise EarthEngineError("Image has no bounds: set the region of the download, or the request's grid.")
    return covering(image.footprint, projection)


def request_grid(given: Mapping[str, Any] | None, image: Image, bands: tuple[ImageBand, ...]) -> Grid:
    """The grid of a request; without one it is the image's own (documented for `computePixels` and `getPixels`).

    A part of a grid is accepted if it agrees with the image's own, which then provides the rest. Any other part could
    mean several grids, and is refused.

    Raises:
        EarthEngineError: the grid is invalid, or its missing parts are not known.
    """
    given = {key: value for key, value in (given or {}).items() if value}
    placed = {"dimensions", "affineTransform"} <= given.keys()
    if placed and given.keys() & {"crsCode", "crsWkt"}:
        return parse_grid(given)
    native = native_grid(image, bands)
    own: dict[str, Any] = {
        "affineTransform": dict(zip(COEFFICIENTS, native.transform, strict=True)),
        "dimensions": {"width": native.width, "height": native.height},
    }
    if "crsWkt" not in given:
        own["crsCode"] = native.crs
    whole = parse_grid(own | given)
    if placed or whole == native:
        return whole
    missing = ", ".join(key for key in ("dimensions", "affineTransform") if key not in given)
    raise EarthEngineError(
        f"The local Earth Engine needs a complete pixel grid: {missing} missing, and the rest is not the image's own "
        f"grid ({native.crs}, {native.width}x{native.height} pixels)."
    )
