"""`mmearth-core slurm`: submits a dataset's jobs to a Slurm cluster, or writes scripts for it."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mmearth_core.cli.common import FILE, FOLDER, config_argument, json_option, number_option, show

if TYPE_CHECKING:
    from mmearth_core.slurm.jobs import JobOptions


@click.group("slurm")
def command() -> None:
    """Build datasets on a Slurm cluster. How far they are, `mmearth-core status` and `squeue` tell.

    \b
    Examples:
      mmearth-core slurm submit mydata.toml --tasks 40
      mmearth-core slurm scripts
    """  # noqa: D301 - click takes the character itself as its mark for lines to keep


@command.command("submit")
@config_argument
@number_option("--tasks", "Of the array.", default=40)
@number_option("--parallel", "Tasks that may run at once; at most max_concurrent of [run]. By default all.")
@click.option("--time", metavar="TIME", default="24:00:00", show_default=True, help="Time limit of a task.")
@click.option("--cpus", type=click.IntRange(min=1), default=1, show_default=True, help="Cores of a task.")
@click.option("--mem", metavar="SIZE", default="2G", show_default=True, help="Memory of a task.")
@click.option("--post-time", metavar="TIME", default="24:00:00", show_default=True, help="Of each of the later jobs.")
@click.option("--post-cpus", type=click.IntRange(min=1), default=8, show_default=True, help="Likewise.")
@click.option("--post-mem", metavar="SIZE", default="16G", show_default=True, help="Likewise.")
@click.option("--partition", metavar="NAME", help="Of the cluster.")
@click.option("--account", metavar="NAME", help="That the time is charged to.")
@click.option(
    "--sbatch",
    "extra",
    multiple=True,
    metavar="OPTION",
    help="A further option of sbatch, for all jobs: --sbatch=--qos=long. May be given several times.",
)
@click.option(
    "--run",
    "run_options",
    multiple=True,
    metavar="OPTION",
    help="An option of `mmearth-core run`, for the array's tasks: --run=--limit=100. Likewise.",
)
@click.option(
    "--environment",
    type=FILE,
    metavar="FILE",
    help="What every job sources first: modules, virtual environment. By default slurm/environment.sh beside CONFIG, "
    "if it is there; without one, jobs have the environment of this shell.",
)
@click.option(
    "--logs",
    type=FOLDER,
    metavar="DIR",
    help="Folder for the jobs' logs; by default slurm/logs in the dataset.",
)
@number_option(
    "--requeues",
    "How often a task that stopped early, as at its time limit, goes on by itself.",
    default=100,
    least=0,
)
@click.option("--redownload", is_flag=True, help="Take what has failed or was sent back, instead of what is left.")
@click.option("--post/--no-post", default=True, help="Make the dataset's files when the array has ended.")
@click.option(
    "--report/--no-report", default=True, help="Then verify the dataset, and write a page about it: slurm/report.html."
)
@click.option("--dry-run", is_flag=True, help="Print the scripts and how they would be submitted, and do nothing.")
@json_option("Print the jobs as JSON.")
def submit_jobs(config: Path, dry_run: bool, as_json: bool, **asked: Any) -> None:
    """Submit a dataset's download as an array, and after it the jobs that make and verify the dataset.

    The later jobs begin when the one before has ended, also if tiles have failed; they say what is lacking. Scripts
    and logs stand in the dataset's folder slurm/. Submitting again continues, with any number of tasks.

    \b
    Examples:
      mmearth-core slurm submit mydata.toml --tasks 40 --dry-run
      mmearth-core slurm submit mydata.toml --tasks 200 --parallel 40 --time 12:00:00 --partition short
      mmearth-core slurm submit mydata.toml --tasks 10 --redownload
      mmearth-core slurm submit mydata.toml --account project7 --sbatch=--qos=long --run=--limit=100

    \b
    Exit status:
      0  all jobs were submitted
      2  the error says what to mend, and what was submitted
    """  # noqa: D301 - click takes the character itself as its mark for lines to keep
    from mmearth_core.config.schema import load_config
    from mmearth_core.download.prepare import prepare
    from mmearth_core.registry import discover
    from mmearth_core.registry.commands import ELSEWHERE, offered
    from mmearth_core.slurm.jobs import FOLLOW_UPS, job_chain, parallel_tasks, preview, submit

    loaded = load_config(config)
    folder = loaded.root / "slurm"
    wishes = _wishes(loaded.source, folder, **asked)
    installed = offered().usable
    scripts = job_chain(loaded, wishes, installed)
    parallel = parallel_tasks(loaded, wishes)
    if parallel != wishes.parallel:
        click.echo(
            f"At most {parallel} tasks run at once (max_concurrent of [run]): more would wait for a request.", err=True
        )
    missing = [name for name in FOLLOW_UPS if wishes.report and name not in installed]
    for name in missing:
        click.echo(
            f"Not submitted: `{name}`, which is in {ELSEWHERE[name]}: `pip install {ELSEWHERE[name]}`.", err=True
        )
    if dry_run:
        click.echo(preview(scripts, folder), nl=False)
        return
    prepare(loaded, discover())  # what `run` would refuse is found now, before forty tasks find it
    jobs = submit(scripts, folder, wishes.logs)
    shown = [{"stage": one.stage, "job": one.job, "script": str(one.script)} for one in jobs]
    lines = [
        f"job {one.job}: {one.script}" + (f", after job {jobs[number - 1].job} has ended" if number else "")
        for number, one in enumerate(jobs)
    ]
    lines += [f"Environment: {wishes.environment or 'that of this shell'}", f"Logs: {wishes.logs}"]
    facts = {"jobs": shown, "environment": wishes.environment, "logs": str(wishes.logs)}
    show(as_json, facts, lines)


def _wishes(
    source: Path,
    folder: Path,
    *,
    time: str,
    cpus: int,
    mem: str,
    post_time: str,
    post_cpus: int,
    post_mem: str,
    partition: str | None,
    account: str | None,
    environment: Path | None,
    logs: Path | None,
    **others: Any,
) -> "JobOptions":
    """What the options say of the jobs; those that are not named here are called as in `Wishes`."""
    from mmearth_core.slurm.jobs import JobOptions
    from mmearth_core.slurm.script import Resources

    return JobOptions(
        download=Resources(time, cpus, mem, partition, account),
        finish=Resources(post_time, post_cpus, post_mem, partition, account),
        environment=_environment(environment, source),
        logs=(logs or folder / "logs").absolute(),
        **others,
    )


@command.command("scripts")
@click.argument("folder", type=FOLDER, default="slurm")
def write_scripts(folder: Path) -> None:
    """Write batch scripts to FOLDER (by default slurm), to be changed at will and submitted with `sbatch`.

    Beside them stands environment.sh, which all of them source, and `mmearth-core slurm submit` too: the place for
    modules and the virtual environment. One that is there is kept.

    \b
    Examples:
      mmearth-core slurm scripts
      sbatch --array=0-39 slurm/download.sbatch mydata.toml
    """  # noqa: D301
    from mmearth_core.slurm.jobs import write_scripts as write

    for path in write(folder):
        click.echo(path)


def _environment(given: Path | None, config: Path) -> str:
    """The file that jobs source, absolute; "" for none."""
    from mmearth_core.errors import ConfigError

    if given is None:
        usual = config.parent / "slurm" / "environment.sh"
        return str(usual) if usual.is_file() else ""
    if not given.is_file():
        raise ConfigError(f"--environment {given}: no such file. `mmearth-core slurm scripts` writes one to edit.")
    return str(given.absolute())
