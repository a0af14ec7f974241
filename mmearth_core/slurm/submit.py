"""Hands batch scripts to Slurm, each to begin when the one before has ended."""

import re
import shlex
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from attrs import frozen

from mmearth_core.errors import SlurmError
from mmearth_core.folder import written_aside
from mmearth_core.slurm.script import BatchScript


@frozen
class Submitted:
    """A job that Slurm has taken.

    Attributes:
        stage: the script's name without suffix.
        job: its number.
        script: the file.
    """

    stage: str
    job: str
    script: Path


def command_line(script: Path, after: str | None) -> list[str]:
    """What is typed to submit a script.

    Args:
        script: the file.
        after: the number of the job that has to end first, however it ends; a requeued one has not ended.
    """
    return ["sbatch", "--parsable", *([f"--dependency=afterany:{after}"] if after else []), str(script)]


def preview(scripts: Sequence[BatchScript], folder: Path) -> str:
    """What `submit` would write and type."""
    parts, before = [], None
    for script in scripts:
        path = folder / script.file_name
        typed = shlex.join(command_line(path, before and f"<{before}>"))
        parts.append(f"# ---- {path}\n# ---- {typed}\n{script.text()}")
        before = f"job of {script.file_name}"
    return "\n".join(parts)


def write(scripts: Sequence[BatchScript], folder: Path) -> list[Path]:
    """Writes the scripts; those that are there are replaced, which does not change jobs that were submitted.

    Raises:
        SlurmError: when the folder cannot be written to.
    """
    paths = [folder / script.file_name for script in scripts]
    try:
        for path, script in zip(paths, scripts, strict=True):
            with written_aside(path) as aside:
                aside.write_text(script.text(), encoding="utf-8")
    except OSError as error:
        raise SlurmError(f"{error.filename or folder} cannot be written: {error.strerror}. Grant access.") from error
    return paths


def submit(scripts: Sequence[BatchScript], folder: Path, logs: Path) -> list[Submitted]:
    """Writes the scripts and submits them.

    Args:
        scripts: in their order.
        folder: where they are written to.
        logs: the folder for their logs; Slurm does not make it, and would drop them without a word.

    Raises:
        SlurmError: when there is no Slurm, or it refuses a job; says what was submitted before.
    """
    if shutil.which("sbatch") is None:
        raise SlurmError(
            "There is no `sbatch` on this machine, so nothing was submitted. Run this command on a login node of the "
            "cluster; --dry-run shows what it would submit."
        )
    _check_array_size(scripts)
    try:
        logs.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SlurmError(f"{logs} cannot be made: {error.strerror}. Choose another folder with --logs.") from error
    done: list[Submitted] = []
    for script, path in zip(scripts, write(scripts, folder), strict=True):
        words = command_line(path, done[-1].job if done else None)
        answer = subprocess.run(words, capture_output=True, text=True, check=False)
        job = answer.stdout.strip().partition(";")[0]  # on federated clusters the cluster's name follows
        if answer.returncode or not job.isdecimal():
            before = ", ".join(f"{one.stage} is job {one.job}" for one in done)
            raise SlurmError(
                f"`{shlex.join(words)}` was refused: {(answer.stderr or answer.stdout).strip()}. "
                + (f"Submitted before it, and left as they are: {before}. " if done else "Nothing was submitted. ")
                + "Mend it, and submit again"
                + (f" after `scancel {done[0].job}`." if done else ".")
            )
        done.append(Submitted(script.stem, job, path))
    return done


def _check_array_size(scripts: Sequence[BatchScript]) -> None:
    """Says before anything is submitted what `sbatch` would call an invalid job array specification.

    Raises:
        SlurmError: when an array has more tasks than this Slurm allows.
    """
    tasks = max((int(found[1]) + 1 for s in scripts if (found := re.match(r"0-(\d+)", s.array or ""))), default=0)
    answer = subprocess.run(["scontrol", "show", "config"], capture_output=True, text=True, check=False)
    limit = re.search(r"^MaxArraySize\s*=\s*(\d+)", answer.stdout, re.MULTILINE)
    if limit and tasks > int(limit[1]):
        raise SlurmError(
            f"--tasks {tasks}: this Slurm allows arrays of at most {limit[1]} tasks (MaxArraySize). Take fewer: 40 "
            "keep Earth Engine's 40 requests under way, and a task can have many of them."
        )
