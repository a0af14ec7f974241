"""What a row was made of, where its tile has been downloaded again since: journals are only added to."""

from collections.abc import Iterator
from itertools import product
from typing import Any

from attrs import define, field

from mmearth_core.download.folder import DatasetRow, DownloadedDataset
from mmearth_core.download.journal import Journal, Outcome, TileOutcome
from mmearth_core.tiles.index import Tile
from mmearth_curate.verify.rows import checksum_mark


@define(eq=False)
class History:
    """Earlier entries of the journals, a partition at a time.

    Attributes:
        source: whose journals.
    """

    source: DownloadedDataset
    _partition: int | None = None
    _entries: dict[str, dict[str, list[TileOutcome]]] = field(factory=dict)

    def row(self, tile: Tile, variant: str | None, sums: bytes | None) -> DatasetRow | None:
        """The row of a tile as it once was; None if the journals do not say, or allow of two answers.

        Args:
            tile: the tile.
            variant: that the HDF5 file has for it.
            sums: a mark of the checksums of its stacks that tile_info has; None without any.
        """
        found = [
            row
            for row in self._rows(tile)
            if row.variant == variant and (sums is None or checksum_mark(_sums(row, self.source)) == sums)
        ]
        return found[0] if len(found) == 1 else None

    def _rows(self, tile: Tile) -> Iterator[DatasetRow]:
        """All that it can have been: done in every group, and in all of them on one day and grid."""
        groups = list(self.source.effective.groups)
        done = [self._done(tile, group) for group in groups]
        for entries in product(*done):
            row = DatasetRow(tile, dict(zip(groups, entries, strict=True)))
            if self.source.is_row(row.entries):
                yield row

    def _done(self, tile: Tile, group: str) -> list[TileOutcome]:
        if tile.partition != self._partition:
            self._partition = tile.partition
            self._entries = {each: self._read(each, tile.partition) for each in self.source.effective.groups}
        return self._entries[group].get(tile.tile_id, [])

    def _read(self, group: str, partition: int) -> dict[str, list[TileOutcome]]:
        """All done entries of each tile that differ in what its row is made of."""
        entries: dict[str, list[TileOutcome]] = {}
        for entry in Journal(self.source.folder.journal(group, partition)).entries():
            mine = entries.setdefault(entry.tile_id, [])
            if entry.outcome is Outcome.DONE and all(_made_of(entry) != _made_of(each) for each in mine):
                mine.append(entry)
        return entries


def _made_of(entry: TileOutcome) -> list[Any]:
    return [entry.record.get(key) for key in ("anchor", "located", "sha256")]


def _sums(row: DatasetRow, source: DownloadedDataset) -> dict[str, str]:
    return {group: sha256 for group in source.effective.groups if (sha256 := row.sha256(group))}
