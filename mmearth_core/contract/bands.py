"""Bands and layers: what the numbers of a modality mean, declared once by its plugin.

The core derives from them the shape, dtype, no-data value, band order and preview colours of everything it writes.
Errors in a declaration raise `DeclarationError` when the plugin is imported.
"""

import math
import re
from collections.abc import Iterable, Mapping
from enum import StrEnum

import numpy as np
from attrs import Attribute, field, frozen, validators
from attrs.converters import optional

from mmearth_core.errors import DeclarationError

# The types whose values float32 holds without loss, as stacks are written as float32.
DTYPES = ("uint8", "int8", "uint16", "int16", "float32")

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]*(_[A-Za-z0-9]+)*")
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")


class Kind(StrEnum):
    """What a layer holds for one tile.

    Attributes:
        REGRESSION: a map of quantities, shape (bands, size, size).
        CLASSES: a map of class values, shape (bands, size, size).
        VECTOR: one number per band, shape (bands,), from `Modality.values` and not from pixels.
    """

    REGRESSION = "regression"
    CLASSES = "classes"
    VECTOR = "vector"


class Resampling(StrEnum):
    """How Earth Engine resamples a band whose own grid differs from the tile's grid.

    Attributes:
        NEAREST: the value of the nearest pixel; for classes and flags.
        BILINEAR: interpolated; for quantities.
        MEAN: the mean of the valid pixels that a pixel of the tile covers, by area; only for `Band.coarser`.
        MODE: the most frequent value of these pixels; only for `Band.coarser`.
    """

    NEAREST = "nearest"
    BILINEAR = "bilinear"
    MEAN = "mean"
    MODE = "mode"

    @property
    def keeps_values(self) -> bool:
        """Whether every resampled value is a value of the band, as classes require: no mixture of two is a class."""
        return self in (Resampling.NEAREST, Resampling.MODE)

    @property
    def is_of_area(self) -> bool:
        """Whether it is computed from all pixels that a larger pixel covers."""
        return self in (Resampling.MEAN, Resampling.MODE)


def check_name(owner: object, attribute: "Attribute[str]", value: str) -> None:
    """Checks that a name can be a band id of Earth Engine and the name of an HDF5 dataset.

    Double underscores are reserved: bands are downloaded as `<layer>__<band>`.

    Raises:
        DeclarationError: it cannot.
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
        value: the number in the band.
        name: the name of the class.
        colour: `#rrggbb`, for previews.
    """

    value: int
    name: str
    colour: str = field(default="#808080")

    @colour.validator
    def _check_colour(self, _attribute: "Attribute[str]", value: str) -> None:
        if not _COLOUR.fullmatch(value):
            raise DeclarationError(f"Class {self.name!r}: colour {value!r} is not of the form #rrggbb.")


# Named converters instead of `tuple`, as they tell a type checker that any iterable may be passed.
def _as_classes(classes: Iterable[ClassLabel]) -> tuple[ClassLabel, ...]:
    return tuple(classes)


@frozen
class Band:
    """One band of a layer.

    Attributes:
        name: the name in the plugin's image and in the dataset: letters, digits and single underscores.
        dtype: one of `DTYPES`; the server rounds, clamps and casts pixels to it.
        nodata: the value of pixels without data; `dtype` must be able to hold it.
        unit: the physical unit; `"1"` for a number without unit.
        description: one line for users.
        resampling: the method for grids whose pixels are as large as its own, or smaller: nearest neighbour, unless the
            quantity may be interpolated.
        classes: the classes of a classification band.
        pixel_size: the size of its own pixels, metres; nominal, as documented for the product. Needed for a map in
            datasets with pixels larger than 10 m.
        coarser: the method for grids whose pixels are larger than its own; see `Layer.coarser` for the default.

    Raises:
        DeclarationError: dtype, no-data value, classes, resampling and pixel size do not fit each other.
    """

    name: str = field(validator=check_name)
    dtype: str
    nodata: float
    unit: str = "1"
    description: str = ""
    resampling: Resampling = field(default=Resampling.NEAREST, converter=Resampling)
    classes: tuple[ClassLabel, ...] = field(default=(), converter=_as_classes)
    pixel_size: float | None = None
    coarser: Resampling | None = field(default=None, converter=optional(Resampling))

    def __attrs_post_init__(self) -> None:
        if self.dtype not in DTYPES:
            raise DeclarationError(f"Band {self.name!r}: dtype {self.dtype!r} is not one of {', '.join(DTYPES)}.")
        if not holds(self.dtype, self.nodata):
            raise DeclarationError(f"Band {self.name!r}: no-data {self.nodata!r} does not fit {self.dtype}.")
        if self.pixel_size is not None and not 0 < self.pixel_size < math.inf:
            raise DeclarationError(f"Band {self.name!r}: pixel_size {self.pixel_size!r} is not a number of metres.")
        if self.resampling.is_of_area:
            raise DeclarationError(
                f"Band {self.name!r}: resampling {self.resampling} is only possible where a pixel of the grid covers "
                f"several of the band. Set `coarser` to Resampling.{self.resampling.name}, and `resampling` to NEAREST "
                "or BILINEAR."
            )
        if self.classes:
            _check_keeps_values(self, "has classes")
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
        """Whether the band holds integers."""
        return np.dtype(self.dtype).kind in "iu"


def _check_keeps_values(band: Band, why: str) -> None:
    for key, value, allowed in (("resampling", band.resampling, "NEAREST"), ("coarser", band.coarser, "MODE")):
        if value is not None and not value.keeps_values:
            raise DeclarationError(
                f"Band {band.name!r} {why}, so its {key} cannot be {value}: a mixture of two classes would be the "
                f"value of another class. Leave out `{key}`, or set Resampling.{allowed}."
            )


def holds(dtype: str, value: float) -> bool:
    """Whether `dtype` can hold `value` exactly (float32 also holds nan and infinities)."""
    kind = np.dtype(dtype)
    if kind.kind == "f":
        return math.isnan(value) or float(kind.type(value)) == value
    limits = np.iinfo(kind)
    return math.isfinite(value) and value == int(value) and int(limits.min) <= value <= int(limits.max)


def _as_names(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(names)


@frozen
class Preview:
    """How pictures show a layer.

    Attributes:
        bands: for a map, one band, or three for red, green and blue; for a vector, the bands to print.
        low: the value shown as black or as the low end of the colormap; one number, or one per band.
        high: the value shown as white or as the high end of the colormap; one number, or one per band.
        gamma: above 1, dark scenes are brightened.
        colormap: name of a matplotlib colormap, for a single band of quantities.

    Raises:
        DeclarationError: low is not below high, or their number is not that of the bands.
    """

    bands: tuple[str, ...] = field(converter=_as_names)
    low: float | tuple[float, ...] = 0.0
    high: float | tuple[float, ...] = 1.0
    gamma: float = field(default=1.0, validator=validators.gt(0))
    colormap: str = "viridis"

    def __attrs_post_init__(self) -> None:
        if any(len(end) != len(self.bands) for end in (self.low, self.high) if isinstance(end, tuple)):
            raise DeclarationError(f"Preview of {self.bands}: give low and high once, or once per band.")
        if not all(low < high for low, high in self.ranges):
            raise DeclarationError(f"Preview of {self.bands}: low {self.low} is not below high {self.high}.")

    @property
    def ranges(self) -> tuple[tuple[float, float], ...]:
        """The pair (low, high) of each band."""
        low, high = (end if isinstance(end, tuple) else (end,) * len(self.bands) for end in (self.low, self.high))
        return tuple(zip(low, high, strict=True))


def _as_bands(bands: Iterable[Band]) -> tuple[Band, ...]:
    return tuple(bands)


@frozen
class Layer:
    """Bands of one dtype and one no-data value, which become one dataset of the HDF5 file.

    Its shape is (tiles, bands, size, size), or (tiles, bands) for a vector; with steps, (tiles, steps, bands, size,
    size) or (tiles, steps, bands).

    Attributes:
        name: the name of the dataset: letters, digits and single underscores.
        bands: the bands, in order.
        kind: what the layer holds for one tile.
        description: one line for users.
        preview: how pictures show it; None if they leave it out.
        variant_previews: the previews of those variants of the modality that differ from `preview`.
        steps: the number of time steps, such as 12 for the months of a year; None for a layer without a time axis. All
            maps of a modality have the same, as `Modality.image` returns one image per step.

    Raises:
        DeclarationError: bands are missing, duplicated or of different types, or a preview, or the kind, does not fit
            them.
    """

    name: str = field(validator=check_name)
    bands: tuple[Band, ...] = field(converter=_as_bands)
    kind: Kind = field(default=Kind.REGRESSION, converter=Kind)
    description: str = ""
    preview: Preview | None = None
    variant_previews: Mapping[str, Preview] = field(factory=dict)
    steps: int | None = None

    def __attrs_post_init__(self) -> None:
        if not self.bands:
            raise DeclarationError(f"Layer {self.name!r} declares no band.")
        if self.steps is not None and (type(self.steps) is not int or self.steps < 1):
            raise DeclarationError(
                f"Layer {self.name!r}: steps={self.steps!r} must be a whole number from 1 on, or None for no time axis."
            )
        if self.name == "metadata":
            raise DeclarationError("Layer 'metadata': choose another name; it is the HDF5 file's table of tile ids.")
        names = [band.name for band in self.bands]
        if len(set(names)) != len(names):
            raise DeclarationError(f"Layer {self.name!r} declares a band twice: {', '.join(names)}.")
        if len({band.dtype for band in self.bands}) > 1 or len({repr(float(band.nodata)) for band in self.bands}) > 1:
            raise DeclarationError(
                f"Layer {self.name!r}: all bands of a layer share one dtype and one no-data value, "
                "as they become one HDF5 dataset. Split it into two layers."
            )
        for band in self.bands if self.kind is Kind.CLASSES else ():
            _check_keeps_values(band, f"is in layer {self.name!r} of kind CLASSES")
        previews = [*self.variant_previews.values(), *([self.preview] if self.preview else [])]
        if any(not set(preview.bands) <= set(names) for preview in previews):
            raise DeclarationError(f"Layer {self.name!r}: a preview names a band that it does not have.")
        if self.is_map and any(len(preview.bands) not in (1, 3) for preview in previews):
            raise DeclarationError(f"Layer {self.name!r}: a preview shows one band, or three as red, green and blue.")

    @property
    def dtype(self) -> str:
        """The dtype of all bands."""
        return self.bands[0].dtype

    @property
    def nodata(self) -> float:
        """The no-data value of all bands."""
        return self.bands[0].nodata

    @property
    def is_map(self) -> bool:
        """Whether the layer is downloaded as pixels."""
        return self.kind is not Kind.VECTOR

    def coarser(self, band: Band) -> Resampling:
        """The method that resamples a band of the layer to a grid whose pixels are larger than its own.

        It is `Band.coarser`; without that, `MODE` for classes and `MEAN` for others.
        """
        has_classes = band.classes or self.kind is Kind.CLASSES
        return band.coarser or (Resampling.MODE if has_classes else Resampling.MEAN)


def step_numbers(steps: int | None) -> Iterable[int | None]:
    """The time steps of a layer, from 0; only None for a layer without a time axis."""
    return (None,) if steps is None else range(steps)


def stack_name(layer: str, band: str, step: int | None) -> str:
    """`<layer>__<band>`, or `<layer>__<band>__<step>`: a band's name in requests and in the stack."""
    return f"{layer}__{band}" if step is None else f"{layer}__{band}__{step}"
