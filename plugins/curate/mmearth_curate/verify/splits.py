"""Checks the splits: lists of row numbers, in range, each row in one split at most, made of these very rows."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from attrs import define, field
from numpy.typing import NDArray

from mmearth_core.json_files import JSONFileError, read_json
from mmearth_core.product.hdf5 import rows_digest
from mmearth_core.text import counted
from mmearth_curate.verify.findings import Finding, Severity
from mmearth_curate.verify.subject import Subject

CHECK = "splits"


_PARTS = ("train", "val", "test")


_REMEDY = "Make the splits again with `mmearth-core post splits`."


_SHOWN = 5


@define(eq=False)
class SplitsCheck:
    """Reads the splits.

    Attributes:
        subject: the dataset.
        counts: rows of each split, and of none.
    """

    subject: Subject
    counts: dict[str, int] = field(factory=dict)

    def findings(self) -> Iterator[Finding]:
        """Everything that is wrong with them."""
        path = self.subject.beside("splits")
        if not path.exists():
            yield self._fault(f"There is no {path.name}.", Severity.WARNING)
            return
        try:
            splits = read_json(path).value
        except JSONFileError as error:
            yield self._fault(f"{path.name} {error}.")
            return
        if not isinstance(splits, dict):
            yield self._fault(f"{path.name} holds no object of lists.")
            return
        lost = [part for part in _PARTS if part not in splits]
        if lost:
            yield self._fault(f"{path.name} lacks {', '.join(lost)}.")
        yield from self._parts(splits)
        yield from self._made()

    def _parts(self, splits: dict[str, Any]) -> Iterator[Finding]:
        total = len(self.subject.table)
        owner = np.full(total, -1, np.int16)
        names = list(splits)
        for number, (part, listed) in enumerate(splits.items()):
            if not isinstance(listed, list) or not all(type(row) is int for row in listed):
                yield self._fault(f"{part} is no list of row numbers.")
                continue
            rows = np.array([row for row in listed if 0 <= row < total], np.intp)
            outside = [row for row in listed if not 0 <= row < total]
            if outside:
                many, of = counted(len(outside), "row"), counted(total, "row")
                yield self._fault(f"{part} has {many} that the file of {of} lacks: {_list(outside)}.")
            unique, times = np.unique(rows, return_counts=True)
            if (times > 1).any():
                yield self._fault(f"{part} has rows twice: {_list(unique[times > 1])}.")
            yield from self._shared(names, part, unique, owner)
            owner[unique] = number
            self.counts[part] = len(listed)
        self.counts["in none"] = int(np.count_nonzero(owner < 0))
        if len(self.counts) > 1 and self.counts["in none"] == total:
            yield self._fault("No row is in any split.", Severity.WARNING)

    def _shared(
        self, names: list[str], part: str, rows: NDArray[np.intp], owner: NDArray[np.int16]
    ) -> Iterator[Finding]:
        taken = owner[rows]
        for other in np.unique(taken[taken >= 0]).tolist():
            both = rows[taken == other]
            yield self._fault(f"{names[other]} and {part} share {counted(len(both), 'row')}: {_list(both)}.")

    def _made(self) -> Iterator[Finding]:
        """The file that says how they were made names the rows that they were made of."""
        path = self.subject.beside("splits_made")
        if not path.exists():
            if not self.subject.foreign:
                yield self._fault(f"There is no {path.name}, so nothing says how they were made.", Severity.WARNING)
            return
        try:
            how = read_json(path).value
        except JSONFileError as error:
            yield self._fault(f"{path.name} {error}.")
            return
        table = self.subject.table
        digest = rows_digest([table.tile_id(row) for row in range(len(table))])
        made = how.get("rows_sha256") if isinstance(how, dict) else None
        if made is not None and made != digest:
            yield self._fault(f"{path.name} says that they were made of other rows than the file has.")

    def _fault(self, message: str, severity: Severity = Severity.FAULT) -> Finding:
        return self.subject.finding(severity, CHECK, message, _REMEDY)


def _list(rows: Any) -> str:
    shown = ", ".join(str(row) for row in list(rows)[:_SHOWN])
    return shown if len(rows) <= _SHOWN else f"{shown} ..."
