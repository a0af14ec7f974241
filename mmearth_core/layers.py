"""The description of a layer: what a reader must know of it, independent of the file format."""

import json
import math
from collections.abc import Collection, Iterable, Mapping
from functools import cached_property
from typing import Any

import numpy as np
from attrs import asdict, evolve, field, fields, frozen
from numpy.typing import NDArray

from mmearth_core.contract.bands import ClassLabel, Kind, Layer, Preview, holds, stack_name, step_numbers
from mmearth_core.contract.grid import PIXEL
from mmearth_core.contract.modality import TERMS, Modality
from mmearth_core.errors import DatasetError
from mmearth_core.text import counted

DEFAULT = ""
"""The key of the preview for variants that have none of their own."""

YEAR = "[Year]"
"""In the texts of a modality, the place of the years of a dataset's days."""

NOT_STATED = "not stated by the plugin"
"""Shown instead of a text that a modality does not have."""

PIXEL_SIZE = PIXEL
"""The pixel size of files that state none, as those of earlier versions, metres."""

DESCRIBED = ("modality", "kind", "nodata", "bands", "units", "descriptions", "description", "classes", "plugin")
"""The attributes that every layer has; files of older versions have no further ones."""


def _as_texts(texts: Iterable[Any]) -> tuple[str, ...]:
    return tuple(text.decode() if isinstance(text, bytes) else str(text) for text in texts)


@frozen
class LayerDescription:
    """One array of the dataset, as its attributes describe it.

    Attributes:
        name: the array's name.
        modality: the modality that makes the layer.
        kind: what it holds for one tile.
        dtype: type of its values.
        nodata: the value of missing pixels, as text that `float` reads.
        bands: names, in the order of a row's axis `band_axis`.
        units: one per band.
        descriptions: one per band.
        shape: of a row: (bands, size, size), or (bands,) for a vector; with the number of time steps in front, if there
            are any.
        description: one line for people.
        classes: the classes of each band; empty for quantities.
        variants: those that have statistics of their own.
        also_missing: further values that missing pixels have, in files of other programs.
        plugin: the distribution and version that it was downloaded with.
        previews: how it is drawn, by variant, `""` for all others.
        terms: `licence`, `attribution`, `citation` and `source` of the data, as far as they are stated.

    Layers that differ only in texts for people, or in their previews, are equal: `post` keeps such a layer.
    """

    name: str
    modality: str
    kind: Kind = field(converter=Kind)
    dtype: str
    nodata: str
    bands: tuple[str, ...] = field(converter=_as_texts)
    units: tuple[str, ...] = field(converter=_as_texts)
    descriptions: tuple[str, ...] = field(converter=_as_texts, eq=False)
    shape: tuple[int, ...]
    description: str = field(default="", eq=False)
    classes: tuple[tuple[ClassLabel, ...], ...] = ()
    variants: tuple[str, ...] = field(default=(), converter=_as_texts)
    also_missing: tuple[float, ...] = ()
    plugin: str = ""
    previews: Mapping[str, Preview] = field(factory=dict, eq=False)
    terms: Mapping[str, str] = field(factory=dict, eq=False)

    @classmethod
    def of(cls, layer: Layer, modality: Modality, image_size: int, plugin: str) -> "LayerDescription":
        """The description of a layer that a modality declares."""
        steps = () if layer.steps is None else (layer.steps,)
        return cls(
            name=layer.name,
            modality=modality.name,
            kind=layer.kind,
            dtype=layer.dtype,
            nodata=repr(float(layer.nodata)),
            bands=[band.name for band in layer.bands],
            units=[band.unit for band in layer.bands],
            descriptions=[band.description for band in layer.bands],
            shape=(*steps, len(layer.bands), *([image_size] * 2 if layer.is_map else [])),
            description=layer.description,
            classes=tuple(band.classes for band in layer.bands),
            variants=modality.variants,
            plugin=plugin,
            previews={**({DEFAULT: layer.preview} if layer.preview else {}), **layer.variant_previews},
            terms={name: text for name in TERMS if (text := getattr(modality, name))},
        )

    def with_years(self, years: Collection[str]) -> "LayerDescription":
        """The same layer, with the first and the last of these years in its texts."""
        span = "-".join(sorted({min(years), max(years)}))
        return evolve(self, terms={name: text.replace(YEAR, span) for name, text in self.terms.items()})

    def fits(self, array: Any) -> bool:
        """Whether an array, such as an HDF5 dataset, can have rows of this layer: in any type and size of numbers."""
        shape = getattr(array, "shape", ())[1:]
        return self.is_shape(shape) and len(shape) == len(self.shape) and array.dtype.kind in "iuf"

    def stored_as(self, dtype: np.dtype[Any], shape: tuple[int, ...]) -> "LayerDescription":
        """The same layer in another type and size, as other programs have written it.

        They write masked pixels as -inf, of which HDF5 makes the least value of an integer type. So this one is missing
        unless it is a class or may be a quantity. In a type that cannot hold the declared no-data, as int8 cannot hold
        255, it is the no-data; what HDF5 (by clamping) and numpy (by wrapping) make of the declared one is missing too.
        """
        stored, declared, others = evolve(self, dtype=dtype.name, shape=shape), float(self.nodata), set[float]()
        if dtype.kind == "f":
            return stored
        limits = np.iinfo(dtype)
        if not stored.holds_nodata:
            stored = evolve(stored, nodata=repr(float(limits.min)))
            if abs(declared) < 2**31:
                others = {float(np.clip(declared, limits.min, limits.max)), float(np.int64(declared).astype(dtype))}
        elif self.has_classes and not any(label.value == limits.min for labels in self.classes for label in labels):
            others = {float(limits.min)}
        return evolve(stored, also_missing=tuple(sorted(others - {float(stored.nodata)})))

    @property
    def is_map(self) -> bool:
        """Whether a row is an image."""
        return self.kind is not Kind.VECTOR

    @property
    def band_axis(self) -> int:
        """The axis of a row with the bands, counted from the last one: before it only that of time steps can be."""
        return -3 if self.is_map else -1

    @property
    def steps(self) -> int | None:
        """The number of time steps; None if the layer has no such axis."""
        return self.shape[0] if len(self.shape) > -self.band_axis else None

    @property
    def stack_names(self) -> list[str]:
        """The names of its bands in a stack, in the order of a row."""
        return [stack_name(self.name, band, step) for step in step_numbers(self.steps) for band in self.bands]

    @property
    def per_band(self) -> int:
        """The number of values that a row has of each band."""
        return math.prod(self.shape) // len(self.bands)

    def by_band(self, row: NDArray[Any]) -> NDArray[Any]:
        """The values of a row as (bands, any number), over all time steps."""
        return np.moveaxis(row, self.band_axis, 0).reshape(len(self.bands), -1)

    def is_shape(self, shape: tuple[int, ...]) -> bool:
        """Whether a row of this shape has its bands, with time steps or without."""
        axes = -self.band_axis
        return len(shape) in (axes, axes + 1) and shape[self.band_axis] == len(self.bands)

    @property
    def has_classes(self) -> bool:
        """Whether its values are classes of an image."""
        return self.kind is Kind.CLASSES

    @property
    def is_quantity(self) -> bool:
        """Whether its values are quantities, and not classes or one-hot vectors."""
        return self.kind is Kind.REGRESSION or (not self.is_map and np.dtype(self.dtype).kind == "f")

    @property
    def holds_nodata(self) -> bool:
        """Whether its type can hold its no-data value."""
        return np.dtype(self.dtype).kind in "iuf" and holds(self.dtype, float(self.nodata))

    @cached_property
    def fill(self) -> np.generic:
        """The no-data value, in the layer's dtype."""
        scalar: np.generic = np.dtype(self.dtype).type(float(self.nodata))
        return scalar

    def stat_name(self, variant: str | None) -> str:
        """The key of a tile's values in the band statistics."""
        return f"{self.name}_{variant}" if variant in self.variants else self.name

    def stat_names(self) -> tuple[str, ...]:
        """All keys that the layer must have in the band statistics."""
        return tuple(self.stat_name(variant) for variant in self.variants) or (self.name,)

    def stat_keys(self, by_step: bool = False) -> tuple[str, ...]:
        """All keys that it may have: also its name alone, for tiles without one of its variants.

        Args:
            by_step: also those of each time step.
        """
        keys = dict.fromkeys((*self.stat_names(), self.name))
        return tuple(each for key in keys for each in (key, *(self.step_keys(key) if by_step else ())))

    def step_keys(self, key: str) -> list[str]:
        """The keys of the statistics of each time step, beside the one of all steps."""
        return [f"{key}_step{step}" for step in range(self.steps or 0)]

    def stat_numbers(self, entry: Any, name: str) -> NDArray[np.float64] | None:
        """A statistic of an entry that holds one finite number per band; None if it does not."""
        listed = entry.get(name) if isinstance(entry, Mapping) else None
        if not isinstance(listed, list) or len(listed) != len(self.bands) or not {*map(type, listed)} <= {int, float}:
            return None
        numbers = np.array(listed, np.float64)
        if "count" not in entry:  # other programs write NaN or an infinity for a band without a valid value
            numbers[~np.isfinite(numbers)] = name in ("std", "max")
        return numbers if np.isfinite(numbers).all() else None

    def valid(self, values: NDArray[Any]) -> NDArray[np.bool_]:
        """Where values are not missing; of floats, only finite ones count."""
        known: NDArray[np.bool_] = np.not_equal(values, self.fill)
        for other in self.also_missing:
            known &= values != other
        return known & np.isfinite(values) if values.dtype.kind == "f" else known

    def to_attributes(self) -> dict[str, str | tuple[str, ...] | np.generic | NDArray[Any]]:
        """The description as plain attributes, which any file format can store.

        `name`, `dtype` and `shape` are left out, as the stored array itself has them; so are empty lists.
        """
        texts = {name: getattr(self, name) for name in ("bands", "units", "descriptions", "variants")}
        return {
            "modality": self.modality,
            "description": self.description,
            "plugin": self.plugin,
            "kind": str(self.kind),
            "nodata": self.fill,
            **{name: values for name, values in texts.items() if values},
            **({"also_missing": np.array(self.also_missing)} if self.also_missing else {}),
            "classes": json.dumps([[asdict(label) for label in labels] for labels in self.classes]),
            "previews": json.dumps({variant: asdict(preview) for variant, preview in self.previews.items()}),
            **self.terms,
        }

    @classmethod
    def from_attributes(
        cls, name: str, dtype: str, shape: tuple[int, ...], attributes: Mapping[str, Any]
    ) -> "LayerDescription":
        """Reads the description that `to_attributes` has written.

        Args:
            name: the layer's name.
            dtype: type of its values.
            shape: of one row.
            attributes: as stored; texts may be bytes.

        Raises:
            DatasetError: when attributes are missing or cannot be read. Its text is a clause that names no file.
        """
        missing = [each for each in DESCRIBED if each not in attributes]
        if missing:
            raise DatasetError(f"has no attributes {', '.join(missing)}")
        try:
            classes = json.loads(attributes["classes"])
            previews = json.loads(attributes.get("previews", "{}"))
            return cls(
                name=name,
                dtype=dtype,
                nodata=repr(float(attributes["nodata"])),
                shape=shape,
                classes=tuple(tuple(ClassLabel(**label) for label in labels) for labels in classes),
                variants=attributes.get("variants", ()),
                also_missing=tuple(map(float, attributes.get("also_missing", ()))),
                previews={variant: _preview(content) for variant, content in previews.items()},
                **{key: attributes[key] for key in DESCRIBED if key not in ("nodata", "classes")},
                terms={name: str(attributes[name]) for name in TERMS if name in attributes},
            )
        except (KeyError, ValueError, TypeError, AttributeError) as error:
            raise DatasetError(f"has attributes that cannot be read ({error})") from error


def _preview(content: Mapping[str, Any]) -> Preview:
    """A preview from JSON; keys that a newer version may have added are ignored."""
    known: dict[str, Any] = {each.name: content[each.name] for each in fields(Preview) if each.name in content}
    ends: dict[str, Any] = {key: tuple(value) for key, value in known.items() if isinstance(value, list)}
    return Preview(**{**known, **ends})


def licences(name: str, rows: int, layers: Collection[LayerDescription]) -> str:
    """What those who get a dataset must know of its licences, as Markdown.

    Args:
        name: the dataset's name.
        rows: its number of tiles.
        layers: its layers.
    """
    lines = [
        f"# {name}: licences and attributions\n",
        f"{counted(rows, 'tile')}. Anyone who passes on this dataset, or a part of it, must observe the licence of",
        "each modality below and pass on its attribution. Publications should cite the data.",
    ]
    for modality in sorted({layer.modality for layer in layers}):
        own = [layer for layer in layers if layer.modality == modality]
        lines.append(f"\n## {modality}\n\n- layers: {', '.join(layer.name for layer in own)}")
        lines += (f"- {term}: {own[0].terms.get(term, NOT_STATED)}" for term in TERMS)
        lines.append(f"- downloaded with: {own[0].plugin or 'not known'}")
    return "\n".join(lines) + "\n"
