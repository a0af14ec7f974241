"""Checks the splits: row numbers, the record of how they were made, and the split that this record gives each row."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from attrs import define, field
from numpy.typing import NDArray

from mmearth_core.errors import ConfigError, DatasetError
from mmearth_core.json_files import JSONFileError, read_json
from mmearth_core.post.splits import PARTS, SplitOptions, split
from mmearth_core.product.hdf5 import rows_digest
from mmearth_core.text import counted
from mmearth_curate.verify.findings import Finding, Report, Severity

_LISTED = 5
_MAKE_SPLITS = "Make the splits again with `mmearth-core post splits`."


@define(eq=False)
class SplitsCheck:
    """Checks the splits, once all entries of tile_info were added.

    Attributes:
        report: the dataset.
        problem: why the record of how they were made cannot be read or understood; None if it can.
        made: the record; empty without one.
        options: how they were made; None if that is unknown, or if they were kept from other datasets.
        lon: longitude of each row, degrees; NaN where tile_info has none.
        lat: latitude of each row, degrees.
        column: each row's value in the column that the options name.
    """

    report: Report
    problem: str | None = None
    made: Mapping[str, Any] = field(factory=dict)
    options: SplitOptions | None = None
    lon: NDArray[np.float64] = field(init=False)
    lat: NDArray[np.float64] = field(init=False)
    column: list[Any] = field(factory=list)
    _has_column: bool = True

    def __attrs_post_init__(self) -> None:
        rows, path = len(self.report.reader), self.report.reader.paths.splits_made
        self.lon, self.lat = np.full(rows, np.nan), np.full(rows, np.nan)
        try:
            self.made = read_json(path) if path.exists() else {}
            options = self.made.get("made")
            if options is not None and options.get("strategy") != "kept":
                self.options = SplitOptions(**options)
        except JSONFileError as error:
            self.problem = f"{path.name} {error}."
        except (AttributeError, ConfigError, TypeError, ValueError) as error:
            self.made, self.problem = {}, f"{path.name} cannot be understood: {error}."
        if self.options is not None and self.options.by is not None:
            self.column = [None] * rows

    def add(self, row: int, entry: Mapping[str, Any]) -> None:
        """Takes what splits are made of from the entry of a row."""
        place, tile = (entry.get("lon"), entry.get("lat")), entry.get("TILE")
        if all(isinstance(number, int | float) for number in place):
            self.lon[row], self.lat[row] = place
        if self.column:
            by = self.options.by if self.options is not None else None
            if isinstance(tile, Mapping) and by in tile:
                self.column[row] = tile[by]
            else:
                self._has_column = False

    def findings(self) -> Iterator[Finding]:
        """All findings about the splits; also counts their rows."""
        report, path = self.report, self.report.reader.paths.splits
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
        missing = [part for part in PARTS if part not in splits]
        if missing:
            yield _of_splits(report, f"{path.name} has no {', '.join(missing)}.")
        found = list(_check_parts(report, splits))
        yield from found
        yield from self._check_made()
        if not missing and all(finding.severity is not Severity.FAULT for finding in found):
            yield from self._check_rows(splits)

    def _check_made(self) -> Iterator[Finding]:
        """Checks that the record of the splits is about the rows of this file."""
        report, path = self.report, self.report.reader.paths.splits_made
        if self.problem is not None:
            yield _of_splits(report, self.problem)
        elif not path.exists() and not report.is_foreign:
            message = f"There is no {path.name}, so it is unknown how they were made."
            yield _of_splits(report, message, Severity.WARNING)
        elif "rows_sha256" in self.made and self.made["rows_sha256"] != rows_digest(report.reader.tile_ids()):
            yield _of_splits(report, f"{path.name} says that they were made for other rows than those in the file.")

    def _check_rows(self, splits: Mapping[str, list[int]]) -> Iterator[Finding]:
        """Makes the splits again, and compares the split of each row."""
        options, path, total = self.options, self.report.reader.paths.splits_made, len(self.report.reader)
        has_places = bool(np.isfinite(self.lon + self.lat).all())
        if options is None or not self._has_column or (options.strategy == "spatial" and not has_places):
            return
        try:
            expected = split(options, self.lon, self.lat, self.column)
        except DatasetError as error:
            yield _of_splits(self.report, f"{path.name} does not fit tile_info: {error}")
            return
        names, none = [*PARTS, "no split"], len(PARTS)
        found, wanted = np.full(total, none), np.full(total, none)
        for number, part in enumerate(PARTS):
            found[splits[part]], wanted[expected[part]] = number, number
        others = np.flatnonzero(found != wanted)
        if len(others):
            first = others[0]
            moved = f"row {first} is in {names[found[first]]} instead of {names[wanted[first]]}"
            given = f"strategy {options.strategy!r} gives with seed {options.seed}"
            message = f"{counted(len(others), 'row')} in another split than {given}: {_list(others)}; {moved}."
            remedy = f"{_MAKE_SPLITS} If the splits are meant to be others, delete {path.name}."
            yield self.report.finding(Severity.FAULT, "splits", message, remedy)


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


def _of_splits(report: Report, message: str, severity: Severity = Severity.FAULT) -> Finding:
    return report.finding(severity, "splits", message, _MAKE_SPLITS)


def _list(rows: Any) -> str:
    shown = ", ".join(str(row) for row in list(rows)[:_LISTED])
    return shown if len(rows) <= _LISTED else f"{shown} ..."
