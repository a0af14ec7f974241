"""Checks the rows against tile_info, and the splits: entries, order, variants, grids, and row numbers."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from attrs import define, field
from numpy.typing import NDArray

from mmearth_core.json_files import JSONFileError, read_json
from mmearth_core.product.hdf5 import ROWS, rows_digest
from mmearth_core.text import counted
from mmearth_curate.strict_json import Parsed, read_entries
from mmearth_curate.verify.findings import Finding, Report, Severity

_INFO = "tile_info"
_PARTS = ("train", "val", "test")
_LISTED = 5
_WRITE_INFO = "Write it again with `mmearth-core post info`."
_WRITE_BOTH = "Write both again with `mmearth-core post`."
_MAKE_SPLITS = "Make the splits again with `mmearth-core post splits`."
_DIGEST_BYTES = 16


def checksums_digest(sums: Any) -> bytes:
    """A digest of a tile's checksums, so short that those of all tiles fit in memory."""
    return hashlib.blake2b(json.dumps(sums, sort_keys=True).encode(), digest_size=_DIGEST_BYTES).digest()


def check_table(report: Report) -> Iterator[Finding]:
    """The tile ids and variants."""
    table = report.reader.table
    if not len(table):
        yield report.finding(Severity.FAULT, "rows", "The file has no row.", report.rewrite)
    if report.reader.attributes.get(ROWS) not in (None, rows_digest(report.reader.tile_ids())):
        message = (
            f"The attribute {ROWS} is not that of the table, so readers do not notice that other rows replace these."
        )
        yield report.finding(Severity.FAULT, "rows", message, report.rewrite)
    for row in np.flatnonzero(table.ids == b"").tolist():
        message = "The row has no tile id: it was never written."
        yield report.finding(Severity.FAULT, "rows", message, report.rewrite, row)
    order = np.argsort(table.ids, kind="stable")
    ids = table.ids[order]
    for row in sorted(order[1:][ids[1:] == ids[:-1]].tolist()):
        first = table.row_of(table.tile_id(row))
        message = f"The tile is duplicated; it is also in row {first}."
        yield report.finding(Severity.FAULT, "rows", message, report.rewrite, row)
    allowed = {variant for layer in report.known.values() for variant in layer.variants}
    found = {bytes(variant).decode(errors="replace") for variant in np.unique(table.variants)} if allowed else set()
    for variant in sorted(found - allowed):
        row = int(np.flatnonzero(table.variants == variant.encode())[0])
        message = f"Variant {variant!r} is not one of {', '.join(sorted(allowed))}."
        yield report.finding(Severity.FAULT, "variants", message, report.rewrite, row)


@define(eq=False)
class TileInfoCheck:
    """Reads tile_info once.

    Attributes:
        report: the dataset.
        digests: for each row, a digest of the stack checksums in tile_info.
    """

    report: Report
    digests: NDArray[np.uint8] = field(init=False)
    _seen: NDArray[np.bool_] = field(init=False)
    _last: int = -1

    def __attrs_post_init__(self) -> None:
        rows = len(self.report.reader)
        self.digests = np.zeros((rows, _DIGEST_BYTES), np.uint8)
        self._seen = np.zeros(rows, np.bool_)

    def findings(self) -> Iterator[Finding]:
        """All findings about tile_info."""
        report, path = self.report, self.report.reader.paths.tile_info
        try:
            for tile_id, parsed in read_entries(path):
                report.entries += 1
                yield from self._entry(tile_id, parsed)
        except JSONFileError as error:
            message = f"{path.name} {error}; its rows could be checked up to entry {report.entries}."
            yield report.finding(Severity.FAULT, _INFO, message, _WRITE_INFO)
            return
        for row in np.flatnonzero(~self._seen).tolist():
            message = f"{path.name} has no entry for the row's tile."
            yield report.finding(Severity.FAULT, "rows", message, _WRITE_INFO, row)

    def _entry(self, tile_id: str, parsed: Parsed) -> Iterator[Finding]:
        report, entry = self.report, parsed.value
        row = report.reader.table.row_of(tile_id)
        if row is None:
            message = "tile_info has an entry for the tile; the HDF5 file has no row."
            # The original system keeps the entries of tiles that it could not download.
            yield Finding(report.contract, "rows", message, _WRITE_BOTH, tile_id=tile_id)
            return
        if self._seen[row]:
            yield report.finding(Severity.FAULT, "rows", "tile_info has two entries for the tile.", _WRITE_INFO, row)
        elif row < self._last:
            message = f"The tile is after that of row {self._last} in tile_info: the rows are in another order."
            yield report.finding(report.contract, "rows", message, _WRITE_BOTH, row)
        self._seen[row], self._last = True, row
        if parsed.constants:
            message = f"The entry has {', '.join(sorted(set(parsed.constants)))}, which strict JSON does not allow."
            yield report.finding(report.contract, _INFO, message, _WRITE_INFO, row)
        if not isinstance(entry, Mapping):
            yield report.finding(Severity.FAULT, _INFO, "The entry is not an object.", _WRITE_INFO, row)
            return
        self.digests[row] = np.frombuffer(checksums_digest(entry.get("SHA256", {})), np.uint8)
        yield from self._contents(row, entry)

    def _contents(self, row: int, entry: Mapping[str, Any]) -> Iterator[Finding]:
        report, table = self.report, self.report.reader.table
        key, variant = table.variant_key, table.variant(row)
        if key is not None and key in entry and entry[key] != variant:
            message = f"Its {key} is {variant!r} in the HDF5 file and {entry[key]!r} in tile_info."
            yield report.finding(Severity.FAULT, "variants", message, _WRITE_BOTH, row)
        declared, grid = entry.get("NO_DATA"), entry.get("GRID")
        if not isinstance(declared, Mapping) and not report.is_foreign:
            yield report.finding(Severity.FAULT, _INFO, "The entry has no NO_DATA.", _WRITE_INFO, row)
        declared = declared if isinstance(declared, Mapping) and not report.is_foreign else {}
        for name, layer in report.known.items():
            if name in declared and not _same_number(declared[name], layer.nodata):
                message = f"NO_DATA is {declared[name]!r} in tile_info and {layer.nodata} in the HDF5 file."
                yield report.finding(Severity.FAULT, _INFO, message, _WRITE_BOTH, row, name)
        size = grid.get("size") if isinstance(grid, Mapping) else None
        for name, layer in report.known.items():
            if size is not None and layer.is_map and layer.shape[1:] != (size, size):
                message = f"The layer has {layer.shape[1:]} pixels; tile_info's GRID has {size} x {size}."
                yield report.finding(Severity.FAULT, _INFO, message, _WRITE_BOTH, row, name)
                return  # all maps of a file have one size


def _same_number(declared: Any, stored: str) -> bool:
    try:
        return bool(np.array_equal(float(declared), float(stored), equal_nan=True))
    except (TypeError, ValueError):
        return False


def check_splits(report: Report) -> Iterator[Finding]:
    """All findings about the splits; also counts their rows."""
    path = report.reader.paths.splits
    if not path.exists():
        yield _of_splits(report, f"There is no {path.name}.", Severity.WARNING)
        return
    try:
        splits = read_json(path)
    except JSONFileError as error:
        yield _of_splits(report, f"{path.name} {error}.")
        return
    if not isinstance(splits, dict):
        yield _of_splits(report, f"{path.name} is not an object of lists.")
        return
    missing = [part for part in _PARTS if part not in splits]
    if missing:
        yield _of_splits(report, f"{path.name} has no {', '.join(missing)}.")
    yield from _check_parts(report, splits)
    yield from _check_made(report)


def _check_parts(report: Report, splits: dict[str, Any]) -> Iterator[Finding]:
    total = len(report.reader)
    owner = np.full(total, -1, np.int16)
    names = list(splits)
    for number, (part, listed) in enumerate(splits.items()):
        if not isinstance(listed, list) or not all(type(row) is int for row in listed):
            yield _of_splits(report, f"{part} is not a list of row numbers.")
            continue
        rows = np.array([row for row in listed if 0 <= row < total], np.intp)
        outside = [row for row in listed if not 0 <= row < total]
        if outside:
            many, of = counted(len(outside), "row"), counted(total, "row")
            yield _of_splits(report, f"{part} has {many} that the file of {of} does not have: {_list(outside)}.")
        unique, times = np.unique(rows, return_counts=True)
        if (times > 1).any():
            yield _of_splits(report, f"{part} has duplicate rows: {_list(unique[times > 1])}.")
        taken = owner[unique]
        for other in np.unique(taken[taken >= 0]).tolist():
            both = unique[taken == other]
            yield _of_splits(report, f"{names[other]} and {part} share {counted(len(both), 'row')}: {_list(both)}.")
        owner[unique] = number
        report.splits[part] = len(listed)
    report.splits["in none"] = int(np.count_nonzero(owner < 0))
    if len(report.splits) > 1 and report.splits["in none"] == total:
        yield _of_splits(report, "No row is in any split.", Severity.WARNING)


def _check_made(report: Report) -> Iterator[Finding]:
    """Checks that the record of the splits is about the rows of this file."""
    path = report.reader.paths.splits_made
    if not path.exists():
        if not report.is_foreign:
            message = f"There is no {path.name}, so it is unknown how they were made."
            yield _of_splits(report, message, Severity.WARNING)
        return
    try:
        made = read_json(path)
    except JSONFileError as error:
        yield _of_splits(report, f"{path.name} {error}.")
        return
    digest = made.get("rows_sha256") if isinstance(made, dict) else None
    if digest is not None and digest != rows_digest(report.reader.tile_ids()):
        yield _of_splits(report, f"{path.name} says that they were made for other rows than those in the file.")


def _of_splits(report: Report, message: str, severity: Severity = Severity.FAULT) -> Finding:
    return report.finding(severity, "splits", message, _MAKE_SPLITS)


def _list(rows: Any) -> str:
    shown = ", ".join(str(row) for row in list(rows)[:_LISTED])
    return shown if len(rows) <= _LISTED else f"{shown} ..."
