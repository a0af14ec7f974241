"""A torch Dataset over a dataset's HDF5 file: normalised tensors, masks of what is missing, for a DataLoader.

    from torch.utils.data import DataLoader
    from mmearth_core.torch import Dataset

    dataset = Dataset("mydata/mydata.h5", split="train")
    for batch in DataLoader(dataset, batch_size=32, shuffle=True, num_workers=4):
        batch["values"]["LAYER"], batch["masks"]["LAYER"], batch["tile_id"]

A sample is a dict:

    values    {layer: tensor (bands, size, size), or (bands,) of a vector layer}
    masks     {layer: bool tensor of the same shape, True where a value is not missing}
    tile_id   str
    variant   str; "" if the modality that all others follow has none
    row       int, the row in the file

What a layer's values are:

    quantities, normalised       float32; missing values are `missing`, 0 by default
    quantities, not normalised   as stored, no-data included; uint16 becomes int32, which torch can reckon with
    classes                      int64, as losses take them; never normalised, no-data included
    one-hot vectors              vectors of whole numbers; as quantities that are not normalised

Needs torch: `pip install mmearth-core[torch]`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import torch
from attrs import frozen
from numpy.typing import NDArray
from torch.utils import data

from mmearth_core import dataset as plain
from mmearth_core.contract.bands import Kind
from mmearth_core.errors import DatasetError
from mmearth_core.layers import LayerDescription
from mmearth_core.text import counted, did_you_mean

Sample = dict[str, Any]
"""One tile; the module says what is in it."""

Normalize = Literal["z-score", "min-max"]
"""z-score: (value - mean) / std; min-max: (value - min) / (max - min); of each band, and of each variant on its own.

A band whose values are all the same is not divided: it becomes 0.
"""

_WIDENED = {"uint16": "int32"}
"""A type that torch can store and do little with, and what holds its values."""


@frozen(eq=False)
class _Scale:
    """What is taken off a layer's values, and what they are then multiplied by; each (bands, 1, 1), or (bands,)."""

    offset: NDArray[np.float64]
    factor: NDArray[np.float64]


class Dataset(data.Dataset[Sample]):
    """The tiles of an HDF5 file, or of one of its splits, as tensors.

    It may be handed to a DataLoader's workers, forked or spawned: each opens the file for itself.

    Attributes:
        layers: the chosen layers, as the file describes them: units, classes, no-data.
        bands: names of the chosen bands of each, in the order of the tensor's first axis.
        plain: the reader in numpy that it stands on.
    """

    def __init__(
        self,
        path: str | Path,
        layers: Mapping[str, Sequence[str] | None] | Iterable[str] | None = None,
        split: str | None = None,
        normalize: Normalize | None = "z-score",
        missing: float = 0.0,
        transform: Callable[[Sample], Any] | None = None,
    ) -> None:
        """Opens a file for its description, and reads the band statistics beside it if they are needed.

        Args:
            path: the HDF5 file.
            layers: only these; with a mapping, of each only these bands, in this order, or all if None.
            split: only the tiles of this split: train, val or test.
            normalize: how quantities are normalised; None leaves them as they are stored.
            missing: what stands for a missing value in a normalised layer. The default is the mean with z-score, the
                least value with min-max.
            transform: called with each sample; what it returns is served instead.

        Raises:
            DatasetError: when the file lacks a layer, a band or a split, or its statistics lack a layer.
            ValueError: when there is no such way to normalise.
        """
        if normalize is not None and normalize not in get_args(Normalize):
            raise ValueError(f"normalize={normalize!r} is not one of {', '.join(get_args(Normalize))}, or None.")
        self.plain = plain.Dataset(path, layers, split)
        self.layers: Mapping[str, LayerDescription] = self.plain.layers
        chosen = layers if isinstance(layers, Mapping) else {}
        self._picks = {name: _pick(self.plain, layer, chosen.get(name)) for name, layer in self.layers.items()}
        self.bands: Mapping[str, tuple[str, ...]] = {
            name: layer.bands if (pick := self._picks[name]) is None else tuple(layer.bands[place] for place in pick)
            for name, layer in self.layers.items()
        }
        self._missing = missing
        self._transform = transform
        self._normalize = normalize
        self._scales = {} if normalize is None else self._scales_of(normalize)

    def __len__(self) -> int:
        return len(self.plain)

    def __getitem__(self, index: int) -> Any:
        tile = self.plain[index]
        values, masks = {}, {}
        for name, layer in self.layers.items():
            pick = self._picks[name]
            # The whole row was read, and the bands are picked here: HDF5 is far slower at picking.
            own, mask = tile.values[name], tile.masks[name]
            own, mask = (own, mask) if pick is None else (own[pick], mask[pick])
            if self._normalize and _is_quantity(layer):
                own = self._scaled(own, mask, self._scales[layer.stat_name(tile.variant)])
            else:
                own = _as_stored(own, layer)
            values[name], masks[name] = torch.from_numpy(own), torch.from_numpy(mask)
        sample: Sample = {
            "values": values,
            "masks": masks,
            "tile_id": tile.tile_id,
            "variant": tile.variant or "",
            "row": tile.row,
        }
        return sample if self._transform is None else self._transform(sample)

    def __repr__(self) -> str:
        return f"<torch {repr(self.plain)[1:]}"

    def _scaled(self, values: NDArray[Any], mask: NDArray[np.bool_], scale: _Scale) -> NDArray[np.float32]:
        # In float64 up to the end: of a large mean, float32 would leave few digits.
        exact: NDArray[np.float64] = np.subtract(values, scale.offset, dtype=np.float64)
        exact *= scale.factor
        scaled = exact.astype(np.float32)
        np.copyto(scaled, np.float32(self._missing), where=~mask)
        return scaled

    def _scales_of(self, normalize: Normalize) -> dict[str, _Scale]:
        """How to normalise, by name in the band statistics."""
        names = {stat: layer for layer in self.layers.values() if _is_quantity(layer) for stat in layer.stat_names()}
        stats = self.plain.band_stats() if names else {}
        scales = {}
        for name, layer in names.items():
            try:
                entry = {kind: _column(stats[name][kind], layer) for kind in ("mean", "std", "min", "max")}
            except (KeyError, TypeError, ValueError) as error:
                raise DatasetError(
                    f"{self.plain.path.stem}_band_stats.json: nothing usable for {name!r} ({error!r}), which needs "
                    f"mean, std, min and max of {counted(len(layer.bands), 'band')}. Make it anew with `mmearth-core "
                    "post stats`, or pass normalize=None."
                ) from error
            low = entry["mean"] if normalize == "z-score" else entry["min"]
            span = entry["std"] if normalize == "z-score" else entry["max"] - entry["min"]
            pick = self._picks[layer.name]
            factor = 1 / np.where(span > 0, span, 1.0)
            scales[name] = _Scale(low, factor) if pick is None else _Scale(low[pick], factor[pick])
        return scales


def _pick(source: plain.Dataset, layer: LayerDescription, bands: Sequence[str] | None) -> list[int] | None:
    """Places of the wanted bands; None for all of them."""
    if bands is None:
        return None
    if isinstance(bands, str) or not bands:
        raise DatasetError(
            f"{source.path}: layer {layer.name!r}: {bands!r} is no list of bands. It has "
            f"{', '.join(layer.bands)}; give some of them, or None for all."
        )
    unknown = [band for band in bands if band not in layer.bands]
    if unknown:
        raise DatasetError(
            f"{source.path}: layer {layer.name!r} has no band {unknown[0]!r}."
            f"{did_you_mean(str(unknown[0]), layer.bands)} It has {', '.join(layer.bands)}."
        )
    return [layer.bands.index(band) for band in bands]


def _is_quantity(layer: LayerDescription) -> bool:
    """Whether its values are numbers on a scale, and not classes or a class's one-hot vector."""
    if layer.kind is Kind.VECTOR:
        return np.dtype(layer.dtype).kind == "f"
    return layer.kind is Kind.REGRESSION


def _as_stored(values: NDArray[Any], layer: LayerDescription) -> NDArray[Any]:
    kept = "int64" if layer.kind is Kind.CLASSES else _WIDENED.get(layer.dtype, layer.dtype)
    return values.astype(kept, copy=False)


def _column(numbers: Sequence[float], layer: LayerDescription) -> NDArray[np.float64]:
    """A number a band, to be reckoned with a row's values."""
    column = np.asarray(numbers, np.float64)
    if column.shape != (len(layer.bands),):
        raise ValueError(counted(column.size, "number"))
    return column.reshape(-1, *(1,) * (len(layer.shape) - 1))
