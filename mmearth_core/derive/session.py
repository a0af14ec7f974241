"""Workers and a progress bar for a command that derives a dataset."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console

from mmearth_core.post.bar import progress_bar
from mmearth_core.post.pool import Pool, available_cores
from mmearth_core.post.rows import Progress


@contextmanager
def at_work(workers: int | None) -> Iterator[tuple[Pool, Progress]]:
    """A pool, by default of a worker a core, and a bar on standard error."""
    with progress_bar(Console(stderr=True)) as progress, Pool(workers or available_cores()) as pool:
        yield pool, progress
