"""Masks of images. Masks are boolean: a mask above 0 is valid.

Values between 0 and 1 are weights of reducers and the opacity of blended images and pictures in Earth Engine (guide
"Weighted Reductions", `Image.blend`); where they would be used they are refused.
"""

from typing import Any

import numpy as np
import shapely
from attrs import evolve

from localearth.errors import EarthEngineError
from localearth.functions.image_bounds import clipped_dimensions
from localearth.functions.support import Pairs, beside, of_numbers, pairs
from localearth.promote import constant, is_number, promote
from localearth.raster.grid import Grid, outline_lonlat
from localearth.raster.sampling import Sampled
from localearth.registry import function
from localearth.values.geometry import Geometry
from localearth.values.image import Image, ImageBand, Pull
from localearth.values.pixel_type import BOOLEAN, cast, numbers_only, of_number, united
from localearth.values.projection import Projection

_REFUSED = " Where one below 1 would be a weight or an opacity, it is refused, and so are negative ones."


def inside(geometry: Geometry, grid: Grid) -> Any:
    """True at pixels whose centre is in a geometry, (height, width)."""
    shape = geometry.globe
    outline = outline_lonlat(grid)
    # The outline of a grid across 180 degrees is on the wrong side of the globe.
    if shape.geom_type != "Point" and outline.bounds[2] - outline.bounds[0] < 180 and shape.contains(outline):
        return np.ones(grid.shape, bool)
    x, y = grid.centres_in("EPSG:4326")
    beyond = np.abs(x) > 180
    with np.errstate(invalid="ignore"):
        x = np.where(beyond, x - 360 * np.round(x / 360), x)
    return shapely.intersects_xy(shape, x, y)


@function("Image.unmask")
def unmask(image: Image, value: Image | None, same_footprint: bool) -> Image:
    """Replaces masked pixels by a value, only inside the image's footprint unless `sameFootprint` is false."""
    filling = beside(image, constant(0) if value is None else value, "value")
    footprint = image.footprint if same_footprint else None

    def one(name: str, band: ImageBand, filler: ImageBand) -> ImageBand:
        kind = band.type.union(filler.type)

        def source(grid: Grid, pull: Pull) -> Sampled:
            values, mask = pull(band.source, grid)
            values = cast(values, kind)
            if mask.all():
                return values, mask
            other, valid = pull(filler.source, grid)
            if footprint is not None:
                valid = valid & inside(footprint, grid)
            return np.where(mask, values, cast(other, kind)), mask | valid

        return ImageBand(name, kind, band.projection, source, None if footprint is None else band.dimensions)

    result = image.with_bands(one(*each) for each in filling)
    return result if same_footprint else _unbounded(result)


def _unbounded(image: Image) -> Image:
    return evolve(image, footprint=None)


def _masked(matched: Pairs, keep: bool) -> list[ImageBand]:
    def one(name: str, band: ImageBand, by: ImageBand) -> ImageBand:
        def source(grid: Grid, pull: Pull) -> Sampled:
            values, mask = pull(band.source, grid)
            test, valid = pull(by.source, grid)
            chosen = valid & (test > 0 if test.dtype.kind != "b" else test)
            if test.dtype.kind in "if" and (mask & valid & (test < 0)).any():
                raise EarthEngineError(
                    "Image.updateMask: a mask has negative values, and it is not documented whether these mask. Use a "
                    "mask of 0 and 1, for example gt(0) or neq(0).",
                    placed=True,
                )
            if test.dtype.kind == "f" and (mask & chosen & (test < 1)).any():
                pull.fractions = True
            if keep:
                return values, mask & chosen
            low, high = band.type.bounds
            # The value of the type's range that is closest to 0 (documented).
            return np.where(mask, values, min(max(0, low), high)).astype(values.dtype), chosen

        return ImageBand(name, band.type, band.projection, source, band.dimensions)

    return [one(*each) for each in matched]


@function(
    "Image.updateMask",
    note="A mask above 0 is valid." + _REFUSED,
)
def update_mask(image: Image, mask: Image) -> Image:
    """Masks where another image is 0 or masked."""
    return image.with_bands(_masked(beside(image, of_numbers(mask), "mask"), True))


@function(
    "Image.selfMask",
    note="A value above 0 is valid." + _REFUSED,
)
def self_mask(image: Image) -> Image:
    """Masks where the image itself is 0."""
    return image.with_bands(_masked([(band.name, band, band) for band in image.bands], True))


@function("Image.mask", note="Masks between 0 and 1 are refused.")
def mask_of(image: Image, mask: Image | None) -> Image:
    """The mask of each band as an image or, with an argument, the image with that mask."""
    if mask is not None:
        return image.with_bands(_masked(beside(image, of_numbers(mask), "mask"), False))

    def one(band: ImageBand) -> ImageBand:
        def source(grid: Grid, pull: Pull) -> Sampled:
            _, valid = pull(band.source, grid)
            pull.no_fractions("Image.mask")
            return valid.astype(np.uint8), np.ones(grid.shape, bool)

        return ImageBand(band.name, BOOLEAN, band.projection, source)

    return image.with_bands(map(one, image.bands))


@function("Image.clip", note="A pixel is inside if its centre is inside.")
def clip(image: Image, geometry: Any) -> Image:
    """Masks pixels outside a geometry or feature."""
    return _clip(image, promote("Image.clip", "geometry", "Geometry", geometry))


@function("Image.clipToCollection", note="A pixel is inside if its centre is inside.")
def clip_to_collection(image: Image, collection: Any) -> Image:
    """Masks pixels outside the features of a collection."""
    return _clip(image, promote("Image.clipToCollection", "collection", "Geometry", collection))


def _clip(image: Image, region: Geometry) -> Image:
    def one(band: ImageBand) -> ImageBand:
        def source(grid: Grid, pull: Pull) -> Sampled:
            values, mask = pull(band.source, grid)
            return values, mask & pull(within, grid)[0]

        if band.projection not in sizes:
            sizes[band.projection] = clipped_dimensions(band, region)
        return ImageBand(band.name, band.type, band.projection, source, sizes[band.projection])

    sizes: dict[Projection, tuple[int, ...] | None] = {}

    def within(grid: Grid, _pull: Pull) -> Sampled:
        covered = inside(region, grid)
        return covered, covered

    shape = region.globe
    footprint = region
    if image.footprint is not None:
        footprint = Geometry(image.footprint.globe.intersection(shape), geodesic=False)
    return evolve(image.with_bands(map(one, image.bands)), footprint=footprint)


@function("Image.where")
def where(image: Image, test: Image, value: Image) -> Image:
    """Replaces pixels where the test and the new value are valid and the test is not 0."""
    tests, values = beside(image, of_numbers(test), "test"), beside(image, value, "value")

    def one(band: ImageBand, by: ImageBand, other: ImageBand) -> ImageBand:
        kind = band.type.union(other.type)

        def source(grid: Grid, pull: Pull) -> Sampled:
            have, mask = pull(band.source, grid)
            tested, known = pull(by.source, grid)
            new, valid = pull(other.source, grid)
            return np.where((tested != 0) & known & valid, cast(new, kind), cast(have, kind)), mask

        return ImageBand(band.name, kind, band.projection, source, band.dimensions)

    rows = zip(tests, values, strict=True)
    return image.with_bands(one(band, by, other) for (_, band, by), (_, _, other) in rows)


@function("Image.blend")
def blend(bottom: Image, top: Image) -> Image:
    """Overlays one image on another at pixels where it is not masked."""

    def one(name: str, under: ImageBand, over: ImageBand) -> ImageBand:
        kind = under.type.union(over.type)

        def source(grid: Grid, pull: Pull) -> Sampled:
            low, have = pull(under.source, grid)
            high, also = pull(over.source, grid)
            pull.no_fractions("Image.blend")
            return np.where(also, cast(high, kind), cast(low, kind)), have | also

        return ImageBand(name, kind, under.projection, source)

    if not bottom.bands or not top.bands:
        raise EarthEngineError("Both images need bands.")
    return bottom.with_bands(one(*each) for each in pairs(bottom, top))


@function("Image.remap", note="Lists of numbers, not arrays.")
def remap(image: Image, old: list[Any], new: list[Any], default: Any, name: str | None) -> Image:
    """Replaces values; those not in the list become the default, or are masked without one."""
    if len(old) != len(new):
        raise EarthEngineError("'from' and 'to' must have the same length.")
    if not all(map(is_number, [*old, *new])) or len(set(old)) < len(old):
        raise EarthEngineError("arguments 'from' and 'to': the local Earth Engine needs numbers, each in 'from' once.")
    band = image.first_band if name is None else image.band(name)
    numbers_only(band.type, band.name)
    filler = (
        None if default is None else promote("Image.remap", "defaultValue", "Image<unknown bands>", default).bands[0]
    )
    kind = united(map(of_number, new)) if new else band.type
    if filler is not None:
        kind = kind.union(filler.type)
    order = np.argsort(old)
    keys, results = np.asarray(old, float)[order], np.asarray(new, float)[order]

    def source(grid: Grid, pull: Pull) -> Sampled:
        values, mask = pull(band.source, grid)
        at = np.clip(np.searchsorted(keys, values), 0, max(len(keys) - 1, 0))
        hit = (keys[at] == values) if len(keys) else np.zeros(grid.shape, bool)
        mapped = results[at] if len(keys) else np.zeros(grid.shape)
        if filler is None:
            return np.where(hit, mapped, 0).astype(kind.dtype), mask & hit
        other, valid = pull(filler.source, grid)
        return np.where(hit, mapped, other).astype(kind.dtype), mask & (hit | valid)

    return image.with_bands([ImageBand("remapped", kind, band.projection, source, band.dimensions)])
