"""Locks on partitions, so that no two processes ever work on the same tiles.

A lock is one byte of the group's lock file, held by the system for as long as the process lives: a killed
process leaves none behind, and over NFS it holds between machines.
"""

import errno
import fcntl
import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from mmearth_core.errors import DatasetError

_log = logging.getLogger(__name__)

_HELD = {errno.EAGAIN, errno.EACCES}
_WITHOUT_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL}
"""What file systems answer that know no locks; there the user alone keeps processes apart, and is told so."""


@contextmanager
def locked(path: Path, partitions: Sequence[int], refusal: str = "") -> Iterator[None]:
    """Holds partitions for this process.

    Args:
        path: the lock file; made when it is missing.
        partitions: their numbers.
        refusal: what is said when another process holds one, if it is not a run's own message.

    Raises:
        DatasetError: when another process holds one of them.
    """
    handle = _open(path)
    try:
        known = [_lock(handle, path, partition, refusal) for partition in partitions] if handle is not None else []
        if not all(known):
            _log.warning(
                "%s stands on a file system without locks, so nothing keeps two runs off the same tiles. Start no "
                "second run of a share before the first has ended.",
                path,
            )
        yield
    finally:
        if handle is not None:
            os.close(handle)


def _open(path: Path) -> int | None:
    """The lock file; None where it cannot be written to, as then no journal can be either."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError as error:
        if error.errno in {errno.EROFS, errno.EACCES, errno.EPERM}:
            return None
        raise


def _lock(handle: int, path: Path, partition: int, refusal: str) -> bool:
    """Locks a partition; False where the file system knows no locks."""
    try:
        fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, partition)
    except OSError as error:
        if error.errno in _WITHOUT_LOCKS:
            return False
        if error.errno not in _HELD:
            raise
        raise DatasetError(
            refusal
            or f"Another process is at work on partition {partition} of {path.parent.parent.parent}, group "
            f"{path.parent.name!r}. Wait until it has ended, or give each process a --shard of its own, all of the "
            "same number N."
        ) from error
    return True
