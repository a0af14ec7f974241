"""Giving up: where tile after tile fails for one lasting reason and none is done, no more are asked for.

A mistyped asset, or a plugin that raises for every tile, would cost requests for all of them, and mend nothing.
"""

from collections import Counter

from mmearth_core.download.group import Group
from mmearth_core.download.journal import Entry, Outcome
from mmearth_core.download.prepare import Job
from mmearth_core.download.tally import DISTINCT, kind_of
from mmearth_core.errors import HopelessError


class GiveUp:
    """Watches how the tiles of one group end in this run.

    Tiles that were skipped, and those that failed for a passing reason, tell nothing. The first tile that is done
    tells that others can be, and ends the watch.
    """

    def __init__(self, job: Job, group: Group) -> None:
        """Nothing has ended yet.

        Args:
            job: the run.
            group: whose tiles it is about.
        """
        self._job = job
        self._group = group
        self._after = job.config.run.give_up_after
        self._is_over = self._after == 0
        self._failed: Counter[str] = Counter()
        self._first: dict[str, str] = {}
        self._reason: str | None = None

    def saw(self, entry: Entry) -> None:
        """Takes note of a tile that has ended."""
        if entry.outcome is Outcome.DONE:
            self._is_over = True
        if self._is_over or not entry.lasting or entry.reason is None:
            return
        kind = kind_of(entry.reason)
        if kind not in self._first and len(self._first) == DISTINCT:
            return
        first = self._first.setdefault(kind, entry.reason)
        self._failed[kind] += 1
        if self._failed[kind] == self._after:
            self._reason = self._reason or first

    def check(self) -> None:
        """Ends the run if it is hopeless.

        Raises:
            HopelessError: says why, and what to do.
        """
        if self._reason is None or self._is_over:
            return
        self._is_over = True
        source, names = self._job.config.source, [modality.name for modality in self._group.modalities]
        tables = ", ".join(f"[modalities.{name}]" for name in names)
        raise HopelessError(
            f"{self._failed[kind_of(self._reason)]} tiles have failed for one reason, none is done, and no more were "
            f"asked for: {self._reason.rstrip('. ')}. Check the options of {tables} in {source}, and the "
            f"{'plugins that bring' if len(names) > 1 else 'plugin that brings'} them. When that is mended, "
            f"`mmearth-core run {source} --retry-failed` takes these tiles again. If it is they that are at fault, "
            "set `give_up_after = 0` in [run]. What is done is kept."
        )
