"""The shared budget: threads, real processes that are killed and paused, and folders that cannot be used."""

import errno
import os
import signal
import socket
import socketserver
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from attrs import evolve

from mmearth_core.budget import FOLDER_PATIENCE, SLOT_PATIENCE, SharedBudget, live_members
from mmearth_core.budget.members import Member
from mmearth_core.errors import DatasetError, MMEarthError, RunStoppedError

SLOTS = 4
WORK = """
import os, socket, sys, threading
from contextlib import closing
from pathlib import Path
from mmearth_core.budget import SharedBudget

folder, server, requests = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])

def work():
    for _ in range(requests):
        with budget.permit(), socket.socket(socket.AF_UNIX) as wire:
            wire.connect(server)
            wire.sendall(str(os.getpid()).encode())
            wire.recv(1)

with closing(SharedBudget(folder, slots=4, per_second=1e6, beat=0.2)) as budget:
    print("joined", flush=True)
    threads = [threading.Thread(target=work, daemon=True) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
print("done", flush=True)
"""


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """Answers while it is open, and counts the requests in flight."""

    daemon_threads = True
    request_queue_size = 100

    def __init__(self, path: Path) -> None:
        super().__init__(str(path), Answer)
        self.lock = threading.Condition()
        self.at_once = Counter[int]()  # by the id of the process
        self.killed = 0
        self.most = self.answered = 0
        self.open = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A killed process does not wait for its answer."""

    def hold(self, at_once: int) -> None:
        """Answers nothing more until `release`; returns when so many wait for an answer."""
        with self.lock:
            self.open = False
            assert self.lock.wait_for(lambda: self.at_once.total() == at_once, 60)

    def release(self) -> None:
        with self.lock:
            self.open = True
            self.lock.notify_all()


class Answer(socketserver.BaseRequestHandler):
    server: Server

    def handle(self) -> None:
        server, asked = self.server, self.request.recv(20)
        if not asked:
            return
        pid = int(asked)
        with server.lock:
            server.at_once[pid] += 1
            # What a killed process has sent may come late, when another one has its slots already.
            server.most = max(server.most, server.at_once.total() - server.at_once[server.killed])
            server.lock.notify_all()
            server.lock.wait_for(lambda: server.open, 60)
            server.at_once[pid] -= 1
            server.answered += 1
        self.request.sendall(b"!")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with Server(tmp_path / "wire") as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield server
        server.release()
        server.shutdown()
        thread.join()


def start(folder: Path, server: Server, requests: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WORK, str(folder), str(server.server_address), str(requests)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.slow
def test_processes_keep_to_one_budget_while_one_is_killed_and_one_is_paused(tmp_path, server):
    folder = tmp_path / "budget"
    killed, paused, third = workers = [start(folder, server, requests) for requests in (10**6, 150, 150)]
    try:
        for worker in workers:
            assert worker.stdout.readline() == "joined\n"
        # All slots are in use, and nobody gets an answer.
        server.hold(SLOTS)
        paused.send_signal(signal.SIGSTOP)
        server.release()
        server.killed = killed.pid
        killed.kill()
        # The third goes on alone.
        output, errors = third.communicate(timeout=120)
        assert (output, errors) == ("done\n", "")
        paused.send_signal(signal.SIGCONT)
        output, errors = paused.communicate(timeout=120)
        assert (output, errors) == ("done\n", "")
    finally:
        for worker in workers:
            worker.kill()
            worker.communicate()
    assert server.most == SLOTS
    assert server.answered >= 2 * 4 * 150
    assert live_members(folder) == []


def test_a_process_need_not_wait_for_a_dead_one_of_the_same_machine(tmp_path, server):
    folder = tmp_path / "budget"
    killed = start(folder, server, 10**6)
    try:
        assert killed.stdout.readline() == "joined\n"
        server.hold(SLOTS)
    finally:
        killed.kill()
        killed.communicate()
    (left_behind,) = folder.iterdir()
    with closing(SharedBudget(folder, slots=4, per_second=1e6)) as budget:
        assert budget.slots == 4
        assert not left_behind.exists()


def test_another_process_with_the_same_id_is_not_the_one_that_wrote_the_file():
    own = Member.this_process(1, 1.0)
    assert not own.is_dead
    assert evolve(own, birth="1").is_dead
    assert not evolve(own, birth="1", machine="another").is_dead
    assert not evolve(own, birth="1", machine="").is_dead


def test_live_processes_are_shown_with_what_they_report(tmp_path):
    folder = tmp_path / "budget"
    assert live_members(folder) == []
    # Its clock stands still: on a busy machine, its lease of a few hundredths of a second could end.
    with closing(SharedBudget(folder, slots=3, per_second=100, beat=0.01, clock=Clock())) as budget:
        budget.report(done=2)
        budget.report(done=3, shard="0/2")
        member, age = wait_for(lambda: live_members(folder)[0], lambda seen: seen[0].report and seen[0].slots)
        assert (member.host, member.pid) == (socket.gethostname(), os.getpid())
        assert (member.slots, budget.slots, member.report) == (3, 3, {"done": 3, "shard": "0/2"})
        assert member.began.endswith("+00:00")
        assert age < 60
    assert live_members(folder) == []


def wait_for(look, fits):
    """Looks until it fits; updates come by themselves."""
    pause = threading.Event()
    for _ in range(1000):
        if fits(result := look()):
            return result
        pause.wait(0.02)
    raise AssertionError("it never came")


def test_a_budget_is_used_by_threads_and_closed_twice(tmp_path):
    budget = SharedBudget(tmp_path / "budget", slots=2, per_second=1e6)
    with budget.permit(), budget.permit():
        budget.limit(1)
    budget.close()
    budget.close()
    with pytest.raises(RunStoppedError, match="run the same command again"), budget.permit():
        pass
    # The next process finds all slots free, and need not wait.
    with closing(SharedBudget(tmp_path / "budget", slots=2, per_second=1e6)) as following:
        assert following.slots == 2


def test_a_folder_that_cannot_be_made_is_named_with_the_remedy(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DatasetError, match=r"file.*budget.*cannot be used: .* name another folder") as caught:
        SharedBudget(tmp_path / "file" / "budget", slots=2, per_second=1)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("number", "status"), [(errno.EROFS, 3), (errno.EACCES, 2), (errno.ESTALE, 3), (errno.EIO, 3), (errno.ENOSPC, 3)]
)
def test_a_task_that_starts_while_the_folder_is_away_is_to_start_again(number, status, tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(number, os.strerror(number), "budget/file")

    monkeypatch.setattr("mmearth_core.budget.members.Folder.write", refuse)
    with pytest.raises(MMEarthError, match=r"budget/file: .* cannot be used: .* run the same command again") as caught:
        SharedBudget(tmp_path / "budget", slots=2, per_second=1)
    assert caught.value.exit_code == status


def test_one_process_lowers_the_requests_in_flight_of_all(tmp_path):
    def budget():
        return closing(SharedBudget(tmp_path / "budget", slots=8, per_second=1e6, beat=0.01))

    with budget() as one, budget() as other:

        def slots():
            return one.slots, other.slots

        wait_for(slots, lambda seen: seen == (4, 4))
        one.share(3)
        wait_for(slots, lambda seen: seen == (2, 1))
        # Another one need not know why: the smallest number of all applies.
        with budget() as third:
            wait_for(lambda: (*slots(), third.slots), lambda seen: seen == (1, 1, 1))
        one.share(8)
        wait_for(slots, lambda seen: seen == (4, 4))


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_folder_that_is_full_for_long_ends_the_run_with_the_remedy(tmp_path, monkeypatch):
    clock = Clock()
    budget = SharedBudget(tmp_path / "budget", slots=1, per_second=1e6, beat=0.01, clock=clock)

    def refuse(*_):
        raise OSError(28, "No space left on device", "budget/file")

    monkeypatch.setattr("mmearth_core.budget.members.Folder.write", refuse)
    clock.now = FOLDER_PATIENCE + 1
    with (
        pytest.raises(RunStoppedError, match=r"budget/file: .* cannot be used: No space left on device\. Free disk"),
        budget.permit(),
    ):
        pass
    monkeypatch.undo()
    budget.close()
    assert live_members(tmp_path / "budget") == []


def test_a_process_without_a_slot_for_long_ends_with_the_remedy(tmp_path):
    folder, clock = tmp_path / "budget", Clock()
    with (
        closing(SharedBudget(folder, slots=1, per_second=1e6, beat=0.01)),
        closing(SharedBudget(folder, slots=1, per_second=1e6, beat=0.01, clock=clock)) as waiting,
    ):
        clock.now = SLOT_PATIENCE + 1
        with pytest.raises(RunStoppedError, match=r"waited 30 minutes.*slurm submit --parallel") as caught:
            waiting.permit().__enter__()
        assert caught.value.exit_code == 3
