"""A torch Dataset over datasets' HDF5 files: normalised tensors, and masks of missing values, for a DataLoader.

    from torch.utils.data import DataLoader
    from mmearth_core.torch import Dataset

    dataset = Dataset("mydata/mydata.h5", split="train")
    for batch in DataLoader(dataset, batch_size=32, shuffle=True, num_workers=4):
        batch["values"]["LAYER"], batch["masks"]["LAYER"], batch["tile_id"]

A sample is a dict:

    values    {layer: tensor (bands, size, size), or (bands,) of a vector layer; with time steps, (steps, bands, size,
              size) or (steps, bands)}
    masks     {layer: bool tensor of the same shape, True where a value is not missing}
    tile_id   str
    variant   str; "" if the anchor modality has none
    row       int, the row in the file
    file      str, the HDF5 file; only if `path` is a list of files
    metadata  `Metadata`, a dict with the tile's entry of tile_info; only if asked for; in a batch a list of them

What a layer's values are:

    quantities, normalised       float32; missing values are `missing`, 0 by default
    quantities, not normalised   as stored, including no-data; uint16 becomes int32, as torch has few operations for it
    classes                      int64, as loss functions need them; never normalised, including no-data
    classes, as "index"          int64, the position of the class among the declared ones, or `ignore_index`
    one-hot vectors              vectors of whole numbers; like quantities that are not normalised

Needs torch: `pip install mmearth-core[torch]`.
"""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils import data
from torch.utils.data._utils.collate import default_collate_fn_map

from mmearth_core import dataset as plain
from mmearth_core.errors import DatasetError
from mmearth_core.layers import LayerDescription
from mmearth_core.text import counted

Sample = dict[str, Any]
"""One tile; the module's documentation says what is in it."""

Normalize = Literal["z-score", "min-max"]
"""z-score: (value - mean) / std; min-max: (value - min) / (max - min); separately for each band and each variant.

A band whose values are all the same is not divided: it becomes 0.
"""

Classes = Literal["value", "index"]
"""value: as stored; index: 0 to n - 1 in the order of the declared classes, as cross entropy needs them."""

_Scale = tuple[NDArray[np.float64], NDArray[np.float64]]
"""What is subtracted from a layer's values, and the factor for the rest; each (bands, 1, 1), or (bands,), also of time
steps, which are all scaled alike."""

_WIDENED = {"uint16": "int32"}
"""A type for which torch has few operations, and the type that is used instead."""


class Metadata(dict[str, Any]):
    """The entry of a tile in tile_info. Entries differ in their keys and lengths: a batch has a list of them."""


# How torch's `default_collate` is extended by a type.
default_collate_fn_map[Metadata] = lambda batch, *, collate_fn_map=None: batch


class Dataset(data.Dataset[Sample]):
    """The tiles of HDF5 files, or some of them, as tensors.

    It may be passed to a DataLoader's workers, forked or spawned: each opens the file for itself.

    Attributes:
        layers: the chosen layers, as the file describes them: units, classes, no-data.
        bands: names of the chosen bands of each, in the order of the tensor's axis of bands.
        plain: the same tiles in numpy.
        pixel_size: of the maps, metres.
    """

    def __init__(
        self,
        path: Any,
        layers: Mapping[str, Sequence[str] | None] | Iterable[str] | None = None,
        split: str | Sequence[str] | None = None,
        normalize: Normalize | None = "z-score",
        missing: float = 0.0,
        transform: Callable[[Sample], Any] | None = None,
        *,
        classes: Classes = "value",
        ignore_index: int = -100,
        **selection: Any,
    ) -> None:
        """Opens files for their description, and reads the band statistics beside them if they are needed.

        Args:
            path: the HDF5 file, or the folder with it, or a list of such, as for `mmearth_core.dataset.Dataset`.
            layers: only these; a mapping also chooses the bands of each, in this order, or all of them with None.
            split: only the tiles of this split, train, val or test, or of these splits.
            normalize: how quantities are normalised; None leaves them as they are stored.
            missing: the value of missing values in a normalised layer. The default is the mean with z-score, the
                minimum with min-max.
            transform: called with each sample; its result is returned instead.
            classes: "index" for class indices, as cross entropy needs them.
            ignore_index: the index of missing pixels and of values that are no declared class; torch's default.
            selection: `rows`, `variant` and `metadata`, as for `mmearth_core.dataset.Dataset`.

        Raises:
            DatasetError: when a file has no such layer, band, split or the like, or no statistics of a layer.
            TypeError: when an argument is of another type.
            ValueError: when `normalize` or `classes` is not one of these.
        """
        if normalize is not None and normalize not in get_args(Normalize):
            raise ValueError(f"normalize={normalize!r} is not one of {', '.join(get_args(Normalize))}, or None.")
        if classes not in get_args(Classes):
            raise ValueError(f"classes={classes!r} is not one of {', '.join(get_args(Classes))}.")
        if not isinstance(missing, int | float | np.number) or not isinstance(ignore_index, int | np.integer):
            raise TypeError(f"missing={missing!r} must be a number, and ignore_index={ignore_index!r} a whole one.")
        if transform is not None and not callable(transform):
            raise TypeError(f"transform={transform!r} is not a function.")
        self.plain = plain.Dataset(path, layers, split, **selection)
        self.layers: Mapping[str, LayerDescription] = self.plain.layers
        self.pixel_size = self.plain.pixel_size
        chosen = layers if isinstance(layers, Mapping) else {}
        for layer in self.layers.values() if classes == "index" else ():
            if layer.has_classes and not all(layer.classes):
                raise DatasetError(
                    f"{self.plain.path}: layer {layer.name!r} has a band that declares no classes, so there are no "
                    "indices. Leave it out with `layers`, or use classes='value'."
                )
        self.bands: Mapping[str, tuple[str, ...]] = {
            name: _chosen_bands(self.plain, layer, chosen.get(name)) for name, layer in self.layers.items()
        }
        self._positions = {
            name: [self.layers[name].bands.index(band) for band in bands] for name, bands in self.bands.items()
        }
        self._ignore_index = int(ignore_index) if classes == "index" else None
        self._has_files = not isinstance(path, str | os.PathLike)
        self._missing = float(missing)
        self._transform = transform
        self._normalize = normalize
        self._scales = {} if normalize is None else self._scales_of(normalize)

    def __len__(self) -> int:
        return len(self.plain)

    def __getitem__(self, index: int) -> Any:
        tile = self.plain[index]
        values, masks = {}, {}
        for name, layer in self.layers.items():
            own, mask = tile.values[name], tile.masks[name]
            if self.bands[name] != layer.bands:  # the full row was read: HDF5 is far slower at choosing bands
                own, mask = (array.take(self._positions[name], layer.band_axis) for array in (own, mask))
            if self._ignore_index is not None and layer.has_classes:
                own = self._indices(name, own, mask, self._ignore_index)
            elif self._normalize and layer.is_quantity:
                own = self._scaled(own, mask, self._scales[layer.stat_name(tile.variant)])
            else:
                own = own.astype("int64" if layer.has_classes else _WIDENED.get(layer.dtype, layer.dtype), copy=False)
            values[name], masks[name] = torch.from_numpy(own), torch.from_numpy(mask)
        sample: Sample = {
            "values": values,
            "masks": masks,
            "tile_id": tile.tile_id,
            "variant": tile.variant or "",
            "row": tile.row,
            **({"file": str(tile.path)} if self._has_files else {}),
            **({} if tile.metadata is None else {"metadata": Metadata(tile.metadata)}),
        }
        return sample if self._transform is None else self._transform(sample)

    def __repr__(self) -> str:
        return f"<torch {repr(self.plain)[1:]}"

    def _indices(self, name: str, values: NDArray[Any], mask: NDArray[np.bool_], ignore: int) -> NDArray[np.int64]:
        """Class values as positions among the declared ones; other values, and missing ones, are `ignore`."""
        indices = np.full(values.shape, ignore, np.int64)
        axis = self.layers[name].band_axis
        # Views of each band: (size, size), or (steps, size, size).
        by_band = (np.moveaxis(array, axis, 0) for array in (indices, values, mask))
        for position, target, own, known in zip(self._positions[name], *by_band, strict=True):
            for index, label in enumerate(self.layers[name].classes[position]):
                target[(own == label.value) & known] = index
        return indices

    def _scaled(self, values: NDArray[Any], mask: NDArray[np.bool_], scale: _Scale) -> NDArray[np.float32]:
        # In float64 up to the end: with a large mean, float32 would leave few digits.
        offset, factor = scale
        exact: NDArray[np.float64] = np.subtract(values, offset, dtype=np.float64)
        exact *= factor
        scaled = exact.astype(np.float32)
        np.copyto(scaled, np.float32(self._missing), where=~mask)
        return scaled

    def _scales_of(self, normalize: Normalize) -> dict[str, _Scale]:
        """How to normalise, by key in the band statistics."""
        keys = {key: layer for layer in self.layers.values() if layer.is_quantity for key in layer.stat_names()}
        stats = self.plain.band_stats() if keys else {}
        scales = {}
        for key, layer in keys.items():
            names = ("mean", "std") if normalize == "z-score" else ("min", "max")
            offset, end = (layer.stat_numbers(stats.get(key), name) for name in names)
            if offset is None or end is None:
                raise DatasetError(
                    f"{self.plain.reader.paths.band_stats}: {key!r} has no {' and '.join(names)} for "
                    f"{counted(len(layer.bands), 'band')}. Make it again with `mmearth-core post stats`, or pass "
                    "normalize=None."
                )
            span = end if normalize == "z-score" else end - offset
            factor = 1 / np.where(span > 0, span, 1.0)
            chosen, shape = self._positions[layer.name], (-1, *(1,) * (-layer.band_axis - 1))
            scales[key] = offset[chosen].reshape(shape), factor[chosen].reshape(shape)
        return scales


def _chosen_bands(source: plain.Dataset, layer: LayerDescription, bands: Sequence[str] | None) -> tuple[str, ...]:
    if bands is None:
        return layer.bands
    if isinstance(bands, str | bytes) or not isinstance(bands, Sequence) or not bands:
        raise DatasetError(
            f"{source.path}: layer {layer.name!r}: {bands!r} is not a list of bands. It has "
            f"{', '.join(layer.bands)}; give some of them, or None for all."
        )
    plain.require_known(f"{source.path}: layer {layer.name!r}", "band", bands, layer.bands)
    return tuple(bands)
