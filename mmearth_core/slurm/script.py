"""The text of a batch script: a pure function of a description of the job."""

import re
import shlex
from collections.abc import Sequence
from importlib.resources import files

from attrs import frozen

from mmearth_core.errors import ConfigError

REQUEUES = 100
"""Default maximum of requeues: at one day each, three months."""

WARNING = 120
"""Seconds before the time limit at which Slurm warns a task."""


@frozen
class BatchScript:
    """A batch script.

    Attributes:
        stem: its file name without the suffix.
        about: what it does.
        name: the job's name.
        command: the shell command that does the work; its exit status is the job's.
        time: time limit, in Slurm's notation: `24:00:00`, `2-12:00:00`.
        cpus: cores per task.
        memory: memory per task, in Slurm's notation: `2G`.
        log: the log file, with Slurm's `%` patterns.
        options: further options of `sbatch`, as on the command line.
        array: such as `0-39%40`; None for a single job.
        environment: the file to source; "" for none.
        warning: seconds before the time limit at which Slurm asks it to end, to be requeued; None if it is not.
        requeues: maximum number of requeues.
        before: commands to run first; their exit status does not matter.
        needed: files and folders that a task waits for before it runs or is requeued.
    """

    stem: str
    about: str
    name: str
    command: str
    time: str
    cpus: int
    memory: str
    log: str
    options: tuple[str, ...] = ()
    array: str | None = None
    environment: str = ""
    warning: int | None = None
    requeues: int = REQUEUES
    before: tuple[str, ...] = ()
    needed: tuple[str, ...] = ()

    @property
    def file_name(self) -> str:
        """The file that it is written to."""
        return f"{self.stem}.sbatch"

    def text(self) -> str:
        """The whole file.

        Raises:
            ConfigError: when an option has a control character: after a line break, further lines would be options too.
        """
        for option in self._options():
            if re.search(r"[\x00-\x1f\x7f]", option):
                found = "has a control character, such as a line break"
                raise ConfigError(f"sbatch's option {option!r}: {found}. Remove it.")
        options = "".join(f"#SBATCH {option}\n" for option in self._options())
        environment = "# The environment is that of the shell that submits this script."
        if self.environment:
            environment = f"source {shlex.quote(self.environment)} || exit 2"
        work = f"exec {self.command}\n"
        if self.warning is not None:
            work = requeue_text(self.command, self.requeues, [shlex.quote(path) for path in self.needed])
        before = "".join(f"{line}\n" for line in self.before)
        return f"#!/bin/bash\n# {self.about}\n\n{options}\n{environment}\n\n{before}{work}"

    def _options(self) -> list[str]:
        options = {
            "job-name": self.name,
            "array": self.array,
            "time": self.time,
            "cpus-per-task": str(self.cpus),
            "mem": self.memory,
            "output": self.log,
            "signal": None if self.warning is None else f"B:TERM@{self.warning}",
        }
        given = [f"--{key}={shlex.quote(value)}" for key, value in options.items() if value is not None]
        # Requeued jobs append to their log; jobs of a node that fails are started again elsewhere.
        return [*given, "--open-mode=append", "--requeue", *self.options]


def requeue_text(command: str, requeues: int, needed: Sequence[str]) -> str:
    """The part of a script that runs a command and requeues the task if it stops early: requeue.sh, filled in."""
    text = (files("mmearth_core.slurm") / "requeue.sh").read_text(encoding="utf-8")
    text = text.replace("@REQUEUES@", str(requeues)).replace("@NEEDED@", " ".join(needed))
    return text.replace("@COMMAND@", command)
