"""What a worker does with some rows: inflates every chunk, and checks the values against the layer's description."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from attrs import define, field, frozen
from numpy.typing import NDArray

from mmearth_core.contract.bands import Kind
from mmearth_core.layers import LayerDescription
from mmearth_core.product.hdf5 import opened
from mmearth_core.text import counted
from mmearth_curate.verify.findings import Finding, Severity
from mmearth_curate.verify.seen import Floats, ValueCounts

ROWS = 32
"""Rows that a worker takes at once."""


_SHOWN = 5


_MEND_VALUES = (
    "If the stack holds the same, the plugin or its asset is at fault and `mmearth-core plugins` names its "
    "distribution; otherwise write the HDF5 file again with `mmearth-core post`."
)


_MEND_EMPTY = "See its images in tile_info; leave the tile out of the splits, or out of the tiles file."


@frozen(eq=False)
class Part:
    """Consecutive rows.

    Attributes:
        path: the HDF5 file.
        layers: its datasets; None where nothing is known of one but that it should inflate.
        tiles: tile id and variant of each row.
        start: the first row.
        sampled: the rows whose sums are wanted.
        shifts: the means that the statistics claim, by their names.
        contract: how bad it is to differ from a description.
        rewrite: how a damaged file is mended.
    """

    path: Path
    layers: Mapping[str, LayerDescription | None]
    tiles: list[tuple[str, str | None]]
    start: int
    sampled: frozenset[int]
    shifts: Mapping[str, Floats]
    contract: Severity
    rewrite: str


@define(eq=False)
class PartSeen:
    """What a part holds.

    Attributes:
        seen: `{layer: {name in the statistics: what was seen}}`.
        findings: what is wrong.
    """

    seen: dict[str, dict[str, ValueCounts]] = field(factory=dict)
    findings: list[Finding] = field(factory=list)

    def merge(self, other: "PartSeen") -> None:
        """Counts in another part; its findings stay its own."""
        for layer, entries in other.seen.items():
            mine = self.seen.setdefault(layer, {})
            for name, seen in entries.items():
                if name in mine:
                    mine[name].merge(seen)
                else:
                    mine[name] = seen


def check_part(part: Part) -> PartSeen:
    """Reads and checks some rows of all layers."""
    result = PartSeen()
    with opened(part.path) as file:
        datasets = {name: file[name] for name in part.layers}  # once: h5py looks a name up in a fifth of a read's time
        for place, (tile_id, variant) in enumerate(part.tiles):
            row = part.start + place
            check = _RowCheck(part, row, tile_id, variant, result)
            shown = [check.layer(datasets[name], name, layer) for name, layer in part.layers.items()]
            maps = [some for some, layer in zip(shown, part.layers.values(), strict=True) if layer and layer.is_map]
            if not any(some is not False for some in maps or shown):
                result.findings.append(check.empty())
    return result


@frozen(eq=False)
class _RowCheck:
    part: Part
    row: int
    tile_id: str
    variant: str | None
    result: PartSeen

    def layer(self, dataset: h5py.Dataset, name: str, layer: LayerDescription | None) -> bool | None:
        """Checks a layer; returns whether it has a valid value, None if that is not known."""
        if not dataset.ndim or self.row >= dataset.shape[0]:
            return None
        try:
            values = dataset[self.row]
        except OSError as error:
            message = f"The chunk is damaged and cannot be inflated: {error}."
            self.result.findings.append(self._finding("chunks", message, self.part.rewrite, name, Severity.FAULT))
            return None
        if layer is None:
            self._written(dataset, name)
            return None
        flat = values.reshape(len(layer.bands), -1)
        valid = _valid(flat, float(layer.nodata))
        some = bool(valid.any())
        if not some and not self._written(dataset, name):
            return None
        self.result.findings += self._values(layer, flat, valid)
        stat_name = layer.stat_name(self.variant)
        entries = self.result.seen.setdefault(name, {})
        seen = entries.setdefault(stat_name, ValueCounts(len(layer.bands)))
        seen.add(flat, valid, layer.kind is Kind.CLASSES)
        if self.row in self.part.sampled:
            seen.sampled.add(flat, valid, self.part.shifts.get(stat_name, np.zeros(len(layer.bands))))
        return some

    def _written(self, dataset: h5py.Dataset, name: str) -> bool:
        """Whether a row that reads as no-data was written as such, or not at all."""
        if not dataset.chunks or dataset.chunks[0] != 1:
            return True
        place = (self.row,) + (0,) * (dataset.ndim - 1)
        if dataset.id.get_chunk_info_by_coord(place).byte_offset is not None:
            return True
        message = "The row was never written: it has no chunk, and reads as no-data."
        self.result.findings.append(self._finding("chunks", message, self.part.rewrite, name, Severity.FAULT))
        return False

    def empty(self) -> Finding:
        message = "Every map of the tile is wholly no-data."
        return self._finding("empty tiles", message, _MEND_EMPTY, None, Severity.FAULT)

    def _values(self, layer: LayerDescription, flat: NDArray[Any], valid: NDArray[np.bool_]) -> Iterator[Finding]:
        if flat.dtype.kind == "f":
            yield from self._finite(layer, flat)
        if layer.kind is Kind.CLASSES:
            yield from self._declared(layer, flat, valid)
        if _is_one_hot(layer) and valid.any():
            ones = np.flatnonzero(flat[:, 0] == 1)
            if len(ones) != 1 or np.count_nonzero(flat) != 1 or not valid.all():
                other = counted(int(np.count_nonzero((flat != 0) & (flat != 1))), "value")
                message = f"The vector is not one-hot: it has {counted(len(ones), 'one')} and {other} neither 0 nor 1."
                yield self._finding("one-hot", message, _MEND_VALUES, layer.name)

    def _finite(self, layer: LayerDescription, flat: NDArray[Any]) -> Iterator[Finding]:
        nodata = float(layer.nodata)
        nans = 0 if np.isnan(nodata) else int(np.count_nonzero(np.isnan(flat)))
        if nans:
            message = f"It holds {counted(nans, 'NaN')}; the layer's no-data is {layer.nodata}, so there can be none."
            yield self._finding("finite", message, _MEND_VALUES, layer.name)
        infinite = int(np.count_nonzero(np.isinf(flat) & (flat != nodata)))
        if infinite:
            held = counted(infinite, "infinite value")
            message = f"It holds {held} besides the no-data {layer.nodata}; statistics leave them out."
            yield self._finding("finite", message, _MEND_VALUES, layer.name, Severity.WARNING)

    def _declared(self, layer: LayerDescription, flat: NDArray[Any], valid: NDArray[np.bool_]) -> Iterator[Finding]:
        for band, name in enumerate(layer.bands):
            allowed = [label.value for label in layer.classes[band]]
            if not allowed:
                continue
            found = np.unique(flat[band][valid[band]])
            strange = found[~np.isin(found, allowed)]
            if strange.size:
                pixels = int(np.count_nonzero(np.isin(flat[band], strange) & valid[band]))
                shown = ", ".join(str(value) for value in strange[:_SHOWN].tolist())
                message = f"Band {name} has {counted(pixels, 'pixel')} of no declared class: {shown}."
                yield self._finding("classes", message, _MEND_VALUES, layer.name)

    def _finding(
        self, check: str, message: str, remedy: str, layer: str | None, severity: Severity | None = None
    ) -> Finding:
        return Finding(severity or self.part.contract, check, message, remedy, self.row, self.tile_id, layer)


def _valid(flat: NDArray[Any], nodata: float) -> NDArray[np.bool_]:
    """Where a value is known: neither the no-data, nor NaN or infinite."""
    # The no-data in the values' own type: as float64 it would make numpy compare copies eight bytes wide.
    valid: NDArray[np.bool_] = flat != flat.dtype.type(nodata)
    return valid & np.isfinite(flat) if flat.dtype.kind == "f" else valid


def _is_one_hot(layer: LayerDescription) -> bool:
    """A vector of whole numbers that its description calls one-hot."""
    return not layer.is_map and np.dtype(layer.dtype).kind in "iu" and "one-hot" in layer.description
