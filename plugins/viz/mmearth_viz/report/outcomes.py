"""The outcomes of a dataset's tiles, from its journals and the list of tiles left out."""

from collections import Counter
from pathlib import Path
from typing import Any

from attrs import frozen
from mmearth_curate.reading import DescribedReader

from mmearth_core.download.folder import Journal, Outcome, OutcomeCounts, StoredConfig, load_stored_config
from mmearth_core.paths import DatasetPaths
from mmearth_core.product.reader import read_side_file


@frozen(eq=False)
class GroupOutcomes:
    """One group of modalities.

    Attributes:
        name: the group.
        modalities: its modalities.
        counts: tiles by outcome, and the reasons of skipped and failed tiles.
    """

    name: str
    modalities: tuple[str, ...]
    counts: OutcomeCounts


@frozen(eq=False)
class Outcomes:
    """The outcomes of the dataset.

    Attributes:
        stored: the stored configuration; None without the folder.
        config: its text; empty without the folder.
        groups: the outcomes in each group.
        left_out: number of done tiles without a row, by reason.
    """

    stored: StoredConfig | None
    config: str
    groups: tuple[GroupOutcomes, ...]
    left_out: Counter[str]

    @property
    def failed(self) -> int | None:
        """The number of failures in all groups; None without journals."""
        return sum(group.counts[Outcome.FAILED] for group in self.groups) if self.groups else None


def read_outcomes(reader: DescribedReader, folder: DatasetPaths | None) -> Outcomes:
    """Reads the outcomes journal by journal; empty without the folder.

    Raises:
        DatasetError: when a journal or the configuration is damaged.
    """
    stored = load_stored_config(folder.config) if folder is not None else None
    left_out = _left_out(reader.paths.left_out)
    if folder is None or stored is None:
        return Outcomes(None, "", (), left_out)
    groups = tuple(
        _group(folder, name, tuple(members), int(stored.tiles["count"])) for name, members in stored.groups.items()
    )
    return Outcomes(stored, folder.config.read_text(encoding="utf-8"), groups, left_out)


def _group(folder: DatasetPaths, name: str, modalities: tuple[str, ...], tiles: int) -> GroupOutcomes:
    journals = sorted(folder.journal(name, 0).parent.glob("*.jsonl"))
    entries = (entry for path in journals for entry in Journal(path).read(heads_only=True).values())
    return GroupOutcomes(name, modalities, OutcomeCounts.of(tiles, entries))


def _left_out(path: Path) -> Counter[str]:
    if not path.exists():
        return Counter()
    listed: list[dict[str, Any]] = read_side_file(path, list)
    return Counter(str(each.get("reason")) for each in listed)
