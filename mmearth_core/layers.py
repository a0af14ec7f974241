"""The description of a layer: what a reader must know of it, independent of the file format."""

import json
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any

import numpy as np
from attrs import asdict, field, fields, frozen
from numpy.typing import NDArray

from mmearth_core.contract.bands import ClassLabel, Kind, Layer, Preview
from mmearth_core.contract.modality import Modality
from mmearth_core.errors import DatasetError

DEFAULT = ""
"""The key of the preview of a variant that has none of its own."""


DESCRIBED = (
    "modality", "kind", "nodata", "bands", "units", "descriptions", "description", "classes", "plugin",
)  # fmt: skip
"""What every layer's dataset has; older files lack further ones."""

_KEYS = frozenset(each.name for each in fields(Preview))


def to_json(previews: Mapping[str, Preview]) -> str:
    """Previews by variant, as text."""
    return json.dumps({variant: asdict(preview) for variant, preview in previews.items()})


def from_json(text: str) -> dict[str, Preview]:
    """Reads them back; keys that a newer version may have added are passed over.

    Raises:
        ValueError: when it is no JSON, or a preview that cannot be.
        TypeError: when it is JSON of another form.
    """
    return {variant: _preview(told) for variant, told in json.loads(text).items()}


def _preview(told: Mapping[str, Any]) -> Preview:
    known: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in told.items() if key in _KEYS
    }
    return Preview(**known)


def _as_texts(texts: Iterable[Any]) -> tuple[str, ...]:
    return tuple(text.decode() if isinstance(text, bytes) else str(text) for text in texts)


@frozen
class LayerDescription:
    """One dataset of the file, as its attributes describe it.

    Attributes:
        name: the dataset's name.
        modality: whose layer it is.
        kind: what it holds for one tile.
        dtype: of its values.
        nodata: what stands for a missing value, as text that `float` reads.
        bands: names, in the order of the row's first axis.
        units: one a band.
        descriptions: one a band.
        shape: of a row: (bands, size, size), or (bands,) for a vector.
        description: one line for people.
        classes: for each band, its classes; empty for quantities.
        variants: for which its statistics are kept apart.
        plugin: the distribution and version that it was downloaded with.
        previews: how it is drawn, by variant, `""` for the others; two layers that are drawn otherwise are the same.
    """

    name: str
    modality: str
    kind: Kind = field(converter=Kind)
    dtype: str
    nodata: str
    bands: tuple[str, ...] = field(converter=_as_texts)
    units: tuple[str, ...] = field(converter=_as_texts)
    descriptions: tuple[str, ...] = field(converter=_as_texts)
    shape: tuple[int, ...]
    description: str = ""
    classes: tuple[tuple[ClassLabel, ...], ...] = ()
    variants: tuple[str, ...] = field(default=(), converter=_as_texts)
    plugin: str = ""
    previews: Mapping[str, Preview] = field(factory=dict, eq=False)

    @classmethod
    def of(cls, layer: Layer, modality: Modality, image_size: int, plugin: str) -> "LayerDescription":
        """What a declared layer becomes."""
        count = len(layer.bands)
        return cls(
            name=layer.name,
            modality=modality.name,
            kind=layer.kind,
            dtype=layer.dtype,
            nodata=repr(float(layer.nodata)),
            bands=[band.name for band in layer.bands],
            units=[band.unit for band in layer.bands],
            descriptions=[band.description for band in layer.bands],
            shape=(count, image_size, image_size) if layer.is_map else (count,),
            description=layer.description,
            classes=tuple(band.classes for band in layer.bands),
            variants=modality.variants,
            plugin=plugin,
            previews={**({DEFAULT: layer.preview} if layer.preview else {}), **layer.variant_previews},
        )

    @property
    def is_map(self) -> bool:
        """Whether a row is an image."""
        return self.kind is not Kind.VECTOR

    @cached_property
    def fill(self) -> np.generic:
        """The no-data value, in the layer's dtype."""
        scalar: np.generic = np.dtype(self.dtype).type(float(self.nodata))
        return scalar

    def stat_name(self, variant: str | None) -> str:
        """The name under which a tile's values count in the band statistics."""
        return f"{self.name}_{variant}" if variant in self.variants else self.name

    def stat_names(self) -> tuple[str, ...]:
        """All names that it has in the band statistics."""
        return tuple(self.stat_name(variant) for variant in self.variants) or (self.name,)

    def valid(self, values: NDArray[Any]) -> NDArray[np.bool_]:
        """Where values are no missing ones; of floats, only finite ones count."""
        known: NDArray[np.bool_] = np.not_equal(values, self.fill)
        return known & np.isfinite(values) if values.dtype.kind == "f" else known

    def to_attributes(self) -> dict[str, str | tuple[str, ...] | np.generic]:
        """The description as plain attributes, which any file format can store.

        `name`, `dtype` and `shape` are left out, as the stored array itself has them; so are lists without an entry.
        """
        classes = [[{"value": c.value, "name": c.name, "colour": c.colour} for c in labels] for labels in self.classes]
        texts = {name: getattr(self, name) for name in ("bands", "units", "descriptions", "variants")}
        return {
            "modality": self.modality,
            "description": self.description,
            "plugin": self.plugin,
            "kind": str(self.kind),
            "nodata": self.fill,
            **{name: values for name, values in texts.items() if values},
            "classes": json.dumps(classes),
            "previews": to_json(self.previews),
        }

    @classmethod
    def from_attributes(
        cls, name: str, dtype: str, shape: tuple[int, ...], attributes: Mapping[str, Any]
    ) -> "LayerDescription":
        """The description that `to_attributes` has written.

        Args:
            name: the layer's name.
            dtype: of its values.
            shape: of one row.
            attributes: as stored; texts may be bytes.

        Raises:
            DatasetError: when attributes are missing or cannot be understood. The text does not name the file.
        """
        lost = [each for each in DESCRIBED if each not in attributes]
        if lost:
            raise DatasetError(f"dataset {name!r} lacks the attributes {', '.join(lost)}")
        try:
            return cls(
                name=name,
                modality=attributes["modality"],
                kind=attributes["kind"],
                dtype=dtype,
                nodata=repr(float(attributes["nodata"])),
                bands=attributes["bands"],
                units=attributes["units"],
                descriptions=attributes["descriptions"],
                shape=shape,
                description=attributes["description"],
                classes=tuple(tuple(ClassLabel(**c) for c in labels) for labels in json.loads(attributes["classes"])),
                variants=attributes.get("variants", ()),
                plugin=attributes["plugin"],
                previews=from_json(attributes.get("previews", "{}")),  # older files lack it
            )
        except (KeyError, ValueError, TypeError) as error:
            raise DatasetError(f"the attributes of dataset {name!r} cannot be understood ({error})") from error
