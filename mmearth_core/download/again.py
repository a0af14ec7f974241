"""Which tiles that have ended a run takes again."""

import re

from attrs import field, frozen

from mmearth_core.download.journal import Entry, Outcome
from mmearth_core.errors import ConfigError


def _pattern(reason: str | None) -> re.Pattern[str] | None:
    try:
        return None if reason is None else re.compile(reason, re.IGNORECASE)
    except re.error as error:
        raise ConfigError(
            f"Reason {reason!r} is no regular expression: {error}. Give a few words of the reason as it stands in the "
            "journal, such as 'memory limit'."
        ) from error


@frozen
class Again:
    """The tiles that are taken again; none, unless something is said.

    Attributes:
        failed: those that have failed.
        skipped: those that were skipped.
        reason: of these, only those in whose reason this regular expression is found; case does not matter.
        tiles: of these, only those with these ids.
        only: nothing else: tiles that have not ended are left, so that a redownload does just that.

    Raises:
        ConfigError: when `reason` is no regular expression.
    """

    failed: bool = False
    skipped: bool = False
    reason: str | None = None
    tiles: frozenset[str] | None = None
    only: bool = False
    _regex: re.Pattern[str] | None = field(init=False, eq=False, repr=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "_regex", _pattern(self.reason))

    def takes(self, tile_id: str, entry: Entry | None) -> bool:
        """Whether a tile is taken.

        Args:
            tile_id: which tile.
            entry: how it has ended; None when it has not.
        """
        if entry is None:
            return not self.only
        wanted = {Outcome.FAILED: self.failed, Outcome.SKIPPED: self.skipped}.get(entry.outcome, False)
        named = self.tiles is None or tile_id in self.tiles
        return wanted and named and (self._regex is None or self._regex.search(entry.reason or "") is not None)
