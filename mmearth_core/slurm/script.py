"""The text of a batch script: a pure function of a description of the job."""

import shlex

from attrs import frozen

REQUEUES = 100
"""Default maximum of requeues: at one day each, three months."""

WARNING = 120
"""Seconds before the time limit at which Slurm warns a task."""

_REQUEUE = """\
# Slurm sends a warning to this shell only, before the time limit. The shell passes it on, and the command ends in an
# orderly way: it finishes the tiles in progress, and exits with status 3, which means that it should run again.
child=
warned=
trap 'warned=yes; [ -z "$child" ] || kill -TERM "$child" 2>/dev/null' TERM
{command} &
child=$!
[ -z "$warned" ] || kill -TERM "$child"
wait "$child"
status=$?
# A signal interrupts `wait`; another call returns the command's own status.
while [ -n "$warned" ] && [ "$status" -gt 128 ]; do
    warned=
    wait "$child"
    status=$?
done
# A status above 128 means that the command was killed, for example for lack of memory. What is done is kept, so the
# task is requeued as well.
if [ "$status" -ne 3 ] && [ "$status" -le 128 ]; then
    exit "$status"
fi

task=${{SLURM_ARRAY_JOB_ID:-$SLURM_JOB_ID}}${{SLURM_ARRAY_TASK_ID:+_$SLURM_ARRAY_TASK_ID}}
requeued=${{SLURM_RESTART_COUNT:-0}}
state=$(squeue --noheader --jobs "$task" --format %T)
if [ "$state" != RUNNING ]; then
    # Requeuing a task that is being cancelled would bring it back.
    echo "task $task stopped early (status $status); not requeued, as its state is '$state'" >&2
elif [ "$requeued" -ge {requeues} ]; then
    echo "task $task stopped early (status $status); not requeued, as it was requeued $requeued times already" >&2
elif scontrol requeue "$task"; then
    echo "task $task stopped early (status $status); requeued, to continue (time $((requeued + 1)) of {requeues})" >&2
fi
exit "$status"
"""


@frozen
class Requeue:
    """How a job that stops early continues.

    Attributes:
        warning: seconds before the time limit at which Slurm asks it to end.
        requeues: maximum number of requeues.
    """

    warning: int = WARNING
    requeues: int = REQUEUES


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
        requeue: how it continues if it stops early; None if it does not.
        before: commands to run first; their exit status does not matter.
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
    requeue: Requeue | None = None
    before: tuple[str, ...] = ()

    @property
    def file_name(self) -> str:
        """The file that it is written to."""
        return f"{self.stem}.sbatch"

    def text(self) -> str:
        """The whole file."""
        options = "".join(f"#SBATCH {option}\n" for option in self._options())
        environment = "# The environment is that of the shell that submits this script."
        if self.environment:
            environment = f"source {shlex.quote(self.environment)} || exit 2"
        work = f"exec {self.command}\n" if self.requeue is None else requeue_text(self.command, self.requeue.requeues)
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
            "signal": None if self.requeue is None else f"B:TERM@{self.requeue.warning}",
        }
        given = [f"--{key}={shlex.quote(value)}" for key, value in options.items() if value is not None]
        # Requeued jobs append to their log; jobs of a node that fails are started again elsewhere.
        return [*given, "--open-mode=append", "--requeue", *self.options]


def requeue_text(command: str, requeues: int) -> str:
    """The part of a script that runs a command, and requeues the task if the command stops early."""
    return _REQUEUE.format(command=command, requeues=requeues)
