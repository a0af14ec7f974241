"""Image collections: composites, and collections to and from bands."""

import numpy as np
from attrs import evolve

from localearth.errors import EarthEngineError
from localearth.functions.by_place import by_place, counts_images
from localearth.raster.grid import Grid
from localearth.raster.mask import both, composite, either, valid, weights_of
from localearth.raster.sampling import Sampled
from localearth.registry import function
from localearth.values.collection import Collection, of_elements
from localearth.values.feature import index_of
from localearth.values.image import Image, ImageBand, Pull, layers, of_bands, unique
from localearth.values.pixel_type import PixelType, cast, doubles, united
from localearth.values.projection import WGS84
from localearth.values.reducer import BUILTIN, Reducer
from localearth.values.row_reducers import RowReducer, needed_pixels

MAX_BANDS = 5000
"""Maximum number of bands of `ImageCollection.toBands` (documented)."""


@function("ImageCollection.fromImages")
def from_images(images: list[Image]) -> Collection:
    """A collection of images; those without an id get their position as id."""
    return of_elements(images, of_images=True)


@function("ImageCollection.toBands")
def to_bands(collection: Collection) -> Image:
    """All bands of all images, named `<system:index>_<band>`; duplicate names get a suffix, such as `_1`."""
    bands = [evolve(band, name=f"{index_of(image)}_{band.name}") for image in collection.images for band in image.bands]
    if len(bands) > MAX_BANDS:
        raise EarthEngineError(f"Too many bands: {len(bands)}, but at most {MAX_BANDS} are allowed.")
    names = unique(band.name for band in bands)
    return of_bands(evolve(band, name=name) for band, name in zip(bands, names, strict=True))


def _by_name(collection: Collection) -> dict[str, list[ImageBand]]:
    """The bands of all images by name, in the order of the names' first occurrence."""
    found: dict[str, list[ImageBand]] = {}
    for image in collection.images:
        for band in image.bands:
            found.setdefault(band.name, []).append(band)
    return found


def _mosaic(name: str, bands: list[ImageBand]) -> ImageBand:
    kind = united(band.type for band in bands)

    def source(grid: Grid, pull: Pull) -> Sampled:
        values, mask = np.zeros(grid.shape, kind.dtype), np.zeros(grid.shape, bool)
        for band in reversed(bands):
            new, usable = pull.weighted(band.source, grid)
            fresh = valid(usable) & (mask == 0)
            if fresh.any():
                values = np.where(fresh, cast(new, kind), values)
                mask = either(mask, usable)
            if mask.all():
                break
        return values, mask

    return ImageBand(name, kind, WGS84, source, fractional=any(band.fractional for band in bands))


@function("ImageCollection.mosaic", note="Masks between 0 and 1 are not blended; that of the image is kept (assumed).")
@by_place
def mosaic(collection: Collection) -> Image:
    """For each pixel, the last image that is not masked there."""
    return of_bands(_mosaic(name, bands) for name, bands in _by_name(collection).items())


def reduced(
    name: str, bands: list[ImageBand], reducer: Reducer, kinds: list[PixelType] | None = None
) -> list[ImageBand]:
    """One band per output of a reducer over a stack of bands, all named `name`."""
    for band in bands:
        band.numbers_only()
    types = kinds or reducer.types(united(band.type for band in bands), len(bands))

    def every(grid: Grid, pull: Pull) -> Sampled:
        pulled = [pull.weighted(band.source, grid) for band in bands]
        stack = np.stack([values for values, _ in pulled]).reshape(len(bands), -1)
        masks = np.stack([mask for _, mask in pulled]).reshape(len(bands), -1)
        if not reducer.exact or stack.dtype.kind not in "iu" or stack.dtype.itemsize == 8:
            stack = doubles(stack, valid(masks))
        found = reducer.apply(stack, valid(masks), weights_of(masks) if reducer.weighted else None)
        shape = (len(found), *grid.shape)
        values = np.stack([np.asarray(value, float) for value, _ in found]).reshape(shape)
        return values, np.stack([composite(good, masks) for _, good in found]).reshape(shape)

    return layers(every, [name] * len(types), types, WGS84, any(band.fractional for band in bands))


def _register() -> None:
    """Registers `reduce.mean` and the like, which keep the bands' names."""
    reducers = {name: BUILTIN[name] for name in ("mean", "median", "mode", "min", "max", "sum", "product", "count")}
    reducers |= {"and": BUILTIN["allNonZero"], "or": BUILTIN["anyNonZero"]}
    notes = {
        "mode": "The smallest of equally common values; the bands' type is kept (assumed).",
        "median": "The mean of two middle values (assumed).",
    }
    for name, reducer in reducers.items():

        def reduced_images(collection: Collection, reducer: Reducer = reducer) -> Image:
            return of_bands(reduced(label, bands, reducer)[0] for label, bands in _by_name(collection).items())

        reduced_images.__doc__ = f"The {name} of each pixel over all images, band by band."
        run = reduced_images if counts_images(reducer) else by_place(reduced_images)
        function(f"reduce.{name}", note=notes.get(name, ""))(run)


_register()


def _reduced_rows(columns: list[list[ImageBand]], reducer: RowReducer) -> list[ImageBand]:
    """One band per output of a reducer of several inputs; a pixel counts where all its bands are valid."""
    if reducer.inputs != len(columns) or len({len(bands) for bands in columns}) > 1:
        raise EarthEngineError(f"The reducer needs images with {reducer.inputs} bands of the same names.")
    compute = needed_pixels(reducer)
    kinds = reducer.kinds([united(band.type for band in bands) for bands in columns])

    def every(grid: Grid, pull: Pull) -> Sampled:
        pulled = [[pull(band.source, grid) for band in row] for row in zip(*columns, strict=True)]
        valid = np.stack([np.logical_and.reduce([mask.ravel() for _, mask in row]) for row in pulled])
        stack = np.stack(
            [[doubles(values.ravel(), good) for values, _ in row] for row, good in zip(pulled, valid, strict=True)]
        )
        found = compute(stack, valid)
        shape = (len(found), *grid.shape)
        mask = np.stack([good for _, good in found])
        return np.stack([value for value, _ in found]).reshape(shape), mask.reshape(shape)

    return layers(every, reducer.outputs, kinds, WGS84)


@function(
    "ImageCollection.reduce",
    note="Of several inputs: linearFit (doubles, masked where x does not vary: assumed), linearRegression, "
    "pearsonsCorrelation, spearmansCorrelation, kendallsCorrelation, sensSlope, min and max. "
    "`parallelScale` is ignored.",
)
@by_place
def reduce(collection: Collection, reducer: Reducer, _scale: float) -> Image:
    """A reducer over all images: of each band, named `<band>_<output>`, or of the bands together, named `<output>`."""
    if isinstance(reducer, RowReducer) and reducer.inputs > 1:
        return of_bands(_reduced_rows(list(_by_name(collection).values()), reducer))
    bands = []
    for name, stack in _by_name(collection).items():
        for output, band in zip(reducer.outputs, _reduced_stack(name, stack, reducer), strict=True):
            bands.append(evolve(band, name=f"{name}_{output}"))
    return of_bands(bands)


def _reduced_stack(name: str, bands: list[ImageBand], reducer: Reducer) -> list[ImageBand]:
    """One band per output of a reducer of one input."""
    if isinstance(reducer, RowReducer):
        return _reduced_rows([bands], reducer)
    return reduced(name, bands, reducer)


@function("Image.reduce", note="Reducers of one input.")
def reduce_bands(image: Image, reducer: Reducer) -> Image:
    """A reducer over the bands of an image; one band per output."""
    projection = image.first_band.projection
    found = _reduced_stack("", list(image.bands), reducer)
    named = zip(reducer.outputs, found, strict=True)
    return image.with_bands(evolve(band, name=output, projection=projection) for output, band in named)


@function("ImageCollection.qualityMosaic")
@by_place
def quality_mosaic(collection: Collection, quality: str) -> Image:
    """For each pixel, the image with the highest value of the quality band."""
    by_name = _by_name(collection)
    lengths = {len(bands) for bands in by_name.values()}
    if quality not in by_name or len(lengths) != 1:
        raise EarthEngineError(f"All images must have the band '{quality}' and the same other bands.")

    def best(grid: Grid, pull: Pull) -> Sampled:
        pulled = [pull(band.source, grid) for band in by_name[quality]]
        scores = np.stack([np.where(mask, values, -np.inf) for values, mask in pulled])
        return scores.argmax(axis=0), np.isfinite(scores).any(axis=0)

    def one(name: str, bands: list[ImageBand]) -> ImageBand:
        kind = united(band.type for band in bands)

        def source(grid: Grid, pull: Pull) -> Sampled:
            chosen, known = pull(best, grid)
            values, mask = np.zeros(grid.shape, kind.dtype), np.zeros(grid.shape, bool)
            for row, band in enumerate(bands):
                new, usable = pull.weighted(band.source, grid)
                values = np.where(chosen == row, cast(new, kind), values)
                mask = np.where(chosen == row, usable, mask)
            return values, both(mask, known)

        return ImageBand(name, kind, WGS84, source, fractional=any(band.fractional for band in bands))

    return of_bands(one(name, bands) for name, bands in by_name.items())
