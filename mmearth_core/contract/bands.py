"""Bands and layers: what a modality's numbers mean, declared once by its plugin.

Shape, dtype, no-data, band order and preview colours of everything that the core writes
derive from these declarations.
"""

import math
import re
from collections.abc import Iterable, Mapping
from enum import StrEnum

import numpy as np
from attrs import Attribute, field, frozen, validators

from mmearth_core.errors import DeclarationError

DTYPES = ("uint8", "int8", "uint16", "int16", "float32")
"""The band types that survive the float32 stack without loss."""

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]*(_[A-Za-z0-9]+)*")
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")


class Kind(StrEnum):
    """What a layer holds for one tile."""

    REGRESSION = "regression"
    """A map of quantities, (bands, size, size)."""
    CLASSES = "classes"
    """A map of class values, (bands, size, size)."""
    VECTOR = "vector"
    """One number a band, (bands,); its values come with the tile's location, not as pixels."""


class Resampling(StrEnum):
    """How a band is brought onto the tile's grid where its own pixels differ from it."""

    NEAREST = "nearest"
    BILINEAR = "bilinear"


def check_name(owner: object, attribute: "Attribute[str]", value: str) -> None:
    """Refuses a name that could not be a band id of Earth Engine and an HDF5 dataset.

    Two underscores in a row are kept for the seam between layer and band.
    """
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise DeclarationError(
            f"{type(owner).__name__} name {value!r}: use letters, digits and single underscores, "
            "starting with a letter."
        )


@frozen
class ClassLabel:
    """One class of a classification band.

    Attributes:
        value: the number stored in the band.
        name: what the class is called.
        colour: `#rrggbb`, for previews.
    """

    value: int
    name: str
    colour: str = field(default="#808080")

    @colour.validator
    def _check_colour(self, _attribute: "Attribute[str]", value: str) -> None:
        if not _COLOUR.fullmatch(value):
            raise DeclarationError(f"Class {self.name!r}: colour {value!r} is not of the form #rrggbb.")


# Named converters, not `tuple`: so a type checker knows what a plugin may pass.
def _as_classes(classes: Iterable[ClassLabel]) -> tuple[ClassLabel, ...]:
    return tuple(classes)


@frozen
class Band:
    """One band of a layer.

    Attributes:
        name: the band's name, in the plugin's image and in the dataset.
        dtype: one of `DTYPES`; pixels are rounded, clamped and cast to it on the server.
        nodata: the value that stands for a missing pixel; must be one that `dtype` can hold.
        unit: the physical unit; `"1"` for a number without one.
        description: one line for people.
        resampling: nearest unless the quantity may be interpolated.
        classes: for a classification band, its classes.
    """

    name: str = field(validator=check_name)
    dtype: str
    nodata: float
    unit: str = "1"
    description: str = ""
    resampling: Resampling = Resampling.NEAREST
    classes: tuple[ClassLabel, ...] = field(default=(), converter=_as_classes)

    def __attrs_post_init__(self) -> None:
        if self.dtype not in DTYPES:
            raise DeclarationError(f"Band {self.name!r}: dtype {self.dtype!r} is not one of {', '.join(DTYPES)}.")
        if not holds(self.dtype, self.nodata):
            raise DeclarationError(f"Band {self.name!r}: no-data {self.nodata!r} does not fit {self.dtype}.")
        values = [label.value for label in self.classes]
        if len(set(values)) != len(values):
            raise DeclarationError(f"Band {self.name!r}: a class value is listed twice.")
        for value in values:
            if not holds(self.dtype, value) or value == self.nodata:
                raise DeclarationError(
                    f"Band {self.name!r}: class value {value} is no-data or does not fit {self.dtype}."
                )

    @property
    def is_integer(self) -> bool:
        """Whether the band holds whole numbers."""
        return np.dtype(self.dtype).kind in "iu"


def holds(dtype: str, value: float) -> bool:
    """Whether `dtype` can hold `value` exactly (float32 also holds nan and the infinities)."""
    kind = np.dtype(dtype)
    if kind.kind == "f":
        return math.isnan(value) or float(kind.type(value)) == value
    limits = np.iinfo(kind)
    return math.isfinite(value) and value == int(value) and int(limits.min) <= value <= int(limits.max)


def _as_names(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(names)


@frozen
class Preview:
    """How a layer is shown to people.

    Attributes:
        bands: of a map, one band, or three for red, green and blue; of a vector, those that are printed.
        low: the value shown as black (or as the colormap's low end); one number, or one a band.
        high: the value shown as white; likewise.
        gamma: brightens dark scenes when above 1.
        colormap: a matplotlib colormap name for a single band of quantities.
    """

    bands: tuple[str, ...] = field(converter=_as_names)
    low: float | tuple[float, ...] = 0.0
    high: float | tuple[float, ...] = 1.0
    gamma: float = field(default=1.0, validator=validators.gt(0))
    colormap: str = "viridis"

    def __attrs_post_init__(self) -> None:
        if any(len(end) != len(self.bands) for end in (self.low, self.high) if isinstance(end, tuple)):
            raise DeclarationError(f"Preview of {self.bands}: give low and high once, or once a band.")
        if not all(low < high for low, high in self.ranges):
            raise DeclarationError(f"Preview of {self.bands}: low {self.low} is not below high {self.high}.")

    @property
    def ranges(self) -> tuple[tuple[float, float], ...]:
        """Low and high of each band shown."""
        low, high = (end if isinstance(end, tuple) else (end,) * len(self.bands) for end in (self.low, self.high))
        return tuple(zip(low, high, strict=True))


def _as_bands(bands: Iterable[Band]) -> tuple[Band, ...]:
    return tuple(bands)


@frozen
class Layer:
    """One dataset of the HDF5 file: bands of one dtype and one no-data value.

    Attributes:
        name: the dataset's name.
        bands: its bands, in order.
        kind: what it holds for one tile.
        description: one line for people.
        preview: how it is drawn; None leaves it out of pictures.
        variant_previews: for the modality's variants that are drawn otherwise, how.
    """

    name: str = field(validator=check_name)
    bands: tuple[Band, ...] = field(converter=_as_bands)
    kind: Kind = field(default=Kind.REGRESSION, converter=Kind)
    description: str = ""
    preview: Preview | None = None
    variant_previews: Mapping[str, Preview] = field(factory=dict)

    def __attrs_post_init__(self) -> None:
        if not self.bands:
            raise DeclarationError(f"Layer {self.name!r} declares no band.")
        names = [band.name for band in self.bands]
        if len(set(names)) != len(names):
            raise DeclarationError(f"Layer {self.name!r} declares a band twice: {', '.join(names)}.")
        if len({band.dtype for band in self.bands}) > 1 or len({repr(float(band.nodata)) for band in self.bands}) > 1:
            raise DeclarationError(
                f"Layer {self.name!r}: all bands of a layer share one dtype and one no-data value, "
                "as they become one HDF5 dataset. Split it into two layers."
            )
        previews = [*self.variant_previews.values(), *([self.preview] if self.preview else [])]
        if any(not set(preview.bands) <= set(names) for preview in previews):
            raise DeclarationError(f"Layer {self.name!r}: a preview names a band that it does not have.")
        if self.is_map and any(len(preview.bands) not in (1, 3) for preview in previews):
            raise DeclarationError(f"Layer {self.name!r}: a preview shows one band, or three as red, green and blue.")

    @property
    def dtype(self) -> str:
        """The dtype of all its bands."""
        return self.bands[0].dtype

    @property
    def nodata(self) -> float:
        """The no-data value of all its bands."""
        return self.bands[0].nodata

    @property
    def is_map(self) -> bool:
        """Whether it is downloaded as pixels."""
        return self.kind is not Kind.VECTOR
