"""Checks the rows against tile_info: entries, order, variants and the size of grids."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from attrs import define, field
from numpy.typing import NDArray

from mmearth_core.json_files import JSONFileError
from mmearth_core.product.hdf5 import ROWS, rows_digest
from mmearth_curate.strict_json import Parsed, read_entries
from mmearth_curate.verify.findings import Finding, Report, Severity
from mmearth_curate.verify.splits import SplitsCheck

_INFO = "tile_info"
_WRITE_INFO = "Write it again with `mmearth-core post info`."
_WRITE_BOTH = "Write both again with `mmearth-core post`."
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
        splits: gets what the splits are made of.
    """

    report: Report
    digests: NDArray[np.uint8] = field(init=False)
    splits: SplitsCheck = field(init=False)
    _seen: NDArray[np.bool_] = field(init=False)
    _last: int = -1

    def __attrs_post_init__(self) -> None:
        rows = len(self.report.reader)
        self.digests = np.zeros((rows, _DIGEST_BYTES), np.uint8)
        self._seen = np.zeros(rows, np.bool_)
        self.splits = SplitsCheck(self.report)

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
        self.splits.add(row, entry)
        yield from self._contents(row, entry)

    def _contents(self, row: int, entry: Mapping[str, Any]) -> Iterator[Finding]:
        report, table = self.report, self.report.reader.table
        key, variant = table.variant_key, table.variant(row)
        if key is not None and key in entry and entry[key] != variant:
            message = f"Its {key} is {variant!r} in the HDF5 file and {entry[key]!r} in tile_info."
            yield report.finding(Severity.FAULT, "variants", message, _WRITE_BOTH, row)
        grid = entry.get("GRID")
        size = grid.get("size") if isinstance(grid, Mapping) else None
        for name, layer in report.known.items():
            if size is not None and layer.is_map and layer.shape[-2:] != (size, size):
                message = f"The layer has {layer.shape[-2:]} pixels; tile_info's GRID has {size} x {size}."
                yield report.finding(Severity.FAULT, _INFO, message, _WRITE_BOTH, row, name)
                return  # all maps of a file have one size
