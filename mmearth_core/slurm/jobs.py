"""The jobs that build a dataset on a Slurm cluster, and their submission."""

import math
import re
import shlex
import shutil
import subprocess
from collections.abc import Collection, Iterator, Mapping, Sequence
from importlib.resources import files
from pathlib import Path

from attrs import Attribute, evolve, field, frozen

from mmearth_core.config.schema import Config
from mmearth_core.errors import ConfigError, SlurmError
from mmearth_core.files import written_aside
from mmearth_core.slurm.script import REQUEUES, WARNING, BatchScript

ARRAY_LOG, JOB_LOG = "%x-%A_%a.log", "%x-%j.log"
"""Log files, by the job's name: one per task of an array, with the numbers of both, and one of a single job."""

MARGIN = 60
"""Seconds added to the grace period of a run: Slurm checks time limits only this often."""

WORKERS = '--workers "${SLURM_CPUS_PER_TASK:-1}"'
"""Explicit, as Slurm need not bind a job to its cores."""

ENVIRONMENT = "environment.sh"

FOLLOW_UPS = ("report", "verify")
"""Commands that follow `post` where they are installed."""

_RESERVED = ("--array", "-a", "--output", "-o", "--open-mode", "--parsable", "--wrap", "--wait", "-W", "--shard")
"""Options that would conflict with those that `slurm submit` sets."""

_EXAMPLES = {"extra": ("--sbatch", "--qos=long"), "run_options": ("--run", "--limit=100")}
"""The command's option for an attribute of `JobOptions`, and an example for it."""


def _check_options(_instance: object, attribute: "Attribute[tuple[str, ...]]", options: Sequence[str]) -> None:
    """Refuses what is not an option: a script's `#SBATCH` lines end at the first other line."""
    name, example = _EXAMPLES[attribute.name]
    for option in options:
        if not re.fullmatch(r"--?[A-Za-z][A-Za-z0-9-]*(=[^\n]*)?", option):
            raise ConfigError(f"{name} {option!r}: write one complete option, e.g. {name}={example}.")
        if option.partition("=")[0] in _RESERVED:
            own = "Use its own options (--tasks, --parallel, --logs)"
            remedy = f"{own}, or scripts of your own from `mmearth-core slurm scripts`."
            raise ConfigError(f"{name} {option!r}: `mmearth-core slurm submit` sets this option itself. {remedy}")


@frozen
class JobOptions:
    """The user's choices for the jobs.

    Attributes:
        tasks: number of tasks of the array.
        logs: the folder for logs.
        parallel: maximum number of tasks at the same time; None for all.
        time: time limit of a task, in Slurm's notation: `24:00:00`, `2-12:00:00`.
        cpus: cores per task.
        mem: memory per task, in Slurm's notation: `2G`.
        post_time: time limit of each later job.
        post_cpus: cores of each later job.
        post_mem: memory of each later job.
        partition: Slurm partition; None for the default one.
        account: account to charge; None for the user's default.
        extra: further options of `sbatch`, for all jobs.
        environment: the file that every job sources; "" for none.
        redownload: whether failed tiles are downloaded again, instead of the remaining ones.
        run_options: further options of the command that downloads.
        requeues: maximum number of requeues of a task.
        post: whether the dataset's files are made afterwards.
        report: whether they are verified then.
    """

    tasks: int
    logs: Path
    parallel: int | None
    time: str
    cpus: int
    mem: str
    post_time: str
    post_cpus: int
    post_mem: str
    partition: str | None = None
    account: str | None = None
    extra: tuple[str, ...] = field(default=(), validator=_check_options)
    environment: str = ""
    redownload: bool = False
    run_options: tuple[str, ...] = field(default=(), validator=_check_options)
    requeues: int = REQUEUES
    post: bool = True
    report: bool = True


def parallel_tasks(config: Config, options: JobOptions) -> int | None:
    """How many tasks of the array may run at the same time; None for all.

    More tasks than `max_concurrent` would not speed up the download: each needs at least one request in flight, and the
    others would only wait at the cluster's expense.
    """
    wanted = min(options.tasks, options.parallel or options.tasks)
    return config.run.max_concurrent if wanted > config.run.max_concurrent else options.parallel


def job_chain(config: Config, options: JobOptions, installed: Collection[str]) -> list[BatchScript]:
    """The scripts that build a dataset, each to start when the one before has ended.

    Args:
        config: the dataset's configuration.
        options: the user's choices.
        installed: names of the installed commands; follow-up commands that are missing are left out.
    """
    name, source = config.dataset.name, shlex.quote(str(config.source))
    page = shlex.quote(str(config.root / "slurm" / "report.html"))
    download = _download_script(config, options)
    post = evolve(
        download,
        stem="post",
        about="Makes HDF5, statistics and splits from the downloaded tiles, and reports what is missing.",
        name=f"{name}-post",
        command=f"mmearth-core post {source} {WORKERS}",
        time=options.post_time,
        cpus=options.post_cpus,
        memory=options.post_mem,
        log=download.log.replace(ARRAY_LOG, JOB_LOG),
        array=None,
        warning=None,
    )
    arguments = {"report": f"{source} -o {page}", "verify": source}
    names = [name for name in FOLLOW_UPS if name in installed and options.report]
    follow_ups = [f"mmearth-core {name} {arguments[name]} {WORKERS}" for name in names]
    report = evolve(
        post,
        stem="report",
        about="Prints the state of the dataset, writes a report about it, and checks it for faults.",
        name=f"{name}-report",
        before=(f"mmearth-core status {source}", *follow_ups[:-1]),
        command="".join(follow_ups[-1:]),
    )
    return [download, *([post] if options.post else []), *([report] if follow_ups else [])]


def _download_script(config: Config, options: JobOptions) -> BatchScript:
    command = "redownload" if options.redownload else "run"
    parallel = parallel_tasks(config, options)
    logs = str(options.logs).replace("%", "%%")
    charged = {"--partition": options.partition, "--account": options.account}
    named = [f"{option}={shlex.quote(value)}" for option, value in charged.items() if value is not None]
    return BatchScript(
        stem="redownload" if options.redownload else "download",
        about="Downloads the dataset; each task of the array selects its share of the tiles by itself.",
        name=f"{config.dataset.name}-download",
        command=shlex.join(["mmearth-core", command, str(config.source), *options.run_options]),
        time=options.time,
        cpus=options.cpus,
        memory=options.mem,
        log=f"{logs}/{ARRAY_LOG}",
        options=(*named, *options.extra),
        array=f"0-{options.tasks - 1}" + ("" if parallel is None else f"%{parallel}"),
        environment=options.environment,
        # Early enough for a task to end within the grace period of its run.
        warning=max(WARNING, math.ceil(config.run.grace_seconds) + MARGIN),
        requeues=options.requeues,
        needed=(str(config.root / "slurm"), str(config.source)),
    )


@frozen
class SubmittedJob:
    """A job that Slurm has accepted.

    Attributes:
        stage: the script's name without suffix.
        job: its number.
        script: the file.
        is_found: whether it had been submitted before.
    """

    stage: str
    job: str
    script: Path
    is_found: bool = False


def submit_command(script: Path, after: str | None) -> list[str]:
    """The command that submits a script.

    Args:
        script: the file.
        after: the number of the job that has to end first, with any status; a job that was requeued has not ended.
    """
    return ["sbatch", "--parsable", *([f"--dependency=afterany:{after}"] if after else []), str(script)]


def preview(scripts: Sequence[BatchScript], folder: Path) -> str:
    """What `submit` would write and run."""
    parts, before = [], None
    for script in scripts:
        path = folder / script.file_name
        command = shlex.join(submit_command(path, before and f"<{before}>"))
        parts.append(f"# ---- {path}\n# ---- {command}\n{script.text()}")
        before = f"job of {script.file_name}"
    return "\n".join(parts)


def submit(
    scripts: Sequence[BatchScript], folder: Path, options: JobOptions, again: bool = False
) -> Iterator[SubmittedJob]:
    """Writes the scripts and submits them in their order; yields each job as soon as Slurm has accepted it.

    If only the first jobs are in Slurm's queue, since the process that submitted them was killed, the others are added.

    Args:
        scripts: as `job_chain` returns them.
        folder: where they are written to; the scripts of jobs submitted before may be replaced.
        options: the user's choices.
        again: whether all are submitted even if they are in the queue already.

    Raises:
        SlurmError: when there is no Slurm, it has these jobs already, or refuses one; says what was submitted before.
    """
    if shutil.which("sbatch") is None:
        remedy = "Run this command on a login node of the cluster; --dry-run shows what it would submit."
        raise SlurmError(f"There is no `sbatch` on this machine, so nothing was submitted. {remedy}")
    _check_array_size(options.tasks)
    queued = {} if again else _queued(scripts, folder)
    if queued and (scripts[0].stem not in queued or queued.keys() >= {script.stem for script in scripts}):
        cancel = f"cancel them with `scancel {' '.join(queued.values())}`"
        remedy = f"Wait for these jobs, {cancel}, or submit again beside them with --again."
        raise SlurmError(f"{folder.parent} is in Slurm's queue already: {_listed(queued)}. {remedy}")
    _write({folder / script.file_name: script.text() for script in scripts if script.stem not in queued})
    try:
        # Slurm does not make this folder, and drops logs without a message if it is missing.
        options.logs.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SlurmError(f"{options.logs} cannot be made: {error.strerror}. Set another folder with --logs.") from error
    jobs: dict[str, str] = {}
    for script in scripts:
        path = folder / script.file_name
        jobs[script.stem] = queued.get(script.stem) or _sbatch(path, jobs)
        yield SubmittedJob(script.stem, jobs[script.stem], path, script.stem in queued)


def _sbatch(script: Path, before: Mapping[str, str]) -> str:
    """Submits a script, to start after the last of the jobs `before` it.

    Returns:
        The number of the job.

    Raises:
        SlurmError: when Slurm refuses it; says what was submitted before.
    """
    numbers = list(before.values())
    command = submit_command(script, numbers[-1] if numbers else None)
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    job = answer.stdout.strip().partition(";")[0]  # on federated clusters the cluster's name follows
    if answer.returncode == 0 and job.isdecimal():
        return job
    state, again = "Nothing was submitted", ""
    if before:
        state = f"Submitted before it and not cancelled: {_listed(before)}"
        again = f": that adds what is missing, or starts over after `scancel {numbers[0]}`"
    found = f"`{shlex.join(command)}` was refused: {(answer.stderr or answer.stdout).strip()}"
    raise SlurmError(f"{found}. {state}. Fix this and submit again{again}.")


def _listed(jobs: Mapping[str, str]) -> str:
    """Jobs by stage, for a message: `download is job 7, post is job 8`."""
    return ", ".join(f"{stage} is job {job}" for stage, job in jobs.items())


def _queued(scripts: Sequence[BatchScript], folder: Path) -> dict[str, str]:
    """The jobs of this folder's scripts that Slurm has not ended, of any user: `{stage: number}`.

    Slurm is asked instead of a file in which a killed process could not note its last job.

    Raises:
        SlurmError: when Slurm does not answer.
    """
    dataset, _, _ = scripts[0].name.rpartition("-")
    names = ",".join(f"{dataset}-{stage}" for stage in ("download", "post", "report"))
    command = ["squeue", "--noheader", f"--name={names}", "--format=%F %o"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    if answer.returncode:
        raise SlurmError(f"`{shlex.join(command)}` failed: {answer.stderr.strip()}. Nothing was submitted. Try again.")
    jobs = [line.strip().partition(" ") for line in answer.stdout.splitlines()]
    return {Path(script).stem: job for job, _, script in jobs if Path(script).parent.resolve() == folder.resolve()}


def _check_array_size(tasks: int) -> None:
    """Refuses an array that is too large, which `sbatch` would only call an invalid specification.

    Raises:
        SlurmError: when the array has more tasks than this Slurm allows.
    """
    answer = subprocess.run(["scontrol", "show", "config"], capture_output=True, text=True, check=False)
    limit = re.search(r"^MaxArraySize\s*=\s*(\d+)", answer.stdout, re.MULTILINE)
    if limit and tasks > int(limit[1]):
        most = f"this Slurm allows arrays of at most {limit[1]} tasks (MaxArraySize)"
        remedy = "Use fewer: 40 tasks keep Earth Engine's 40 requests in flight, and one task can have many of them."
        raise SlurmError(f"--tasks {tasks}: {most}. {remedy}")


def copy_scripts(folder: Path) -> list[Path]:
    """Copies the scripts for use by hand to a folder; an existing `environment.sh` is kept, as users edit it.

    Returns:
        The files, with `environment.sh` first.

    Raises:
        SlurmError: when the folder cannot be written to.
    """
    sources = (files("mmearth_core.slurm") / "scripts").iterdir()
    texts = {folder / source.name: source.read_text(encoding="utf-8") for source in sources}
    environment = folder / ENVIRONMENT
    _write({path: text for path, text in texts.items() if path != environment or not path.exists()})
    return [environment, *sorted(path for path in texts if path != environment)]


def _write(texts: Mapping[Path, str]) -> None:
    try:
        for path, text in texts.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            with written_aside(path) as aside:
                aside.write_text(text, encoding="utf-8")
    except OSError as error:
        where = error.filename or path
        raise SlurmError(f"{where} cannot be written: {error.strerror}. Fix the permissions.") from error
