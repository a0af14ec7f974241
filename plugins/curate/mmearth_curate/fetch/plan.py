"""What to fetch: asks the server for every file's size, compares it with what is here, and checks the disk space."""

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
"""By how much a dataset may differ from the authors' rounded size without a note."""


@frozen
class Wanted:
    """One file to fetch.

    Attributes:
        file: which.
        url: where it is.
        target: where it will be.
        size: in bytes, as the server says; None if it does not.
        here: bytes of it that are here already.
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
    """Asks for every file's size.

    Args:
        published: the dataset.
        folder: where its folder will be.
        only: the parts to fetch; all if empty.
        base: the address of the dataset's folder.
        session: for the requests.
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
    """Requests one byte only, as not every server answers HEAD; if one sends everything, nothing is read."""
    with request(session, url, 0, "0") as (answer, _response):
        return answer.size


def remark(published: Published, wanted: Sequence[Wanted]) -> str | None:
    """What is unusual about the sizes, compared with the published one; None if nothing is."""
    sizes = [each.size for each in wanted]
    known = [size for size in sizes if size is not None]
    if len(wanted) < len(published.files) or len(known) < len(sizes):
        return None
    total, expected = sum(known), published.gigabytes * 10**9
    if abs(total - expected) <= _ROUNDING * expected:
        return None
    return f"{published.name} is published as {published.gigabytes} GB; this server offers {text.size(total)}."


def check_room(published: Published, wanted: Sequence[Wanted], folder: Path) -> None:
    """Makes sure that there is enough disk space.

    Raises:
        DatasetError: when there is not.
    """
    needed = sum(_needed(published, each) for each in wanted if not each.done)
    ground, free = room(folder)
    if needed > free:
        raise DatasetError(
            f"{folder}: {text.size(needed)} are still to be fetched, and {ground} has {text.size(free)} free. Free "
            f"{text.size(needed - free)} there, or choose another folder; --only fetches some of the files."
        )


def room(folder: Path) -> tuple[Path, int]:
    """The nearest existing folder above a folder to be, and the bytes that are free there."""
    ground = folder.absolute()
    while not ground.exists():
        ground = ground.parent
    if not ground.is_dir() or not os.access(ground, os.W_OK):
        raise DatasetError(f"{ground} is not a folder that can be written to. Choose another one.")
    return ground, shutil.disk_usage(ground).free


def _needed(published: Published, wanted: Wanted) -> int:
    if wanted.size is None and wanted.file.part == "h5":
        return max(published.gigabytes * 10**9 - wanted.here, 0)
    return wanted.missing
