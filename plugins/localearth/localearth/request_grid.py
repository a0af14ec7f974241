"""The grid of a request that has no grid, or only a part of one."""

from collections.abc import Mapping
from typing import Any

from localearth.errors import EarthEngineError
from localearth.functions.image_bounds import covering, north_up, scaled_grid
from localearth.functions.image_grid import projection_of
from localearth.pixels import COEFFICIENTS, parse_grid, parse_size
from localearth.raster.grid import Grid
from localearth.values.geometry import Geometry
from localearth.values.image import Image, ImageBand
from localearth.values.projection import Projection, canonical


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


def request_grid(
    given: Mapping[str, Any] | None, image: Image, bands: tuple[ImageBand, ...], region: Geometry | None = None
) -> Grid:
    """The grid of a request; without one it is the image's own (documented for `computePixels` and `getPixels`).

    A part of a grid is accepted if it agrees with the image's own, which then provides the rest. A region is divided
    by the dimensions, as in the quickstart of Google's REST API, or has the image's pixels; a CRS alone has pixels of
    the image's size (assumed). Any other part could mean several grids, and is refused.

    Raises:
        EarthEngineError: the grid is invalid, or its missing parts are not known.
    """
    given = {key: value for key, value in (given or {}).items() if value}
    placed = {"dimensions", "affineTransform"} <= given.keys()
    if placed and given.keys() & {"crsCode", "crsWkt"}:
        return parse_grid(given)
    if "affineTransform" not in given and (region or (given.keys() & {"crsCode", "crsWkt"} and len(given) == 1)):
        return _grid_of_region(given, image.with_bands(bands), region)
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


def _grid_of_region(given: Mapping[str, Any], image: Image, region: Geometry | None) -> Grid:
    """The grid of a region, by default the whole image, in the image's projection or in a CRS."""
    own = projection_of(image)
    crs = canonical(given.get("crsCode") or given.get("crsWkt") or own.crs)
    projection = own if crs == own.crs else Projection(crs).at_scale(own.nominal_scale)
    where = region or image.footprint
    if where is None:
        raise EarthEngineError("Image has no bounds: set the region of the download, or the request's grid.")
    width, height = parse_size(given["dimensions"]) if "dimensions" in given else (None, None)
    return north_up(scaled_grid(projection, where, width, height, None, None))
