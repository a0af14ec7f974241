"""Reads a finished dataset: its HDF5 file and the side files beside it."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import h5py
import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from mmearth_core.errors import DatasetError
from mmearth_core.json_files import JSONFileError, read_json
from mmearth_core.layers import PIXEL_SIZE, LayerDescription
from mmearth_core.paths import HDF5, ProductPaths
from mmearth_core.product import hdf5
from mmearth_core.product.hdf5_rows import RowReader
from mmearth_core.registry import Registry, discover, not_installed
from mmearth_core.text import counted

T = TypeVar("T")

_WRITE_AGAIN = "Write it again with `mmearth-core post`."
_MAKE_SPLITS = "Make them again with `mmearth-core post splits`."


def find_products(path: Path) -> ProductPaths:
    """The files of an existing dataset.

    Args:
        path: the HDF5 file, or the folder that holds exactly one.

    Raises:
        DatasetError: when there is none, or the folder has several.
    """
    if not path.is_dir():
        if not path.is_file():
            raise DatasetError(f"{path}: no such file or folder. Name a dataset's .h5 file, or the folder with it.")
        return ProductPaths(path)
    found = sorted(each for each in path.glob(f"*{HDF5}") if not each.name.startswith("."))
    if len(found) != 1:
        names = ", ".join(each.name for each in found[:5]) or "none"
        raise DatasetError(
            f"{path}: a dataset's folder has one {HDF5} file, this one has {len(found)} ({names}). Name the file."
        )
    return ProductPaths(found[0])


def read_side_file(path: Path, kind: type[T]) -> T:
    """The JSON content of a side file.

    Args:
        path: the file.
        kind: dict or list.

    Raises:
        DatasetError: when it is missing, is not JSON, or holds something else.
    """
    try:
        content = read_json(path)
    except JSONFileError as error:
        raise DatasetError(f"{path} {error}. {_WRITE_AGAIN}") from error
    if not isinstance(content, kind):
        raise DatasetError(f"{path} holds a JSON {type(content).__name__}, not a {kind.__name__}. {_WRITE_AGAIN}")
    return content


@frozen(eq=False)
class Splits:
    """The splits of a dataset.

    Attributes:
        parts: the rows of each split.
        made: how they were made, as far as it is known.
    """

    parts: dict[str, NDArray[np.intp]]
    made: Any = None


def _stat(file: h5py.File) -> tuple[int, ...]:
    """What changes when the file at a path is replaced or written; comparing it is far cheaper than reading tables."""
    found = os.fstat(file.id.get_vfd_handle())
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def declared_layers(registry: Registry) -> dict[str, LayerDescription]:
    """The layers that installed modalities declare, by name; types and sizes in a file may differ."""
    return {
        layer.name: LayerDescription.of(layer, registered.make(), 1, str(registered.origin))
        for registered in registry.modalities.values()
        for layer in registered.declared.layers
    }


class DatasetReader:
    """A finished dataset.

    It may be passed to other processes, forked or spawned: each opens the file for itself. Wherever it is opened again,
    it must still have the same rows, and layers of the same data; otherwise splits and statistics would be of others.

    Attributes:
        paths: the HDF5 file and its side files.
        attributes: of the file itself.
        layers: the description of each layer, by name. Layers that the file does not describe, as in published files,
            are described by installed plugins.
        undescribed: why the file does not describe a layer, a clause each. Such a layer is only in `layers` if an
            installed plugin describes it.
    """

    def __init__(self, paths: ProductPaths, registry: Registry | None = None) -> None:
        """Opens a dataset for its description.

        Args:
            paths: the HDF5 file, and the side files beside it.
            registry: the plugins; by default those installed, which are imported only if a layer needs one.

        Raises:
            DatasetError: when the file cannot be read.
        """
        self.paths = paths
        self._file: h5py.File | None = None
        self._readers: dict[str, RowReader] = {}
        self._owner = 0
        self.layers: dict[str, LayerDescription] = {}
        self.undescribed: dict[str, str] = {}
        with hdf5.opened(paths.hdf5) as file:
            self.attributes: Mapping[str, Any] = dict(file.attrs)
            self._rows = len(hdf5.require_table(file))
            declared: dict[str, LayerDescription] = {}
            for name in hdf5.layer_names(file):
                try:
                    self.layers[name] = hdf5.read_layer(file[name])
                except DatasetError as error:
                    self.undescribed[name] = str(error)
                    declared = declared or declared_layers(registry or discover())
                    if name in declared and declared[name].fits(file[name]):
                        self.layers[name] = declared[name].stored_as(file[name].dtype, file[name].shape[1:])
            self._stat, self._marks = _stat(file), self._marks_of(file)

    @classmethod
    def open(cls, path: Path) -> "DatasetReader":
        """Opens the dataset of an HDF5 file, or of the folder with it.

        Raises:
            DatasetError: when it cannot be read, or a layer has no description.
        """
        reader = cls(find_products(path))
        reader.require_described(reader.undescribed)
        return reader

    def require_described(self, names: Iterable[str]) -> None:
        """Refuses layers that neither the file nor an installed plugin describes.

        Raises:
            DatasetError: when one of them has no description.
        """
        bad = [name for name in names if name not in self.layers]
        if bad:
            absent = " ".join(not_installed())
            own = f" (of this project, `pip install {absent}` is missing)" if absent else ""
            raise DatasetError(
                f"{self.paths.hdf5}: layer {bad[0]!r} {self.undescribed[bad[0]]}; nor does an installed plugin "
                f"describe it. Install the plugin that declares it{own}; or, in Python, use `layers` to leave out "
                f"those without a description: {', '.join(bad)}."
            )

    def _marks_of(self, file: h5py.File) -> dict[str, Any]:
        """What identifies the rows, and the data of each layer."""
        layers = {name: file[name] for name in self.layers if name in file}
        data = {name: (one.shape, one.dtype.str, one.attrs.get(hdf5.PROVENANCE)) for name, one in layers.items()}
        return {hdf5.METADATA: hdf5.digest_of_rows(file), **data}

    def _require_same(self, file: h5py.File) -> None:
        if _stat(file) == self._stat:
            return
        marks = self._marks_of(file)
        if any(marks.get(name) != mark for name, mark in self._marks.items()):
            raise DatasetError(
                f"{self.paths.hdf5}: was replaced while it was in use: it has other tiles, or layers of other data. "
                "Open the dataset again, with its splits and statistics, when `mmearth-core post` has finished."
            )

    def __len__(self) -> int:
        return self._rows

    def __getstate__(self) -> dict[str, Any]:
        state = {name: value for name, value in self.__dict__.items() if name != "ids"}  # it may have a gigabyte
        return {**state, "_file": None, "_readers": {}, "_owner": 0}

    @cached_property
    def ids(self) -> NDArray[np.bytes_]:
        """The tile id of each row, as bytes."""
        with self.file() as file:
            table = hdf5.require_table(file)
            return np.asarray(table[table.dtype.names[0]])

    def variants(self) -> NDArray[np.bytes_]:
        """The variant of each row, as bytes; empty without one."""
        with self.file() as file:
            table = hdf5.require_table(file)
            fields = [name for name in table.dtype.names[1:2] if table.dtype[name].kind == "S"]
            return np.asarray(table[fields[0]]) if fields else np.zeros(len(self), "S1")

    def tile_ids(self, rows: Sequence[int] | NDArray[np.intp] | None = None) -> list[str]:
        """The tiles of some rows, by default of all."""
        ids = self.ids if rows is None else self.ids[rows]
        return [text.decode(errors="replace") for text in ids.tolist()]

    @property
    def image_size(self) -> int:
        """Rows and columns of a tile; 1 if all layers are vectors."""
        return max((layer.shape[-1] for layer in self.layers.values() if layer.is_map), default=1)

    @property
    def pixel_size(self) -> float:
        """The size of a pixel, metres."""
        return float(self.attributes.get("pixel_size", PIXEL_SIZE))

    @contextmanager
    def file(self) -> Iterator[h5py.File]:
        """The HDF5 file, opened for reading.

        Raises:
            DatasetError: when it was replaced by another one.
        """
        with hdf5.opened(self.paths.hdf5) as file:
            self._require_same(file)
            yield file

    def tile(self, row: int) -> tuple[str, str | None]:
        """The tile id and the variant of a row, without reading the full table."""
        tile_id, *variant = (text.decode() for text in self.row_readers()[hdf5.METADATA].read(row).item())
        return tile_id, "".join(variant[:1]) or None

    def values(self, rows: Iterable[int], layers: Iterable[str] | None = None) -> Iterator[dict[str, NDArray[Any]]]:
        """Values of some rows, one row at a time: by layer, in the shape of its rows.

        Args:
            rows: which.
            layers: names of layers, by default of all.

        Raises:
            DamagedFileError: when a row cannot be read.
        """
        names = list(self.layers if layers is None else layers)
        for row in rows:
            readers = self.row_readers()
            yield {name: readers[name].read(row) for name in names}

    def row_readers(self) -> Mapping[str, RowReader]:
        """A reader of each layer and of the table, of this process: a file opened before a fork cannot be shared."""
        if self._file is None or self._owner != os.getpid():
            file = hdf5.open_hdf5(self.paths.hdf5)
            with hdf5.damage_reported(self.paths.hdf5):
                self._require_same(file)
                self._readers = {name: RowReader(file[name]) for name in (hdf5.METADATA, *self.layers)}
            self._file, self._owner = file, os.getpid()
        return self._readers

    def close(self) -> None:
        """Closes the file; it is opened again when values are needed."""
        if self._file is not None and self._owner == os.getpid():
            self._file.close()
        self._file, self._readers = None, {}

    def band_stats(self) -> dict[str, Any]:
        """The band statistics, `{layer or layer_variant: {mean, std, min, max, ...: one number per band}}`.

        Raises:
            DatasetError: when the file is missing or cannot be read.
        """
        return read_side_file(self.paths.band_stats, dict)

    def splits(self) -> Splits | None:
        """The splits; None if there are none.

        Raises:
            DatasetError: when they cannot be read, or are of other rows.
        """
        path = self.paths.splits
        if not path.exists():
            return None
        # The record first, as it is written first: splits that are replaced meanwhile must not pass for the new ones.
        made = read_side_file(self.paths.splits_made, dict) if self.paths.splits_made.exists() else {}
        parts = {str(name): self._split(name, rows) for name, rows in read_side_file(path, dict).items()}
        # Rows that were left out shift all later ones: a row of `test` could have been in `train`.
        if hdf5.ROWS in made and made[hdf5.ROWS] != hdf5.rows_digest(self.tile_ids()):
            raise DatasetError(f"{self.paths.hdf5}: its splits were made for other rows. {_MAKE_SPLITS}")
        return Splits(parts, made.get("made"))

    def _split(self, name: str, rows: Any) -> NDArray[np.intp]:
        if not isinstance(rows, list) or any(type(row) is not int for row in rows):
            raise DatasetError(f"{self.paths.splits}: {name} is not a list of row numbers. {_MAKE_SPLITS}")
        outside = [row for row in rows if not 0 <= row < len(self)]
        if outside:
            raise DatasetError(
                f"{self.paths.splits}: {name} has row {outside[0]}; {self.paths.hdf5.name} has "
                f"{counted(len(self), 'row')}, counted from 0. The splits are of another file. {_MAKE_SPLITS}"
            )
        return np.asarray(rows, np.intp)
