"""Looks at a dataset again and again, and redraws what is told."""

import time
from collections.abc import Callable
from contextlib import suppress

from rich.console import Console
from rich.live import Live

from mmearth_core.status.look import Reader, Status
from mmearth_core.status.tell import tell


def watch(
    reader: Reader,
    console: Console,
    every_partition: bool = False,
    every: float = 5.0,
    pause: Callable[[float], None] = time.sleep,
) -> Status:
    """Watches until nothing is left and nobody is at work, or until control-C.

    Args:
        reader: looks.
        console: where it is drawn.
        every_partition: whether finished partitions are listed too.
        every: seconds between two looks.
        pause: how to wait for so long.

    Returns:
        The last look.
    """
    status = reader.look()
    live = Live(tell(status, every_partition), console=console, auto_refresh=False)
    with live, suppress(KeyboardInterrupt):  # what was drawn last stays
        while not status.has_ended:
            pause(every)
            status = reader.look()
            live.update(tell(status, every_partition), refresh=True)
    return status
