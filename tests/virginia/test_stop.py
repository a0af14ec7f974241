"""A run that is stopped: by a signal, by a second one, by a full disk. What is done is kept, and it can go on."""

import contextlib
import json
import os
import pty
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from mmearth_devkit.testing.command_line import cli
from mmearth_devkit.testing.few_tiles import write_few

from mmearth_core.download import journal
from mmearth_core.download.run_log import read_runs

Run = Callable[..., "subprocess.CompletedProcess[str]"]
Contents = Callable[[Path], dict[str, Any]]

SEND = """
import os, resource, signal, sys, threading
from mmearth_core.cli import main
from mmearth_core.download.stop import StopRequest

request, requested = StopRequest.request, threading.Event()

def stop(self, reason):
    request(self, reason)
    requested.set()

def send(number):
    os.kill(os.getpid(), number)
    assert requested.wait(60)

StopRequest.request = stop
"""
"""`send(SIGNAL)` returns when the stop is requested, which another thread does: until then, more tiles could end."""

SIGTERM, SIGINT = "send(signal.SIGTERM)", "send(signal.SIGINT)"

AT_TILE = f"""{SEND}
from mmearth_core.download import journal

count, moment = int(sys.argv.pop(1)), sys.argv.pop(1)
append, calls = journal.Journal.append, 0

def line(self, entries):
    global calls
    append(self, entries)
    calls += 1
    if calls == count:
        exec(moment)

journal.Journal.append = line
main()
"""
"""Does something at the moment when so many tiles have ended."""


def run_until(count: int, moment: str, *arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-c", AT_TILE, str(count), moment, "run", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def said(done: "subprocess.CompletedProcess[str] | Result") -> str:
    return " ".join(done.stderr.split())


def with_faults(config: Path, *rules: str, **options: Any) -> Path:
    """The configuration with faults of the local engine, and other options of the run."""
    text = config.read_text().replace("[run]", "[run]\n" + "\n".join(f"{k} = {v}" for k, v in options.items()), 1)
    path = config.with_name("faults.toml")
    path.write_text(text + "".join(f"\n[[engines.local.faults]]\n{rule}\n" for rule in rules))
    return path


def journaled(config: Path) -> int:
    return sum(len(path.read_bytes().splitlines()) for path in config.parent.glob("virginia/journal/*/*.jsonl"))


@pytest.mark.parametrize(
    ("signals", "name"), [(SIGTERM, "SIGTERM"), pytest.param(SIGINT, "SIGINT", marks=pytest.mark.slow)]
)
def test_a_signal_finishes_what_is_under_way_and_says_how_to_go_on(
    signals: str, name: str, run_cli: Run, config: Path, undisturbed: Path, read_contents: Contents
) -> None:
    stopped = run_until(7, signals, with_faults(config, max_concurrent=3), "--json")
    assert stopped.returncode == 3, stopped.stderr
    assert f"stopped: The run was stopped by {name}; rerun the command to continue." in said(stopped)
    assert "Traceback" not in stopped.stderr
    summary = json.loads(stopped.stdout)
    assert name in summary["stopped"]
    assert 7 <= summary["done"] < 40
    assert summary["left"] == 40 - summary["done"]
    # Nothing that was paid for is lost.
    assert summary["requests"]["image:computePixels"] == summary["done"] == journaled(config)
    (record,) = read_runs(config.parent / "virginia" / "runs.jsonl")
    assert (record["exit"], record["why"], record["ended"]["done"]) == (3, summary["stopped"], summary["done"])
    again = run_cli("run", config, "--json")
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["ended_in_this_run"] == 40 - summary["done"]
    assert read_contents(config.parent / "virginia") == read_contents(undisturbed)
    assert [one["exit"] for one in read_runs(config.parent / "virginia" / "runs.jsonl")] == [3, 0]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("signals", "status"), [(f"{SIGTERM}; {SIGTERM}", 143), (f"{SIGTERM}; {SIGINT}", 130)], ids=["TERM", "INT"]
)
def test_a_second_signal_ends_it_at_once(signals: str, status: int, config: Path) -> None:
    stopped = run_until(7, signals, config, "--json")
    assert stopped.returncode == status
    assert said(stopped) == "stopped at once; what is done is kept"
    assert stopped.stdout == ""
    assert journaled(config) == 7


@pytest.mark.slow  # the budget waits 10 s more for what hangs
def test_what_hangs_is_given_up_when_the_grace_is_over(run_cli: Run, config: Path) -> None:
    hanging = with_faults(config, 'kind = "hang"\nphase = "pixels"\nafter = 9', grace_seconds=0, timeout=600)
    stopped = run_until(9, SIGTERM, hanging, "--json")
    assert stopped.returncode == 3, stopped.stderr
    assert json.loads(stopped.stdout)["done"] == journaled(config) == 9
    again = run_cli("run", config, "--json")
    assert json.loads(again.stdout)["done"] == 40


@pytest.mark.slow
def test_waiting_for_another_try_is_interrupted(config: Path) -> None:
    busy = with_faults(config, 'kind = "503"\nphase = "pixels"\nafter = 9', retry_seconds=3600)
    stopped = run_until(9, SIGTERM, busy, "--json")
    assert stopped.returncode == 3, stopped.stderr
    summary = json.loads(stopped.stdout)
    assert (summary["done"], summary["failed"]) == (9, 0)


def test_a_signal_before_the_first_tile(config: Path) -> None:
    moment = (
        "from mmearth_core.config import schema; a = schema.load_config; "
        f"schema.load_config = lambda p: ({SIGTERM}, a(p))[1]"
    )
    code = f"{SEND}\n{moment}\nmain()"
    command = [sys.executable, "-c", code, "run", str(config), "--json"]
    stopped = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert stopped.returncode == 3, stopped.stderr
    assert journaled(config) == 0
    assert "Traceback" not in stopped.stderr


def test_a_full_disk_stops_the_run_and_leaves_nothing_half_written(
    run_cli: Run, config: Path, undisturbed: Path, read_contents: Contents
) -> None:
    # Three requests at a time, so that stacks are still to be written when the seventh tile has ended.
    full = "resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, -1))"
    stopped = run_until(7, full, with_faults(config, max_concurrent=3), "--json")
    assert stopped.returncode == 3, stopped.stderr
    assert (
        "cannot be read or written: File too large. Free disk space or fix the permissions. Then rerun the command"
        in said(stopped)
    )
    done = json.loads(stopped.stdout)["done"]
    assert 7 <= done < 40
    dataset = config.parent / "virginia"
    assert len(list(dataset.glob("stacks/**/*.tif"))) == done == journaled(config)
    assert not list(dataset.rglob(".*"))
    assert run_cli("run", config).returncode == 0
    assert read_contents(dataset) == read_contents(undisturbed)


@pytest.mark.slow
def test_a_folder_that_vanishes_stops_the_run_and_is_not_made_again(
    tmp_path: Path, read_contents: Contents, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if it was unmounted; when it is back, the run continues."""
    configs = [write_few(tmp_path / name, 9, "few", size=16, partition=4) for name in ("steady", "vanishing")]
    assert cli("run", configs[0]).exit_code == 0
    dataset, away, append, calls = tmp_path / "vanishing" / "few", tmp_path / "away", journal.Journal.append, []

    def append_and_vanish(self: journal.Journal, entries: Any) -> None:
        append(self, entries)
        calls.append(self)
        if len(calls) == 2:
            dataset.rename(away)

    with monkeypatch.context() as patched:
        patched.setattr(journal.Journal, "append", append_and_vanish)
        stopped = cli("run", configs[1], "--json")
    assert stopped.exit_code == 3, stopped.stderr
    assert "Its folder may be unmounted, renamed or deleted; bring it back. Then rerun the command" in said(stopped)
    summary = json.loads(stopped.stdout)
    # What is in the journals is not known while the folder is away.
    assert summary["left"] is None
    assert "No such file" in summary["uncounted"]
    assert not dataset.exists()
    away.rename(dataset)
    # There the run could not take its leave of the budget, and this process, unlike a real one, lives on.
    shutil.rmtree(dataset / "budget")
    assert cli("run", configs[1]).exit_code == 0
    assert read_contents(dataset) == read_contents(tmp_path / "steady" / "few")


@pytest.mark.slow
@pytest.mark.parametrize(("blocked", "status"), [("stacks", 3), ("journal", 2), ("budget", 2)])
def test_a_folder_that_cannot_be_written(blocked: str, status: int, config: Path) -> None:
    dataset = config.parent / "virginia"
    dataset.mkdir()
    (dataset / blocked).write_text("a file where a folder is to be")
    done = cli("run", config)
    assert done.exit_code == status, done.stderr
    assert f"{dataset / blocked}" in done.stderr.replace("\n", "")
    assert "Traceback" not in done.stderr
    assert journaled(config) == 0
    (dataset / blocked).unlink()
    assert cli("run", config, "--limit", "2").exit_code == 0


@pytest.mark.parametrize(
    ("kind", "advice"),
    [
        ("401", "earthengine authenticate"),
        pytest.param("429-quota", "administrator", marks=pytest.mark.slow),
        pytest.param("403-access", "is registered for Earth Engine", marks=pytest.mark.slow),
        pytest.param("refresh", "earthengine authenticate", marks=pytest.mark.slow),
    ],
)
def test_lost_access_stops_the_run_and_touches_no_tile(kind: str, advice: str, config: Path) -> None:
    rule = f'kind = "{kind}"\nphase = "pixels"\nafter = 9'
    done = cli("run", with_faults(config, rule, max_concurrent=3), "--json")
    assert done.exit_code == 3, done.stderr
    assert "stopped: Earth Engine no longer answers this run" in said(done)
    assert advice in said(done)
    summary = json.loads(done.stdout)
    assert (summary["failed"], summary["skipped"]) == (0, 0)
    assert 9 <= summary["done"] == 40 - summary["left"] < 40
    assert json.loads(cli("run", config, "--json").stdout)["done"] == 40


RESTRICTED = 'kind = "restricted"\nafter = 6'


@pytest.mark.slow
def test_restricted_mode_does_not_end_a_run(config: Path) -> None:
    done = cli("run", with_faults(config, RESTRICTED, max_concurrent=1), "--json", "--limit", "8")
    assert done.exit_code == 0, done.stderr
    summary = json.loads(done.stdout)
    assert (summary["done"], summary["restricted"], summary["stopped"]) == (8, True, None)
    assert summary["requests"]["image:computePixels"] == 8, "every answer was used"
    status = cli("status", config)
    assert " in restricted mode with status 0" in " ".join(status.stdout.split())
    assert json.loads(cli("status", config, "--json").stdout)["last_run"]["restricted"] is True
    assert "restricted mode" not in cli("run", config, "--limit", "9").output


@pytest.mark.slow
def test_a_run_that_is_to_stop_in_restricted_mode(config: Path) -> None:
    stop = with_faults(config, RESTRICTED, max_concurrent=3, when_restricted='"stop"')
    done = cli("run", stop, "--limit", "8")
    assert done.exit_code == 3, done.stderr
    assert "stopped: Earth Engine answers in restricted mode" in said(done)
    assert "no longer answers" not in said(done)
    assert "Earth Engine answered in restricted mode: the project's noncommercial quota is used up." in done.stdout
    assert json.loads(cli("run", config, "--json", "--limit", "8").stdout)["done"] == 8


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between two tries no time is spent."""
    monkeypatch.setattr("mmearth_core.earthengine.retry.LONGEST_WAIT", 0.0)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("kind", ["drop", "hang", "metadata"])
def test_a_batch_job_outlasts_faults_while_it_connects(kind: str, config: Path) -> None:
    faults = with_faults(config, f'kind = "{kind}"\nphase = "connect"\nfirst = 3', timeout=0.01)
    done = cli("run", faults, "--json", "--limit", "1")
    assert done.exit_code == 0, done.stderr
    assert sum(json.loads(done.stdout)["retries"].values()) == 3


@pytest.mark.slow
@pytest.mark.parametrize("phase", ["connect", "locate"])
def test_a_batch_job_that_cannot_start_is_to_be_started_again(phase: str, config: Path) -> None:
    """Also if the first request, for the centres of the tiles, is never answered."""
    tiles = json.loads((config.parent / "tiles.geojson").read_text())
    for feature in tiles["features"]:
        feature["properties"] = {"tile_id": feature["properties"]["tile_id"]}
    (config.parent / "tiles.geojson").write_text(json.dumps(tiles))
    done = cli("run", with_faults(config, f'kind = "drop"\nphase = "{phase}"', retry_seconds=0))
    assert done.exit_code == 3, done.stderr
    assert "Earth Engine does not answer (tried for 0 s): connection to " in said(done)
    assert "run the same command again later" in said(done)
    assert journaled(config) == 0
    assert cli("run", config, "--limit", "1").exit_code == 0


@pytest.mark.slow
def test_at_a_terminal_a_missing_network_is_an_error_at_once(config: Path) -> None:
    faults = with_faults(config, 'kind = "drop"\nphase = "connect"')
    leader, terminal = pty.openpty()
    command = [sys.executable, "-m", "mmearth_core", "run", str(faults)]
    with subprocess.Popen(command, stderr=terminal) as process:
        os.close(terminal)
        text = b""
        with contextlib.suppress(OSError):  # the other end is closed
            while piece := os.read(leader, 4096):
                text += piece
    os.close(leader)
    assert process.returncode == 2
    assert "Engine 'local' does not answer: connection to" in " ".join(text.decode().split())
    assert not (config.parent / "virginia").exists()


@pytest.mark.slow
@pytest.mark.parametrize("phase", ["locate", "pixels"])
def test_a_run_that_is_refused_from_the_start_is_not_to_be_begun_again_by_a_script(phase: str, config: Path) -> None:
    done = cli("run", with_faults(config, f'kind = "429-quota"\nphase = "{phase}"'), "--json")
    assert done.exit_code == 2, done.stderr
    assert "Wait until tomorrow" in said(done)
    summary = json.loads(done.stdout)
    assert (summary["ended_in_this_run"], summary["left"]) == (0, 40)
    (record,) = read_runs(config.parent / "virginia" / "runs.jsonl")
    assert record["exit"] == 2


def test_a_server_that_no_longer_answers_stops_the_run(config: Path) -> None:
    busy = with_faults(config, 'kind = "503"\nafter = 20', retry_seconds=0)
    done = cli("run", busy, "--json")
    assert done.exit_code == 3, done.stderr
    assert "Earth Engine does not answer (tried for 0 s): The service is currently unavailable." in said(done)
    assert json.loads(done.stdout)["failed"] == 0


@pytest.mark.parametrize(
    ("kind", "outcome"),
    [
        ("503", "left"),
        pytest.param("500", "failed", marks=pytest.mark.slow),
        pytest.param("garbled", "failed", marks=pytest.mark.slow),
    ],
)
def test_a_tile_that_alone_is_never_answered(kind: str, outcome: str, config: Path) -> None:
    tile = json.loads((config.parent / "tiles.geojson").read_text())["features"][4]["properties"]["tile_id"]
    place = f'tile = "{tile}"\ntiles = "{config.parent / "tiles.geojson"}"'
    faulty = with_faults(config, f'kind = "{kind}"\nphase = "pixels"\n{place}', retry_seconds=0)
    done = cli("run", faulty, "--json", "--limit", "8")
    assert done.exit_code == 1, done.stderr
    summary = json.loads(done.stdout)
    assert (summary["done"], summary[outcome]) == (7, 1)
    assert [(row["outcome"], row["tiles"]) for row in summary["reasons"]] == [(outcome, 1)]
    again = json.loads(cli("run", config, "--json", "--limit", "8", "--retry-failed").stdout)
    assert (again["done"], again["ended_in_this_run"]) == (8, 1)


@pytest.mark.slow
def test_retries_are_told_by_reason(config: Path) -> None:
    rules = [
        'kind = "503"\nphase = "pixels"\nrate = 0.2\ntimes = 1',
        'kind = "429"\nphase = "locate"\ntimes = 1',
    ]
    done = cli("run", with_faults(config, *rules), "--json")
    summary = json.loads(done.stdout)
    assert (done.exit_code, summary["done"]) == (0, 40)
    assert set(summary["retries"]) == {"503", "429"}
    assert summary["retries"]["429"] == summary["purposes"]["locate anchor"] + summary["purposes"]["projections"]
    assert 1 <= summary["slow_downs"] <= summary["retries"]["429"]
    assert summary["requests"]["image:computePixels"] == 40 + summary["retries"]["503"]
