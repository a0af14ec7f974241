"""Checks the rows against the journals: every done tile has a row, and every row has a done tile."""

from collections.abc import Iterator, Mapping
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from attrs import define, field, frozen
from numpy.typing import NDArray

from mmearth_core.download.folder import (
    DatasetRow,
    DownloadedDataset,
    Journal,
    Outcome,
    Provenance,
    Tile,
    TileIndex,
    TileOutcome,
)
from mmearth_core.errors import DatasetError
from mmearth_core.json_files import JSONFileError, read_json
from mmearth_core.product.hdf5 import PROVENANCE
from mmearth_curate.verify.findings import Finding, Report, Severity
from mmearth_curate.verify.recomputed import EntriesCheck, check_outcome
from mmearth_curate.verify.side_files import checksums_digest

CHECK = "journals"

_POST = "Run `mmearth-core post` with this configuration."
_RESTORE = "Restore the journals from a copy; or delete the line, and `mmearth-core run` downloads the tile again."
_AGAIN = "Download the missing groups with `mmearth-core run CONFIG`, then run `mmearth-core post CONFIG`."


@frozen(eq=False)
class DoneTile:
    """A tile with stacks to check.

    Attributes:
        tile: the tile.
        row: its row in the HDF5 file; None without one.
        stacks: for each group that is done and has pixels, the file and the checksum that the journal has.
        grids: the grid of each of these groups.
        journal: the tile's journal entries, if it is done in every group.
    """

    tile: Tile
    row: int | None
    stacks: Mapping[str, tuple[Path, str]]
    grids: Mapping[str, Mapping[str, Any]]
    journal: DatasetRow | None = None


@define(eq=False)
class JournalsCheck:
    """Reads the journals once, and yields the tiles whose stacks must be checked.

    Attributes:
        report: the dataset; gets the findings.
        source: its stacks and journals.
        digests: for each row, a digest of the checksums in tile_info.
    """

    report: Report
    source: DownloadedDataset
    digests: NDArray[np.uint8]
    _justified: NDArray[np.bool_] = field(init=False)
    _explained: NDArray[np.bool_] = field(init=False)
    _left_out: dict[str, str] = field(factory=dict)
    _last: int = -1
    _provenance: Provenance = field(init=False)
    _history: "History" = field(init=False)
    _entries: EntriesCheck = field(init=False)
    _expected: set[Path] = field(factory=set)

    def __attrs_post_init__(self) -> None:
        self._justified = np.zeros(len(self.report.reader), np.bool_)
        self._explained = np.zeros(len(self.report.reader), np.bool_)
        self._provenance, self._history = Provenance(self.source), History(self.source)
        self._entries = EntriesCheck(self.report)

    def tiles(self) -> Iterator[DoneTile]:
        """Every tile with stacks, by ordinal."""
        self._read_left_out()
        for partition in self.source.partitions():
            try:
                outcomes = list(self._outcomes(partition))
            except DatasetError as error:
                remedy = "Fix that journal, and verify again."
                self.report.add([Finding(Severity.FAULT, CHECK, str(error), remedy)])
                continue
            for tile, entries in outcomes:
                yield self._tile(tile, entries)

    def _outcomes(self, partition: int) -> Iterator[tuple[Tile, dict[str, TileOutcome]]]:
        """Every tile of a partition with its last entry in each group; entries of no tile of it are reported."""
        folder, journals = self.source.folder, dict[str, dict[str, TileOutcome]]()
        tiles = TileIndex(folder.tiles).read(partition)
        ordinals = {tile.tile_id: tile.ordinal for tile in tiles}
        for group in self.source.stored.groups:
            path, own = folder.journal(group, partition), journals.setdefault(group, {})
            self._expected.add(path)
            for number, entry in enumerate(Journal(path).entries(), start=1):
                own[entry.tile_id] = entry
                ordinal = ordinals.get(entry.tile_id)
                if entry.ordinal != ordinal:
                    found = f"has the ordinal {entry.ordinal}; tiles.gpkg has {ordinal}"
                    found = "is of no tile of this partition" if ordinal is None else found
                    message = f"{path}, line {number}: {found}."
                    self.report.add([Finding(Severity.FAULT, CHECK, message, _RESTORE, tile_id=entry.tile_id)])
        for tile in tiles:
            yield tile, {group: entries[tile.tile_id] for group, entries in journals.items() if tile.tile_id in entries}

    def finish(self) -> None:
        """Reports the findings that are known after all tiles."""
        folder = self.source.folder
        for path in sorted({*(folder.root / "journal").glob("*/*.jsonl")} - self._expected):
            message = f"{path} is of no group and partition of the dataset."
            self.report.add([Finding(Severity.FAULT, CHECK, message, _RESTORE)])
        imported = self.source.stored.tiles.get("imported_sha256")  # older datasets have none
        if imported is not None and imported != TileIndex(folder.tiles).digest():
            message = f"{folder.tiles.name} does not have the tiles that were imported: it was changed since."
            remedy = "Restore it; or delete it, and `mmearth-core run` imports the tiles again from the tiles file."
            self.report.add([Finding(Severity.FAULT, "tiles", message, remedy)])
        for row in np.flatnonzero(~self._justified).tolist():
            self._fault(
                CHECK, "The HDF5 file has the row; the journals have no such tile that is done in every group.", row
            )
        self.report.add(self._check_provenance())

    def _fault(self, check: str, message: str, row: int, remedy: str = _POST) -> None:
        self.report.add([self.report.finding(Severity.FAULT, check, message, remedy, row)])

    def _tile(self, tile: Tile, entries: Mapping[str, TileOutcome]) -> DoneTile:
        source, row = self.source, self.report.reader.table.row_of(tile.tile_id)
        done = {group: entry for group, entry in entries.items() if entry.outcome is Outcome.DONE}
        stacks = {
            group: (source.folder.stack(group, tile.partition, tile.tile_id), str(done[group].record.get("sha256")))
            for group in source.stacked
            if group in done
        }
        grids = {group: done[group].record["grid"] for group in stacks}
        for group, entry in done.items():
            self.report.add(check_outcome(self.report, tile, group, entry))
        if not source.is_row(entries):
            if row is not None:
                self._add_former_row(row, tile, done)
                if done.keys() == source.stored.groups.keys():
                    self._justified[row] = True
                    message = f"The tile's groups no longer have the same day and grid: {_anchors(entries)}."
                    self._fault(CHECK, message, row, _AGAIN)
            return DoneTile(tile, row, stacks, grids)
        if row is None:
            reason = self._left_out.get(tile.tile_id)
            message = "The tile is done in every group but has no row: it was downloaded after the file was written."
            if reason is not None:
                message = f"The tile was left out ({reason}) and has been downloaded again."
            self.report.add([Finding(Severity.FAULT, CHECK, message, _POST, tile_id=tile.tile_id)])
            return DoneTile(tile, None, stacks, grids)
        journal = DatasetRow(tile, dict(entries))
        self._check_row(row, journal)
        return DoneTile(tile, row, stacks, grids, journal)

    def _check_row(self, row: int, journal: DatasetRow) -> None:
        report = self.report
        self._justified[row] = self._explained[row] = True
        if row < self._last:
            message = f"The tile is before that of row {self._last} in the tiles file: the rows are in another order."
            self._fault(CHECK, message, row, report.rewrite)
        self._last = row
        variant = report.reader.table.variant(row)
        if journal.variant != variant:
            message = f"Its variant is {journal.variant!r} in the journal and {variant!r} in the HDF5 file."
            self._fault("variants", message, row, report.rewrite)
        stored = self.digests[row]
        if stored.any() and stored.tobytes() != checksums_digest(journal.checksums):
            message = "tile_info has other checksums of the tile's stacks than the journals: it was downloaded again."
            self._fault("checksums", message, row)
        else:  # otherwise tile_info is of the images before
            self.report.add(self._entries.findings(row, journal))
        self._provenance.add(journal.tile.tile_id, journal.variant, journal.entries)

    def _add_former_row(self, row: int, tile: Tile, done: Mapping[str, TileOutcome]) -> None:
        """Adds a row whose tile is no longer a row to the provenance, so that all others can still be checked."""
        variant, digest = self.report.reader.table.variant(row), self.digests[row]
        before = self._history.row(tile, variant, digest.tobytes() if digest.any() else None)
        self._explained[row] = before is not None
        # Without its history, only groups whose entry has not changed have the correct checksum.
        self._provenance.add(tile.tile_id, variant, before.entries if before is not None else done)

    def _check_provenance(self) -> Iterator[Finding]:
        """Compares each layer's provenance with the journals."""
        unknown = int(np.count_nonzero(~self._explained))
        severity, message = Severity.FAULT, "Its provenance does not match the current stacks and journals."
        if unknown:
            severity = Severity.WARNING
            of = "one row of the file was" if unknown == 1 else f"{unknown:,} rows of the file were"
            message = f"Its provenance could not be checked: the journals do not show what {of} made from."
        with self.report.reader.file() as file:
            for layer in self.source.layers:
                stored = file[layer.name].attrs.get(PROVENANCE) if layer.name in file else None
                if stored is not None and stored != self._provenance.of(layer.modality):
                    yield self.report.finding(severity, "provenance", message, _POST, layer=layer.name)

    def _read_left_out(self) -> None:
        path = self.source.products.left_out
        if not path.exists():
            return
        try:
            self._left_out = {str(each["tile_id"]): str(each["reason"]) for each in read_json(path)}
        except (JSONFileError, KeyError, TypeError) as error:
            self.report.add([Finding(Severity.FAULT, CHECK, f"{path.name} cannot be read: {error}.", _POST)])
            return
        were = "tile was" if len(self._left_out) == 1 else "tiles were"
        message = f"{len(self._left_out):,} {were} left out of the file, as {path.name} says."
        remedy = "Download them again with `mmearth-core run CONFIG --retry-failed`, then `mmearth-core post`."
        self.report.add([Finding(Severity.WARNING, CHECK, message, remedy)])


def _anchors(entries: Mapping[str, TileOutcome]) -> str:
    """The anchor of each group, as text."""
    anchors = {group: entry.record["anchor"] for group, entry in entries.items()}
    return "; ".join(
        f"{group} of {anchor['date']} in {anchor['crs']}" + (f", {anchor['variant']}" if anchor.get("variant") else "")
        for group, anchor in anchors.items()
    )


@define(eq=False)
class History:
    """Finds the entries from which a row was made whose tile was downloaded again; journals keep all entries.

    One partition is in memory at a time.

    Attributes:
        source: the journals.
    """

    source: DownloadedDataset
    _partition: int | None = None
    _entries: dict[str, dict[str, list[TileOutcome]]] = field(factory=dict)

    def row(self, tile: Tile, variant: str | None, digest: bytes | None) -> DatasetRow | None:
        """The former row of a tile; None if the journals do not have it, or more than one is possible.

        Args:
            tile: the tile.
            variant: its variant in the HDF5 file.
            digest: digest of the checksums of its stacks in tile_info; None without checksums.
        """
        found = [
            row
            for row in self._rows(tile)
            if row.variant == variant and (digest is None or checksums_digest(row.checksums) == digest)
        ]
        return found[0] if len(found) == 1 else None

    def _rows(self, tile: Tile) -> Iterator[DatasetRow]:
        """All possible former rows: done in every group with the same day and grid."""
        groups = list(self.source.stored.groups)
        if tile.partition != self._partition:
            self._partition = tile.partition
            self._entries = {group: self._read(group, tile.partition) for group in groups}
        for entries in product(*(self._entries[group].get(tile.tile_id, []) for group in groups)):
            row = DatasetRow(tile, dict(zip(groups, entries, strict=True)))
            if self.source.is_row(row.entries):
                yield row

    def _read(self, group: str, partition: int) -> dict[str, list[TileOutcome]]:
        """All done entries of each tile that give different rows."""
        entries: dict[str, list[TileOutcome]] = {}
        for entry in Journal(self.source.folder.journal(group, partition)).entries():
            own = entries.setdefault(entry.tile_id, [])
            if entry.outcome is Outcome.DONE and all(_made_of(entry) != _made_of(each) for each in own):
                own.append(entry)
        return entries


def _made_of(entry: TileOutcome) -> list[Any]:
    return [entry.record.get(key) for key in ("anchor", "located", "sha256")]
