"""One file from a server that fails: it goes on where it was, starts over when it must, and gives up in the end."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from mmearth_curate.fetch.catalogue import PUBLISHED
from mmearth_curate.fetch.server import ATTEMPTS, LONGEST_WAIT, new_session
from mmearth_curate.fetch.transfer import Transfer

from mmearth_core.errors import DatasetError, RunStoppedError

H5 = PUBLISHED["MMEarth100k"].files[-1]


class Here:
    """Fetches the HDF5 file, and records the waits and the progress calls."""

    def __init__(self, shelf: Any, folder: Path) -> None:
        self.shelf, self.target = shelf, folder / H5.name
        self.part, self.beside = folder / f"{H5.name}.part", folder / f"{H5.name}.part.json"
        self.waits: list[float] = []
        self.told: list[tuple[int, int | None]] = []

    def fetch(self) -> int:
        url = f"{self.shelf.url}/{H5.name}"
        with new_session() as session:
            told = self.told.append
            return Transfer(
                session, url, self.target, H5, lambda have, size: told((have, size)), self.waits.append
            ).run()

    @property
    def content(self) -> bytes:
        whole: bytes = self.shelf.files[H5.name]
        return whole

    def is_whole(self) -> bool:
        return self.target.read_bytes() == self.content and not self.part.exists() and not self.beside.exists()


@pytest.fixture
def here(shelf: Any, folder: Path) -> Here:
    return Here(shelf, folder)


def test_a_file_comes_whole_and_is_told_of(here: Here) -> None:
    assert here.fetch() == len(here.content)
    assert here.is_whole()
    assert here.told[0] == (0, len(here.content))
    assert here.told[-1] == (len(here.content), len(here.content))
    assert here.waits == []


@pytest.mark.parametrize("tags", ["strong", "weak", "date", ""])
def test_dropped_connections_cost_no_byte_twice(here: Here, tags: str) -> None:
    here.shelf.tags, here.shelf.drops = tags, [10_000, 1, 50_000]
    here.fetch()
    assert here.is_whole()
    assert here.shelf.sent == len(here.content)
    starts = [wanted for wanted, _ in here.shelf.bodies(H5.name)]
    assert starts == [None, "bytes=10000-", "bytes=10001-", "bytes=60001-"]
    conditions = {condition is not None for _, condition in here.shelf.bodies(H5.name)[1:]}
    assert conditions == {tags in ("strong", "date")}, "a weak tag or none makes no condition"


def test_another_process_goes_on_where_one_was_ended(here: Here) -> None:
    _break_off(here)
    assert here.part.read_bytes() == here.content[:30_000]
    assert not here.target.exists()
    here.told.clear()
    here.fetch()
    assert here.is_whole()
    assert here.told[0] == (30_000, len(here.content))
    assert here.shelf.sent == len(here.content)


def test_a_server_without_ranges_starts_over(here: Here) -> None:
    here.shelf.ranges, here.shelf.drops = False, [20_000, 40_000]
    here.fetch()
    assert here.is_whole()
    assert here.shelf.sent == 60_000 + len(here.content)


def test_a_server_that_tells_no_length_is_believed_if_the_file_opens(here: Here) -> None:
    here.shelf.ranges = here.shelf.lengths = False
    here.fetch()
    assert here.is_whole()


def test_a_file_cut_by_a_server_that_tells_no_length_is_found_out(here: Here) -> None:
    here.shelf.ranges = here.shelf.lengths = False
    here.shelf.drops = [30_000]
    with pytest.raises(DatasetError, match=r"\.h5\.part: all bytes were downloaded, but HDF5 cannot open the file"):
        here.fetch()
    assert not here.target.exists()


@pytest.mark.parametrize("tags", ["strong", "weak", "date", ""])
def test_a_file_that_grows_on_the_way_starts_over(here: Here, tags: str) -> None:
    here.shelf.tags = tags
    _break_off(here)
    here.shelf.files[H5.name] += bytes(100)  # HDF5 does not mind
    here.fetch()
    assert here.is_whole()


def test_a_file_that_changes_but_not_its_length_is_told_by_its_tag(here: Here) -> None:
    _break_off(here)
    here.shelf.files[H5.name] = here.content[:12_000] + bytes(200) + here.content[12_200:]
    here.fetch()
    assert here.is_whole()


def test_a_part_of_unknown_origin_is_not_used(here: Here) -> None:
    here.part.parent.mkdir(parents=True)
    here.part.write_bytes(here.content[:4] + bytes(100))
    here.fetch()
    assert here.is_whole()


def _break_off(here: Here) -> None:
    """Leaves 30,000 bytes of the file."""
    here.shelf.drops = [30_000] + [0] * ATTEMPTS
    with pytest.raises(RunStoppedError):
        here.fetch()
    assert here.part.stat().st_size == 30_000


def test_waits_grow_and_end(here: Here) -> None:
    here.shelf.answers = [(503, {})] * ATTEMPTS
    with pytest.raises(RunStoppedError, match=r"answers 503 .*; 6 attempts in a row"):
        here.fetch()
    assert here.waits == sorted(here.waits)
    assert len(here.waits) == ATTEMPTS - 1
    assert 0 < here.waits[0] < here.waits[-1] <= LONGEST_WAIT
    assert here.fetch() == len(here.content)


def test_new_bytes_give_new_patience(here: Here) -> None:
    here.shelf.drops = [1000, 0, 0, 0] * 5
    here.fetch()
    assert here.is_whole()
    assert len(here.waits) == 20


def test_the_server_says_how_long_to_wait(here: Here) -> None:
    here.shelf.answers = [(503, {"Retry-After": "77"}), (429, {"Retry-After": "1000000"}), (500, {"Retry-After": "x"})]
    here.fetch()
    assert here.waits == [77.0, 600.0, 4.0]


@pytest.mark.parametrize("ranges", [True, False])
@pytest.mark.parametrize("lie", [500, 100_000_000])
def test_a_server_that_promises_too_much_is_given_up(here: Here, ranges: bool, lie: int) -> None:
    here.shelf.lie, here.shelf.ranges = lie, ranges
    with pytest.raises(RunStoppedError, match="attempts in a row brought no new bytes"):
        here.fetch()
    assert not here.target.exists()


def test_a_server_that_promises_too_little_leaves_no_whole_file(here: Here) -> None:
    here.shelf.lie = -500
    with pytest.raises(DatasetError, match="HDF5 cannot open the file"):
        here.fetch()
    assert not here.target.exists()


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_a_refusal_is_final(here: Here, status: int) -> None:
    here.shelf.answers = [(status, {})]
    with pytest.raises(DatasetError, match=rf"{H5.name}: the server answers {status} .*--url"):
        here.fetch()
    assert here.waits == []


def test_a_page_instead_of_the_file_is_no_file(here: Here) -> None:
    page = b"<!DOCTYPE html><html>Please log in" + b" " * 300_000
    right, here.shelf.files[H5.name] = here.content, page
    with pytest.raises(DatasetError, match=r"the answer begins with b'<!DOCTYPE html>"):
        here.fetch()
    assert here.part.stat().st_size == 0
    here.shelf.files[H5.name] = right
    here.fetch()
    assert here.is_whole()


def test_a_server_that_is_not_there_is_given_up(here: Here) -> None:
    with new_session() as session:
        waits: list[float] = []
        transfer = Transfer(session, "http://127.0.0.1:1/x", here.target, H5, sleep=waits.append)
        with pytest.raises(RunStoppedError, match="the connection failed"):
            transfer.run()
    assert len(waits) == ATTEMPTS - 1


def test_two_processes_do_not_fetch_the_same_file(here: Here) -> None:
    here.part.parent.mkdir(parents=True)
    hold = "import fcntl, sys; f = open(sys.argv[1], 'a'); fcntl.lockf(f, fcntl.LOCK_EX); print(); sys.stdin.read()"
    command = [sys.executable, "-c", hold, str(here.part)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout
        other.stdout.readline()
        with pytest.raises(DatasetError, match="another process is fetching this file"):
            here.fetch()
        other.communicate()
    here.fetch()
    assert here.is_whole()
