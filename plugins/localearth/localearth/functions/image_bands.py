"""Bands of images: selecting, renaming and combining."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from attrs import evolve

from localearth.errors import EarthEngineError
from localearth.functions.regex import compiled, replace
from localearth.promote import Mismatch, constant, is_number, promote
from localearth.raster.grid import Grid
from localearth.raster.sampling import Sampled
from localearth.registry import function
from localearth.values.array import Array
from localearth.values.collection import Collection
from localearth.values.date import Date
from localearth.values.image import Image, ImageBand, Pull, constant_band, masked_band, of_bands, unique
from localearth.values.pixel_type import DOUBLE, PixelType, array_pixels
from localearth.values.projection import WGS84, Projection, apply, invert


@function("Image.select", note="What Java and RE2 read differently is refused.")
def select(image: Image, selectors: list[Any], names: list[str] | None) -> Image:
    """Selects bands by name, regular expression or index."""
    chosen: list[ImageBand] = []
    for selector in selectors:
        chosen.extend(_matching(image, selector))
    if names is None:
        labels = unique(band.name for band in chosen)
    elif len(names) != len(chosen):
        raise EarthEngineError(f"Can't rename {len(chosen)} bands to {len(names)} names.")
    else:
        labels = names
    return _named(image, chosen, labels)


def _matching(image: Image, selector: Any) -> list[ImageBand]:
    if is_number(selector):
        index = int(selector)
        if not -len(image.bands) <= index < len(image.bands):
            raise EarthEngineError(
                f"Invalid band number ({index}) specified to select. Input only contains {len(image.bands)} bands."
            )
        return [image.bands[index]]
    if not isinstance(selector, str):
        raise EarthEngineError("Band selectors must be strings or numbers.")
    exact = [band for band in image.bands if band.name == selector]
    if exact:
        return exact
    pattern = compiled(selector)
    found = [band for band in image.bands if pattern.fullmatch(band.name)]
    if not found:
        if not image.bands:
            raise EarthEngineError(f"Band pattern '{selector}' was applied to an Image with no bands.")
        raise EarthEngineError(
            f"Band pattern '{selector}' did not match any bands. Available bands: [{', '.join(image.names)}]"
        )
    return found


def _named(image: Image, bands: Sequence[ImageBand], names: Iterable[str]) -> Image:
    """The image with other bands, under these names."""
    return image.with_bands(_renamed(band, name) for band, name in zip(bands, names, strict=True))


def _renamed(band: ImageBand, name: str) -> ImageBand:
    if band.name == name:
        return band
    if name.startswith("_") or re.search(r"[:\s]", name):
        raise EarthEngineError(f"Invalid band name: '{name}'")  # the servers' words; their full rule is not documented
    return evolve(band, name=name)


@function("Image.rename")
def rename(image: Image, names: list[str]) -> Image:
    """Renames all bands."""
    if len(names) != len(image.bands):
        raise EarthEngineError(
            f"The number of names ({len(names)}) must match the number of bands ({len(image.bands)})."
        )
    if len(set(names)) != len(names):
        raise EarthEngineError("Duplicate band names.")
    return _named(image, image.bands, names)


@function("Image.regexpRename", note="What Java and RE2 read differently is refused.")
def regexp_rename(image: Image, regex: str, replacement: str, everywhere: bool) -> Image:
    """Renames bands by a regular expression."""
    names = [replace(name, compiled(regex), replacement, everywhere) for name in image.names]
    return _named(image, image.bands, unique(names))


@function("Image.addBands")
def add_bands(image: Image, other: Image, names: list[str] | None, overwrite: bool) -> Image:
    """The bands of both images; equal names are overwritten, or get `_1`."""
    added = list(other.bands) if names is None else [band for name in names for band in _matching(other, name)]
    if not overwrite:
        bands = [*image.bands, *added]
        return _named(image, bands, unique(band.name for band in bands))
    merged = {band.name: band for band in image.bands} | {band.name: band for band in added}
    return image.with_bands(merged.values())


@function(
    "Image.linkCollection",
    note="Band names and properties as a string or a list. Bands of an image without a match are doubles (assumed).",
)
def link_collection(image: Image, collection: Collection, bands: Any, properties: Any, match: str) -> Image:
    """Adds bands and properties of the image of a collection with the same value of a property."""
    value = image.properties.get(match)
    found = None if value is None else collection.matching(match, value)
    names, keys = _names("linkedBands", bands), _names("linkedProperties", properties)
    if found is None:
        linked = [masked_band(name, DOUBLE) for name in names]
    else:
        linked = [band for name in names for band in _matching(found, name)]
    merged = {band.name: band for band in image.bands} | {band.name: band for band in linked}
    kept = {key: value for key, value in image.properties.items() if key not in keys}
    values = {} if found is None else {key: found.properties[key] for key in keys if key in found.properties}
    return image.with_bands(merged.values()).with_properties({**kept, **values})


def _names(argument: str, given: Any) -> list[str]:
    found = [given] if isinstance(given, str) else [] if given is None else given
    if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
        raise EarthEngineError(f"argument '{argument}': must be a string or a list of strings.")
    return found


@function("Image.cat")
def cat(images: list[Any]) -> Image:
    """All bands of several images; constants are promoted."""
    found: list[Image] = [promote("Image.cat", "images", "Image<unknown bands>", each) for each in images]
    if not found:
        return of_bands([])
    bands = [band for image in found for band in image.bands]
    return _named(found[0], bands, unique(band.name for band in bands))


@function("Image.slice")
def slice_bands(image: Image, start: int, end: int | None) -> Image:
    """Bands by position, from start to end, which is not included."""
    return image.with_bands(image.bands[start:end])


@function("Image.bandNames")
def band_names(image: Image) -> list[str]:
    """The names of the bands."""
    return image.names


@function("Image.bandTypes")
def band_types(image: Image) -> dict[str, PixelType]:
    """The types of the bands."""
    return {band.name: band.type for band in image.bands}


@function("Image.constant", note="A number, a list of numbers or a dictionary of them, or an array.")
def constant_image(value: Any) -> Image:
    """A constant image."""
    if isinstance(value, Array) and value.data.ndim:
        return of_bands([_array_band(value)])
    try:
        return constant(value)
    except Mismatch:
        raise EarthEngineError(
            "Image.constant, argument 'value': the local Earth Engine makes constants of numbers, arrays, lists of "
            "numbers and dictionaries of numbers.",
            placed=True,
        ) from None


def _array_band(value: Array) -> ImageBand:
    def source(grid: Grid, _pull: Pull) -> Sampled:
        found = array_pixels(grid.shape)
        for at in np.ndindex(grid.shape):
            found[at] = value.data
        return found, np.ones(grid.shape, bool)

    return ImageBand("constant", evolve(value.kind, dimensions=value.data.ndim), WGS84, source)


@function("Image.metadata")
def metadata(image: Image, name: str, label: str | None) -> Image:
    """A constant image of type double from a property."""
    found = image.properties.get(name)
    value: Any = found.millis if isinstance(found, Date) else found
    if not is_number(value):
        raise EarthEngineError(f"Metadata property '{name}' is missing or is not a number.")
    return of_bands([constant_band(label or name, float(value), DOUBLE)], footprint=image.footprint)


@function("Image.pixelLonLat")
def pixel_lonlat() -> Image:
    """Longitude and latitude of each pixel's centre, in degrees."""
    return _coordinates(("longitude", "latitude"), WGS84)


@function("Image.pixelCoordinates")
def pixel_coordinates(projection: Projection) -> Image:
    """The x and y of each pixel's centre in a projection, in its pixels."""
    return _coordinates(("x", "y"), projection)


def _coordinates(names: tuple[str, str], projection: Projection) -> Image:
    inverse = invert(projection.transform)

    def both(grid: Grid, _pull: Pull) -> Sampled:
        stacked = np.stack(apply(inverse, *grid.centres_in(projection.crs)))
        good = np.asarray(np.isfinite(stacked).all(axis=0))
        return np.where(good, stacked, 0.0), good

    def one(row: int, name: str) -> ImageBand:
        def source(grid: Grid, pull: Pull) -> Sampled:
            values, mask = pull(both, grid)
            return values[row], np.asarray(mask)

        return ImageBand(name, DOUBLE, projection, source)

    return of_bands(one(row, name) for row, name in enumerate(names))
