"""Files that appear complete or not at all, and locks between processes."""

import errno
import fcntl
import functools
import logging
import os
import socket
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from mmearth_core.errors import DatasetError, RunStoppedError

FOLDER_FAULTS = {
    *(errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.ESTALE, errno.EMFILE, errno.ENFILE),
    *(errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EEXIST),
}
"""Errors of a write for which the disk or the folder is the cause; any other error is a bug."""

_GONE = {errno.ENOENT, errno.ESTALE}
"""Those of a folder that was there when the run started."""

WITHOUT_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL, 524}
"""Errors of file systems without locks. There only the user can keep processes apart; a warning says so.

524 is the kernel's own ENOTSUPP, which some NFS servers' answers become; Python's errno has no name for it.
"""

_log = logging.getLogger(__name__)


@contextmanager
def written_aside(path: Path, shared: bool = False) -> Iterator[Path]:
    """Yields a temporary path beside `path` to write to, and renames it to `path` once it is safely on disk.

    A reader sees the old file or the complete new one; after an error no temporary file remains. The temporary file
    of a killed process is overwritten, or removed, when the same file is written again. The folder has to exist: it
    may have been unmounted or renamed, and must not be made again in the wrong place.

    Args:
        path: the file to write.
        shared: whether several processes may write this file at the same time, all with the same content.
    """
    # No name of a tile's stack has a "#" (see `file_stem`), so this is never the stack of another tile.
    begin = f".{path.stem}.{socket.gethostname()}-" if shared else f".{path.stem}#"
    aside = path.with_name(f"{begin}{os.getpid() if shared else ''}.part{path.suffix}")
    aside.unlink(missing_ok=True)
    try:
        yield aside
        with aside.open("rb+") as file:
            os.fsync(file.fileno())
        aside.replace(path)
        sync_folder(path.parent)
        if shared:
            _remove_abandoned(path.parent, begin)
    finally:
        aside.unlink(missing_ok=True)


def _remove_abandoned(folder: Path, begin: str) -> None:
    """Removes the temporary files of processes of this machine that were killed while they wrote the same file."""
    for path in [each for each in folder.iterdir() if each.name.startswith(begin)]:
        pid, part, _ = path.name.removeprefix(begin).partition(".part")
        if part and pid.isdecimal():
            try:
                os.kill(int(pid), 0)  # signal 0 only asks whether the process exists
            except ProcessLookupError:
                path.unlink(missing_ok=True)
            except OSError:  # it exists, and belongs to another user
                continue


def sync_folder(folder: Path) -> None:
    """Makes renames and new names in a folder durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def writable(root: Path) -> Iterator[None]:
    """Turns a full disk, or a folder without write permission, into an error that says what to do.

    Args:
        root: the folder to name if the system names no file.

    Raises:
        RunStoppedError: names the file and the remedy.
    """
    try:
        yield
    except OSError as error:
        again = "run the same command again; what was finished before is kept"
        raise RunStoppedError(f"{folder_fault(error, root)}, and {again}.") from error


def folder_fault(error: OSError, root: Path) -> str:
    """What is wrong with a folder that cannot be used, and the remedy, as a sentence without its full stop.

    Args:
        error: what the system says.
        root: the folder to name if the system names no file.

    Raises:
        OSError: the error itself, if it is of another kind.
    """
    if error.errno not in FOLDER_FAULTS:
        raise error
    path = error.filename or root
    if error.errno in _GONE:
        return f"{path} is gone: {error.strerror}. Its folder may be unmounted, renamed or deleted; bring it back"
    return f"{path} cannot be read or written: {error.strerror}. Free disk space or fix the permissions"


def open_regular(path: Path, limit: int = 2**32) -> BinaryIO:
    """Opens a file that may be anything, such as a link to an endless device or a pipe without a writer.

    Args:
        path: the file.
        limit: the most bytes that it may have; by default those of a TIFF, whose offsets have 32 bits.

    Raises:
        OSError: when it cannot be opened, is not a regular file, or is larger.
    """
    # Opening a pipe would wait for a writer; for a regular file the flag changes nothing.
    file = open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK))  # noqa: SIM115
    facts = os.fstat(file.fileno())
    if stat.S_ISREG(facts.st_mode) and facts.st_size <= limit:
        return file
    file.close()
    large = f"it has {facts.st_size:,} bytes; at most {limit:,} are expected"
    raise OSError(errno.EINVAL, large if stat.S_ISREG(facts.st_mode) else "it is not a regular file", str(path))


@contextmanager
def locked(path: Path, partitions: Sequence[int], refusal: str = "") -> Iterator[None]:
    """Locks partitions for this process. The locks end with the process, however it ends.

    Args:
        path: the lock file; created when it is missing. It stays empty: byte N of it is locked for partition N.
        partitions: their numbers.
        refusal: the message when another process has one of them; by default that of a run.

    Raises:
        DatasetError: when another process has locked one of them.
    """
    handle = _open(path)
    if handle is None:
        yield
        return
    try:
        locks = [_lock(handle, path, partition, refusal) for partition in partitions]
        if not all(locks):
            _warn_without_locks(path.parent.parent)
        yield
    finally:
        os.close(handle)


@functools.cache
def _warn_without_locks(folder: Path) -> None:
    """Warns once, also if several groups are locked there."""
    _log.warning(
        "%s is on a file system without locks, so two runs could download the same tiles, and `post` could read while "
        "a run writes. Do not start a second run of a share, or `post`, before the first has ended.",
        folder,
    )


def _open(path: Path) -> int | None:
    """The lock file; None where it cannot be written, as then no process can write a journal either."""
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError as error:
        if error.errno in {errno.EROFS, errno.EACCES, errno.EPERM}:
            return None
        raise


def _lock(handle: int, path: Path, partition: int, refusal: str) -> bool:
    """Locks a partition; False on a file system without locks."""
    try:
        fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, partition)
    except (BlockingIOError, PermissionError) as error:  # systems differ in how they say that another process has it
        where = f"partition {partition} of {path.parent.parent.parent}, group {path.parent.name!r}"
        remedy = "Wait until it has ended, or give each process its own --shard I/N, all with the same N."
        raise DatasetError(refusal or f"Another process is running on {where}. {remedy}") from error
    except OSError as error:
        if error.errno not in WITHOUT_LOCKS:
            raise
        return False
    return True
