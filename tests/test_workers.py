"""Worker processes: only the command answers a control-C, and no worker outlives it."""

import subprocess
import sys
from pathlib import Path

SCRIPT = """
import os, signal, sys
from mmearth_core.workers import Pool

def ask(number):
    if number == 0 and sys.argv[1] == "interrupt":
        os.killpg(os.getpgid(0), signal.SIGINT)  # as a terminal does: the workers, and the one that waits for them
    if number == 0 and sys.argv[1] == "worker":
        os.kill(os.getpid(), signal.SIGKILL)  # as the system does when the memory is used up
    return number

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # it is ignored where the tests run in the background
    try:
        with Pool(2) as pool:
            for answer in pool.map(ask, range(8)):
                if sys.argv[1] == "kill":
                    os.kill(os.getpid(), signal.SIGKILL)
    except KeyboardInterrupt:
        sys.exit("interrupted")
"""


def run(folder: Path, how: str) -> tuple[int, str]:
    """Its status and its standard error, which ends only when the last worker has closed it."""
    script = folder / "script.py"
    script.write_text(SCRIPT)
    command = [sys.executable, script, how]
    ended = subprocess.run(command, stderr=subprocess.PIPE, text=True, timeout=60, start_new_session=True, check=False)
    return ended.returncode, ended.stderr


def test_control_c_ends_a_command_with_workers_in_one_line(tmp_path: Path) -> None:
    assert run(tmp_path, "interrupt") == (1, "interrupted\n")


def test_workers_end_with_a_command_that_is_killed(tmp_path: Path) -> None:
    status, _ = run(tmp_path, "kill")
    assert status == -9


def test_a_worker_that_is_killed_ends_the_command(tmp_path: Path) -> None:
    status, said = run(tmp_path, "worker")
    assert status == 1
    assert "RunStoppedError: A worker process was killed" in said
