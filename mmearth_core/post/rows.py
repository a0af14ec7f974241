"""Which tiles become rows: decided before anything is written, so that a bad stack does not shift other rows."""

from collections.abc import Iterator, Mapping, Sequence

from attrs import evolve, frozen

from mmearth_core.download.folder import DatasetRow, DownloadedDataset
from mmearth_core.download.journal import BadStack, Outcome
from mmearth_core.download.stored_config import BASE
from mmearth_core.errors import DatasetError
from mmearth_core.layers import LayerDescription
from mmearth_core.post.stack_reader import PartitionStacks, check_stacks
from mmearth_core.progress import Progress
from mmearth_core.text import counted
from mmearth_core.workers import Pool


@frozen(eq=False)
class RowSelection:
    """The rows of a dataset: only their number is stored, and they are read again whenever they are needed.

    Attributes:
        source: the dataset.
        sizes: `{partition: rows}`.
        left_out: the tiles with a bad stack.
        skipped: tiles without an image, for a reason in the journal.
        missing: tiles that have failed, or are not done in every group.
        years: the years of the rows' days.
    """

    source: DownloadedDataset
    sizes: Mapping[int, int]
    left_out: tuple[BadStack, ...] = ()
    skipped: int = 0
    missing: int = 0
    years: frozenset[str] = frozenset()

    def __len__(self) -> int:
        return sum(self.sizes.values())

    def __iter__(self) -> Iterator[DatasetRow]:
        left_out = {out.tile_id for out in self.left_out}
        for partition in self.sizes:
            yield from (row for row in self.source.rows(partition) if row.tile.tile_id not in left_out)

    @property
    def layers(self) -> tuple[LayerDescription, ...]:
        """The layers of the dataset, with these years in their texts."""
        return tuple(layer.with_years(self.years) for layer in self.source.layers)

    def without(self, more: Sequence[BadStack]) -> "RowSelection":
        """The same rows without some more tiles."""
        sizes = dict(self.sizes)
        for partition, _ in {(out.partition, out.tile_id) for out in more}:
            sizes[partition] -= 1
        return evolve(self, sizes=sizes, left_out=(*self.left_out, *more))


def select_rows(source: DownloadedDataset, pool: Pool, progress: Progress) -> RowSelection:
    """Checks the TIFF header of every stack, and selects the tiles without a bad stack.

    Raises:
        DatasetError: when no tile is left.
    """
    partitions = source.partitions()
    names = {
        group: [name for layer in layers for name in layer.stack_names] for group, layers in source.stacked.items()
    }
    counts, years = {"skipped": 0, "missing": 0}, set[str]()

    def to_check() -> Iterator[PartitionStacks]:
        for partition in partitions:
            tiles = []
            for tile, entries in source.outcomes(partition):
                if entries.get(BASE) is not None and entries[BASE].outcome is Outcome.SKIPPED:
                    counts["skipped"] += 1
                elif source.is_row(entries):
                    tiles.append((tile.tile_id, tile.ordinal, source.stacks(DatasetRow(tile, entries))))
                    years.add(next(iter(entries.values())).record["anchor"]["date"][:4])
                else:
                    counts["missing"] += 1
            yield PartitionStacks(partition, tiles, names, source.image_size)

    sizes: dict[int, int] = {}
    bad: list[BadStack] = []
    for partition, (tiles, found) in zip(partitions, pool.map(check_stacks, to_check()), strict=True):
        sizes[partition] = tiles - len({out.tile_id for out in found})
        bad += found
        progress("checking stacks", len(sizes), len(partitions))
    rows = RowSelection(source, sizes, tuple(bad), **counts, years=frozenset(years))
    require_some(rows)
    return rows


def require_some(rows: RowSelection) -> None:
    """Refuses to make a dataset without rows.

    Raises:
        DatasetError: says why there are none.
    """
    if len(rows):
        return
    root = rows.source.folder.root
    if rows.left_out:
        first = rows.left_out[0]
        raise DatasetError(
            f"{root}: of {counted(len({out.tile_id for out in rows.left_out}), 'done tile')}, none has a stack that "
            f"can be used; the first is {first.tile_id!r}, group {first.group!r}: {first.reason}. Check "
            "that the disk with stacks/ is mounted, and that the installed plugins are those that the dataset was made "
            "with: its mmearth.toml names their versions."
        )
    raise DatasetError(
        f"{root}: no tile is done in every group ({', '.join(rows.source.stored.groups)}); "
        f"{counted(rows.missing, 'tile')} still to be done. Finish `mmearth-core run` first."
    )
