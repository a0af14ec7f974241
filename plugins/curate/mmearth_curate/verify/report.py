"""The report of a verification: for scripts as JSON, for people as tables."""

import math
from typing import Any

from attrs import define, field
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from mmearth_core.text import counted
from mmearth_curate.verify.findings import Findings, Severity
from mmearth_curate.verify.seen import ValueCounts
from mmearth_curate.verify.subject import Subject


@define(eq=False)
class Report:
    """What was examined, and what was found.

    Attributes:
        subject: the dataset.
        findings: faults and warnings.
        seen: of each layer, by its names in the statistics.
        sampled: rows in the sample.
        entries: of tile_info.
        splits: rows of each split, and of none.
        stacks: files whose checksum was compared; None without a configuration.
        compared: tiles whose pixels were compared with their stacks; likewise.
        sent_back: stacks that are to be downloaded again.
    """

    subject: Subject
    findings: Findings = field(factory=Findings)
    seen: dict[str, dict[str, ValueCounts]] = field(factory=dict)
    sampled: int = 0
    entries: int = 0
    splits: dict[str, int] = field(factory=dict)
    stacks: int | None = None
    compared: int | None = None
    sent_back: int = 0

    @property
    def faults(self) -> int:
        """How many there are."""
        return self.findings.number(Severity.FAULT)

    @property
    def warnings(self) -> int:
        """How many there are."""
        return self.findings.number(Severity.WARNING)

    def to_json(self) -> dict[str, Any]:
        """Everything, as strict JSON."""
        return {
            "file": str(self.subject.path),
            "rows": len(self.subject.table),
            "faults": self.faults,
            "warnings": self.warnings,
            "sampled_rows": self.sampled,
            "tile_info_entries": self.entries,
            "splits": self.splits,
            "stacks": self.stacks,
            "compared_with_stacks": self.compared,
            "sent_back": self.sent_back,
            "layers": {name: self._layer(name) for name in self.subject.layers},
            "findings": [finding.to_json() for finding in self.findings.listed],
            "findings_not_listed": self.findings.unlisted(),
        }

    def _layer(self, name: str) -> dict[str, Any]:
        layer = self.subject.layers[name]
        if layer is None:
            return {"known": False}
        entries = self.seen.get(name, {}).values()
        rows, empty = sum(seen.rows for seen in entries), sum(seen.empty for seen in entries)
        values = max(rows * math.prod(layer.shape[1:]), 1)
        nodata = [int(sum(seen.nodata[band] for seen in entries)) for band in range(len(layer.bands))]
        return {
            "known": True,
            "kind": str(layer.kind),
            "dtype": layer.dtype,
            "shape": list(layer.shape),
            "rows_read": rows,
            "rows_without_data": empty,
            "nodata_fraction": {band: count / values for band, count in zip(layer.bands, nodata, strict=True)},
        }

    def print(self, console: Console) -> None:
        """Prints it for people."""
        console.print(self._layers_table())
        listed = self.findings.listed
        for severity, style in ((Severity.FAULT, "bold red"), (Severity.WARNING, "yellow")):
            for finding in (each for each in listed if each.severity is severity):
                where = f" {finding.where}:" if finding.where else ""
                head = f"[{style}]{severity}[/] {escape(f'({finding.check})')}{escape(where)}"
                console.print(f"{head} {escape(finding.message)} {escape(finding.remedy)}")
        if self.findings.unlisted():
            console.print(f"and {counted(self.findings.unlisted(), 'further finding')} of these sorts")
        of_info = f"{self.entries:,} {'entry' if self.entries == 1 else 'entries'}"
        splits = ", ".join(f"{rows:,} {part}" for part, rows in self.splits.items()) or "none"
        console.print(
            f"{counted(len(self.subject.table), 'row')}, {of_info} of tile_info; splits: {splits}; "
            f"{counted(self.sampled, 'row')} in the sample"
        )
        if self.stacks is not None:
            console.print(
                f"{counted(self.stacks, 'stack')} read, the pixels of {counted(self.compared or 0, 'tile')} compared"
            )
        if self.sent_back:
            again = "`mmearth-core run CONFIG --retry-failed` downloads their tiles again"
            console.print(f"{counted(self.sent_back, 'stack')} sent back: {again}")
        verdict = (
            f"{counted(self.faults, 'fault')}, {counted(self.warnings, 'warning')}"
            if self.faults or self.warnings
            else "No fault found"
        )
        console.print(f"{verdict}: {escape(str(self.subject.path))}", style="bold red" if self.faults else "bold")

    def _layers_table(self) -> Table:
        table = Table("layer", "type", "a row", "no-data %", "tiles without data", box=None, pad_edge=False)
        for name in self.subject.layers:
            told = self._layer(name)
            if not told["known"]:
                table.add_row(escape(name), "?", "?", "?", "?")
                continue
            shares = [100 * share for share in told["nodata_fraction"].values()]
            low, high = f"{min(shares):.3g}", f"{max(shares):.3g}"
            shape = " x ".join(map(str, told["shape"]))
            span = low if low == high else f"{low} to {high}"
            table.add_row(escape(name), told["dtype"], shape, span, str(told["rows_without_data"]))
        return table
