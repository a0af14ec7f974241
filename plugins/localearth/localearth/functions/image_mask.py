"""Masks of images.

A mask above 0 is valid. Values between 0 and 1 are the weights of reducers and the opacity of blended images and
pictures (guide "Weighted Reductions", `Image.blend`); see `localearth.raster.mask`.
"""

from typing import Any

import numpy as np
from attrs import evolve
from numpy.typing import NDArray

from localearth.errors import EarthEngineError
from localearth.functions.image_bounds import clipped_dimensions, not_empty
from localearth.functions.support import Pairs, beside, check_bands, of_numbers, pairs
from localearth.promote import constant, is_number, promote
from localearth.raster.grid import Grid
from localearth.raster.mask import Mask, both, either, has_fractions, valid
from localearth.raster.sampling import Sampled
from localearth.raster.shares import clip_mask, inside
from localearth.registry import function
from localearth.values.collection import of_elements, union
from localearth.values.feature import with_property
from localearth.values.geometry import Geometry
from localearth.values.image import Image, ImageBand, Pull
from localearth.values.pixel_type import BOOLEAN, PixelType, cast, of_number, united
from localearth.values.projection import Projection

_RANGE = (
    " Above 0 it is valid; below 1 it is a weight and an opacity; above 1 it is 1 (assumed); below 0 it is refused."
)
_EDGES = (
    "The mask of a pixel at the edge is its share inside; it is 1 in pixels that a line touches, and, on a grid around "
    "a pole, where the centre is inside (assumed)."
)
_FRACTIONS = PixelType("float", 0, 1)


@function("Image.unmask")
def unmask(image: Image, value: Image | None, same_footprint: bool) -> Image:
    """Replaces masked pixels by a value, only inside the image's footprint unless `sameFootprint` is false."""
    by = constant(0) if value is None else value
    check_bands(image, by)
    filling = beside(image, by, "value")
    footprint = image.footprint if same_footprint else None

    def one(name: str, band: ImageBand, filler: ImageBand) -> ImageBand:
        kind = band.type.union(filler.type)

        def source(grid: Grid, pull: Pull) -> Sampled:
            values, mask = pull.weighted(band.source, grid)
            values = cast(values, kind)
            if mask.all():
                return values, mask
            other, filled = pull.weighted(filler.source, grid)
            if footprint is not None:
                filled = both(filled, inside(footprint, grid, pull.centres))
            return np.where(mask, values, cast(other, kind)), either(mask, filled)

        fractional = band.fractional or filler.fractional
        dimensions = None if footprint is None else band.dimensions
        return evolve(band, name=name, type=kind, source=source, dimensions=dimensions, fractional=fractional)

    result = image.with_bands(one(*each) for each in filling)
    return result if same_footprint else _united(result, by)


def _united(image: Image, other: Image) -> Image:
    """The image with the union of both footprints (documented)."""
    kept = {name: value for name, value in image.properties.items() if name != "system:footprint"}
    bounded = image.footprint is not None and other.footprint is not None
    return evolve(image.with_properties(kept), footprint=union(of_elements([image, other])) if bounded else None)


def _masked(matched: Pairs, keep: bool) -> list[ImageBand]:
    def one(name: str, band: ImageBand, by: ImageBand) -> ImageBand:
        def source(grid: Grid, pull: Pull) -> Sampled:
            values, mask = pull(band.source, grid)
            test, known = pull.weighted(by.source, grid)
            if test.dtype.kind in "if" and (mask & valid(known) & (test < 0)).any():
                raise EarthEngineError(
                    "Image.updateMask: a mask has negative values, and it is not documented whether these mask. Use a "
                    "mask of 0 and 1, for example gt(0) or neq(0).",
                    placed=True,
                )
            chosen = both(_mask_of_values(test), known)
            # The new mask replaces the old one where that is not 0 (documented).
            if keep:
                return values, both(chosen, mask)
            low, high = band.type.bounds
            # The value of the type's range that is closest to 0 (documented).
            return np.where(mask, values, min(max(0, low), high)).astype(values.dtype), chosen

        fractional = by.fractional or not by.type.is_integer
        return evolve(band, name=name, source=source, fractional=fractional)

    return [one(*each) for each in matched]


def _mask_of_values(test: NDArray[Any]) -> Mask:
    """The mask of values: those above 1 are 1."""
    chosen = test > 0
    if test.dtype.kind != "f" or not (chosen & (test < 1)).any():
        return chosen
    return np.where(chosen, np.minimum(test, 1), 0).astype(np.float32)


@function("Image.updateMask", note="The mask is the new value where the old one is not 0." + _RANGE)
def update_mask(image: Image, mask: Image) -> Image:
    """Masks where another image is 0 or masked."""
    return image.with_bands(_masked(beside(image, of_numbers(mask), "mask"), True))


@function("Image.selfMask", note="A value is the new mask." + _RANGE)
def self_mask(image: Image) -> Image:
    """Masks where the image itself is 0."""
    return image.with_bands(_masked([(band.name, band, band) for band in image.bands], True))


@function("Image.mask", note="Floats from 0 to 1 if the mask may have fractions, otherwise 0 or 1 (assumed).")
def mask_of(image: Image, mask: Image | None) -> Image:
    """The mask of each band as an image or, with an argument, the image with that mask."""
    if mask is not None:
        return image.with_bands(_masked(beside(image, of_numbers(mask), "mask"), False))

    def one(band: ImageBand) -> ImageBand:
        def source(grid: Grid, pull: Pull) -> Sampled:
            _, mask = pull.weighted(band.source, grid)
            return (mask if band.fractional else valid(mask)).astype(kind.dtype), np.ones(grid.shape, bool)

        kind = _FRACTIONS if band.fractional else BOOLEAN
        return ImageBand(band.name, kind, band.projection, source)

    return image.with_bands(map(one, image.bands))


@function("Image.clip", note=_EDGES)
def clip(image: Image, geometry: Any) -> Image:
    """Masks pixels outside a geometry or feature."""
    region: Geometry = promote("Image.clip", "geometry", "Geometry", geometry)
    not_empty(region)
    return _clip(image, region)


@function("Image.clipToCollection", note=_EDGES)
def clip_to_collection(image: Image, collection: Any) -> Image:
    """Masks pixels outside the features of a collection."""
    return _clip(image, promote("Image.clipToCollection", "collection", "Geometry", collection))


def _clip(image: Image, region: Geometry) -> Image:
    def one(band: ImageBand) -> ImageBand:
        def source(grid: Grid, pull: Pull) -> Sampled:
            values, mask = pull.weighted(band.source, grid)
            return values, both(mask, pull.weighted(within, grid)[1])

        if band.projection not in sizes:
            sizes[band.projection] = clipped_dimensions(band, region)
        return evolve(band, source=source, dimensions=sizes[band.projection], fractional=True)

    sizes: dict[Projection, tuple[int, ...] | None] = {}

    def within(grid: Grid, _pull: Pull) -> Sampled:
        covered = clip_mask(region, grid)
        return covered, covered

    shape = region.globe
    footprint = region
    if image.footprint is not None:
        footprint = Geometry(image.footprint.globe.intersection(shape), geodesic=False)
    # geefetch and geetools read the footprint of a clipped composite as this property.
    cut: Image = with_property(image, "system:footprint", footprint)
    return evolve(cut.with_bands(map(one, image.bands)), footprint=footprint)


@function("Image.where")
def where(image: Image, test: Image, value: Image) -> Image:
    """Replaces pixels where the test and the new value are valid and the test is not 0."""
    tests, values = beside(image, of_numbers(test), "test"), beside(image, value, "value")

    def one(band: ImageBand, by: ImageBand, other: ImageBand) -> ImageBand:
        kind = band.type.union(other.type)

        def source(grid: Grid, pull: Pull) -> Sampled:
            have, mask = pull.weighted(band.source, grid)
            tested, known = pull(by.source, grid)
            new, usable = pull(other.source, grid)
            return np.where((tested != 0) & known & usable, cast(new, kind), cast(have, kind)), mask

        return evolve(band, type=kind, source=source)

    rows = zip(tests, values, strict=True)
    return image.with_bands(one(band, by, other) for (_, band, by), (_, _, other) in rows)


@function("Image.blend", note="Masks between 0 and 1: Porter and Duff's `over`, not premultiplied (assumed).")
def blend(bottom: Image, top: Image) -> Image:
    """Overlays one image on another, with their masks as opacity."""

    def one(name: str, under: ImageBand, over: ImageBand) -> ImageBand:
        kind = under.type.union(over.type)

        def source(grid: Grid, pull: Pull) -> Sampled:
            low, have = pull.weighted(under.source, grid)
            high, also = pull.weighted(over.source, grid)
            if not has_fractions(also):
                return np.where(also, cast(high, kind), cast(low, kind)), either(also, have)
            rest = have * (1 - also)
            share = also / np.where(also + rest > 0, also + rest, 1)
            mixed = high * share.astype(np.float64) + low * (1.0 - share)
            # Where only one image is valid, its value has no rounding error.
            mixed = np.where(rest == 0, high, np.where(also == 0, low, mixed))
            return cast(mixed, kind), (also + rest).astype(np.float32)

        return ImageBand(name, kind, under.projection, source, fractional=under.fractional or over.fractional)

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
    band.numbers_only()
    filler = (
        None if default is None else promote("Image.remap", "defaultValue", "Image<unknown bands>", default).bands[0]
    )
    kind = united(map(of_number, new)) if new else band.type
    if filler is not None:
        kind = kind.union(filler.type)
    order = np.argsort(old)
    keys, results = np.asarray(old, float)[order], np.asarray(new, float)[order]

    def source(grid: Grid, pull: Pull) -> Sampled:
        values, mask = pull.weighted(band.source, grid)
        at = np.clip(np.searchsorted(keys, values), 0, max(len(keys) - 1, 0))
        hit = (keys[at] == values) if len(keys) else np.zeros(grid.shape, bool)
        mapped = results[at] if len(keys) else np.zeros(grid.shape)
        if filler is None:
            return np.where(hit, mapped, 0).astype(kind.dtype), both(mask, hit)
        other, usable = pull.weighted(filler.source, grid)
        return np.where(hit, mapped, other).astype(kind.dtype), both(mask, either(hit, usable))

    fractional = band.fractional or (filler is not None and filler.fractional)
    return image.with_bands([evolve(band, name="remapped", type=kind, source=source, fractional=fractional)])
