"""What verification finds: faults and warnings, each with its place and its remedy."""

from collections import Counter
from collections.abc import Iterable
from enum import StrEnum
from typing import Any

from attrs import asdict, define, field, frozen


class Severity(StrEnum):
    """How bad a finding is."""

    FAULT = "fault"
    """Something is wrong; the exit status is 1."""
    WARNING = "warning"
    """Something is odd, and may be meant; the exit status does not change."""


@frozen
class Finding:
    """One thing that was found.

    Attributes:
        severity: fault or warning.
        check: which check found it.
        message: what was found and what was expected.
        remedy: what to do.
        row: the row of the HDF5 file, if it is about one.
        tile_id: likewise the tile.
        layer: likewise the layer.
    """

    severity: Severity
    check: str
    message: str
    remedy: str
    row: int | None = None
    tile_id: str | None = None
    layer: str | None = None

    @property
    def where(self) -> str:
        """Row, tile and layer, as far as it is about one."""
        row = f"row {self.row}" if self.row is not None else ""
        tile = f"tile {self.tile_id!r}" if self.tile_id is not None else ""
        return ", ".join(part for part in (row, tile, f"layer {self.layer!r}" if self.layer else "") if part)

    def to_json(self) -> dict[str, Any]:
        """Without the places that it is not about."""
        return {
            key: str(value) if key == "severity" else value for key, value in asdict(self).items() if value is not None
        }


KEPT = 20
"""Findings of one severity, check and layer that are listed; the others are only counted."""


@define
class Findings:
    """All findings: the first few of each sort, and the number of each.

    Attributes:
        listed: what is shown, in the order of discovery.
        counts: how many there are, by severity, check and layer.
    """

    listed: list[Finding] = field(factory=list)
    counts: Counter[tuple[Severity, str, str | None]] = field(factory=Counter)

    def add(self, findings: Iterable[Finding]) -> None:
        """Takes findings in."""
        for finding in findings:
            key = (finding.severity, finding.check, finding.layer)
            self.counts[key] += 1
            if self.counts[key] <= KEPT:
                self.listed.append(finding)

    def number(self, severity: Severity) -> int:
        """How many there are, listed or not."""
        return sum(count for (own, _, _), count in self.counts.items() if own is severity)

    def unlisted(self) -> int:
        """How many are only counted."""
        return self.counts.total() - len(self.listed)
