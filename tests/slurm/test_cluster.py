"""A whole dataset on a real Slurm, from a server that fails, while tasks are warned, cancelled, killed and requeued."""

import json
import math
import os
import re
import shlex
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from mmearth_devkit.testing.command_line import own_process

from mmearth_core.budget import live_members

pytestmark = pytest.mark.slow

TILES, PARTITION, SLOTS = 60, 3, 4

CONFIG = """
[dataset]
name = "{name}"
tiles = "tiles.geojson"
partition_size = {partition}
[run]
engine = "local"
max_concurrent = {slots}
timeout = 60
[engines.local]
{engine}
[modalities.sentinel2]
"""

NOTES_PID = """
[ -z "$SLURM_ARRAY_JOB_ID" ] || mmearth-core() {
    echo "$BASHPID" >"pid-${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID"
    exec "$(type -P mmearth-core)" "$@"
}
"""
"""For the environment of tasks: says which process is whose."""


def mmearth(environment: dict[str, str], *words: str | Path) -> str:
    """What a command prints; it has to succeed."""
    done = own_process(*words, env=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


def until(condition: Callable[[], Any], what: str) -> Any:
    """Looks again and again, as Slurm tells nobody when something has happened; returns what is found."""
    for _ in range(1800):
        found = condition()
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError(f"it never came that {what}")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a blank in its name, with 60 tiles and the file that sets up every job."""
    folder = tmp_path_factory.mktemp("cluster") / "my data"
    mmearth(dict(os.environ), "demo", folder)
    tiles = json.loads((folder / "tiles.geojson").read_text())
    tiles["features"] = tiles["features"][:TILES]
    (folder / "tiles.geojson").write_text(json.dumps(tiles))
    mmearth(dict(os.environ), "slurm", "scripts", folder / "slurm")
    with (folder / "slurm" / "environment.sh").open("a") as file:
        file.write(f"export PATH={shlex.quote(str(Path(sys.executable).parent))}:$PATH\n")
        file.write(f"cd {shlex.quote(str(folder))}\n{NOTES_PID}")
    return folder


@pytest.fixture(scope="module")
def undisturbed(folder: Path) -> dict[str, bytes]:
    """The stacks that one process makes without a break."""
    config = folder / "undisturbed.toml"
    config.write_text(CONFIG.format(name="undisturbed", slots=SLOTS, partition=PARTITION, engine='world = "virginia"'))
    mmearth(dict(os.environ), "run", config)
    return stacks(folder / "undisturbed")


@pytest.fixture
def url() -> Iterator[str]:
    """A server of the local Earth Engine for all jobs, so slow that tests can find running tasks."""
    faults = ["429:rate=0.1:phase=pixels", "500:rate=0.05", "truncated:rate=0.05:phase=pixels"]
    options = ["--world=virginia", "--port=0", "--latency=3", "--fault-seed=5"]
    command = [sys.executable, "-m", "mmearth_core", "localearth", "serve", *options]
    with subprocess.Popen(
        [*command, *(f"--fault={fault}" for fault in faults)], stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        yield json.loads(server.stdout.readline())["url"]
        server.terminate()


def stacks(dataset: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (dataset / "stacks").rglob("*.tif")}


class Cluster:
    """Slurm's commands, and one dataset's jobs."""

    def __init__(self, environment: dict[str, str], config: Path) -> None:
        ours = str(Path(sys.executable).parent)
        # Without our folder in PATH, so that jobs find the command only by way of their environment's file.
        path = ":".join(part for part in environment["PATH"].split(":") if part != ours)
        self.environment, self.config = {**environment, "PATH": path}, config
        self.dataset = config.parent / config.stem

    def call(self, *words: str) -> str:
        done = subprocess.run(words, env=self.environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def submit(self, *options: str) -> dict[str, str]:
        """Submits; the number of each stage's job."""
        shown = json.loads(mmearth(self.environment, "slurm", "submit", self.config, "--json", *options))
        return {one["stage"]: one["job"] for one in shown["jobs"]}

    def shown(self, job: str) -> list[dict[str, str]]:
        """What Slurm says of a job's tasks."""
        lines = self.call("scontrol", "-o", "show", "job", job).splitlines()
        return [dict(re.findall(r"(\w+)=(\S*)", line)) for line in lines]

    def waits_or_works(self, job: str) -> bool:
        return any(task["JobState"] in ("PENDING", "RUNNING", "COMPLETING") for task in self.shown(job))

    def logs(self, job: str, task: str = "*") -> str:
        found = (self.dataset / "slurm" / "logs").glob(f"*-{job}_{task}.log")
        return "\n".join(path.read_text() for path in found)

    def done(self, task: str, tasks: int) -> int:
        """Tiles of a task's share in an array of that size that have ended."""
        share = range(int(task), math.ceil(TILES / PARTITION), tasks)
        journals = [self.dataset / "journal" / "base" / f"{number:05d}.jsonl" for number in share]
        return sum(len(path.read_text().splitlines()) for path in journals if path.exists())

    def hurry(self, task: str) -> None:
        """Shortens the pause of a requeued task to the least: Slurm's own is 5 s here."""
        until(lambda: self.shown(task)[0]["JobState"] == "PENDING", "the task waits for its next start")
        self.call("scontrol", "update", f"JobId={task}", "StartTime=now+6")

    def at_work(self, job: str, tasks: int) -> dict[str, int]:
        """The tasks of an array that are downloading and have something to do for a while, and their processes."""
        live = {member.pid for member, _ in live_members(self.dataset / "budget")}
        noted = {path.stem.rpartition("_")[2]: path for path in self.config.parent.glob(f"pid-{job}_*")}
        pids = {task: int(path.read_text() or 0) for task, path in noted.items()}
        busy = TILES // tasks - 4
        return {task: pid for task, pid in pids.items() if pid in live and self.done(task, tasks) <= busy}


def test_nothing_is_lost_on_a_cluster(
    slurm: dict[str, str], folder: Path, undisturbed: dict[str, bytes], url: str
) -> None:
    config = folder / "cluster.toml"
    config.write_text(CONFIG.format(name="cluster", slots=SLOTS, partition=PARTITION, engine=f'url = "{url}"'))
    cluster = Cluster(slurm, config)
    small = ("--mem=500M", "--post-cpus=2", "--post-mem=1G", "--time=1:00:00", "--post-time=1:00:00")

    # Three tasks, one of which is warned as before its time limit: it ends in good order and goes on by itself.
    array = cluster.submit("--tasks=3", "--no-post", "--no-report", *small)["download"]
    warned = until(
        lambda: next((task for task in cluster.at_work(array, 3) if cluster.done(task, 3)), None),
        "a task of the first array is at work",
    )
    cluster.call("scancel", "--batch", "--signal=TERM", f"{array}_{warned}")
    until(lambda: "requeued, to continue (time 1 of 100)" in cluster.logs(array, warned), "the warned task is requeued")
    assert "stopped by SIGTERM" in " ".join(cluster.logs(array, warned).split())
    with urllib.request.urlopen(f"{url}/counters") as answer:
        counters = json.load(answer)
    # Nothing was abandoned so far, so the server counts what the tasks have under way.
    assert 1 < counters["peak_under_way"] <= SLOTS
    # The whole array is cancelled, tasks at work and the one that waits, and stays so.
    cluster.call("scancel", array)
    until(lambda: not cluster.waits_or_works(array), "the first array has ended")
    ended = {task["ArrayTaskId"]: task["JobState"] for task in cluster.shown(array)}
    assert ended[warned] == "CANCELLED"
    assert set(ended.values()) <= {"CANCELLED", "COMPLETED"}
    assert cluster.logs(array).count("requeued, to continue") == 1

    # Another number of tasks goes on; one is killed and one is requeued from outside.
    jobs = cluster.submit("--tasks=5", "--parallel=4", *small)
    again = jobs["download"]
    live = until(lambda: len(live := cluster.at_work(again, 5)) > 1 and live, "two tasks are at work")
    (killed, pid), (requeued, _), *_ = live.items()
    os.kill(pid, signal.SIGKILL)
    cluster.call("scontrol", "requeue", f"{again}_{requeued}")
    until(lambda: not cluster.waits_or_works(jobs["report"]), "the report has ended")

    tasks = cluster.shown(again)
    assert {task["ArrayTaskId"]: task["Restarts"] for task in tasks} == {
        task: "1" if task in (killed, requeued) else "0" for task in "01234"
    }
    (post,), (report,) = cluster.shown(jobs["post"]), cluster.shown(jobs["report"])
    assert {one["JobState"] for one in (*tasks, post, report)} == {"COMPLETED"}
    assert "status 137" in cluster.logs(again, killed)
    # A task that waits to go on has not ended: the dataset is made after all of them.
    assert max(task["EndTime"] for task in tasks) <= post["StartTime"] <= post["EndTime"] <= report["StartTime"]

    assert stacks(cluster.dataset) == undisturbed
    lines = [
        json.loads(line) for path in cluster.dataset.glob("journal/*/*.jsonl") for line in path.read_text().splitlines()
    ]
    assert sorted(line["tile_id"] for line in lines) == sorted(name.removesuffix(".tif") for name in undisturbed)
    assert {line["outcome"] for line in lines} == {"done"}
    verified = json.loads(mmearth(cluster.environment, "verify", config, "--json"))
    assert (verified["rows"], verified["stacks"], verified["faults"]) == (TILES, TILES, 0)


def test_post_follows_tasks_that_cannot_be_saved(
    slurm: dict[str, str], folder: Path, undisturbed: dict[str, bytes]
) -> None:
    """A task that stops early each time, until it may no more: what was downloaded still becomes a dataset."""
    config = folder / "partial.toml"
    config.write_text(CONFIG.format(name="partial", slots=SLOTS, partition=PARTITION, engine='world = "virginia"'))
    cluster = Cluster(slurm, config)
    environment = folder / "stopped.sh"
    # Task 1 stops early whatever happens, as if its project's quota were used up.
    environment.write_text(
        (folder / "slurm" / "environment.sh").read_text()
        + 'mmearth-core() { [ "$SLURM_ARRAY_TASK_ID" = 1 ] && return 3; command mmearth-core "$@"; }\n'
    )
    small = ("--mem=500M", "--post-cpus=2", "--post-mem=1G", "--requeues=1", f"--environment={environment}")
    jobs = cluster.submit("--tasks=2", *small)
    until(lambda: "(time 1 of 1)" in cluster.logs(jobs["download"], "1"), "the task is requeued")
    cluster.hurry(f"{jobs['download']}_1")
    until(lambda: not cluster.waits_or_works(jobs["report"]), "the report has ended")

    assert {task["ArrayTaskId"]: task["ExitCode"] for task in cluster.shown(jobs["download"])} == {
        "0": "0:0",
        "1": "3:0",
    }
    assert "not requeued, as it was requeued 1 times already" in cluster.logs(jobs["download"], "1")
    (post,) = cluster.shown(jobs["post"])
    assert post["ExitCode"] == "1:0"
    done = stacks(cluster.dataset)
    assert 0 < len(done) < TILES
    assert done.items() <= undisturbed.items()
    (log,) = (cluster.dataset / "slurm" / "logs").glob(f"*-post-{jobs['post']}.log")
    assert f"{len(done)} rows; 0 tiles skipped, {TILES - len(done)} not downloaded" in log.read_text()


def test_what_was_sent_back_is_downloaded_by_an_array(
    slurm: dict[str, str], folder: Path, undisturbed: dict[str, bytes]
) -> None:
    cluster = Cluster(slurm, folder / "undisturbed.toml")
    mmearth(cluster.environment, "post", cluster.config)
    lost = sorted((cluster.dataset / "stacks").rglob("*.tif"))[1::25]
    for path in lost:
        path.write_bytes(b"damaged")
    assert own_process("verify", cluster.config, "--send-back", env=cluster.environment).returncode == 1

    small = ("--mem=500M", "--post-cpus=2", "--post-mem=1G")
    jobs = cluster.submit("--tasks=2", "--redownload", *small)
    until(lambda: not cluster.waits_or_works(jobs["report"]), "the report has ended")
    ended = [(one["JobState"], one["ExitCode"]) for job in jobs.values() for one in cluster.shown(job)]
    assert set(ended) == {("COMPLETED", "0:0")}
    assert stacks(cluster.dataset) == undisturbed
    assert "<html" in (cluster.dataset / "slurm" / "report.html").read_text()


SMALL = ("--mem=500M", "--post-cpus=2", "--post-mem=1G", "--time=1:00:00", "--post-time=1:00:00")


@pytest.fixture
def small_disk(folder: Path) -> Iterator[Path]:
    """The folder of the dataset `full`, which is a file system of its own, of 1.5 MB."""
    path = folder / "full"
    path.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1500k", "tmpfs", path], check=True)
    yield path
    subprocess.run(["umount", "--lazy", path], check=True)


def test_a_full_disk_is_waited_for(
    slurm: dict[str, str], folder: Path, undisturbed: dict[str, bytes], small_disk: Path
) -> None:
    config = folder / "full.toml"
    config.write_text(CONFIG.format(name="full", slots=SLOTS, partition=PARTITION, engine='world = "virginia"'))
    cluster = Cluster(slurm, config)
    job = cluster.submit("--tasks=1", "--no-post", f"--logs={folder}/logs of full", *SMALL)["download"]

    def log() -> str:
        return " ".join(path.read_text() for path in (folder / "logs of full").glob("*"))

    for times in (1, 2, 3):
        until(lambda times=times: f"(time {times} of 100) in {times * 180} s or later" in log(), "the task is requeued")
        assert " ".join(log().split()).count("No space left on device. Free disk space") == times
        if times == 3:
            assert len(stacks(small_disk)) < TILES
            subprocess.run(["mount", "-o", "remount,size=100m", small_disk], check=True)
        cluster.hurry(f"{job}_0")
    until(lambda: not cluster.waits_or_works(job), "the task has ended")
    (task,) = cluster.shown(job)
    assert (task["JobState"], task["Restarts"]) == ("COMPLETED", "3")
    assert stacks(small_disk) == undisturbed


@pytest.mark.parametrize("kind", ["renamed", "unmounted"])
def test_a_vanished_folder_is_waited_for_and_not_made_again(
    kind: str, slurm: dict[str, str], folder: Path, undisturbed: dict[str, bytes]
) -> None:
    """The log is in the folder too, so Slurm itself could not start the task again before the folder is back."""
    config, disk, away = folder / f"{kind}.toml", folder / f"disk of {kind}", folder / f"{kind} away"
    disk.mkdir()
    if kind == "unmounted":
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", disk], check=True)
    text = CONFIG.format(name=kind, slots=SLOTS, partition=PARTITION, engine='world = "virginia"\nlatency = 0.3')
    config.write_text(text.replace("partition_size", f'path = "{disk}/{kind}"\npartition_size'))
    cluster = Cluster(slurm, config)
    cluster.dataset = disk / kind
    job = cluster.submit("--tasks=1", "--no-post", *SMALL)["download"]
    until(lambda: cluster.done("0", 1) > 5, "the task is at work")
    logs = away / "slurm" / "logs"
    if kind == "unmounted":
        # The same file system elsewhere, and an empty mount point here.
        away.mkdir()
        subprocess.run(["mount", "--bind", disk, away], check=True)
        subprocess.run(["umount", "--lazy", disk], check=True)
        logs = away / kind / "slurm" / "logs"
    else:
        cluster.dataset.rename(away)

    def log() -> str:
        return " ".join(" ".join(path.read_text() for path in logs.glob("*")).split())

    until(lambda: f"waiting for {cluster.dataset}/slurm, which may be unmounted" in log(), "the task waits")
    assert "Its folder may be unmounted, renamed or deleted; bring it back. Then rerun the command" in log()
    assert list(disk.iterdir()) == []
    assert "requeued" not in log()
    if kind == "unmounted":
        subprocess.run(["mount", "--bind", away, disk], check=True)
    else:
        away.rename(cluster.dataset)
    until(lambda: "requeued, to continue (time 1 of 100)" in cluster.logs(job), "the task is requeued")
    cluster.hurry(f"{job}_0")
    until(lambda: not cluster.waits_or_works(job), "the task has ended")
    found = stacks(cluster.dataset)
    if kind == "unmounted":
        subprocess.run(["umount", "--lazy", disk, away], check=True)
    (task,) = cluster.shown(job)
    assert task["JobState"] == "COMPLETED"
    assert found == undisturbed


def test_a_killed_submission_is_completed(slurm: dict[str, str], folder: Path) -> None:
    config = folder / "killed.toml"
    config.write_text(CONFIG.format(name="killed", slots=SLOTS, partition=PARTITION, engine='world = "virginia"'))
    cluster = Cluster(slurm, config)
    sbatch = subprocess.run(["which", "sbatch"], env=slurm, capture_output=True, text=True, check=True).stdout.strip()
    (folder / "killing").mkdir()
    wrapper = folder / "killing" / "sbatch"
    wrapper.write_text(f'#!/bin/bash\n{sbatch} --hold "$@"\nkill -9 $PPID\n')
    wrapper.chmod(0o755)
    killing = {**cluster.environment, "PATH": f"{wrapper.parent}:{cluster.environment['PATH']}"}
    assert own_process("slurm", "submit", config, *SMALL, env=killing).returncode == -signal.SIGKILL

    jobs = cluster.submit(*SMALL)
    assert cluster.shown(jobs["download"])[0]["JobState"] == "PENDING"
    assert cluster.shown(jobs["post"])[0]["Dependency"].startswith(f"afterany:{jobs['download']}")
    assert cluster.shown(jobs["report"])[0]["Dependency"].startswith(f"afterany:{jobs['post']}")
    again = own_process("slurm", "submit", config, *SMALL, env=cluster.environment)
    assert again.returncode == 2
    assert f"download is job {jobs['download']}" in " ".join(again.stderr.split())
    cluster.call("scancel", *jobs.values())
    until(lambda: not cluster.waits_or_works(jobs["report"]), "the jobs are cancelled")
    renewed = cluster.submit("--no-post", *SMALL)
    assert renewed["download"] not in jobs.values()
    cluster.call("scancel", *renewed.values())
