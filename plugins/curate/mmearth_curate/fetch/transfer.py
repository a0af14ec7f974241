"""Downloads one file into `NAME.part`, continues interrupted downloads, and renames the file when it is complete."""

import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import requests
from attrs import asdict, frozen
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from mmearth_core import text as words
from mmearth_core.errors import DatasetError
from mmearth_core.files import WITHOUT_LOCKS, sync_folder, written_aside
from mmearth_core.product.hdf5 import open_file
from mmearth_curate.fetch.catalogue import PublishedFile
from mmearth_curate.fetch.server import AgainError, Answer, pieces, request, retry

OnBytes = Callable[[int, int | None], None]
"""Called with the bytes downloaded so far, and those of the complete file."""


@frozen
class _Version:
    """The version of the file to which a part belongs; stored beside it, so that another run can continue."""

    size: int | None
    validator: str


def part_of(target: Path) -> Path:
    """The path of an incomplete file."""
    return target.with_name(f"{target.name}.part")


def version_of(target: Path) -> Path:
    """The path of the version of an incomplete file."""
    return target.with_name(f"{target.name}.part.json")


class Transfer:
    """The download of one file.

    Attributes:
        url: the source.
        target: the path to write.
    """

    def __init__(
        self,
        session: requests.Session,
        url: str,
        target: Path,
        file: PublishedFile,
        on_bytes: OnBytes = lambda _have, _size: None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.url = url
        self.target = target
        self._session = session
        self._file = file
        self._on_bytes = on_bytes
        self._sleep = sleep
        self._part = part_of(target)

    def run(self) -> int:
        """Downloads the file, or the rest of it; returns its size.

        Raises:
            RunStoppedError: when the server does not answer; the downloaded part is kept.
            DatasetError: when the server refuses, or sends another file.
        """
        self.target.parent.mkdir(parents=True, exist_ok=True)
        with self._part.open("a+b") as part:
            _lock(part, self._part)
            retry(self.url, lambda: self._attempt(part), self._sleep, lambda: _length(part))
            part.flush()
            os.fsync(part.fileno())
            size = _length(part)
            self._check_complete()
            self._part.replace(self.target)
        version_of(self.target).unlink(missing_ok=True)
        sync_folder(self.target.parent)
        return size

    def _attempt(self, part: IO[bytes]) -> None:
        """One request, and what it returns."""
        have, known = _length(part), self._known()
        if have and known is None:  # the version of this part is unknown
            part.truncate(0)
            have = 0
        start, validator = (have, known.validator) if have and known else (None, "")
        with request(self._session, self.url, start, validator=validator) as (answer, response):
            if answer.start is None and known and answer.size == known.size == have:
                return
            if answer.start != have or (have and not _same(known, answer)):
                part.truncate(0)
                if answer.start != 0:
                    raise AgainError("the file has changed on the server")
                have = 0
            if have == 0:
                self._remember(_Version(answer.size, answer.validator))
            self._on_bytes(have, answer.size)
            for piece in pieces(response):
                if have == 0:
                    self._check_head(piece)
                part.write(piece)
                have += len(piece)
                self._on_bytes(have, answer.size)
        if answer.size is not None and have != answer.size:
            if have > answer.size:
                part.truncate(0)
            raise AgainError(f"the server says that the file has {answer.size} bytes, and sends {have}")

    def _known(self) -> _Version | None:
        try:
            known = json.loads(version_of(self.target).read_text(encoding="utf-8"))
            return _Version(known["size"], known["validator"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def _remember(self, version: _Version) -> None:
        with written_aside(version_of(self.target)) as aside:
            aside.write_text(json.dumps(asdict(version)), encoding="utf-8")

    def _check_head(self, piece: bytes) -> None:
        head = self._file.head
        if not piece.startswith(head[: len(piece)]):
            raise DatasetError(
                f"{self.url}: the server did not send {self._file.name}: the answer begins with {piece[:40]!r}. It may "
                "be a login page or a notice that the file has moved: open the address in a browser, and set the "
                "correct one with --url."
            )

    def _check_complete(self) -> None:
        """Checks that an HDF5 file is not truncated: HDF5 refuses to open a truncated file."""
        if self._file.part != "h5":
            return
        try:
            open_file(self._part, "r").close()
        except OSError as error:
            raise DatasetError(
                f"{self._part}: all bytes were downloaded, but HDF5 cannot open the file ({error}). Delete the file "
                "and fetch it again, from another place with --url."
            ) from error


def _same(known: _Version | None, answer: Answer) -> bool:
    if known is None or (known.size is not None and answer.size != known.size):
        return False
    return not (known.validator and answer.validator) or known.validator == answer.validator


def _length(file: IO[bytes]) -> int:
    return file.seek(0, os.SEEK_END)


def _lock(file: IO[bytes], path: Path) -> None:
    """Excludes other processes from the same part; the lock ends when the file is closed."""
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise DatasetError(f"{path}: another process is fetching this file. Wait for it, or stop it.") from error
    except OSError as error:
        if error.errno not in WITHOUT_LOCKS:
            raise


_PLAIN_EVERY = 30.0
"""Seconds between two plain lines."""

Bar = Callable[[str, int, int | None], None]
"""Called with a file's name, the bytes downloaded so far, and those of the complete file."""


@contextmanager
def bytes_bar(console: Console, clock: Callable[[], float] = time.monotonic) -> Iterator[Bar]:
    """Yields a progress display: bars with speed and remaining time on a terminal, otherwise a line now and then."""
    if not console.is_terminal:
        last = clock()

        def line(name: str, have: int, size: int | None) -> None:
            nonlocal last
            if clock() - last >= _PLAIN_EVERY:
                last = clock()
                of = f" of {words.size(size)}" if size is not None else ""
                console.print(f"{name}: {words.size(have)}{of}", soft_wrap=True, markup=False, highlight=False)

        yield line
        return
    text = TextColumn("{task.description}", markup=False)
    columns = (text, BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as progress:
        tasks = {}

        def move(name: str, have: int, size: int | None) -> None:
            if name not in tasks:  # what was downloaded before must not count as speed
                tasks[name] = progress.add_task(name, total=size, completed=have)
            progress.update(tasks[name], completed=have, total=size)

        yield move
