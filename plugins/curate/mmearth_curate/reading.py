"""Reads a finished dataset for tools: tile_info and the table of tiles."""

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

import h5py
import numpy as np
from attrs import evolve, frozen
from numpy.typing import NDArray

from mmearth_core.errors import DatasetError
from mmearth_core.json_files import JSONFileError
from mmearth_core.layers import LayerDescription
from mmearth_core.paths import ProductPaths
from mmearth_core.product import hdf5
from mmearth_core.product.reader import DatasetReader, declared_layers
from mmearth_core.registry import Registry
from mmearth_core.text import counted
from mmearth_curate.strict_json import read_entries

Entry = dict[str, Any]
"""The entry of one tile in tile_info."""

_WRITE_INFO = "Write it again with `mmearth-core post info`."


def tile_info(reader: DatasetReader) -> Iterator[tuple[str, Entry]]:
    """The entries of tile_info in the order of the file, with one in memory at a time.

    Raises:
        DatasetError: when the file cannot be read.
    """
    path = reader.paths.tile_info
    try:
        for tile_id, parsed in read_entries(path):
            if not isinstance(parsed.value, dict):
                raise JSONFileError(f"has an entry of {tile_id!r} that is not an object")
            yield tile_id, parsed.value
    except JSONFileError as error:
        raise DatasetError(f"{path} {error}. It must be {{TILE_ID: {{...}}}}, as JSON. {_WRITE_INFO}") from error


def tile_info_of(reader: DatasetReader, tile_ids: Sequence[str]) -> Iterator[tuple[str, Entry]]:
    """The entries of some tiles, in the given order.

    One entry is in memory at a time, as long as the given order is that of the file.

    Raises:
        DatasetError: when the file cannot be read, or a tile has no entry.
    """
    stream, wanted, waiting = tile_info(reader), set(tile_ids), dict[str, Entry]()
    for tile_id in tile_ids:
        while tile_id not in waiting:
            found = next(stream, None)
            if found is None:
                raise DatasetError(
                    f"{reader.paths.tile_info}: has no entry for tile {tile_id!r}, which the HDF5 file has. The two "
                    f"are not of the same dataset. {_WRITE_INFO}"
                )
            if found[0] in wanted:
                waiting[found[0]] = found[1]
        yield tile_id, waiting.pop(tile_id)


@frozen(eq=False)
class TileTable:
    """The table `metadata`: the tile of each row.

    Attributes:
        ids: the tile ids as bytes.
        variants: the variants as bytes; all empty in a file without variants.
        variant_key: the name of the field with variants; None without variants.
    """

    ids: NDArray[np.bytes_]
    variants: NDArray[np.bytes_]
    variant_key: str | None

    @cached_property
    def _order(self) -> NDArray[np.intp]:
        return np.argsort(self.ids, kind="stable")

    @classmethod
    def read(cls, file: h5py.File) -> "TileTable":
        """Reads the table of a file.

        Raises:
            DatasetError: when the table does not exist.
        """
        table = hdf5.require_table(file)
        fields, content = table.dtype.names, table[:]
        has_variant = len(fields) > 1 and table.dtype[1].kind == "S"
        variants = content[fields[1]] if has_variant else np.zeros(len(content), "S1")
        return cls(content[fields[0]], variants, fields[1] if has_variant else None)

    def __len__(self) -> int:
        return len(self.ids)

    def tile_id(self, row: int) -> str:
        """The tile of a row."""
        return bytes(self.ids[row]).decode(errors="replace")

    def variant(self, row: int) -> str | None:
        """The variant of a row."""
        return bytes(self.variants[row]).decode(errors="replace") or None

    def row_of(self, tile_id: str) -> int | None:
        """The first row of a tile."""
        encoded = np.bytes_(tile_id.encode())
        position = int(np.searchsorted(self.ids, encoded, sorter=self._order))
        if position == len(self.ids) or self.ids[self._order[position]] != encoded:
            return None
        return int(self._order[position])


def _contradictions(layer: LayerDescription) -> Iterator[str]:
    """Contradictions in a description, each as a sentence."""
    bands = len(layer.bands)
    if not layer.is_shape(layer.shape):
        kind = f"a {layer.kind} layer of {counted(bands, 'band')}"
        yield f"A row has shape {layer.shape}, which does not match {kind}."
    for attribute in ("units", "descriptions", "classes"):
        count = len(getattr(layer, attribute))
        if count != bands:
            yield f"Has {counted(bands, 'band')}, and {attribute} for {count}."
    if not layer.holds_nodata:
        yield f"Its type {layer.dtype} cannot hold its no-data {layer.nodata}."


class DescribedReader(DatasetReader):
    """A finished dataset with its table of tiles, whose descriptions are checked.

    Attributes:
        problems: problems of each layer whose own description is missing or wrong, one sentence each. Such a layer is
            only in `layers` if an installed plugin describes it; the last sentence says whether this is the case.
    """

    def __init__(self, paths: ProductPaths, registry: Registry) -> None:
        """Opens a dataset and reads its description.

        Raises:
            DatasetError: when the file cannot be read.
        """
        super().__init__(paths, registry)
        declared = declared_layers(registry)
        for name, layer in self.layers.items():
            own = declared.get(name)
            if own and not layer.previews and (own.modality, own.bands) == (layer.modality, layer.bands):
                self.layers[name] = evolve(layer, previews=own.previews)  # files of older versions have none
        with self.file() as file:
            found = {name: list(self._problems(name, file[name])) for name in hdf5.layer_names(file)}
        self.problems = {name: problems for name, problems in found.items() if problems}
        for name, problems in self.problems.items():
            if len(problems) > (name in self.undescribed):
                self.layers.pop(name, None)

    def _problems(self, name: str, dataset: h5py.Dataset) -> Iterator[str]:
        if not isinstance(dataset, h5py.Dataset):
            yield "It is a group; each layer is a dataset."
            return
        if dataset.shape[:1] != (len(self),):
            yield f"Has shape {dataset.shape}; the table `{hdf5.METADATA}` has {counted(len(self), 'row')}."
        if name not in self.undescribed:
            yield from _contradictions(self.layers[name])
            return
        layer = self.layers.get(name)
        known = f"the description of {layer.plugin} is used" if layer else "its values are not described"
        yield f"The layer {self.undescribed[name]}; {known}."

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in super().__getstate__().items() if name != "table"}  # as large as `ids`

    @cached_property
    def table(self) -> TileTable:
        """The tile of each row."""
        with self.file() as file:
            return TileTable.read(file)
