"""Plans a download: requests the size of every file, compares it with the local files, and checks the disk space."""

import os
import shutil
import time
from collections.abc import Callable, Collection, Sequence
from functools import partial
from pathlib import Path

import requests
from attrs import frozen

from mmearth_core import text
from mmearth_core.errors import DatasetError
from mmearth_curate.fetch.catalogue import Published, PublishedFile
from mmearth_curate.fetch.server import request, retry
from mmearth_curate.fetch.transfer import part_of

_ROUNDING = 0.15
"""Relative difference from the authors' rounded size above which a note is printed."""


@frozen
class Wanted:
    """One file to fetch.

    Attributes:
        file: the file.
        url: its address.
        target: the local path.
        size: size on the server in bytes; None if unknown.
        here: bytes that have been downloaded already.
        done: whether it is complete.
    """

    file: PublishedFile
    url: str
    target: Path
    size: int | None
    here: int
    done: bool

    @property
    def missing(self) -> int:
        """Bytes still to be downloaded; 0 if that is unknown."""
        return max((self.size or 0) - self.here, 0)


def plan(
    published: Published,
    folder: Path,
    only: Collection[str],
    base: str,
    session: requests.Session,
    sleep: Callable[[float], None] = time.sleep,
) -> list[Wanted]:
    """Requests the size of every file.

    Args:
        published: the dataset.
        folder: the folder in which the dataset's folder is created.
        only: the parts to fetch; all if empty.
        base: the address of the dataset's folder.
        session: sends the requests.
        sleep: waits between attempts.

    Raises:
        DatasetError: when the server does not have a file, or a file of that name has another size here.
        RunStoppedError: when the server does not answer.
    """
    wanted = []
    for file in published.files:
        if only and file.part not in only:
            continue
        url, target = f"{base.rstrip('/')}/{file.name}", folder / published.stem / file.name
        size = retry(url, partial(_size, session, url), sleep)
        done = target.is_file()
        here = target if done else part_of(target)
        bytes_here = here.stat().st_size if here.is_file() else 0
        if done and size is not None and bytes_here != size:
            raise DatasetError(
                f"{target} exists and has {bytes_here} bytes; {url} has {size}. It is another version, or was not "
                "fetched by this command: move it away, or fetch into another folder."
            )
        wanted.append(Wanted(file, url, target, size, bytes_here, done))
    return wanted


def _size(session: requests.Session, url: str) -> int | None:
    """Requests a single byte, because not every server answers HEAD; a complete body is not read."""
    with request(session, url, 0, "0") as (answer, _response):
        return answer.size


def remark(published: Published, wanted: Sequence[Wanted]) -> str | None:
    """A note if the total size differs from the published one; otherwise None."""
    sizes = [each.size for each in wanted]
    known = [size for size in sizes if size is not None]
    if len(wanted) < len(published.files) or len(known) < len(sizes):
        return None
    total, expected = sum(known), published.gigabytes * 10**9
    if abs(total - expected) <= _ROUNDING * expected:
        return None
    return f"{published.name} is published as {published.gigabytes} GB; this server offers {text.size(total)}."


def check_room(published: Published, wanted: Sequence[Wanted], folder: Path) -> None:
    """Checks the free disk space.

    Raises:
        DatasetError: when there is not enough.
    """
    needed = sum(_needed(published, each) for each in wanted if not each.done)
    ground, free = room(folder)
    if needed > free:
        raise DatasetError(
            f"{folder}: {text.size(needed)} are still to be fetched, and {ground} has {text.size(free)} free. Free "
            f"{text.size(needed - free)} there, or choose another folder; --only fetches some of the files."
        )


def room(folder: Path) -> tuple[Path, int]:
    """The nearest existing parent of a new folder, and the free bytes there."""
    ground = folder.absolute()
    while not ground.exists():
        ground = ground.parent
    if not ground.is_dir() or not os.access(ground, os.W_OK):
        raise DatasetError(f"{ground} is not a writable folder. Choose another one.")
    return ground, shutil.disk_usage(ground).free


def _needed(published: Published, wanted: Wanted) -> int:
    if wanted.size is None and wanted.file.part == "h5":
        return max(published.gigabytes * 10**9 - wanted.here, 0)
    return wanted.missing
