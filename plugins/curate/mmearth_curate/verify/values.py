"""Checks rows in a worker: decompresses every chunk, and checks the values against the layer's description."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from attrs import define, field, frozen
from numpy.typing import NDArray

from mmearth_core import Kind
from mmearth_core.layers import LayerDescription
from mmearth_core.product.hdf5 import opened
from mmearth_core.text import counted
from mmearth_curate.verify.findings import Finding, Severity
from mmearth_curate.verify.value_counts import Floats, ValueCounts

ROWS = 32
"""Number of rows that a worker gets at once."""

_LISTED = 5
_FIX_VALUES = (
    "If the stack has the same values, the plugin or its asset is wrong (`mmearth-core plugins` shows its "
    "distribution); otherwise write the HDF5 file again with `mmearth-core post`."
)
_FIX_EMPTY = "MISSING in tile_info may say why. If the tile is of no use, leave it out with `mmearth-core subset`."


@frozen(eq=False)
class Part:
    """Consecutive rows.

    Attributes:
        path: the HDF5 file.
        layers: its layers; None for a layer without a description, which is only decompressed.
        tiles: tile id and variant of each row.
        start: the first row.
        sampled: the rows for which sums are computed.
        means: the means in band_stats.json, by key.
        contract: the severity of a difference from a description.
        rewrite: how to repair a damaged file.
    """

    path: Path
    layers: Mapping[str, LayerDescription | None]
    tiles: list[tuple[str, str | None]]
    start: int
    sampled: frozenset[int]
    means: Mapping[str, Floats]
    contract: Severity
    rewrite: str


@define(eq=False)
class PartResult:
    """The result of a part.

    Attributes:
        seen: `{layer: {key in the statistics: counts}}`; of a time step, `{key: {key: counts}}`.
        findings: the findings.
    """

    seen: dict[str, dict[str, ValueCounts]] = field(factory=dict)
    findings: list[Finding] = field(factory=list)


def merge_counts(seen: dict[str, dict[str, ValueCounts]], more: Mapping[str, Mapping[str, ValueCounts]]) -> None:
    """Adds the counts of another part."""
    for layer, entries in more.items():
        own = seen.setdefault(layer, {})
        for key, counts in entries.items():
            if key in own:
                own[key].merge(counts)
            else:
                own[key] = counts


def check_part(part: Part) -> PartResult:
    """Reads and checks some rows of all layers."""
    result = PartResult()
    with opened(part.path) as file:
        datasets = {name: file[name] for name in part.layers}  # once, as h5py's search takes a fifth of a read's time
        for row, (tile_id, variant) in enumerate(part.tiles, start=part.start):
            check = _RowCheck(part, row, tile_id, variant, result)
            has_data = [check.layer(datasets[name], name, layer) for name, layer in part.layers.items()]
            maps = [own for own, layer in zip(has_data, part.layers.values(), strict=True) if layer and layer.is_map]
            if not any(own is not False for own in maps or has_data):
                message = "Every map of the tile is no-data only."
                result.findings.append(check.finding("empty tiles", message, _FIX_EMPTY, None, Severity.WARNING))
    return result


@frozen(eq=False)
class _RowCheck:
    part: Part
    row: int
    tile_id: str
    variant: str | None
    result: PartResult

    def finding(
        self, check: str, message: str, remedy: str, layer: str | None, severity: Severity | None = None
    ) -> Finding:
        return Finding(severity or self.part.contract, check, message, remedy, self.row, self.tile_id, layer)

    def layer(self, dataset: h5py.Dataset, name: str, layer: LayerDescription | None) -> bool | None:
        """Checks a layer; returns whether it has a valid value, or None if unknown."""
        if not dataset.ndim or self.row >= dataset.shape[0]:
            return None
        try:
            values = dataset[self.row]
        except OSError as error:
            message = f"The chunk is damaged and cannot be inflated: {error}."
            self.result.findings.append(self.finding("chunks", message, self.part.rewrite, name, Severity.FAULT))
            return None
        if layer is None:
            self._is_written(dataset, name)
            return None
        flat = layer.by_band(values)
        valid = _valid(flat, (float(layer.nodata), *layer.also_missing))
        has_data = bool(valid.any())
        if not has_data and not self._is_written(dataset, name):
            return None
        self.result.findings += self._check_values(layer, flat, valid)
        key = layer.stat_name(self.variant)
        self._count(layer, name, key, flat, valid)
        for step, step_key in enumerate(layer.step_keys(key)):
            if step_key in self.part.means:
                own, known = (each.reshape(len(each), layer.steps or 1, -1)[:, step] for each in (flat, valid))
                self._count(layer, step_key, step_key, own, known)
        return has_data

    def _count(
        self, layer: LayerDescription, name: str, key: str, flat: NDArray[Any], valid: NDArray[np.bool_]
    ) -> None:
        counts = self.result.seen.setdefault(name, {}).setdefault(key, ValueCounts(len(layer.bands)))
        counts.add(flat, valid, layer.kind is Kind.CLASSES)
        if self.row in self.part.sampled:
            counts.sampled.add(flat, valid, self.part.means.get(key, np.zeros(len(layer.bands))))

    def _is_written(self, dataset: h5py.Dataset, name: str) -> bool:
        """Whether a row of no-data was written, and is not just missing."""
        if not dataset.chunks or dataset.chunks[0] != 1:
            return True
        position = (self.row,) + (0,) * (dataset.ndim - 1)
        if dataset.id.get_chunk_info_by_coord(position).byte_offset is not None:
            return True
        message = "The row was never written: it has no chunk, and reads as no-data."
        self.result.findings.append(self.finding("chunks", message, self.part.rewrite, name, Severity.FAULT))
        return False

    def _check_values(self, layer: LayerDescription, flat: NDArray[Any], valid: NDArray[np.bool_]) -> Iterator[Finding]:
        if flat.dtype.kind == "f":
            yield from self._check_finite(layer, flat)
        if layer.kind is Kind.CLASSES:
            yield from self._check_classes(layer, flat, valid)
        for vector, known in zip(flat.T, valid.T, strict=True) if _is_one_hot(layer) else ():
            ones = np.flatnonzero(vector == 1)
            if known.any() and (len(ones) != 1 or np.count_nonzero(vector) != 1 or not known.all()):
                other = counted(int(np.count_nonzero((vector != 0) & (vector != 1))), "value")
                message = f"The vector is not one-hot: it has {counted(len(ones), 'one')} and {other} neither 0 nor 1."
                yield self.finding("one-hot", message, _FIX_VALUES, layer.name)

    def _check_finite(self, layer: LayerDescription, flat: NDArray[Any]) -> Iterator[Finding]:
        nodata = float(layer.nodata)
        nans = 0 if np.isnan(nodata) else int(np.count_nonzero(np.isnan(flat)))
        if nans:
            message = f"It has {counted(nans, 'NaN')}, although the layer's no-data is {layer.nodata}."
            yield self.finding("finite", message, _FIX_VALUES, layer.name)
        infinite = int(np.count_nonzero(np.isinf(flat) & (flat != nodata)))
        if infinite:
            values = counted(infinite, "infinite value")
            message = f"It has {values} besides the no-data {layer.nodata}; statistics ignore them."
            yield self.finding("finite", message, _FIX_VALUES, layer.name, Severity.WARNING)

    def _check_classes(
        self, layer: LayerDescription, flat: NDArray[Any], valid: NDArray[np.bool_]
    ) -> Iterator[Finding]:
        for band, name in enumerate(layer.bands):
            allowed = [label.value for label in layer.classes[band]]
            found = np.unique(flat[band][valid[band]])
            unknown = found[~np.isin(found, allowed)]
            if allowed and unknown.size:
                pixels = int(np.count_nonzero(np.isin(flat[band], unknown) & valid[band]))
                listed = ", ".join(str(value) for value in unknown[:_LISTED].tolist())
                message = f"Band {name} has {counted(pixels, 'pixel')} of no declared class: {listed}."
                yield self.finding("classes", message, _FIX_VALUES, layer.name)


def _valid(flat: NDArray[Any], missing: tuple[float, ...]) -> NDArray[np.bool_]:
    """Where values are valid: neither no-data nor NaN or infinite."""
    # The no-data in the dtype of the values: with a float64, numpy would compare copies of eight bytes per value.
    valid: NDArray[np.bool_] = flat != flat.dtype.type(missing[0])
    for other in missing[1:]:
        valid &= flat != flat.dtype.type(other)
    return valid & np.isfinite(flat) if flat.dtype.kind == "f" else valid


def _is_one_hot(layer: LayerDescription) -> bool:
    """Whether it is a vector of integers whose description says that it is one-hot."""
    return not layer.is_map and np.dtype(layer.dtype).kind in "iu" and "one-hot" in layer.description
