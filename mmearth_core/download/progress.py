"""Shows a run's progress: a live bar on a terminal, plain lines elsewhere."""

import time
from collections.abc import Callable
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from mmearth_core.download.journal import Outcome
from mmearth_core.download.tally import Tally

_PLAIN_EVERY = 10.0
"""Seconds between two plain lines: a log of a day's run stays readable."""


class Observer(Protocol):
    """Is told whenever a tile has ended."""

    def changed(self, tally: Tally) -> None:
        """The tally has changed."""
        ...


class ProgressView:
    """A context that shows a tally as it changes, on standard error; and what was done when it is left by an error."""

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = console
        self._clock = clock
        self._bar: Progress | None = None
        self._last = clock()
        self._tally: Tally | None = None

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._bar = Progress(
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[text]}"),
                console=self._console,
            )
            self._bar.start()
            self._task = self._bar.add_task("tiles", total=None, text="")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar:
            self._bar.stop()
        if kind is not None and self._tally is not None:
            tally = self._tally
            self._console.print(
                f"Stopped; in this run {', '.join(f'{tally.now[outcome]} {outcome}' for outcome in Outcome)}. "
                "What is done is kept; the same command goes on with the others.",
                soft_wrap=True,
            )

    def changed(self, tally: Tally) -> None:
        """Shows the tally."""
        self._tally = tally
        if self._bar:
            self._bar.update(self._task, total=tally.total, completed=tally.ended, text=_text(tally))
        elif self._clock() - self._last >= _PLAIN_EVERY:
            self._last = self._clock()
            self._console.print(f"{tally.ended}/{tally.total} tiles, {_text(tally)}", soft_wrap=True)


def _counts(tally: Tally) -> str:
    return ", ".join(f"{tally.count(outcome)} {outcome}" for outcome in Outcome)


def _text(tally: Tally) -> str:
    notice = tally.notice()
    held = f"; {notice}" if notice else ""
    return f"{_counts(tally)}; {tally.rate:.1f} tiles/s, {duration(tally.remaining)} left{held}"


def duration(seconds: float | None) -> str:
    """Seconds as people say them: `0:42`, `3:07:12`, `2 d 4:00:00`."""
    if seconds is None:
        return "?"
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    clock = f"{hour}:{minute:02d}:{second:02d}" if hours else f"{minute}:{second:02d}"
    return f"{days} d {clock}" if days else clock
