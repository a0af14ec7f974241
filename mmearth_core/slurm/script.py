"""The text of a batch script: a pure function of what the job is to do."""

import shlex

from attrs import frozen

REQUEUES = 100
"""How often a task goes on by itself, unless it is said otherwise: at a day each, three months."""


WARNING = 120
"""Seconds before the time limit at which Slurm warns a task."""


_SOURCE_OR_NOT = """\
# The environment of every job stands in one file: modules, virtual environment, credentials.
environment=${MMEARTH_ENVIRONMENT:-$SLURM_SUBMIT_DIR/slurm/environment.sh}
if [ -r "$environment" ]; then
    source "$environment" || exit 2
else
    echo "no file $environment; the environment is that of the shell that has submitted this job" >&2
fi
"""


_GO_ON = """\
# Slurm warns this shell alone before the time limit. It passes the warning on, and the command ends in good order:
# it finishes what is under way, and its exit status 3 says that it is to be run again.
child=
warned=
trap 'warned=yes; [ -z "$child" ] || kill -TERM "$child" 2>/dev/null' TERM
{command} &
child=$!
[ -z "$warned" ] || kill -TERM "$child"
wait "$child"
status=$?
# A signal interrupts `wait`, so it is called again for the true status.
while [ -n "$warned" ] && [ "$status" -gt 128 ]; do
    warned=
    wait "$child"
    status=$?
done
# Above 128, something has killed the command, such as a lack of memory: what it had done is kept, so it goes on too.
if [ "$status" -ne 3 ] && [ "$status" -le 128 ]; then
    exit "$status"
fi

task=${{SLURM_ARRAY_JOB_ID:-$SLURM_JOB_ID}}${{SLURM_ARRAY_TASK_ID:+_$SLURM_ARRAY_TASK_ID}}
requeued=${{SLURM_RESTART_COUNT:-0}}
state=$(squeue --noheader --jobs "$task" --format %T)
if [ "$state" != RUNNING ]; then
    # A task that is being cancelled could be requeued as well, and would come back.
    echo "task $task stopped early (status $status) and stays so, as Slurm calls it '$state'" >&2
elif [ "$requeued" -ge {requeues} ]; then
    echo "task $task stopped early (status $status) and was requeued $requeued times, which is the most" >&2
elif scontrol requeue "$task"; then
    echo "task $task stopped early (status $status); requeued, to go on (time $((requeued + 1)) of {requeues})" >&2
fi
exit "$status"
"""


@frozen
class Resources:
    """What a job asks Slurm for.

    Attributes:
        time: its limit, as Slurm writes times: `24:00:00`, `2-12:00:00`.
        cpus: cores a task.
        memory: a task's, as Slurm writes it: `2G`.
        partition: of the cluster; None for its default.
        account: that the time is charged to; None for the user's own.
        extra: further options of `sbatch`, each as it stands on the command line.
    """

    time: str
    cpus: int
    memory: str
    partition: str | None = None
    account: str | None = None
    extra: tuple[str, ...] = ()


@frozen
class Requeue:
    """How a job goes on that has stopped early.

    Attributes:
        warning: seconds before the time limit at which it is told to end.
        requeues: how often at most.
    """

    warning: int = WARNING
    requeues: int = REQUEUES


@frozen
class BatchScript:
    """A batch script.

    Attributes:
        stem: its file name, without the suffix.
        about: what it does, and how to use it; lines without the comment's sign.
        name: the job's.
        command: the shell's line that does the work, and whose exit status is the job's.
        resources: what it asks for.
        log: the file for what it prints, with Slurm's `%` patterns.
        array: such as `0-39%40`; None for a single job, or to be said on the command line.
        environment: the file to source; "" for none, and None to look for it when the job starts.
        go_on: how it goes on if it stops early; None if it does not.
        before: lines that come first, whatever their exit status.
    """

    stem: str
    about: str
    name: str
    command: str
    resources: Resources
    log: str
    array: str | None = None
    environment: str | None = None
    go_on: Requeue | None = None
    before: tuple[str, ...] = ()

    @property
    def file_name(self) -> str:
        """Of the file that it is written to."""
        return f"{self.stem}.sbatch"

    def text(self) -> str:
        """The whole file."""
        about = "".join(f"# {line}".rstrip() + "\n" for line in self.about.splitlines())
        options = "".join(f"#SBATCH {option}\n" for option in self._options())
        work = f"exec {self.command}\n"
        if self.go_on is not None:
            work = _GO_ON.format(command=self.command, requeues=self.go_on.requeues)
        before = "".join(f"{line}\n" for line in self.before)
        return f"#!/bin/bash\n{about}\n{options}\n{self._environment()}\n{before}{work}"

    def _options(self) -> list[str]:
        ask = self.resources
        options = {
            "job-name": self.name,
            "array": self.array,
            "partition": ask.partition,
            "account": ask.account,
            "time": ask.time,
            "cpus-per-task": str(ask.cpus),
            "mem": ask.memory,
            "output": self.log,
            "signal": None if self.go_on is None else f"B:TERM@{self.go_on.warning}",
        }
        given = [f"--{key}={shlex.quote(value)}" for key, value in options.items() if value is not None]
        # Requeued jobs add to their log, and a node that breaks down has its jobs begun anew elsewhere.
        return [*given, "--open-mode=append", "--requeue", *ask.extra]

    def _environment(self) -> str:
        if self.environment is None:
            return _SOURCE_OR_NOT
        if not self.environment:
            return "# The environment is that of the shell that submits this script.\n"
        return f"source {shlex.quote(self.environment)} || exit 2\n"
