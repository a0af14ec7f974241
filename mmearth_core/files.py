"""Whole writes and locks: a file appears complete or not at all."""

import errno
import fcntl
import logging
import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from mmearth_core.errors import DatasetError, RunStoppedError

FOLDER_FAULTS = {
    *(errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.ESTALE, errno.EMFILE, errno.ENFILE),
    *(errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EEXIST),
}
"""What a disk or a folder can answer to a write; anything else is a defect of ours."""


@contextmanager
def written_aside(path: Path, shared: bool = False) -> Iterator[Path]:
    """Yields a path beside `path` to write to, and renames it there once it is safely on disk.

    A reader sees the old file or the whole new one; on an error nothing is left behind. What a killed
    process leaves is overwritten, or removed, when the same file is written again.

    Args:
        path: the file to be.
        shared: several processes may write this very file at once, all with the same content.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    owner = f"{_owned()}{os.getpid()}" if shared else ""
    aside = path.with_name(f".{path.stem}{owner}.part{path.suffix}")
    aside.unlink(missing_ok=True)
    try:
        yield aside
        with aside.open("rb+") as file:
            os.fsync(file.fileno())
        aside.replace(path)
        sync_folder(path.parent)
        if shared:
            _sweep(path)
    finally:
        aside.unlink(missing_ok=True)


def _owned() -> str:
    """How the part of a file's name begins that says which process of this machine writes it aside."""
    return f".{socket.gethostname()}-"


def _sweep(path: Path) -> None:
    """Removes what processes of this machine have left that were killed while they wrote this file aside."""
    begin = f".{path.stem}{_owned()}"
    for left in [each for each in path.parent.iterdir() if each.name.startswith(begin)]:
        pid, part, _ = left.name.removeprefix(begin).partition(".part")
        if part and pid.isdecimal() and _has_ended(int(pid)):
            left.unlink(missing_ok=True)


def _has_ended(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except OSError:  # another user's
        return False
    return False


@contextmanager
def writable(root: Path) -> Iterator[None]:
    """A full disk, or a folder that may not be written, becomes a clear stop.

    Args:
        root: the folder to name where the system names no file.

    Raises:
        RunStoppedError: says what to do.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in FOLDER_FAULTS:
            raise
        raise RunStoppedError(
            f"{error.filename or root} cannot be written: {error.strerror}. Make room or grant access, and run the "
            "same command again; what was made before is kept."
        ) from error


def sync_folder(folder: Path) -> None:
    """Makes renames and new names in a folder durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


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
