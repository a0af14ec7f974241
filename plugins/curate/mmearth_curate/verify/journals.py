"""Checks the rows against the journals: every tile that is done has its row, and every row a tile that is done."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from attrs import define, field, frozen
from numpy.typing import NDArray

from mmearth_core.download.folder import DatasetRow, DownloadedDataset
from mmearth_core.download.journal import Outcome, TileOutcome
from mmearth_core.errors import DatasetError
from mmearth_core.json_files import JSONFileError, read_json
from mmearth_core.post.products import LEFT_OUT
from mmearth_core.post.write import Provenance
from mmearth_core.product.hdf5 import PROVENANCE, opened
from mmearth_core.tiles.index import Tile
from mmearth_curate.verify.findings import Finding, Findings, Severity
from mmearth_curate.verify.history import History
from mmearth_curate.verify.rows import checksum_mark
from mmearth_curate.verify.subject import Subject

CHECK = "journals"


_POST = "Run `mmearth-core post` with this configuration."


_AGAIN = "Download the groups that lag behind with `mmearth-core run CONFIG`, then run `mmearth-core post CONFIG`."


@frozen(eq=False)
class DoneTile:
    """A tile with stacks to check.

    Attributes:
        tile: which one.
        row: its row in the HDF5 file; None without one.
        stacks: of each group that is done and has pixels: its file, and the checksum that the journal has.
        journal: the tile's journal entries, where it is done in every group.
    """

    tile: Tile
    row: int | None
    stacks: Mapping[str, tuple[Path, str]]
    journal: DatasetRow | None


@define(eq=False)
class JournalsCheck:
    """Goes through the journals once, and hands on the tiles whose stacks are to be checked.

    Attributes:
        subject: the dataset.
        source: its stacks and journals.
        sums: for each row, a mark of the checksums that tile_info has.
        findings: takes what is wrong.
        done: tiles that are done in every group, on one day and grid.
    """

    subject: Subject
    source: DownloadedDataset
    sums: NDArray[np.uint8]
    findings: Findings
    done: int = 0
    _justified: NDArray[np.bool_] = field(init=False)
    _left_out: dict[str, str] = field(factory=dict)
    _last: int = -1
    _made_of: Provenance = field(init=False)
    _told: NDArray[np.bool_] = field(init=False)
    _history: History = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._justified = np.zeros(len(self.subject.table), np.bool_)
        self._told = np.zeros(len(self.subject.table), np.bool_)
        self._made_of, self._history = Provenance(self.source), History(self.source)

    def tiles(self) -> Iterator[DoneTile]:
        """Every tile with stacks, by ordinal."""
        self._read_left_out()
        for partition in self.source.partitions():
            try:
                outcomes = list(self.source.outcomes(partition))
            except DatasetError as error:
                self._tell(Finding(Severity.FAULT, CHECK, str(error), "Mend that journal, and verify again."))
                continue
            for tile, entries in outcomes:
                yield self._tile(tile, entries)

    def finish(self) -> None:
        """Tells what can be said once all tiles were seen."""
        subject = self.subject
        lost = np.flatnonzero(~self._justified).tolist()
        for row in lost:
            message = "The HDF5 file has the row; the journals have no such tile that is done in every group."
            self._tell(subject.finding(Severity.FAULT, CHECK, message, _POST, row))
        self.findings.add(self._provenance())

    def _tell(self, finding: Finding) -> None:
        self.findings.add([finding])

    def _tile(self, tile: Tile, entries: Mapping[str, TileOutcome]) -> DoneTile:
        subject, source = self.subject, self.source
        row = subject.table.row_of(tile.tile_id)
        done = {group: entry for group, entry in entries.items() if entry.outcome is Outcome.DONE}
        stacks = {
            group: (source.folder.stack(group, tile.partition, tile.tile_id), str(done[group].record.get("sha256")))
            for group in source.stacked()
            if group in done
        }
        if row is not None and not source.is_row(entries):
            self._as_it_was(row, tile, done)
        if done.keys() != source.effective.groups.keys():
            return DoneTile(tile, row, stacks, None)
        if not source.is_row(entries):
            if row is not None:
                self._justified[row] = True
                message = f"The tile's groups are not of one day and grid any more: {_anchors(entries)}."
                self._tell(subject.finding(Severity.FAULT, CHECK, message, _AGAIN, row))
            return DoneTile(tile, row, stacks, None)
        self.done += 1
        if row is None:
            why = self._left_out.get(tile.tile_id)
            message = "The tile is done in every group and has no row: it was downloaded since the file was written."
            if why is not None:
                message = f"The tile was left out ({why}) and has been downloaded again since."
            self._tell(Finding(Severity.FAULT, CHECK, message, _POST, tile_id=tile.tile_id))
            return DoneTile(tile, None, stacks, None)
        journal = DatasetRow(tile, dict(entries))
        self._row(row, journal, {group: sha256 for group, (_, sha256) in stacks.items()})
        return DoneTile(tile, row, stacks, journal)

    def _row(self, row: int, journal: DatasetRow, sums: Mapping[str, str]) -> None:
        subject = self.subject
        self._justified[row] = True
        if row < self._last:
            message = f"The tile comes before that of row {self._last} in the tiles file: rows are not in its order."
            self._tell(subject.finding(Severity.FAULT, CHECK, message, subject.rewrite, row))
        self._last = row
        variant = subject.table.variant(row)
        if journal.variant != variant:
            message = f"The journal says that its variant is {journal.variant!r}, the HDF5 file that it is {variant!r}."
            self._tell(subject.finding(Severity.FAULT, "variants", message, subject.rewrite, row))
        known = self.sums[row]
        if known.any() and known.tobytes() != checksum_mark(sums):
            message = (
                "tile_info has other checksums of the tile's stacks than the journals: it was downloaded again since."
            )
            self._tell(subject.finding(Severity.FAULT, "checksums", message, _POST, row))
        self._told[row] = True
        self._made_of.add(journal)

    def _as_it_was(self, row: int, tile: Tile, done: Mapping[str, TileOutcome]) -> None:
        """Counts in what a row was made of whose tile is no row any more: so all other rows can still be checked."""
        variant, sums = self.subject.table.variant(row), self.sums[row]
        before = self._history.row(tile, variant, sums.tobytes() if sums.any() else None)
        if before is not None:
            self._told[row] = True
            self._made_of.add(before)
        else:  # then only groups whose entry is still that one come out right
            self._made_of.add_part(tile.tile_id, variant, done)

    def _provenance(self) -> Iterator[Finding]:
        """Each layer's checksum of what it is made of, against what the journals tell."""
        unknown = int(np.count_nonzero(~self._told))
        severity, message = Severity.FAULT, "Its provenance is not that of the stacks and journals there are now."
        if unknown:
            severity = Severity.WARNING
            of = "one row of the file was" if unknown == 1 else f"{unknown:,} rows of the file were"
            message = f"Its provenance could not be checked: the journals do not tell what {of} made of."
        for layer in self._of_others():
            yield self.subject.finding(severity, "provenance", message, _POST, layer=layer)

    def _of_others(self) -> Iterator[str]:
        """The layers whose provenance is another one."""
        with opened(self.subject.path) as file:
            for layer in self.source.layers:
                if layer.name not in file:
                    continue
                stored = file[layer.name].attrs.get(PROVENANCE)
                if stored is not None and stored != self._made_of.of(layer.modality):
                    yield layer.name

    def _read_left_out(self) -> None:
        path = self.source.file(LEFT_OUT)
        if not path.exists():
            return
        try:
            listed = read_json(path).value
            self._left_out = {str(each["tile_id"]): str(each["reason"]) for each in listed}
        except (JSONFileError, KeyError, TypeError) as error:
            self._tell(Finding(Severity.FAULT, CHECK, f"{path.name} cannot be read: {error}.", _POST))
            return
        were = "tile was" if len(self._left_out) == 1 else "tiles were"
        message = f"{len(self._left_out):,} {were} left out of the file, as {path.name} says."
        remedy = "Download them again with `mmearth-core run CONFIG --retry-failed`, then `mmearth-core post`."
        self._tell(Finding(Severity.WARNING, CHECK, message, remedy))


def _anchors(entries: Mapping[str, TileOutcome]) -> str:
    """What each group was downloaded for."""
    anchors = {group: entry.record["anchor"] for group, entry in entries.items()}
    return "; ".join(
        f"{group} of {anchor['date']} in {anchor['crs']}" + (f", {anchor['variant']}" if anchor.get("variant") else "")
        for group, anchor in anchors.items()
    )
