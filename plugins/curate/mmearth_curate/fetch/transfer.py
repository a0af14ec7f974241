"""Brings one file here: into `NAME.part`, from where it was broken off, and under its own name once it is whole."""

import fcntl
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO

import h5py
import requests
from attrs import asdict, frozen

from mmearth_core.errors import DatasetError
from mmearth_core.files import sync_folder, written_aside
from mmearth_curate.fetch.catalogue import PublishedFile
from mmearth_curate.fetch.server import AgainError, Answer, asked, patiently, pieces

Told = Callable[[int, int | None], None]
"""Called with the bytes that are here, and those of the whole file."""


@frozen
class _Version:
    """Which version of the file a part belongs to; stands beside it, so that another run can go on."""

    size: int | None
    validator: str


def part_of(target: Path) -> Path:
    """Where a file stands while it is not whole."""
    return target.with_name(f"{target.name}.part")


def version_of(target: Path) -> Path:
    """What is known of that part."""
    return target.with_name(f"{target.name}.part.json")


class Transfer:
    """One file on its way.

    Attributes:
        url: where it comes from.
        target: where it goes.
    """

    def __init__(
        self,
        session: requests.Session,
        url: str,
        target: Path,
        file: PublishedFile,
        told: Told = lambda _have, _size: None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.url = url
        self.target = target
        self._session = session
        self._file = file
        self._told = told
        self._sleep = sleep
        self._part = part_of(target)

    def run(self) -> int:
        """Fetches the file, or the rest of it; returns its size.

        Raises:
            RunStoppedError: when the server stays away; what has come is kept.
            DatasetError: when the server refuses, or sends something else.
        """
        self.target.parent.mkdir(parents=True, exist_ok=True)
        with self._part.open("a+b") as part:
            _hold(part, self._part)
            patiently(self.url, lambda: self._attempt(part), self._sleep, lambda: _length(part))
            part.flush()
            os.fsync(part.fileno())
            size = _length(part)
            self._check_whole()
            self._part.replace(self.target)
        version_of(self.target).unlink(missing_ok=True)
        sync_folder(self.target.parent)
        return size

    def _attempt(self, part: IO[bytes]) -> None:
        """One request, and whatever it brings."""
        have, known = _length(part), self._known()
        if have and known is None:  # nobody knows what this is the beginning of
            part.truncate(0)
            have = 0
        start, validator = (have, known.validator) if have and known else (None, "")
        with asked(self._session, self.url, start, validator=validator) as (answer, response):
            if answer.start is None and known and answer.size == known.size == have:
                return
            if answer.start != have or (have and not _same(known, answer)):
                part.truncate(0)
                if answer.start != 0:
                    raise AgainError("the file has changed on the server")
                have = 0
            if have == 0:
                self._remember(_Version(answer.size, answer.validator))
            self._told(have, answer.size)
            for piece in pieces(response):
                if have == 0:
                    self._check_head(piece)
                part.write(piece)
                have += len(piece)
                self._told(have, answer.size)
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
                f"{self.url}: what the server sends is not {self._file.name}: it begins with {piece[:40]!r}. It may be "
                "a page that asks for a login or says that the file has moved: open the address in a browser, and give "
                "the right one with --url."
            )

    def _check_whole(self) -> None:
        """Of an HDF5 file, whether it ends where it says: HDF5 refuses to open one that is cut."""
        if self._file.part != "h5":
            return
        try:
            h5py.File(self._part, "r").close()
        except OSError as error:
            raise DatasetError(
                f"{self._part}: all bytes have come, but HDF5 cannot open them ({error}). Delete the file and fetch it "
                "again, from another place with --url."
            ) from error


def _same(known: _Version | None, answer: Answer) -> bool:
    if known is None or (known.size is not None and answer.size != known.size):
        return False
    return not (known.validator and answer.validator) or known.validator == answer.validator


def _length(file: IO[bytes]) -> int:
    return file.seek(0, os.SEEK_END)


def _hold(file: IO[bytes], path: Path) -> None:
    """Keeps other processes from writing to the same part; the system ends the lock with the file's closing."""
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise DatasetError(f"{path}: another process is fetching this file. Wait for it, or end it.") from error
