"""Giving up: exactly when so many tiles have failed for one lasting reason and none is done."""

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmearth_core.download.journal import Outcome, TileOutcome
from mmearth_core.download.worklist import FailureLimit
from mmearth_core.errors import ExitCode, HopelessError

DONE = TileOutcome("a", 0, Outcome.DONE)
SKIPPED = TileOutcome("a", 0, Outcome.SKIPPED, "no image")
PASSING = TileOutcome("a", 0, Outcome.FAILED, "pixels: An internal error has occurred (tried for 600 s)")


def lasting(kind: str, number: int) -> TileOutcome:
    return TileOutcome(f"t{number}", number, Outcome.FAILED, f"{kind} raised KeyError: 'tile {number}'", lasting=True)


def watch(after: int) -> FailureLimit:
    job: Any = SimpleNamespace(config=SimpleNamespace(run=SimpleNamespace(give_up_after=after), source="my.toml"))
    group: Any = SimpleNamespace(modalities=[SimpleNamespace(name="odd")])
    return FailureLimit(job, group)


def gives_up(one: FailureLimit) -> bool:
    try:
        one.check()
    except HopelessError:
        return True
    return False


entries = st.lists(
    st.one_of(
        st.sampled_from([DONE, SKIPPED, PASSING]),
        st.builds(lasting, st.sampled_from("xy"), st.integers(0, 10**6)),
    ),
    max_size=25,
)


@given(entries, st.integers(1, 5))
def test_when_it_gives_up(ended: list[TileOutcome], after: int) -> None:
    one, alike, done, over = watch(after), {"x": 0, "y": 0}, False, False
    for entry in ended:
        one.add(entry)
        done |= entry is DONE
        if entry.lasting and not done:
            alike[str(entry.reason)[0]] += 1
        due = not done and not over and max(alike.values()) >= after
        assert gives_up(one) == due
        over |= due


def test_it_says_so_once_and_with_the_first_reason() -> None:
    one = watch(2)
    for number in range(4):
        one.add(lasting("odd.image", number))
    with pytest.raises(
        HopelessError, match=r"raised KeyError: 'tile 0'\. Check .*\[modalities.odd\] in my\.toml"
    ) as told:
        one.check()
    assert told.value.exit_code is ExitCode.BAD_INPUT
    one.check()


def test_never() -> None:
    one = watch(0)
    for number in range(100):
        one.add(lasting("odd.image", number))
    one.check()
