"""Helpers for all families: pairs of bands, mapped functions, and errors of unsupported arguments."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from localearth.errors import EarthEngineError
from localearth.promote import Mismatch, converter
from localearth.values.feature import index_of
from localearth.values.function import Function
from localearth.values.image import Image, ImageBand, of_bands
from localearth.values.reducer import Reducer

Pairs = list[tuple[str, ImageBand, ImageBand]]


def refuse(argument: str, value: Any, allowed: str) -> EarthEngineError:
    """The error for an argument value that Earth Engine supports but this implementation does not."""
    return EarthEngineError(f"argument '{argument}': the local Earth Engine does not support {value!r}; {allowed}.")


def check_keys(what: str, given: Mapping[str, Any], known: Iterable[str]) -> None:
    """Refuses keys of a dictionary that are not known."""
    for key, value in given.items():
        if key not in known:
            raise EarthEngineError(f"{what}: unknown key '{key}' ({value!r}); the keys are {', '.join(known)}.")


def one_output(reducer: Reducer) -> None:
    """Refuses a reducer with several outputs."""
    if len(reducer.outputs) != 1:
        raise EarthEngineError(
            f"argument 'reducer': a reducer with one output is needed, not with {', '.join(reducer.outputs)}."
        )


MAX_NUMBERS = 10_000_000
"""Maximum number of elements of a list, array or kernel that one call makes; Earth Engine refuses them by memory."""


def check_count(count: float, what: str, limit: int = MAX_NUMBERS) -> None:
    """Refuses a call that would make too many elements, before it takes the memory.

    Raises:
        EarthEngineError: there would be too many.
    """
    if count > limit:
        raise EarthEngineError(
            f"User memory limit exceeded: {count:.0f} {what}; the local Earth Engine makes at most {limit} at once."
        )


def generator(seed: int) -> np.random.Generator:
    """The random numbers of a seed: the same on every run and platform."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(abs(seed), spawn_key=(int(seed < 0),))))


def pairs(left: Image, right: Image) -> Pairs:
    """Matches the bands of two images as Google documents it for `Image.add`.

    A single band is matched with every band of the other image, bands with equal names by name, and other bands in
    order if the images have equally many. The names are those of the image with more bands, or of the left one.
    """
    check_bands(left, right)
    one, two = left.bands, right.bands
    if len(two) == 1 and len(one) >= 1:
        return [(band.name, band, two[0]) for band in one]
    if len(one) == 1 and len(two) > 1:
        return [(band.name, one[0], band) for band in two]
    by_name = {band.name: band for band in two}
    if set(by_name) == set(left.names):
        return [(band.name, band, by_name[band.name]) for band in one]
    if len(one) == len(two):
        return [(a.name, a, b) for a, b in zip(one, two, strict=True)]
    common = [band for band in one if band.name in by_name]
    if not common:
        raise EarthEngineError(
            f"Can't match bands [{', '.join(left.names)}] with bands [{', '.join(right.names)}]: "
            "the images have neither equal names nor equal numbers of bands."
        )
    return [(band.name, band, by_name[band.name]) for band in common]


def check_bands(left: Image, right: Image) -> None:
    """Refuses an image without bands, such as the mean of no images, together with one that has bands.

    Raises:
        EarthEngineError: with the message of Google's servers, which programs recognize.
    """
    if bool(left.bands) != bool(right.bands):
        raise EarthEngineError(
            "If one image has no bands, the other must also have no bands. "
            f"Got {len(left.bands)} and {len(right.bands)}."
        )


def is_constant(band: ImageBand) -> bool:
    """Whether a band has no pixels of its own: it has no bounds, or only those of a clip."""
    return band.projection.nominal_scale > 100_000 and (band.dimensions is None or len(band.dimensions) > 2)


def base_of(left: ImageBand, right: ImageBand) -> ImageBand:
    """The band whose projection a result takes: the left one, unless only the right one is not constant."""
    return right if is_constant(left) and not is_constant(right) else left


def of_pairs(left: Image, right: Image, bands: Iterable[ImageBand]) -> Image:
    """The result of an operation on two images, with the footprint of the left one if it is not a constant."""
    base = right if left.footprint is None and not left.properties and right.footprint is not None else left
    # Google keeps the footprint but not the properties of the operands.
    kept = {key: base.properties[key] for key in ("system:index", "system:footprint") if key in base.properties}
    return of_bands(bands, properties=kept, footprint=base.footprint)


def of_numbers(image: Image) -> Image:
    """The image, which must not have array pixels."""
    for band in image.bands:
        band.numbers_only()
    return image


def beside(image: Image, other: Image, what: str) -> Pairs:
    """Matches the bands of an image with those of a mask or value image: one band for all, or equally many in order."""
    if len(other.bands) == 1:
        return [(band.name, band, other.bands[0]) for band in image.bands]
    if len(other.bands) == len(image.bands):
        return [(a.name, a, b) for a, b in zip(image.bands, other.bands, strict=True)]
    raise EarthEngineError(
        f"Incompatible number of bands in the {what} image: {len(other.bands)}. Expected {len(image.bands)} or 1."
    )


def of_kind(value: Any, kind: str, what: str) -> Any:
    """The value as an object of that kind.

    Args:
        value: any value.
        kind: a type of Earth Engine, such as `Number`.
        what: which value this is, for the message.

    Raises:
        EarthEngineError: it is of another kind.
    """
    try:
        if isinstance(value, bool):
            raise Mismatch
        return converter(kind)(value)  # type: ignore[misc]
    except Mismatch:
        raise EarthEngineError(f"{what} is not a {kind}.") from None


def mapped(function: Function, elements: Iterable[Any], drop_nulls: bool) -> list[Any]:
    """The results of a function for each element; errors name the element, as Google's do."""
    results = []
    for element in elements:
        try:
            result = function.call(element)
        except EarthEngineError as error:
            index = index_of(element) if hasattr(element, "properties") else None
            if index is None:
                raise
            raise EarthEngineError(f"Error in map(ID={index}):\n{error.message}", error.status, placed=True) from None
        if result is None:
            if drop_nulls:
                continue
            if hasattr(element, "properties"):
                raise EarthEngineError(
                    "A mapped function's arguments and return value must be elements; it returned null."
                    " Set dropNulls to drop such elements."
                )
        results.append(result)
    return results
