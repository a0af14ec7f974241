"""Findings of a verification and their report as JSON or as tables."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from typing import Any

from attrs import asdict, define, field, frozen
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from mmearth_core.download.folder import DownloadedDataset
from mmearth_core.layers import LayerDescription
from mmearth_core.text import counted
from mmearth_curate.reading import DescribedReader
from mmearth_curate.verify.value_counts import ValueCounts

LISTED = 20
"""Maximum number of listed findings per severity, check and layer; further ones are only counted."""


class Severity(StrEnum):
    """The severity of a finding."""

    FAULT = "fault"
    """Something is wrong; the exit status is 1."""
    WARNING = "warning"
    """Something is unusual, and may be intended; the exit status does not change."""


@frozen
class Finding:
    """A finding.

    Attributes:
        severity: fault or warning.
        check: the check that found it.
        message: what was found and what was expected.
        remedy: how to fix it.
        row: the row of the HDF5 file, if it concerns one.
        tile_id: the tile, if it concerns one.
        layer: the layer, if it concerns one.
    """

    severity: Severity
    check: str
    message: str
    remedy: str
    row: int | None = None
    tile_id: str | None = None
    layer: str | None = None

    def to_json(self) -> dict[str, Any]:
        """All fields that have a value."""
        return {
            key: str(value) if key == "severity" else value for key, value in asdict(self).items() if value is not None
        }

    def __str__(self) -> str:
        row = f"row {self.row}" if self.row is not None else ""
        tile = f"tile {self.tile_id!r}" if self.tile_id is not None else ""
        where = ", ".join(part for part in (row, tile, f"layer {self.layer!r}" if self.layer else "") if part)
        return f"({self.check}){f' {where}:' if where else ''} {self.message} {self.remedy}"


@define(eq=False)
class Report:
    """The verification of a dataset.

    Attributes:
        reader: the dataset.
        source: its stacks and journals; None for an HDF5 file alone.
        plugin_severity: the severity of a difference from what the plugins give for what the journals say: a warning if
            one of them is of another version than when the dataset was downloaded.
        is_foreign: whether another program has written it, so that its layers have no descriptions.
        layers: every layer with its description; None for a layer without a usable one.
        listed: the first findings of each kind, in the order of discovery.
        counts: number of findings by severity, check and layer.
        seen: counts of each layer by its keys in the statistics.
        sampled: number of rows in the sample.
        entries: number of entries in tile_info.
        splits: number of rows in each split and in none.
        stacks: number of files whose checksum was compared; None without a configuration.
        images: number of images that the engine was asked for; None if it was not asked.
        requests: number of requests that were sent for it.
        compared: number of tiles whose pixels were compared with their stacks; None without a configuration.
        returned: number of stacks that were returned for download.
    """

    reader: DescribedReader
    source: DownloadedDataset | None
    is_foreign: bool
    layers: Mapping[str, LayerDescription | None]
    plugin_severity: Severity = Severity.FAULT
    listed: list[Finding] = field(factory=list)
    counts: Counter[tuple[Severity, str, str | None]] = field(factory=Counter)
    seen: dict[str, dict[str, ValueCounts]] = field(factory=dict)
    sampled: int = 0
    entries: int = 0
    splits: dict[str, int] = field(factory=dict)
    stacks: int | None = None
    compared: int | None = None
    images: int | None = None
    requests: int = 0
    returned: int = 0

    @property
    def contract(self) -> Severity:
        """The severity of a difference from this package's format, to which other programs are not bound."""
        return Severity.WARNING if self.is_foreign else Severity.FAULT

    @property
    def known(self) -> dict[str, LayerDescription]:
        """The layers with a description."""
        return {name: layer for name, layer in self.layers.items() if layer is not None}

    @property
    def rewrite(self) -> str:
        """How to repair a damaged HDF5 file."""
        if self.source is not None:
            return f"Delete {self.reader.paths.hdf5.name} and run `mmearth-core post` with this configuration."
        return "Copy or fetch the file again, or write it again from its stacks with `mmearth-core post`."

    def finding(
        self,
        severity: Severity,
        check: str,
        message: str,
        remedy: str,
        row: int | None = None,
        layer: str | None = None,
    ) -> Finding:
        """A finding about a row, a layer or the file."""
        tile_id = self.reader.table.tile_id(row) if row is not None else None
        return Finding(severity, check, message, remedy, row, tile_id, layer)

    def add(self, findings: Iterable[Finding]) -> None:
        """Adds findings."""
        for finding in findings:
            key = (finding.severity, finding.check, finding.layer)
            self.counts[key] += 1
            if self.counts[key] <= LISTED:
                self.listed.append(finding)

    def number(self, severity: Severity) -> int:
        """The number of findings of a severity, listed or not."""
        return sum(count for (own, _, _), count in self.counts.items() if own is severity)

    @property
    def faults(self) -> int:
        """The number of faults."""
        return self.number(Severity.FAULT)

    @property
    def not_listed(self) -> int:
        """The number of findings that are not listed."""
        return self.counts.total() - len(self.listed)

    def to_json(self) -> dict[str, Any]:
        """The report as strict JSON."""
        return {
            "file": str(self.reader.paths.hdf5),
            "rows": len(self.reader),
            "faults": self.faults,
            "warnings": self.number(Severity.WARNING),
            "sampled_rows": self.sampled,
            "tile_info_entries": self.entries,
            "splits": self.splits,
            "stacks": self.stacks,
            "compared_with_stacks": self.compared,
            "images": self.images,
            "requests": self.requests,
            "sent_back": self.returned,
            "layers": {name: self._layer(name) for name in self.layers},
            "findings": [finding.to_json() for finding in self.listed],
            "findings_not_listed": self.not_listed,
        }

    def _layer(self, name: str) -> dict[str, Any]:
        layer = self.layers[name]
        if layer is None:
            return {"known": False}
        entries = self.seen.get(name, {}).values()
        rows, empty = sum(seen.rows for seen in entries), sum(seen.empty for seen in entries)
        values = max(rows * layer.per_band, 1)
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
        """Prints the report as tables."""
        console.print(self._layers_table())
        for severity, style in ((Severity.FAULT, "bold red"), (Severity.WARNING, "yellow")):
            for finding in (each for each in self.listed if each.severity is severity):
                console.print(f"[{style}]{severity}[/] {escape(str(finding))}")
        for line in self._summary():
            console.print(line)
        faults, warnings = self.faults, self.number(Severity.WARNING)
        verdict = "No faults found"
        if faults or warnings:
            verdict = f"{counted(faults, 'fault')}, {counted(warnings, 'warning')}"
        console.print(f"{verdict}: {escape(str(self.reader.paths.hdf5))}", style="bold red" if faults else "bold")

    def _summary(self) -> Iterator[str]:
        if self.not_listed:
            yield f"and {counted(self.not_listed, 'further finding')} of these kinds"
        entries = f"{self.entries:,} {'entry' if self.entries == 1 else 'entries'}"
        splits = ", ".join(f"{rows:,} {part}" for part, rows in self.splits.items()) or "none"
        rows, sampled = counted(len(self.reader), "row"), counted(self.sampled, "row")
        yield f"{rows}, {entries} of tile_info; splits: {splits}; {sampled} in the sample"
        if self.stacks is not None:
            compared = counted(self.compared or 0, "tile")
            yield f"{counted(self.stacks, 'stack')} read, the pixels of {compared} compared"
        if self.images is not None:
            yield f"{counted(self.images, 'image')} asked for in {counted(self.requests, 'request')}"
        if self.returned:
            again = "`mmearth-core run CONFIG --retry-failed` downloads their tiles again"
            yield f"{counted(self.returned, 'stack')} returned for download: {again}"

    def _layers_table(self) -> Table:
        table = Table("layer", "type", "row", "no-data %", "tiles without data", box=None, pad_edge=False)
        for name in self.layers:
            facts = self._layer(name)
            if not facts["known"]:
                table.add_row(escape(name), "?", "?", "?", "?")
                continue
            shares = [100 * share for share in facts["nodata_fraction"].values()]
            low, high = f"{min(shares):.3g}", f"{max(shares):.3g}"
            shape = " x ".join(map(str, facts["shape"]))
            span = low if low == high else f"{low} to {high}"
            table.add_row(escape(name), facts["dtype"], shape, span, str(facts["rows_without_data"]))
        return table
