"""Locks: one process a partition, released however the process ends."""

import subprocess
import sys

import pytest

from mmearth_core.errors import DatasetError
from mmearth_core.files import locked

HOLD = """
import sys
from pathlib import Path
from mmearth_core.files import locked
with locked(Path(sys.argv[1]), [int(number) for number in sys.argv[2:]]):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def path(tmp_path):
    lock = tmp_path / "data" / "journal" / "base" / "lock"
    lock.parent.mkdir(parents=True)
    return lock


@pytest.fixture
def other(path):
    """Another process that locks partitions 1 and 3 until it is stopped."""
    command = [sys.executable, "-c", HOLD, str(path), "1", "3"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        yield process


def test_a_held_partition_is_refused_with_the_remedy(path, other):
    with (
        pytest.raises(DatasetError, match=r"partition 3 of .*data, group 'base'.* --shard") as caught,
        locked(path, [0, 2, 3]),
    ):
        pass
    assert caught.value.exit_code == 2


def test_other_partitions_are_free(path, other):
    with locked(path, [0, 2, 4]):
        assert path.exists()


def test_a_killed_process_holds_nothing(path, other):
    other.kill()
    other.wait()
    with locked(path, [1, 3]):
        assert path.read_bytes() == b""


def test_partitions_are_free_again_afterwards(path):
    for _ in "ab":
        with locked(path, range(3000)):
            pass
    done = subprocess.run([sys.executable, "-c", HOLD, str(path), "7"], input="", text=True, capture_output=True)
    assert done.stdout == "held\n", done.stderr


def test_where_nothing_may_be_written_nothing_is_locked(tmp_path, monkeypatch):
    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("mmearth_core.files.os.open", refuse)
    with locked(tmp_path / "lock", [1]):
        assert list(tmp_path.iterdir()) == []


def test_a_file_system_without_locks_is_no_reason_to_stop(path, monkeypatch, caplog):
    def refuse(*_):
        raise OSError(37, "No locks available")

    monkeypatch.setattr("mmearth_core.files.fcntl.lockf", refuse)
    for group in (path, path.parent.parent / "more" / "lock"):
        group.parent.mkdir(exist_ok=True)
        with locked(group, [1]):
            assert group.exists()
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert str(path.parent.parent) in caplog.text and "without locks" in caplog.text
