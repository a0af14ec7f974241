"""Workers and a progress bar for a command."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console

from mmearth_core.work.pool import Pool, available_cores
from mmearth_core.work.progress import Progress, progress_bar


@contextmanager
def at_work(workers: int | None) -> Iterator[tuple[Pool, Progress]]:
    """A pool, by default of a worker a core, and a bar on standard error."""
    with progress_bar(Console(stderr=True)) as progress, Pool(workers or available_cores()) as pool:
        yield pool, progress
