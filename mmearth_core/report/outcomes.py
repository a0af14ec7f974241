"""How the tiles of a dataset ended, as its journals and the list of tiles left out say."""

from collections import Counter
from pathlib import Path
from typing import Any

from attrs import define, field, frozen

from mmearth_core.config.effective import Effective, load_effective
from mmearth_core.derive.splits import read_json
from mmearth_core.download.journal import Journal, Outcome
from mmearth_core.folder import DatasetFolder
from mmearth_core.preview.album import Album

OTHERS = "other reasons"

_REASONS = 500
"""Different reasons that are kept; further ones are counted together."""


@define(eq=False)
class GroupOutcomes:
    """One group of modalities.

    Attributes:
        name: the group.
        modalities: downloaded together.
        total: tiles of the dataset; None if it is not known.
        counts: tiles by outcome.
        reasons: `(outcome, reason)`, tiles.
    """

    name: str
    modalities: tuple[str, ...]
    total: int | None
    counts: Counter[str] = field(factory=Counter)
    reasons: Counter[tuple[str, str]] = field(factory=Counter)

    @property
    def left(self) -> int | None:
        """Tiles that have not ended."""
        return None if self.total is None else max(0, self.total - self.counts.total())


@frozen(eq=False)
class Outcomes:
    """The whole dataset.

    Attributes:
        effective: what it is built from; None without its folder.
        config: that, as its file says it; empty without.
        groups: how the tiles ended in each.
        left_out: reasons for which tiles that are done have no row, with the number of these.
    """

    effective: Effective | None
    config: str
    groups: tuple[GroupOutcomes, ...]
    left_out: Counter[str]

    @property
    def failed(self) -> int | None:
        """Failures in all groups; None where the journals are not known."""
        return sum(group.counts[Outcome.FAILED] for group in self.groups) if self.groups else None


def read_outcomes(album: Album) -> Outcomes:
    """Reads them, journal by journal; an HDF5 file alone has none.

    Raises:
        DatasetError: when a journal or the configuration is damaged.
    """
    effective = load_effective(album.folder.config) if album.folder is not None else None
    left_out = _left_out(album.files.left_out)
    if album.folder is None or effective is None:
        return Outcomes(None, "", (), left_out)
    total = effective.tiles.get("count")
    groups = tuple(
        _group(album.folder, GroupOutcomes(name, tuple(members), total)) for name, members in effective.groups.items()
    )
    return Outcomes(effective, album.folder.config.read_text(encoding="utf-8"), groups, left_out)


def _group(folder: DatasetFolder, group: GroupOutcomes) -> GroupOutcomes:
    for path in sorted(folder.journal(group.name, 0).parent.glob("*.jsonl")):
        for entry in Journal(path).read().values():
            group.counts[entry.outcome] += 1
            if entry.reason is not None:
                key = (str(entry.outcome), entry.reason)
                full = len(group.reasons) >= _REASONS and key not in group.reasons
                group.reasons[(str(entry.outcome), OTHERS) if full else key] += 1
    return group


def _left_out(path: Path) -> Counter[str]:
    if not path.exists():
        return Counter()
    listed: list[dict[str, Any]] = read_json(path, list)
    return Counter(str(each.get("reason")) for each in listed)
