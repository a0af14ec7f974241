"""Reads datasets in plain numpy: all that is known of a layer comes from the file's own attributes.

    from mmearth_core.dataset import Dataset

    dataset = Dataset("mydata/mydata.h5", split="train")
    tile = dataset[0]
    tile.values["LAYER"], tile.masks["LAYER"], dataset.layers["LAYER"].bands

A tile is read when it is used. A dataset may be passed to other processes, forked or spawned: each
opens the file for itself. The layers of files without attributes, such as the published ones, are described by
installed plugins.
"""

import json
import operator
import os
import reprlib
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from mmearth_core.errors import DatasetError
from mmearth_core.layers import LayerDescription
from mmearth_core.product.reader import DatasetReader, find_products, read_side_file
from mmearth_core.product.statistics import joined_entries
from mmearth_core.text import counted, did_you_mean

Rows = NDArray[np.intp]
_PathLike = str | os.PathLike[str]


def require_known(owner: str, what: str, names: Iterable[str], known: Iterable[str]) -> None:
    """Checks names that a user gives.

    Args:
        owner: what has the known names; begins the message.
        what: what the names are of.
        names: the given names.
        known: the names to choose from.

    Raises:
        DatasetError: when one of them is unknown.
    """
    for name in names:
        if name not in known:
            meant = did_you_mean(str(name), known)
            raise DatasetError(f"{owner} has no {what} {name!r}.{meant} It has {', '.join(known)}.")


def as_list(argument: str, given: Any, kind: Any, what: str) -> list[Any]:
    """An argument that is one value or several of them, as a list.

    Raises:
        TypeError: when it is something else.
    """
    listed = [given] if isinstance(given, kind) or not isinstance(given, Iterable) else list(given)
    if not all(isinstance(each, kind) for each in listed):
        raise TypeError(f"{argument}={given!r} is neither {what} nor a list of such.")
    return listed


@frozen(eq=False)
class DatasetTile:
    """One tile.

    Attributes:
        path: the HDF5 file.
        row: its row in the file.
        tile_id: its id.
        variant: which of the anchor's variants it is; None if there are none.
        values: for each layer, (bands, size, size), or (bands,) of a vector layer; with time steps,
            (steps, bands, size, size) or (steps, bands); in the layer's dtype.
        masks: for each layer, True where a value is not missing; of the same shape.
        metadata: its entry in tile_info, or the chosen keys of it; None unless the dataset was opened with `metadata`.
    """

    path: Path
    row: int
    tile_id: str
    variant: str | None
    values: Mapping[str, NDArray[Any]]
    masks: Mapping[str, NDArray[np.bool_]]
    metadata: Mapping[str, Any] | None


class Dataset:
    """The tiles of HDF5 files, or some of them.

    Attributes:
        path: the first HDF5 file.
        layers: its layers, by name: bands, units, classes, no-data.
        rows: the file's row of each tile.
        files: the position of each tile's file in `readers`.
        reader: the first file with all its layers and rows.
        readers: all files.
        pixel_size: of its maps, metres.
    """

    def __init__(
        self,
        path: _PathLike | Sequence[_PathLike],
        layers: Iterable[str] | None = None,
        split: str | Sequence[str] | None = None,
        *,
        rows: Sequence[int] | NDArray[Any] | slice | None = None,
        variant: str | Sequence[str] | None = None,
        metadata: bool | Sequence[str] = False,
    ) -> None:
        """Opens files for their description only.

        Args:
            path: the HDF5 file, or the folder with it; the side files are beside it. A list of them is read as one
                dataset, if their layers are the same.
            layers: only these, in this order.
            split: only the tiles of this split, train, val or test, or of these splits.
            rows: only these rows of the file, in this order; not together with `split` or several files.
            variant: only tiles of this variant, or of these variants.
            metadata: whether tiles have their entry of tile_info; or the keys of it that they have.

        Raises:
            DatasetError: when a file cannot be read, or has no such layer, split, row, variant or key.
            TypeError: when an argument is of another type.
            IndexError: when the file has no such row.
            ValueError: when `rows` is given together with `split` or several files.
        """
        paths = as_list("path", path, (str, os.PathLike), "a path")
        splits = None if split is None else as_list("split", split, str, "a split's name")
        names = None if layers is None else as_list("layers", layers, str, "a layer's name")
        variants = as_list("variant", () if variant is None else variant, str, "a variant's name")
        keys = [] if metadata is True else as_list("metadata", metadata or (), str, "a key")
        if isinstance(layers, str):
            raise DatasetError(f"layers={layers!r} is one text: give a list of names, [{layers!r}].")
        if rows is not None and (splits is not None or len(paths) > 1):
            raise ValueError("`rows` are those of one file: give neither `split` nor several paths with them.")
        if not paths or splits == []:
            raise DatasetError(f"path={path!r}, split={split!r}: an empty list chooses nothing. Name at least one.")
        self.readers = [DatasetReader(find_products(Path(each).absolute())) for each in paths]
        self.reader = self.readers[0]
        self.path = self.reader.paths.hdf5
        self.pixel_size = self.reader.pixel_size
        self.layers: Mapping[str, LayerDescription] = self._chosen(layers, names)
        selected = [_select(reader, splits, rows, variants) for reader in self.readers]
        self.rows: Rows = np.concatenate(selected)
        self.files: Rows = np.repeat(np.arange(len(selected)), [len(part) for part in selected])
        self._info = [_TileInfo(reader, keys) for reader in self.readers] if metadata else []

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> DatasetTile:
        position = operator.index(index)
        if not -len(self) <= position < len(self):
            allowed = f"indices go from {-len(self)} to {len(self) - 1}" if len(self) else "so there is none to read"
            raise IndexError(f"{self.path}: no tile {position}: {counted(len(self), 'tile')} here, {allowed}.")
        row, file = int(self.rows[position]), int(self.files[position])
        reader = self.readers[file]
        tile_id, variant = reader.tile(row)
        (values,) = reader.values([row], self.layers)
        masks = {name: layer.valid(values[name]) for name, layer in self.layers.items()}
        metadata = self._info[file].entry(row, tile_id) if self._info else None
        return DatasetTile(reader.paths.hdf5, row, tile_id, variant, values, masks, metadata)

    def __iter__(self) -> Iterator[DatasetTile]:
        return (self[index] for index in range(len(self)))

    def __repr__(self) -> str:
        names = ", ".join(reader.paths.hdf5.name for reader in self.readers)
        return f"<Dataset {names}: {counted(len(self), 'tile')}, {', '.join(self.layers)}>"

    @property
    def tile_ids(self) -> list[str]:
        """The id of each tile."""
        pairs = zip(self.files, self.rows, strict=True)
        return [self.readers[file].ids[row].decode(errors="replace") for file, row in pairs]

    def band_stats(self) -> dict[str, Any]:
        """The band statistics: `{layer or layer_variant: {mean, std, min, max, ...: one number per band}}`.

        Those of several files are joined, as if their rows were in one file.

        Raises:
            DatasetError: when they cannot be read, or those of several files have no counts.
        """
        parts = [reader.band_stats() for reader in self.readers]
        if len(parts) == 1:
            return parts[0]
        try:
            joined = [joined_entries(layer, parts) for layer in self.layers.values()]
            return {key: entry for entries in joined for key, entry in entries.items()}
        except (LookupError, AttributeError, TypeError, ValueError) as error:
            raise DatasetError(
                f"{', '.join(str(reader.paths.band_stats) for reader in self.readers)} cannot be joined, as not all of "
                f"them have counts ({error!r}). `mmearth-core merge` makes one dataset of the files, and counts."
            ) from error

    def _chosen(self, layers: Any, names: list[str] | None) -> dict[str, LayerDescription]:
        known = self.reader.layers
        every = list({**known, **self.reader.undescribed})
        chosen = every if names is None else names
        if not chosen:
            raise DatasetError(
                f"{self.path}: layers={layers!r} chooses none. It has {', '.join(every) or 'none'}; omit `layers` for "
                "all of them."
            )
        for reader in self.readers:
            require_known(f"{reader.paths.hdf5}:", "layer", chosen, {**reader.layers, **reader.undescribed})
            reader.require_described(chosen)
            if reader.pixel_size != self.pixel_size:
                raise DatasetError(
                    f"{self.path} and {reader.paths.hdf5} cannot be read as one dataset: their pixels are "
                    f"{self.pixel_size:g} and {reader.pixel_size:g} m. Choose files of one pixel size."
                )
            for name in chosen:
                _require_same(known[name], reader.layers[name], f"{self.path} and {reader.paths.hdf5}")
        return {name: known[name] for name in chosen}

    def close(self) -> None:
        """Closes the files; they are opened again when a tile is read."""
        for reader in self.readers:
            reader.close()


def _require_same(one: LayerDescription, other: LayerDescription, files: str) -> None:
    """Refuses layers whose values have another meaning; descriptions for people, and plugins, may differ."""
    for name in ("kind", "dtype", "shape", "bands", "units", "nodata", "also_missing", "classes", "variants"):
        if getattr(one, name) != getattr(other, name):
            raise DatasetError(
                f"{files} cannot be read as one dataset: {name} of layer {one.name!r} is {getattr(one, name)} and "
                f"{getattr(other, name)}. Choose other layers, or make both files with the same configuration."
            )


def _select(reader: DatasetReader, splits: list[str] | None, rows: Any, variants: list[str]) -> Rows:
    """The chosen rows of a file."""
    path, chosen = reader.paths.hdf5, np.arange(len(reader))
    if splits is not None:
        found = reader.splits()
        if found is None:
            raise DatasetError(f"{reader.paths.splits} is missing. Make it with `mmearth-core post splits`.")
        require_known(f"{path}:", "split", splits, found.parts)
        chosen = np.concatenate([found.parts[name] for name in splits])
    if rows is not None:
        try:
            chosen = chosen[rows if isinstance(rows, slice) else list(rows)]
        except (IndexError, TypeError) as error:
            allowed = f"{path} has {counted(len(reader), 'row')}; give a slice, or whole numbers from 0 on"
            raise type(error)(f"rows={reprlib.repr(rows)}: {error}. {allowed}.") from error
    if variants:
        known = sorted({each for layer in reader.layers.values() for each in layer.variants})
        require_known(f"{path}:", "variant", variants, known)
        chosen = chosen[np.isin(reader.variants()[chosen], [each.encode() for each in variants])]
    return chosen


class _TileInfo:
    """The entries of tile_info by row.

    Only the place of each entry is kept, and its line is read on use: the text of a million tiles has gigabytes. Files
    of other programs, which do not have one line per row in the order of the rows, are read in full.
    """

    def __init__(self, reader: DatasetReader, keys: Sequence[str]) -> None:
        self._path, self._keys = reader.paths.tile_info, keys
        self._starts = _line_starts(self._path, reader.ids) if self._path.exists() else array("q")
        self._entries: dict[str, Mapping[str, Any]] | None = None
        if len(self._starts) < len(reader):
            ids, info = set(reader.tile_ids()), read_side_file(self._path, dict)
            self._entries = {tile_id: self._cut(tile_id, info[tile_id]) for tile_id in info if tile_id in ids}

    def entry(self, row: int, tile_id: str) -> Mapping[str, Any]:
        """The entry of a tile, or the chosen keys of it."""
        if self._entries is not None:
            return self._cut(tile_id, self._entries.get(tile_id))
        with self._path.open("rb") as file:
            file.seek(self._starts[row])
            line, start = file.readline(), _line_start(tile_id)
        # The line of another tile is there if the file was written again with other rows.
        return self._cut(tile_id, json.loads(line[len(start) :].rstrip(b",\n")) if line.startswith(start) else None)

    def _cut(self, tile_id: str, entry: Any) -> Mapping[str, Any]:
        if not isinstance(entry, Mapping):
            raise DatasetError(
                f"{self._path}: has no entry for tile {tile_id!r}, or was replaced while it was in use. Write it again "
                "with `mmearth-core post info`, or open the dataset again."
            )
        require_known(f"{self._path}: the entry of tile {tile_id!r}", "key", self._keys, entry)
        return {key: entry[key] for key in self._keys or entry}


def _line_start(tile_id: str) -> bytes:
    """How the line of a tile begins."""
    return f"{json.dumps(tile_id, ensure_ascii=False)}: ".encode()


def _line_starts(path: Path, ids: NDArray[np.bytes_]) -> "array[int]":
    """Where the line of each row begins, up to the first line that is not the complete entry of its row."""
    starts = array("q")
    with path.open("rb") as file:
        start = len(file.readline())
        for tile_id, line in zip(ids.tolist(), file, strict=False):
            is_entry = line.rstrip(b",\n").endswith(b"}")
            if not is_entry or not line.startswith(_line_start(tile_id.decode(errors="replace"))):
                break
            starts.append(start)
            start += len(line)
    return starts
