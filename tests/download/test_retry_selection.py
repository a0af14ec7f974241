"""Which journaled tiles are downloaded again."""

import pytest

from mmearth_core.download.journal import Outcome, TileOutcome
from mmearth_core.download.selection import RetrySelection
from mmearth_core.errors import ConfigError

ENTRIES = {
    "new": None,
    "done": TileOutcome("done", 1, Outcome.DONE),
    "sea": TileOutcome("sea", 2, Outcome.SKIPPED, "no image"),
    "heavy": TileOutcome("heavy", 3, Outcome.FAILED, "pixels: User memory limit exceeded."),
    "odd": TileOutcome("odd", 4, Outcome.FAILED, "locate: probe.locate raised KeyError: 'B99'"),
}


@pytest.mark.parametrize(
    ("retry", "taken"),
    [
        (RetrySelection(), {"new"}),
        (RetrySelection(failed=True), {"new", "heavy", "odd"}),
        (RetrySelection(skipped=True), {"new", "sea"}),
        (RetrySelection(failed=True, skipped=True), {"new", "heavy", "odd", "sea"}),
        (RetrySelection(failed=True, reason="MEMORY limit"), {"new", "heavy"}),
        (RetrySelection(failed=True, skipped=True, reason="^no image|keyerror"), {"new", "sea", "odd"}),
        (RetrySelection(failed=True, tiles=frozenset({"odd", "done", "sea"})), {"new", "odd"}),
        (RetrySelection(failed=True, only=True), {"heavy", "odd"}),
        (RetrySelection(failed=True, reason="memory", tiles=frozenset({"odd"}), only=True), set()),
    ],
)
def test_what_is_taken(retry, taken):
    assert {name for name, entry in ENTRIES.items() if retry.takes(entry)} == taken


def test_a_reason_that_is_no_pattern():
    with pytest.raises(ConfigError, match=r"'memory \(' is not a valid regular expression: .* Give a few words"):
        RetrySelection(failed=True, reason="memory (")
