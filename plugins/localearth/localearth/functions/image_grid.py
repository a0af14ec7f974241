"""Projections of images: resampling and reprojection."""

from attrs import evolve

from localearth.errors import EarthEngineError
from localearth.functions.support import refuse
from localearth.raster.grid import Grid, pixels_of
from localearth.raster.sampling import Sampled, around_globe, bilinear, nearest
from localearth.registry import function
from localearth.values.image import Image, ImageBand, Pull
from localearth.values.pixel_type import FLOAT
from localearth.values.projection import Projection, resolve


@function(
    "Image.resample",
    note="`mode` bilinear only. Integer bands become float (assumed). A masked neighbour masks the result unless its "
    "weight is 0 (assumed).",
)
def resample(image: Image, mode: str) -> Image:
    """Bilinear interpolation in each band's own default projection."""
    if mode not in ("bilinear", "bicubic"):
        raise EarthEngineError(f"Invalid interpolation mode: {mode}")  # the servers' message
    if mode != "bilinear":
        raise refuse("mode", mode, "use 'bilinear'")

    def one(band: ImageBand) -> ImageBand:
        kind = FLOAT if band.type.is_integer else band.type
        native = pixels_of(band.projection)
        # A clipped band has masked pixels around its window.
        size = (band.dimensions[1], band.dimensions[0]) if band.dimensions and len(band.dimensions) == 2 else None

        def source(grid: Grid, pull: Pull) -> Sampled:
            def read(row: int, col: int, rows: int, cols: int) -> Sampled:
                return pull(band.source, native.window(row, col, rows, cols))

            at = pull.positions(grid, band.projection)
            values, mask = bilinear(at if size is None else around_globe(at, band.projection, size[1]), read, size)
            return values.astype(kind.dtype), mask

        return ImageBand(band.name, kind, band.projection, source, band.dimensions)

    return evolve(image, make_bands=lambda: tuple(map(one, image.bands)))


@function("Image.reproject")
def reproject(image: Image, crs: Projection, transform: list[float] | None, scale: float | None) -> Image:
    """Computes the image on a fixed grid; other grids then take its nearest pixels."""
    target = resolve(crs, transform, scale)
    return image.with_bands(on_grid(band, target) for band in image.bands)


def on_grid(band: ImageBand, target: Projection) -> ImageBand:
    """A band that is computed on a projection's pixels; other grids take the nearest of them."""
    native = pixels_of(target)

    def source(grid: Grid, pull: Pull) -> Sampled:
        def read(row: int, col: int, rows: int, cols: int) -> Sampled:
            return pull.weighted(band.source, native.window(row, col, rows, cols))

        return nearest(pull.positions(grid, target), read, None, band.type.dtype)

    return ImageBand(band.name, band.type, target, source, fractional=band.fractional)


@function("Image.setDefaultProjection")
def set_default_projection(image: Image, crs: Projection, transform: list[float] | None, scale: float | None) -> Image:
    """Sets the default projection without computing anything on it."""
    target = resolve(crs, transform, scale)
    return image.with_bands(evolve(band, projection=target, dimensions=None) for band in image.bands)


@function("Image.projection")
def projection_of(image: Image) -> Projection:
    """The default projection; an error when the bands do not share one (documented)."""
    first = image.first_band
    for band in image.bands[1:]:
        if band.projection != first.projection:
            raise EarthEngineError(
                "The bands of the specified image contains different projections. Use Image.select to pick a single"
                " band."
            )
    return first.projection
