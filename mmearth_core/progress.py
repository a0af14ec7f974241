"""Shows how far long work is: a bar on a terminal, a plain line every while elsewhere."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich import progress as bars
from rich.console import Console

Progress = Callable[[str, int, int], None]
"""Is told what is being done, how far it is, and how far it goes."""


_PLAIN_EVERY = 10.0
"""Seconds between two plain lines."""


@contextmanager
def progress_bar(console: Console, clock: Callable[[], float] = time.monotonic) -> Iterator[Progress]:
    """Yields what is to be told of each step."""
    if not console.is_terminal:
        last = clock()

        def line(step: str, done: int, total: int) -> None:
            nonlocal last
            if clock() - last >= _PLAIN_EVERY:
                last = clock()
                console.print(f"{step}: {done}/{total}", soft_wrap=True)

        yield line
        return
    text, counted, left = bars.TextColumn("{task.description}"), bars.MofNCompleteColumn(), bars.TimeRemainingColumn()
    with bars.Progress(text, bars.BarColumn(), counted, left, console=console) as bar:
        tasks = {}

        def move(step: str, done: int, total: int) -> None:
            if step not in tasks:
                tasks[step] = bar.add_task(step, total=total)
            bar.update(tasks[step], completed=done)

        yield move
