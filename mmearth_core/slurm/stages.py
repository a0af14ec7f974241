"""Which batch scripts there are: download, redownload, post, report and tiles."""

import math
import shlex
from collections.abc import Sequence
from pathlib import Path

from attrs import evolve, field, frozen

from mmearth_core.config.schema import Config
from mmearth_core.errors import ConfigError
from mmearth_core.slurm.script import REQUEUES, WARNING, BatchScript, GoOn, Resources

ARRAY_LOG = "%x-%A_%a.log"
"""A log a task: the job's name, the array's number and the task's."""

JOB_LOG = "%x-%j.log"
"""Likewise for a single job."""

MARGIN = 60
"""Seconds by which Slurm's warning comes earlier than a run needs for its grace: it looks at its clock so seldom."""

DOWNLOAD = Resources(time="24:00:00", cpus=1, memory="2G")
"""What a task of an array asks for by itself."""

FINISH = Resources(time="24:00:00", cpus=8, memory="16G")
"""What making and verifying the dataset asks for by itself."""

WORKERS = '--workers "${SLURM_CPUS_PER_TASK:-1}"'
"""Slurm need not bind a job to its cores, so it is said how many there are."""

_NOT_OURS = ("--array", "-a", "--output", "-o", "--open-mode", "--parsable", "--wrap", "--wait", "-W")


def _one_line(_instance: object, _attribute: object, options: Sequence[str]) -> None:
    for option in options:
        name = option.partition("=")[0].strip()
        if not option.startswith("-") or "\n" in option:
            raise ConfigError(f"--sbatch {option!r}: write one option as sbatch takes it, e.g. --sbatch=--qos=long.")
        if name in _NOT_OURS:
            raise ConfigError(
                f"--sbatch {option!r}: this option is set by `mmearth-core slurm submit` itself. Use its own options "
                "(--tasks, --parallel, --logs), or `mmearth-core slurm scripts` for scripts to write on."
            )


@frozen
class Wishes:
    """What a user says of the jobs.

    Attributes:
        tasks: of the array.
        parallel: how many of them may run at once; None for all.
        download: resources of each of them.
        finish: resources of the jobs that follow.
        extra: further options of `sbatch`, for all jobs.
        environment: the file that every job sources; "" for none.
        logs: the folder for logs.
        redownload: whether failed tiles are taken again, instead of those that are left.
        run_options: further options of the command that downloads.
        requeues: how often a task goes on by itself.
        post: whether the dataset is made afterwards.
        report: whether it is verified then.
    """

    tasks: int
    logs: Path
    parallel: int | None = None
    download: Resources = DOWNLOAD
    finish: Resources = FINISH
    extra: tuple[str, ...] = field(default=(), validator=_one_line)
    environment: str = ""
    redownload: bool = False
    run_options: tuple[str, ...] = ()
    requeues: int = REQUEUES
    post: bool = True
    report: bool = True


def warning_seconds(config: Config) -> int:
    """How long before the time limit a task has to be warned, to end within its grace."""
    return max(WARNING, math.ceil(config.run.grace_seconds) + MARGIN)


def chain(config: Config, wishes: Wishes) -> list[BatchScript]:
    """The scripts that build a dataset, each to begin when the one before has ended.

    Raises:
        ConfigError: when the wishes contradict each other.
    """
    if any(option.partition("=")[0] == "--shard" for option in wishes.run_options):
        raise ConfigError("--shard is each task's own in an array; leave it out.")
    name, source = config.dataset.name, shlex.quote(str(config.source))
    verb = "redownload" if wishes.redownload else "run"
    parallel = "" if wishes.parallel is None else f"%{wishes.parallel}"
    logs = str(wishes.logs).replace("%", "%%")
    first = BatchScript(
        stem="redownload" if wishes.redownload else "download",
        about="Downloads the dataset; every task of the array takes its share of the tiles by itself.",
        name=f"{name}-download",
        command=shlex.join(["mmearth-core", verb, str(config.source), *wishes.run_options]),
        resources=evolve(wishes.download, extra=wishes.extra),
        log=f"{logs}/{ARRAY_LOG}",
        array=f"0-{wishes.tasks - 1}{parallel}",
        environment=wishes.environment,
        go_on=GoOn(warning_seconds(config), wishes.requeues),
    )
    finish = evolve(wishes.finish, extra=wishes.extra)
    rest = evolve(first, resources=finish, log=f"{logs}/{JOB_LOG}", array=None, go_on=None)
    post = evolve(
        rest,
        stem="post",
        about="Makes HDF5, statistics and splits of what was downloaded, and says what is lacking.",
        name=f"{name}-post",
        command=f"mmearth-core post {source} {WORKERS}",
    )
    report = evolve(
        rest,
        stem="report",
        about="Rereads the dataset and says what is wrong with it.",
        name=f"{name}-report",
        command=f"mmearth-core verify {source} {WORKERS}",
    )
    return [first, *([post] if wishes.post else []), *([report] if wishes.report else [])]


def by_hand() -> list[BatchScript]:
    """The scripts for those who call `sbatch` themselves; what follows the script's name goes to the command."""
    download = BatchScript(
        stem="download",
        about=(
            "Downloads a dataset as a Slurm array; every task takes its share of the tiles by itself:\n\n"
            "  sbatch --array=0-39 slurm/download.sbatch mydata.toml\n\n"
            "Any number of tasks, and another one next time: submitted again, it continues. The array must not have "
            "gaps.\nAll tasks together keep to [run] max_concurrent and requests_per_second."
        ),
        name="mmearth-download",
        command='mmearth-core run "$@"',
        resources=DOWNLOAD,
        log=ARRAY_LOG,
        go_on=GoOn(),
    )
    post = evolve(
        download,
        stem="post",
        about=(
            "Makes HDF5, statistics and splits of what was downloaded, and says what is lacking:\n\n"
            "  sbatch --dependency=afterany:JOB slurm/post.sbatch mydata.toml"
        ),
        name="mmearth-post",
        command=f'mmearth-core post "$@" {WORKERS}',
        resources=FINISH,
        log=JOB_LOG,
        go_on=None,
    )
    return [
        download,
        evolve(
            download,
            stem="redownload",
            about=(
                "Downloads the tiles again that have failed or were sent back, as a Slurm array:\n\n"
                "  sbatch --array=0-9 slurm/redownload.sbatch mydata.toml"
            ),
            name="mmearth-redownload",
            command='mmearth-core redownload "$@"',
        ),
        post,
        evolve(
            post,
            stem="report",
            about=(
                "Rereads a dataset and says what is wrong with it:\n\n"
                "  sbatch --dependency=afterany:JOB slurm/report.sbatch mydata.toml"
            ),
            name="mmearth-report",
            command=f'mmearth-core verify "$@" {WORKERS}',
        ),
        evolve(
            post,
            stem="tiles",
            about="Samples the world:\n\n  sbatch slurm/tiles.sbatch --number 1000000 -o tiles.geojson",
            name="mmearth-tiles",
            command='mmearth-core tiles "$@"',
            resources=evolve(FINISH, cpus=1, memory="8G"),
        ),
    ]
