"""The progress of long work: a bar on a terminal, elsewhere a plain line every ten seconds."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich import progress as bars
from rich.console import Console

Progress = Callable[[str, int, int], None]
"""Reports progress: the name of the step, how much of it is done, and how much there is to do."""

PLAIN_EVERY = 10.0
"""Seconds between two plain lines, so that the log of a run of a day stays readable."""


@contextmanager
def progress_bar(console: Console, clock: Callable[[], float] = time.monotonic) -> Iterator[Progress]:
    """Yields the function to call with the progress of each step."""
    if not console.is_terminal:
        last = clock()

        def line(step: str, done: int, total: int) -> None:
            nonlocal last
            if clock() - last >= PLAIN_EVERY:
                last = clock()
                console.print(f"{step}: {done}/{total}", soft_wrap=True)

        yield line
        return
    columns = "{task.description}", bars.BarColumn(), bars.MofNCompleteColumn(), bars.TimeRemainingColumn()
    with bars.Progress(*columns, console=console) as bar:
        tasks: dict[str, bars.TaskID] = {}

        def update(step: str, done: int, total: int) -> None:
            if step not in tasks:
                tasks[step] = bar.add_task(step, total=total)
            bar.update(tasks[step], completed=done)

        yield update
