"""The jobs of a dataset on a Slurm cluster, and their submission."""

import math
import re
import shlex
import shutil
import subprocess
from collections.abc import Collection, Sequence
from pathlib import Path

from attrs import Attribute, evolve, field, frozen

from mmearth_core.config.schema import Config
from mmearth_core.errors import ConfigError, SlurmError
from mmearth_core.files import written_aside
from mmearth_core.slurm.script import REQUEUES, WARNING, BatchScript, Requeue, Resources

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


_TAKEN = ("--array", "-a", "--output", "-o", "--open-mode", "--parsable", "--wrap", "--wait", "-W", "--shard")
"""Options that would break what a user asks for with others."""


def _options(_instance: object, attribute: "Attribute[tuple[str, ...]]", options: Sequence[str]) -> None:
    """Refuses what is no option: a script's head ends at the first line that is none."""
    word, example = attribute.metadata["option"]
    for option in options:
        if not re.fullmatch(r"--?[A-Za-z][A-Za-z0-9-]*(=[^\n]*)?", option):
            raise ConfigError(f"{word} {option!r}: write one whole option, e.g. {word}={example}.")
        if option.partition("=")[0] in _TAKEN:
            raise ConfigError(
                f"{word} {option!r}: `mmearth-core slurm submit` sets this option itself. Use its own (--tasks, "
                "--parallel, --logs), or `mmearth-core slurm scripts` for scripts to change at will."
            )


@frozen
class JobOptions:
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
    extra: tuple[str, ...] = field(default=(), validator=_options, metadata={"option": ("--sbatch", "--qos=long")})
    environment: str = ""
    redownload: bool = False
    run_options: tuple[str, ...] = field(default=(), validator=_options, metadata={"option": ("--run", "--limit=100")})
    requeues: int = REQUEUES
    post: bool = True
    report: bool = True


def warning_seconds(config: Config) -> int:
    """How long before the time limit a task has to be warned, to end within its grace."""
    return max(WARNING, math.ceil(config.run.grace_seconds) + MARGIN)


def parallel_tasks(config: Config, options: JobOptions) -> int | None:
    """How many tasks of the array may run at once; None for all.

    More tasks than `max_concurrent` would not speed up the download: each needs at least one request in flight, and the
    others would only wait at the cluster's expense.
    """
    wanted = min(options.tasks, options.parallel or options.tasks)
    return config.run.max_concurrent if wanted > config.run.max_concurrent else options.parallel


FOLLOW_UPS = ("report", "verify")
"""Commands that follow `post` where they are installed."""


def job_chain(config: Config, wishes: JobOptions, installed: Collection[str]) -> list[BatchScript]:
    """The scripts that build a dataset, each to begin when the one before has ended.

    Args:
        config: the dataset's configuration.
        wishes: what the user says of the jobs.
        installed: names of the installed commands; follow-up commands that are missing are left out.
    """
    name, source = config.dataset.name, shlex.quote(str(config.source))
    page = shlex.quote(str(config.root / "slurm" / "report.html"))
    verb = "redownload" if wishes.redownload else "run"
    parallel = parallel_tasks(config, wishes)
    logs = str(wishes.logs).replace("%", "%%")
    first = BatchScript(
        stem="redownload" if wishes.redownload else "download",
        about="Downloads the dataset; every task of the array takes its share of the tiles by itself.",
        name=f"{name}-download",
        command=shlex.join(["mmearth-core", verb, str(config.source), *wishes.run_options]),
        resources=evolve(wishes.download, extra=wishes.extra),
        log=f"{logs}/{ARRAY_LOG}",
        array=f"0-{wishes.tasks - 1}" + ("" if parallel is None else f"%{parallel}"),
        environment=wishes.environment,
        go_on=Requeue(warning_seconds(config), wishes.requeues),
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
    commands = {
        "report": f"mmearth-core report {source} -o {page} {WORKERS}",
        "verify": f"mmearth-core verify {source} {WORKERS}",
    }
    follow_ups = [commands[command] for command in FOLLOW_UPS if command in installed]
    if not (wishes.report and follow_ups):
        return [first, *([post] if wishes.post else [])]
    report = evolve(
        rest,
        stem="report",
        about="Says how far the dataset is, writes a page about it, rereads it and says what is wrong with it.",
        name=f"{name}-report",
        before=(f"mmearth-core status {source}", *follow_ups[:-1]),
        command=follow_ups[-1],
    )
    return [first, *([post] if wishes.post else []), report]


def by_hand() -> list[BatchScript]:
    """The scripts for those who call `sbatch` themselves; what follows the script's name goes to the command."""
    return [
        _array_by_hand(
            "download",
            "run",
            "Downloads a dataset as a Slurm array; every task takes its share of the tiles by itself:\n\n"
            "  sbatch --array=0-39 slurm/download.sbatch mydata.toml\n\n"
            "Any number of tasks, and another one next time: submitted again, it continues. The array must not have "
            "gaps.\nAll tasks together keep to [run] max_concurrent and requests_per_second.",
        ),
        _array_by_hand(
            "redownload",
            "redownload",
            "Downloads the tiles again that have failed or were sent back, as a Slurm array:\n\n"
            "  sbatch --array=0-9 slurm/redownload.sbatch mydata.toml",
        ),
        _job_by_hand(
            "post",
            "Makes HDF5, statistics and splits of what was downloaded, and says what is lacking:\n\n"
            "  sbatch --dependency=afterany:JOB slurm/post.sbatch mydata.toml",
        ),
        _job_by_hand(
            "verify",
            "Rereads a dataset and says what is wrong with it:\n\n"
            "  sbatch --dependency=afterany:JOB slurm/verify.sbatch mydata.toml",
        ),
        _job_by_hand(
            "report", "Writes a page about a dataset:\n\n  sbatch slurm/report.sbatch mydata.toml -o mydata.html"
        ),
        evolve(
            _job_by_hand(
                "tiles", "Samples the world:\n\n  sbatch slurm/tiles.sbatch --number 1000000 -o tiles.geojson"
            ),
            command='mmearth-core tiles "$@"',  # one process samples: it has no --workers
            resources=evolve(FINISH, cpus=1, memory="8G"),
        ),
    ]


def _job_by_hand(stem: str, about: str) -> BatchScript:
    """A single job, after which the command is called too."""
    return BatchScript(
        stem=stem,
        about=about,
        name=f"mmearth-{stem}",
        command=f'mmearth-core {stem} "$@" {WORKERS}',
        resources=FINISH,
        log=JOB_LOG,
    )


def _array_by_hand(stem: str, verb: str, about: str) -> BatchScript:
    """An array whose tasks call a command that takes its share by itself."""
    job = _job_by_hand(stem, about)
    return evolve(job, command=f'mmearth-core {verb} "$@"', resources=DOWNLOAD, log=ARRAY_LOG, go_on=Requeue())


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


ENVIRONMENT = """\
# The environment of all jobs: edit here, and nowhere else. Every job sources this file on its compute node.
# Without any change, jobs have the environment of the shell that submits them.

# ---- Software ----------------------------------------------------------------
# module load python/3.11
# source "$HOME/venvs/mmearth/bin/activate"

# ---- Earth Engine's credentials ------------------------------------------------
# Your own: `earthengine authenticate --quiet`, once, on the login node. It writes ~/.config/earthengine/credentials,
# which compute nodes read if they share that home. Nothing is to be set here.
# A service account: its JSON key is `service_account_key` in [engines.earthengine] of the configuration.
# The project that is billed stands there as well: `project`.

# ---- Network -------------------------------------------------------------------
# Where compute nodes reach the Internet through a proxy only:
# export HTTPS_PROXY=http://proxy.example.org:3128
"""
"""What `environment.sh` says before it is edited."""


FILE_NAME = "environment.sh"


def write_scripts(folder: Path) -> list[Path]:
    """Writes all scripts; an `environment.sh` that is there is kept.

    Returns:
        The files, that one first.

    Raises:
        SlurmError: when the folder cannot be written to.
    """
    paths = write(by_hand(), folder)
    environment = folder / FILE_NAME
    if not environment.exists():
        environment.write_text(ENVIRONMENT, encoding="utf-8")
    return [environment, *paths]
