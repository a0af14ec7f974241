"""What a batch script does, run by bash with stand-ins for Slurm's commands and ours."""

import os
import shlex
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

import mmearth_core.slurm
from mmearth_core.errors import ConfigError
from mmearth_core.slurm.script import REQUEUES, WARNING, BatchScript, requeue_text

SHIPPED = Path(__file__).parent.parent.parent / "slurm"
IN_PACKAGE = Path(str(mmearth_core.slurm.__path__[0])) / "scripts"
TASK = {"SLURM_JOB_ID": "9", "SLURM_ARRAY_JOB_ID": "7", "SLURM_ARRAY_TASK_ID": "2"}

WAITS = """
import signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
print("at work", flush=True)
signal.sigwait([signal.SIGTERM])
print("finishing", flush=True)
sys.exit({status})
"""
"""A command that exits cleanly after the warning signal."""


def script(environment: str = "", command: str = "work") -> BatchScript:
    return BatchScript(
        stem="stem",
        about="About it.",
        name="name",
        command=command,
        time="1:00:00",
        cpus=1,
        memory="2G",
        log="logs of mine/%x.log",
        options=("--partition=short", "--qos=long"),
        array="0-3",
        environment=environment,
        warning=WARNING,
        requeues=5,
    )


@pytest.fixture
def bin_folder(tmp_path: Path) -> Path:
    """Fake commands: `squeue` prints the content of the file `state`, `scontrol` records its arguments."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (tmp_path / "state").write_text("RUNNING")
    for name, does in (("squeue", f"cat '{tmp_path}/state'"), ("scontrol", f"echo \"$@\" >>'{tmp_path}/told'")):
        (folder / name).write_text(f"#!/bin/sh\n{does}\n")
        (folder / name).chmod(0o755)
    return folder


def begin(script: BatchScript, bin_folder: Path, **environment: str) -> "subprocess.Popen[str]":
    path = bin_folder.parent / script.file_name
    path.write_text(script.text())
    return subprocess.Popen(
        ["bash", path],
        env={**TASK, **environment, "PATH": f"{bin_folder}:{os.environ['PATH']}"},
        cwd=bin_folder.parent,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def outcome(script: BatchScript, bin_folder: Path, **environment: str) -> tuple[int, str, str]:
    """The script's exit status, the arguments of `scontrol`, and the content of the log."""
    process = begin(script, bin_folder, **environment)
    out, err = process.communicate(timeout=60)
    told = bin_folder.parent / "told"
    return process.returncode, told.read_text().strip() if told.exists() else "", out + err


def test_options_stand_before_the_first_command() -> None:
    lines = script().text().splitlines()
    assert lines[0] == "#!/bin/bash"
    last_option = max(n for n, line in enumerate(lines) if line.startswith("#SBATCH"))
    assert all(line.startswith("#") or not line for line in lines[: last_option + 1])
    assert [line.removeprefix("#SBATCH ") for line in lines if line.startswith("#SBATCH")] == [
        "--job-name=name",
        "--array=0-3",
        "--time=1:00:00",
        "--cpus-per-task=1",
        "--mem=2G",
        "--output='logs of mine/%x.log'",
        "--signal=B:TERM@120",
        "--open-mode=append",
        "--requeue",
        "--partition=short",
        "--qos=long",
    ]


@pytest.mark.parametrize("status", [0, 1, 2, 127])
def test_what_has_ended_is_not_requeued(status: int, bin_folder: Path) -> None:
    assert outcome(script(command=f"(exit {status})"), bin_folder)[:2] == (status, "")


def test_what_was_killed_is_requeued(bin_folder: Path) -> None:
    status, told, log = outcome(script(command="(kill -9 $BASHPID)"), bin_folder, SLURM_RESTART_COUNT="4")
    assert (status, told) == (137, "requeue 7_2")
    assert "time 5 of 5" in log


@pytest.mark.parametrize(
    ("restarts", "pause"), [("", 180), ("0", 180), ("1", 360), ("4", 900), ("29", 3600), ("70", 3600)]
)
def test_what_stopped_early_is_requeued_after_a_growing_pause(restarts: str, pause: int, bin_folder: Path) -> None:
    """A full disk, a missing network or a vanished folder need time; an hour is the longest pause."""
    ends = evolve(script(command="(exit 3)"), requeues=100)
    status, told, log = outcome(ends, bin_folder, SLURM_RESTART_COUNT=restarts)
    assert (status, told.splitlines()) == (3, ["requeue 7_2", f"update JobId=7_2 StartTime=now+{pause}"])
    assert f"(time {int(restarts or 0) + 1} of 100) in {pause} s or later" in log


def test_a_task_waits_for_what_has_vanished(bin_folder: Path) -> None:
    """Slurm could not start it again without the folder of its log, and the run must not make the folder again."""
    data, away = bin_folder.parent / "my data", bin_folder.parent / "away"
    data.mkdir()
    command = f"(mv '{data}' '{away}'; exit 3)"
    process = begin(evolve(script(command=command), needed=(str(data),)), bin_folder)
    with process:
        assert process.stderr is not None
        assert process.stderr.readline() == f"waiting for {data}, which may be unmounted or renamed\n"
        assert not (bin_folder.parent / "told").exists()
        away.rename(data)
        process.send_signal(signal.SIGTERM)  # ends the wait; otherwise it looks every ten seconds
        assert process.wait(timeout=60) == 3
    assert (bin_folder.parent / "told").read_text() == "requeue 7_2\n"


def test_without_its_folder_a_task_does_not_run(bin_folder: Path) -> None:
    process = begin(evolve(script(command="touch ran"), needed=(str(bin_folder / "gone"),)), bin_folder)
    with process:
        assert process.stderr is not None
        assert "waiting for" in process.stderr.readline()
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 3
    assert not (bin_folder.parent / "ran").exists()


@pytest.mark.parametrize("change", [{"time": "1\n#SBATCH --uid=0"}, {"options": ("--qos=a\rb",)}, {"log": "a\tb"}])
def test_no_option_has_a_second_line(change: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="has a control character, such as a line break"):
        evolve(script(), **change).text()


def test_a_job_without_an_array_requeues_itself(bin_folder: Path) -> None:
    alone = {"SLURM_ARRAY_JOB_ID": "", "SLURM_ARRAY_TASK_ID": ""}
    assert outcome(script(command="(exit 3)"), bin_folder, **alone)[1].startswith("requeue 9\nupdate JobId=9 ")


def test_requeues_have_an_end(bin_folder: Path) -> None:
    status, told, log = outcome(script(command="(exit 3)"), bin_folder, SLURM_RESTART_COUNT="5")
    assert (status, told) == (3, "")
    assert "not requeued, as it was requeued 5 times already" in log


@pytest.mark.parametrize("state", ["COMPLETING", ""])
def test_a_task_that_is_being_cancelled_does_not_come_back(state: str, bin_folder: Path) -> None:
    (bin_folder.parent / "state").write_text(state)
    status, told, log = outcome(script(command="(exit 3)"), bin_folder)
    assert (status, told) == (3, "")
    assert f"'{state}'" in log


def test_a_warning_to_the_shell_reaches_the_command_whose_status_counts(bin_folder: Path) -> None:
    command = "python3 -c " + shlex.quote(WAITS.format(status=3))
    process = begin(script(command=command), bin_folder)
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "at work\n"
        process.send_signal(signal.SIGTERM)
        assert process.stdout.read() == "finishing\n"
        assert process.wait(timeout=60) == 3
    assert (bin_folder.parent / "told").read_text() == "requeue 7_2\n"


def test_a_warned_command_that_ends_well_is_not_requeued(bin_folder: Path) -> None:
    command = "python3 -c " + shlex.quote(WAITS.format(status=0))
    with begin(script(command=command), bin_folder) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 0
    assert not (bin_folder.parent / "told").exists()


def test_the_environment_is_sourced_first(bin_folder: Path) -> None:
    file = bin_folder.parent / "my own.sh"
    file.write_text("export GREETING=hello\n")
    assert outcome(script(str(file), "printenv GREETING"), bin_folder)[2] == "hello\n"
    file.write_text("module load python || return 1\n")
    status, _, log = outcome(script(str(file), "echo worked"), bin_folder)
    assert (status, "worked" in log) == (2, False)


def test_scripts_by_hand_look_for_the_environment_where_they_are_submitted(bin_folder: Path) -> None:
    (bin_folder / "mmearth-core").write_text("#!/bin/sh\nprintenv GREETING\n")
    (bin_folder / "mmearth-core").chmod(0o755)

    def log(**environment: str) -> str:
        home = {"SLURM_SUBMIT_DIR": str(bin_folder.parent), "GREETING": "the shell's", **environment}
        home["PATH"] = f"{bin_folder}:{os.environ['PATH']}"
        command = ["bash", SHIPPED / "tiles.sbatch"]
        done = subprocess.run(command, env=home, cwd=bin_folder.parent, capture_output=True, text=True, check=True)
        return done.stdout + done.stderr

    assert "the shell's" in log()
    assert "no file" in log()
    (bin_folder.parent / "slurm").mkdir()
    (bin_folder.parent / "slurm" / "environment.sh").write_text("GREETING=usual")
    assert log() == "usual\n"
    (bin_folder.parent / "other.sh").write_text("GREETING=other")
    assert log(MMEARTH_ENVIRONMENT="other.sh") == "other\n"


def test_the_scripts_of_this_repository_are_those_of_the_package() -> None:
    """So that `sbatch slurm/download.sbatch` works in a clone, and `mmearth-core slurm scripts` from a wheel."""
    shipped, packaged = ({path.name: path.read_text() for path in folder.iterdir()} for folder in (SHIPPED, IN_PACKAGE))
    assert shipped == packaged, f"cp {IN_PACKAGE}/* {SHIPPED}/"


@pytest.mark.parametrize(("name", "command"), [("download", "run"), ("redownload", "redownload")])
def test_arrays_by_hand_are_requeued_as_those_of_submit(name: str, command: str) -> None:
    text = (SHIPPED / f"{name}.sbatch").read_text()
    assert text.endswith(requeue_text(f'mmearth-core {command} "$@"', REQUEUES, ['"${SLURM_SUBMIT_DIR:-.}"']))
    assert f"#SBATCH --signal=B:TERM@{WARNING}\n" in text


@pytest.mark.parametrize("path", sorted(SHIPPED.iterdir()), ids=lambda path: path.name)
def test_shipped_scripts_are_sound_bash(path: Path) -> None:
    checked = subprocess.run(["bash", "-n", path], capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")
