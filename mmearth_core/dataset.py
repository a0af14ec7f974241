"""Reads a dataset in plain numpy: all that is known of a layer comes from the file's own attributes.

    from mmearth_core.dataset import Dataset

    dataset = Dataset("mydata/mydata.h5", split="train")
    tile = dataset[0]
    tile.values["LAYER"], tile.masks["LAYER"], dataset.layers["LAYER"].bands

A tile is read when it is used. A dataset may be passed to other processes, forked or spawned: each
opens the file for itself.
"""

import operator
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from mmearth_core.errors import DatasetError
from mmearth_core.layers import LayerDescription
from mmearth_core.product.reader import DatasetReader
from mmearth_core.text import counted, did_you_mean


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


@frozen(eq=False)
class DatasetTile:
    """One tile.

    Attributes:
        row: its row in the file.
        tile_id: its id.
        variant: which of the anchor's variants it is; None if there are none.
        values: for each layer, (bands, size, size), or (bands,) of a vector layer, in the layer's dtype.
        masks: for each layer, True where a value is not missing; of the same shape.
    """

    row: int
    tile_id: str
    variant: str | None
    values: Mapping[str, NDArray[Any]]
    masks: Mapping[str, NDArray[np.bool_]]


class Dataset:
    """The tiles of an HDF5 file, or of one of its splits.

    Attributes:
        path: the HDF5 file.
        layers: its layers, by name: bands, units, classes, no-data.
        rows: the file's row of each tile.
        reader: the file with all its layers and rows.
    """

    def __init__(self, path: str | Path, layers: Iterable[str] | None = None, split: str | None = None) -> None:
        """Opens a file for its description only.

        Args:
            path: the HDF5 file, or the folder with it; the side files are beside it.
            layers: only these, in this order.
            split: only the tiles of this split: train, val or test.

        Raises:
            DatasetError: when the file cannot be read, or has no such layer or split.
        """
        if isinstance(layers, str):
            raise DatasetError(f"layers={layers!r} is one text: give a list of names, [{layers!r}].")
        self.reader = DatasetReader.open(Path(path).absolute())
        self.path, known = self.reader.paths.hdf5, self.reader.layers
        chosen = list(known) if layers is None else list(layers)
        if not chosen:
            raise DatasetError(
                f"{self.path}: layers={layers!r} chooses none. It has {', '.join(known) or 'none'}; omit `layers` for "
                "all of them."
            )
        require_known(f"{self.path}:", "layer", chosen, known)
        self.layers: Mapping[str, LayerDescription] = {name: known[name] for name in chosen}
        self.rows: NDArray[np.intp] = np.arange(len(self.reader)) if split is None else self._split(split)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> DatasetTile:
        position = operator.index(index)
        if not -len(self) <= position < len(self):
            allowed = f"indices go from {-len(self)} to {len(self) - 1}" if len(self) else "so there is none to read"
            raise IndexError(f"{self.path}: no tile {position}: {counted(len(self), 'tile')} here, {allowed}.")
        row = int(self.rows[position])
        tile_id, variant = self.reader.tile(row)
        (values,) = self.reader.values([row], self.layers)
        masks = {name: layer.valid(values[name]) for name, layer in self.layers.items()}
        return DatasetTile(row, tile_id, variant, values, masks)

    def __iter__(self) -> Iterator[DatasetTile]:
        return (self[index] for index in range(len(self)))

    def __repr__(self) -> str:
        return f"<Dataset {self.path.name}: {counted(len(self), 'tile')}, {', '.join(self.layers)}>"

    @property
    def tile_ids(self) -> list[str]:
        """The id of each tile."""
        return self.reader.tile_ids(self.rows)

    def band_stats(self) -> dict[str, Any]:
        """The band statistics: `{layer or layer_variant: {mean, std, min, max, ...: one number per band}}`."""
        return self.reader.band_stats()

    def _split(self, name: str) -> NDArray[np.intp]:
        splits = self.reader.splits()
        if splits is None:
            raise DatasetError(f"{self.reader.paths.splits} is missing. Make it with `mmearth-core post splits`.")
        require_known(f"{self.path}:", "split", [name], splits.parts)
        return splits.parts[name]

    def close(self) -> None:
        """Closes the file; it is opened again when a tile is read."""
        self.reader.close()
