"""Shows how far a fetch is: bars with speed and remaining time on a terminal, a plain line every while elsewhere."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from mmearth_core import text as words

_PLAIN_EVERY = 30.0
"""Seconds between two plain lines."""


Bar = Callable[[str, int, int | None], None]
"""Called with a file's name, the bytes that are here, and those of the whole file."""


@contextmanager
def bytes_bar(console: Console, clock: Callable[[], float] = time.monotonic) -> Iterator[Bar]:
    """Yields what is to be told of each file."""
    if not console.is_terminal:
        last = clock()

        def line(name: str, have: int, size: int | None) -> None:
            nonlocal last
            if clock() - last >= _PLAIN_EVERY:
                last = clock()
                of = f" of {words.size(size)}" if size is not None else ""
                console.print(f"{name}: {words.size(have)}{of}", soft_wrap=True, markup=False, highlight=False)

        yield line
        return
    text = TextColumn("{task.description}", markup=False)
    columns = (text, BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as progress:
        tasks = {}

        def move(name: str, have: int, size: int | None) -> None:
            if name not in tasks:  # what is here already was not fetched now: it must not count as speed
                tasks[name] = progress.add_task(name, total=size, completed=have)
            progress.update(tasks[name], completed=have, total=size)

        yield move
