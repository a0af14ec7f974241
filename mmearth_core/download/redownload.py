"""Which tiles a redownload takes."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from attrs import field, frozen

from mmearth_core.config.schema import Config
from mmearth_core.download.journal import Ending, Outcome, share_endings
from mmearth_core.download.outcomes import Reasons, Tally
from mmearth_core.download.run_log import Result
from mmearth_core.download.selection import RetrySelection, Shard
from mmearth_core.download.stored_config import load_stored_config
from mmearth_core.errors import ConfigError, DatasetError
from mmearth_core.paths import DatasetPaths
from mmearth_core.text import counted
from mmearth_core.tiles.index import TileIndex

COLUMN = "tile_id"


_VECTOR = (".geojson", ".gpkg", ".fgb")


def read_ids(path: Path) -> frozenset[str]:
    """Reads tile ids: one a line, a column `tile_id` of a CSV or of a vector file, or a list in JSON.

    Raises:
        ConfigError: when the file cannot be read, or has no ids.
    """
    try:
        ids = _ids(path)
    except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:  # RuntimeError: GDAL's, by pyogrio
        raise ConfigError(
            f"{path}: no tile ids can be read there ({str(error)[:200]}). Give a text file with an id a line, or a "
            "CSV, GeoJSON or GeoPackage with a column `tile_id`."
        ) from error
    if not ids:
        raise ConfigError(f"{path}: holds no tile id. Give an id a line, or a column `tile_id`.")
    return frozenset(ids)


def _ids(path: Path) -> list[str]:
    suffix = path.suffix.lower()
    if suffix == ".csv":
        import pandas as pd

        return [str(value) for value in pd.read_csv(path, dtype=str)[COLUMN].dropna()]
    if suffix in _VECTOR:
        return _column(path)
    text = path.read_text(encoding="utf-8-sig")
    if suffix != ".json":
        return [line.strip() for line in text.splitlines() if line.strip()]
    content = json.loads(text)
    return _column(path) if isinstance(content, dict) else [_plain(each) for each in content]


def _plain(each: Any) -> str:
    return str(each[COLUMN] if isinstance(each, dict) else each)


def _column(path: Path) -> list[str]:
    import pyogrio

    values = pyogrio.read_dataframe(path, columns=[COLUMN], read_geometry=False)[COLUMN].dropna()
    # A missing value elsewhere made whole numbers floats.
    return [str(int(value)) if isinstance(value, float) and value.is_integer() else str(value) for value in values]


SHOWN = 5
"""Reasons that are told to people."""


@frozen(eq=False)
class RedownloadPlan:
    """The tiles that are taken again.

    Attributes:
        modalities: those that were downloaded before, as far as they are still configured.
        tally: of the share, as it stands before.
        tiles: `(group, tile id)` of each that is taken.
        failed: how many of them had failed ...
        sent_back: ... of these, how many were sent back by post or verify ...
        skipped: ... and how many were skipped.
        reasons: why.
    """

    modalities: list[str]
    tally: Tally
    tiles: list[tuple[str, str]] = field(factory=list)
    failed: int = 0
    sent_back: int = 0
    skipped: int = 0
    reasons: Reasons = field(factory=Reasons)

    def to_json(self) -> dict[str, Any]:
        """As JSON, every tile by name."""
        return {
            "taken": len(self.tiles),
            "failed": self.failed,
            "sent_back": self.sent_back,
            "skipped": self.skipped,
            "reasons": [kind.to_json() for kind in self.reasons.listed()],
            "tiles": [{"group": group, "tile_id": tile_id} for group, tile_id in self.tiles],
        }

    def summary(self) -> dict[str, Any]:
        """That of a run which has nothing to do."""
        return Result(self.tally, requests={}, purposes={}, retries={}, slow_downs=0, received=0).summary()

    def lines(self) -> Iterator[str]:
        """For people."""
        if not self.tiles:
            yield "No tile is to be taken again."
            return
        back = f" ({self.sent_back} of them sent back by post or verify)" if self.sent_back else ""
        yield f"Takes {counted(len(self.tiles), 'tile')} again: {self.failed} failed{back}, {self.skipped} skipped."
        kinds = self.reasons.listed()
        for kind in kinds[:SHOWN]:
            yield f"  {kind.outcome} {kind.tiles}: {kind.reason} (e.g. {', '.join(kind.examples)})"
        if len(kinds) > SHOWN:
            yield f"  and {len(kinds) - SHOWN} further reasons; --json lists them all"


def plan_redownload(
    config: Config, again: RetrySelection, shard: Shard, limit: int | None = None, only: list[str] | None = None
) -> RedownloadPlan:
    """Reads from the journals what a run with the same arguments takes; it takes no lock and writes nothing.

    Args:
        config: the dataset's configuration.
        again: which tiles are wanted.
        shard: the share.
        limit: only the first so many tiles of the share.
        only: modalities, instead of all that were downloaded before.

    Raises:
        DatasetError: when nothing was downloaded yet, or a file of the dataset is damaged.
        ConfigError: when none of the tiles named has ended in this dataset.
    """
    folder = DatasetPaths(config.root)
    effective = load_stored_config(folder.config)
    if effective is None or not folder.is_begun:
        raise DatasetError(
            f"{folder.root}: nothing was downloaded yet, so nothing can be taken again. Begin with "
            f"`mmearth-core run {config.source}`."
        )
    known = {member for members in effective.groups.values() for member in members}
    modalities = [name for name in config.modalities if name in known]
    if only is not None and not only:
        raise ConfigError(f"--modalities names none. Downloaded were {', '.join(modalities)}.")
    for name in only or ():
        if name not in modalities:
            raise ConfigError(
                f"--modalities: {name!r} was not downloaded before. Downloaded were {', '.join(modalities)}; "
                "`mmearth-core run` adds others."
            )
    wanted = modalities if only is None else only
    groups = [name for name, members in effective.groups.items() if set(members) & set(wanted)]
    index = TileIndex(folder.tiles)
    share = dict(shard.share(list(index.sizes().items())))
    tiles = sum(share.values())
    found = _Finding(again, wanted, Tally(len(groups) * (tiles if limit is None else min(limit, tiles))))
    for group, ending in share_endings(folder, groups, index, share, limit):
        found.add(group, ending)
    if again.tiles is not None and not found.named and shard == Shard():
        raise ConfigError(
            f"None of the {len(again.tiles)} tiles named has ended in {folder.root}: they are no tiles of this "
            "dataset, or are still left, and then `mmearth-core run` takes them. Check the ids."
        )
    return found.result()


class _Finding:
    """Tiles as they are found."""

    def __init__(self, again: RetrySelection, modalities: list[str], tally: Tally) -> None:
        self.named = 0
        self._again = again
        self._modalities = modalities
        self._tally = tally
        self._tiles: list[tuple[str, str]] = []
        self._reasons = Reasons()
        self._counts = {Outcome.FAILED: 0, Outcome.SKIPPED: 0}
        self._sent_back = 0

    def add(self, group: str, ending: Ending) -> None:
        """Looks at a tile that has ended."""
        entry = ending.entry()
        self._tally.add(entry, earlier=True)
        self.named += self._again.tiles is not None and entry.tile_id in self._again.tiles
        if entry.outcome in self._counts and self._again.takes(entry.tile_id, entry):
            self._tiles.append((group, entry.tile_id))
            self._reasons.add(entry.outcome, entry.reason or "", entry.tile_id)
            self._counts[entry.outcome] += 1
            self._sent_back += ending.is_sent_back

    def result(self) -> RedownloadPlan:
        """All of them."""
        failed, skipped = self._counts[Outcome.FAILED], self._counts[Outcome.SKIPPED]
        return RedownloadPlan(
            self._modalities, self._tally, self._tiles, failed, self._sent_back, skipped, self._reasons
        )
