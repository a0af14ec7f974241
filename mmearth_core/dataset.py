"""Reads a dataset in plain numpy: everything that is known of a layer comes from the file's own attributes.

    from mmearth_core.dataset import Dataset

    dataset = Dataset("mydata/mydata.h5", split="train")
    tile = dataset[0]
    tile.values["LAYER"], tile.masks["LAYER"], dataset.layers["LAYER"].bands

A tile is read when it is asked for. A dataset may be passed to other processes, forked or not: each
opens the file anew.
"""

import json
import operator
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from mmearth_core.errors import DatasetError
from mmearth_core.layers import LayerDescription
from mmearth_core.product.hdf5 import METADATA, open_hdf5, opened, require_table, rows_digest, stored_layers, tile_ids
from mmearth_core.product.hdf5_rows import RowReader
from mmearth_core.text import counted, did_you_mean

_MAKE_SPLITS = "Make them again with `mmearth-core post splits`."
_OTHER_ROWS = f"The splits are of another file. {_MAKE_SPLITS}"


@frozen(eq=False)
class DatasetTile:
    """One tile.

    Attributes:
        row: its row in the file.
        tile_id: its id.
        variant: which of the anchor's variants it is; None if there are none.
        values: for each layer, (bands, size, size), or (bands,) of a vector layer, in the layer's dtype.
        masks: for each layer, True where a value is no missing one; of the same shape.
    """

    row: int
    tile_id: str
    variant: str | None
    values: Mapping[str, NDArray[Any]]
    masks: Mapping[str, NDArray[np.bool_]]


class Dataset:
    """The tiles of an HDF5 file, or of one of its splits.

    Attributes:
        path: the file.
        layers: what it holds, by name: bands, units, classes, no-data.
        rows: the file's row of each tile.
    """

    def __init__(self, path: str | Path, layers: Iterable[str] | None = None, split: str | None = None) -> None:
        """Opens a file for its description only.

        Args:
            path: the HDF5 file; its side files stand beside it.
            layers: only these, in this order.
            split: only the tiles of this split: train, val or test.

        Raises:
            DatasetError: when the file cannot be read, or has no such layer or split.
        """
        if isinstance(layers, str):
            raise DatasetError(f"layers={layers!r} is one text: give a list of names, [{layers!r}].")
        self.path = Path(path).absolute()
        self._file: h5py.File | None = None
        self._readers: dict[str, RowReader] = {}
        self._owner = 0
        with opened(self.path) as file:
            known = stored_layers(file)
            count = len(require_table(file))
        chosen = list(known) if layers is None else list(layers)
        if not chosen:
            raise DatasetError(
                f"{self.path}: layers={layers!r} chooses none. It has {', '.join(known) or 'none'}; leave `layers` out "
                "for all of them."
            )
        unknown = [name for name in chosen if name not in known]
        if unknown:
            meant = did_you_mean(str(unknown[0]), known)
            raise DatasetError(f"{self.path}: has no layer {unknown[0]!r}.{meant} It has {', '.join(known)}.")
        self.layers: Mapping[str, LayerDescription] = {name: known[name] for name in chosen}
        self.rows: NDArray[np.intp] = np.arange(count) if split is None else self._split(split, count)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> DatasetTile:
        place = operator.index(index)
        if not -len(self) <= place < len(self):
            allowed = f"indices go from {-len(self)} to {len(self) - 1}" if len(self) else "so there is none to read"
            raise IndexError(f"{self.path}: no tile {place}: {counted(len(self), 'tile')} here, {allowed}.")
        row = int(self.rows[place])
        self._here()
        tile_id, variant = (text.decode() for text in self._readers[METADATA].read(row).item())
        values = {name: self._readers[name].read(row) for name in self.layers}
        masks = {name: layer.valid(values[name]) for name, layer in self.layers.items()}
        return DatasetTile(row, tile_id, variant or None, values, masks)

    def __iter__(self) -> Iterator[DatasetTile]:
        return (self[index] for index in range(len(self)))

    def __repr__(self) -> str:
        return f"<Dataset {self.path.name}: {counted(len(self), 'tile')}, {', '.join(self.layers)}>"

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_file": None, "_readers": {}, "_owner": 0}

    @property
    def tile_ids(self) -> list[str]:
        """The id of each tile."""
        table = self._here()[METADATA][:]
        return [text.decode() for text in table["tile_id"][self.rows]]

    def band_stats(self) -> dict[str, Any]:
        """The band statistics beside the file, `{layer or layer_variant: {mean, std, min, max: a number a band}}`."""
        return self._beside("band_stats")

    def _split(self, name: str, count: int) -> NDArray[np.intp]:
        splits = self._beside("splits")
        if name not in splits:
            raise DatasetError(
                f"{self.path}: has no split {name!r}.{did_you_mean(str(name), splits)} It has {', '.join(splits)}."
            )
        listed = splits[name]
        if not isinstance(listed, list) or any(type(row) is not int for row in listed):
            raise DatasetError(f"{self._path_beside('splits')}: {name} is no list of row numbers. {_MAKE_SPLITS}")
        outside = [row for row in listed if not 0 <= row < count]
        if outside:
            raise DatasetError(
                f"{self._path_beside('splits')}: {name} has row {outside[0]}; {self.path.name} has "
                f"{counted(count, 'row')}, counted from 0. {_OTHER_ROWS}"
            )
        rows = np.asarray(listed, np.intp)
        # Tiles of which some were left out have other rows: those of `test` could be another's `train`.
        due = self._beside("splits_made").get("rows_sha256") if self._path_beside("splits_made").exists() else None
        if due is not None:
            with opened(self.path) as file:
                if due != rows_digest(tile_ids(file)):
                    raise DatasetError(f"{self.path}: its splits were made for other rows. {_OTHER_ROWS}")
        return rows

    def _path_beside(self, what: str) -> Path:
        return self.path.with_name(f"{self.path.stem}_{what}.json")

    def _beside(self, what: str) -> dict[str, Any]:
        path = self._path_beside(what)
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise DatasetError(f"{path}: no such file. `mmearth-core post` writes it beside the HDF5 file.") from None
        except (OSError, ValueError) as error:
            raise DatasetError(
                f"{path}: cannot be read as JSON ({error}). Write it again with `mmearth-core post`."
            ) from error
        if not isinstance(content, dict):
            raise DatasetError(f"{path}: holds no JSON object. Write it again with `mmearth-core post`.")
        return content

    def _here(self) -> h5py.File:
        """The file as this process has opened it: a handle of the parent's would be torn between the two."""
        if self._file is None or self._owner != os.getpid():
            self._file, self._owner = open_hdf5(self.path), os.getpid()
            self._readers = {name: RowReader(self._file[name]) for name in (METADATA, *self.layers)}
        return self._file

    def close(self) -> None:
        """Closes the file; it is opened again when a tile is asked for."""
        if self._file is not None and self._owner == os.getpid():
            self._file.close()
        self._file, self._readers = None, {}
