"""The dataset's folder: where each file stands."""

import errno
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from attrs import frozen

from mmearth_core.errors import RunStoppedError

MAX_STEM = 200
"""Longest file stem used, in bytes; file systems allow 255 and a temporary suffix is added."""


FOLDER_FAULTS = {
    *(errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.ESTALE, errno.EMFILE, errno.ENFILE),
    *(errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EEXIST),
}
"""What a disk or a folder can answer to a write; anything else is a defect of ours."""


def file_stem(tile_id: str) -> str:
    """The file name of a tile, without its suffix: the id itself, odd characters percent-quoted.

    Raises:
        ValueError: when that is longer than file systems take.
    """
    stem = quote(tile_id, safe=" +,=@")
    if len(stem) > MAX_STEM:
        raise ValueError(f"makes a file name of {len(stem)} characters; at most {MAX_STEM} are allowed")
    return stem


@frozen
class DatasetFolder:
    """Paths inside one dataset.

    Attributes:
        root: the dataset's folder.
    """

    root: Path

    @property
    def config(self) -> Path:
        """The effective configuration."""
        return self.root / "mmearth.toml"

    @property
    def tiles(self) -> Path:
        """The tiles, taken in once."""
        return self.root / "tiles.gpkg"

    def stack(self, group: str, partition: int, tile_id: str) -> Path:
        """The stacked GeoTIFF of a tile."""
        return self.root.joinpath("stacks", group, f"{partition:05d}", f"{file_stem(tile_id)}.tif")

    def journal(self, group: str, partition: int) -> Path:
        """The outcomes of a partition's tiles, a line each."""
        return self.root / "journal" / group / f"{partition:05d}.jsonl"

    def lock(self, group: str) -> Path:
        """What processes at work lock, a byte for each of their partitions; it stays empty."""
        return self.root / "journal" / group / "lock"

    @property
    def runs(self) -> Path:
        """What every run did, a line each."""
        return self.root / "runs.jsonl"

    @property
    def is_begun(self) -> bool:
        """Whether some tile has been worked on."""
        return (self.root / "journal").is_dir()


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
