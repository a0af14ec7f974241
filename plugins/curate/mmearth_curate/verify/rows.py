"""Checks the rows against tile_info: every row has its entry and the other way round, in order, with its variant."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from attrs import define, field
from numpy.typing import NDArray

from mmearth_core.json_files import JSONFileError, Parsed, read_entries
from mmearth_curate.verify.findings import Finding, Severity
from mmearth_curate.verify.subject import Subject

CHECK = "rows"


_INFO = "tile_info"


_WRITE_INFO = "Write it again with `mmearth-core post info`."


_WRITE_BOTH = "Write both again with `mmearth-core post`."


SUM_BYTES = 16


def checksum_mark(sums: Any) -> bytes:
    """What is remembered of a tile's checksums, so that those of all tiles fit in memory."""
    return hashlib.blake2b(json.dumps(sums, sort_keys=True).encode(), digest_size=SUM_BYTES).digest()


def check_table(subject: Subject) -> Iterator[Finding]:
    """The tile ids themselves."""
    table = subject.table
    if not len(table):
        yield subject.finding(Severity.FAULT, CHECK, "The file has no row.", subject.rewrite)
    for row in np.flatnonzero(table.ids == b"").tolist():
        yield subject.finding(
            Severity.FAULT, CHECK, "The row has no tile id: it was never written.", subject.rewrite, row
        )
    for row in table.repeated():
        first = table.row_of(table.tile_id(row))
        message = f"The tile is in the file twice; it is row {first} already."
        yield subject.finding(Severity.FAULT, CHECK, message, subject.rewrite, row)


@define(eq=False)
class InfoCheck:
    """Goes through tile_info once.

    Attributes:
        subject: the dataset.
        sums: for each row, a mark of its tile's stack checksums as tile_info has them.
        entries: how many entries there are.
    """

    subject: Subject
    sums: NDArray[np.uint8] = field(init=False)
    entries: int = 0
    _seen: NDArray[np.bool_] = field(init=False)
    _last: int = -1

    def __attrs_post_init__(self) -> None:
        rows = len(self.subject.table)
        self.sums = np.zeros((rows, SUM_BYTES), np.uint8)
        self._seen = np.zeros(rows, np.bool_)

    def findings(self) -> Iterator[Finding]:
        """Everything that is wrong with it."""
        path = self.subject.beside(_INFO)
        try:
            for tile_id, parsed in read_entries(path):
                self.entries += 1
                yield from self._entry(tile_id, parsed)
        except JSONFileError as error:
            message = f"{path.name} {error}; its rows could be checked up to entry {self.entries}."
            yield self.subject.finding(Severity.FAULT, _INFO, message, _WRITE_INFO)
            return
        for row in np.flatnonzero(~self._seen).tolist():
            message = f"{path.name} has no entry for the row's tile."
            yield self.subject.finding(Severity.FAULT, CHECK, message, _WRITE_INFO, row)

    def _entry(self, tile_id: str, parsed: Parsed) -> Iterator[Finding]:
        subject, entry = self.subject, parsed.value
        row = subject.table.row_of(tile_id)
        if row is None:
            message = "tile_info has an entry for the tile; the HDF5 file has no row."
            yield Finding(Severity.FAULT, CHECK, message, _WRITE_BOTH, tile_id=tile_id)
            return
        if self._seen[row]:
            yield subject.finding(Severity.FAULT, CHECK, "tile_info has two entries for the tile.", _WRITE_INFO, row)
        elif row < self._last:
            message = f"tile_info has the tile after that of row {self._last}: the two are not in the same order."
            yield subject.finding(subject.contract, CHECK, message, _WRITE_BOTH, row)
        self._seen[row], self._last = True, row
        if parsed.constants:
            message = f"The entry holds {', '.join(sorted(set(parsed.constants)))}, which strict JSON does not allow."
            yield subject.finding(subject.contract, _INFO, message, _WRITE_INFO, row)
        if not isinstance(entry, Mapping):
            yield subject.finding(Severity.FAULT, _INFO, "The entry is no object.", _WRITE_INFO, row)
            return
        self.sums[row] = np.frombuffer(checksum_mark(entry.get("SHA256", {})), np.uint8)
        yield from self._variant(row, entry)
        yield from self._nodata(row, entry)
        yield from self._grid(row, entry)

    def _variant(self, row: int, entry: Mapping[str, Any]) -> Iterator[Finding]:
        key, variant = self.subject.table.variant_key, self.subject.table.variant(row)
        if key is not None and key in entry and entry[key] != variant:
            message = f"The HDF5 file says that its {key} is {variant!r}, tile_info that it is {entry[key]!r}."
            yield self.subject.finding(Severity.FAULT, "variants", message, _WRITE_BOTH, row)

    def _nodata(self, row: int, entry: Mapping[str, Any]) -> Iterator[Finding]:
        declared = entry.get("NO_DATA")
        if not isinstance(declared, Mapping):
            if not self.subject.foreign:
                yield self.subject.finding(Severity.FAULT, _INFO, "The entry lacks NO_DATA.", _WRITE_INFO, row)
            return
        for name, layer in self.subject.known.items():
            if not self.subject.foreign and name in declared and not _same(declared[name], layer.nodata):
                message = f"NO_DATA is {declared[name]!r} in tile_info and {layer.nodata} in the HDF5 file."
                yield self.subject.finding(Severity.FAULT, _INFO, message, _WRITE_BOTH, row, name)

    def _grid(self, row: int, entry: Mapping[str, Any]) -> Iterator[Finding]:
        grid = entry.get("GRID")
        size = grid.get("size") if isinstance(grid, Mapping) else None
        for name, layer in self.subject.known.items():
            if size is not None and layer.is_map and layer.shape[1:] != (size, size):
                message = f"The layer has {layer.shape[1:]} pixels; tile_info's GRID has {size} x {size}."
                yield self.subject.finding(Severity.FAULT, _INFO, message, _WRITE_BOTH, row, name)
                return  # all maps of a file have one size


def check_variants(subject: Subject) -> Iterator[Finding]:
    """Every row's variant is one that the layers know."""
    allowed = {variant for layer in subject.known.values() for variant in layer.variants}
    if not allowed:
        return
    there = {bytes(variant).decode(errors="replace") for variant in np.unique(subject.table.variants)}
    for variant in sorted(there - allowed):
        row = int(np.flatnonzero(subject.table.variants == variant.encode())[0])
        message = f"Variant {variant!r} is none of {', '.join(sorted(allowed))}."
        yield subject.finding(Severity.FAULT, "variants", message, subject.rewrite, row)


def _same(told: Any, stored: str) -> bool:
    try:
        return bool(np.array_equal(float(told), float(stored), equal_nan=True))
    except (TypeError, ValueError):
        return False
