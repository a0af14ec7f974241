"""The layout of a dataset's HDF5 file, in one place: what is written for a layer, and how it is read back.

One row a tile, one chunk a tile and dataset, HDF5's own shuffle and deflate filters, so that any HDF5 library reads
it. What a reader has to know of a layer stands in its dataset's attributes.
"""

import json
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any

import h5py
import numpy as np
from attrs import field, frozen
from isal import isal_zlib
from numpy.typing import NDArray

from mmearth_core.contract import preview_json
from mmearth_core.contract.bands import ClassLabel, Kind, Layer, Preview
from mmearth_core.contract.modality import Modality
from mmearth_core.errors import DatasetError

VERSION = 2
"""Of this layout; stands in the file's attribute `layout`. Version 1 could be in a format that only HDF5 2.0 reads."""

METADATA = "metadata"
"""The table with each row's tile id and variant."""

PROVENANCE = "provenance"
"""The attribute of a dataset that says of which tiles and images it is made; written last."""

DEFLATE = 1
"""Level of isal: a tenth of the time of zlib's 4, for files 6 % larger before and 9 % smaller after shuffling."""

_TEXT = h5py.string_dtype()

DESCRIBED = (
    "modality", "kind", "nodata", "bands", "units", "descriptions", "description", "classes", "plugin",
)  # fmt: skip
"""What every layer's dataset has; older files lack further ones."""


def _as_texts(texts: Iterable[Any]) -> tuple[str, ...]:
    return tuple(text.decode() if isinstance(text, bytes) else str(text) for text in texts)


@frozen
class StoredLayer:
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
    def of(cls, layer: Layer, modality: Modality, image_size: int, plugin: str) -> "StoredLayer":
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
            previews={**({preview_json.DEFAULT: layer.preview} if layer.preview else {}), **layer.variant_previews},
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

    def create(self, file: h5py.File, rows: int) -> h5py.Dataset:
        """Makes its dataset for a number of tiles, empty."""
        dataset = file.create_dataset(
            self.name,
            shape=(rows, *self.shape),
            dtype=self.dtype,
            chunks=(1, *self.shape),
            shuffle=np.dtype(self.dtype).itemsize > 1,
            compression="gzip",
            compression_opts=DEFLATE,
            fillvalue=self.fill,
        )
        attributes = dataset.attrs
        for name in ("modality", "description", "plugin"):
            attributes[name] = getattr(self, name)
        attributes["kind"] = str(self.kind)
        attributes["nodata"] = self.fill
        # Texts of variable length stand outside the attribute, which itself holds at most 64 KB.
        for name in ("bands", "units", "descriptions", "variants"):
            if texts := getattr(self, name):  # GDAL crashes on an empty array of texts
                attributes.create(name, np.array(texts, dtype=object), dtype=_TEXT)
        attributes["classes"] = json.dumps(
            [[{"value": c.value, "name": c.name, "colour": c.colour} for c in labels] for labels in self.classes]
        )
        attributes["previews"] = preview_json.to_json(self.previews)
        return dataset

    @classmethod
    def read(cls, dataset: h5py.Dataset) -> "StoredLayer":
        """Reads a dataset's description back.

        Raises:
            DatasetError: when it lacks one.
        """
        name = dataset.name.lstrip("/")
        if not isinstance(dataset, h5py.Dataset):
            raise _undescribed(dataset.file.filename, f"{name!r} is a group, where a dataset a layer is due")
        attributes = dataset.attrs
        lost = [each for each in DESCRIBED if each not in attributes]
        if lost:
            raise _undescribed(dataset.file.filename, f"dataset {name!r} lacks the attributes {', '.join(lost)}")
        try:
            return cls(
                name=name,
                modality=attributes["modality"],
                kind=attributes["kind"],
                dtype=dataset.dtype.name,
                nodata=repr(float(attributes["nodata"])),
                bands=attributes["bands"],
                units=attributes["units"],
                descriptions=attributes["descriptions"],
                shape=dataset.shape[1:],
                description=attributes["description"],
                classes=tuple(tuple(ClassLabel(**c) for c in labels) for labels in json.loads(attributes["classes"])),
                variants=attributes.get("variants", ()),
                plugin=attributes["plugin"],
                previews=preview_json.from_json(attributes.get("previews", "{}")),  # older files lack it
            )
        except (KeyError, ValueError, TypeError) as error:
            found = f"the attributes of dataset {name!r} cannot be understood ({error})"
            raise _undescribed(dataset.file.filename, found) from error


def _undescribed(path: str, found: str) -> DatasetError:
    return DatasetError(
        f"{path}: {found}, so it has no description that can be read. The file was not written by `mmearth-core post`, "
        "or by a newer one: write it again. The published MMEarth's files have none; torchgeo's `MMEarth` reads them."
    )


def stored_layers(file: h5py.File) -> dict[str, StoredLayer]:
    """All layers of a file, by name."""
    return {name: StoredLayer.read(file[name]) for name in file if name != METADATA}


def encode(values: NDArray[Any]) -> bytes:
    """Makes a chunk: shuffles the bytes of equal weight together, and deflates them.

    HDF5's own filters undo it. Values of one byte are not shuffled.
    """
    size = values.dtype.itemsize
    flat = np.ascontiguousarray(values).reshape(-1)
    if size == 1:
        return bytes(isal_zlib.compress(flat, DEFLATE))
    words = flat.astype(flat.dtype.newbyteorder("<"), copy=False).view(f"<u{size}")
    shuffled = np.empty((size, words.size), np.uint8)
    shuffled[0] = words  # the cast keeps the lowest byte
    for place in range(1, size):
        np.right_shift(words, 8 * place, out=shuffled[place], casting="unsafe")
    return bytes(isal_zlib.compress(shuffled.reshape(-1), DEFLATE))


class ChunkWriter:
    """Writes rows of a layer as `encode` made them; what h5py looks up anew for every row is looked up once."""

    def __init__(self, dataset: h5py.Dataset) -> None:
        self._id = dataset.id
        self._rest = (0,) * (dataset.ndim - 1)

    def write(self, row: int, chunk: bytes) -> None:
        """Writes one row."""
        self._id.write_direct_chunk((row, *self._rest), chunk)


def write_head(file: h5py.File, head: Mapping[str, str]) -> None:
    """Writes what is told of the file as a whole."""
    file.attrs["layout"] = VERSION
    for name, text in head.items():
        file.attrs[name] = text
