"""Python's garbage collector, which is to pass over what lasts as long as the run.

The libraries have some 140,000 objects. The graphs of a batch are large enough to have all of them searched: 70 ms
each time, and 2.6 ms a tile.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

PYTHONS_OWN = 1000
"""More objects than Python by itself keeps from the collector: 3.12 begins with 375, other versions with none."""


@contextmanager
def lasting() -> Iterator[None]:
    """Keeps the collector from searching, within, what there is by now; cycles made within are collected as ever.

    Where objects are kept from it already, as before a fork, nothing changes.
    """
    if gc.get_freeze_count() > PYTHONS_OWN:
        yield
        return
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
