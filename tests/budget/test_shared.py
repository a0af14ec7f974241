"""The budget at work: threads, real processes that are killed and paused, and folders that cannot be used."""

import os
import signal
import socket
import socketserver
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from mmearth_core.budget import SharedBudget, live_tasks
from mmearth_core.errors import RunStoppedError

SLOTS = 4
WORK = """
import socket, sys, threading
from contextlib import closing
from pathlib import Path
from mmearth_core.budget import SharedBudget

folder, server, requests = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])

def work():
    for _ in range(requests):
        with budget.permit(), socket.socket(socket.AF_UNIX) as wire:
            wire.connect(server)
            wire.sendall(b"?")
            wire.recv(1)

with closing(SharedBudget(folder, slots=4, per_second=1e6, beat=0.2, lease=2.0)) as budget:
    print("joined", flush=True)
    threads = [threading.Thread(target=work, daemon=True) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
print("done", flush=True)
"""


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """Answers when it may, and counts how many ask at once."""

    daemon_threads = True
    request_queue_size = 100

    def __init__(self, path: Path) -> None:
        super().__init__(str(path), Answer)
        self.lock = threading.Condition()
        self.at_once = self.most = self.answered = 0
        self.open = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A killed process does not wait for its answer."""

    def hold(self, at_once: int) -> None:
        """Answers nothing more until `release`; returns when so many wait for an answer."""
        with self.lock:
            self.open = False
            assert self.lock.wait_for(lambda: self.at_once == at_once, 60)

    def release(self) -> None:
        with self.lock:
            self.open = True
            self.lock.notify_all()


class Answer(socketserver.BaseRequestHandler):
    server: Server

    def handle(self) -> None:
        server = self.server
        with server.lock:
            server.at_once += 1
            server.most = max(server.most, server.at_once)
            server.lock.notify_all()
            server.lock.wait_for(lambda: server.open, 60)
            server.at_once -= 1
            server.answered += 1
        self.request.recv(1)
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
        killed.kill()
        # The third goes on alone, with the slots of the dead and of the silent.
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
    assert live_tasks(folder) == []


def test_tasks_at_work_are_shown_with_what_they_report(tmp_path):
    folder = tmp_path / "budget"
    assert live_tasks(folder) == []
    with closing(SharedBudget(folder, slots=3, per_second=100, want=2)) as budget:
        budget.report(done=3, shard="0/2")
        (task,) = live_tasks(folder)
        assert (task.host, task.pid, task.want, task.slots) == (
            socket.gethostname(),
            os.getpid(),
            2,
            budget.slots,
        )
        assert budget.slots == 2
        assert task.began.endswith("+00:00")
    assert live_tasks(folder) == []


def test_a_budget_is_used_by_threads_and_closed_twice(tmp_path):
    budget = SharedBudget(tmp_path / "budget", slots=2, per_second=1e6)
    with budget.permit(), budget.permit():
        budget.limit(1)
    budget.close()
    budget.close()
    with pytest.raises(RunStoppedError, match="run the same command again"), budget.permit():
        pass
    # Whoever comes next finds all slots free, and need not wait.
    with closing(SharedBudget(tmp_path / "budget", slots=2, per_second=1e6)) as following:
        assert following.slots == 2


def test_a_folder_that_cannot_be_made_is_named_with_the_remedy(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunStoppedError, match=r"file.*budget.*cannot be used: .* name another folder") as caught:
        SharedBudget(tmp_path / "file" / "budget", slots=2, per_second=1)
    assert caught.value.exit_code == 3


def test_a_folder_that_is_full_for_long_ends_the_run_with_the_remedy(tmp_path, monkeypatch):
    class Clock:
        now = 0.0

        def __call__(self) -> float:
            return self.now

    clock = Clock()
    budget = SharedBudget(tmp_path / "budget", slots=1, per_second=1e6, beat=0.01, clock=clock)

    def refuse(*_):
        raise OSError(28, "No space left on device", "budget/task")

    monkeypatch.setattr("mmearth_core.budget.files.FolderFiles.rename", refuse)
    clock.now = 301.0
    with (
        pytest.raises(RunStoppedError, match=r"budget/task: .* cannot be used: No space left on device\. Make room"),
        budget.permit(),
    ):
        pass
    monkeypatch.undo()
    budget.close()
    assert live_tasks(tmp_path / "budget") == []
