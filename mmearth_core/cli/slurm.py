"""`mmearth-core slurm`: submits a dataset's jobs to a Slurm cluster, or writes scripts for it."""

from pathlib import Path
from typing import Any

import click

from mmearth_core.cli.common import FILE, FOLDER, Decorator, config_argument, json_option, number_option, show
from mmearth_core.errors import ConfigError


@click.group("slurm")
def command() -> None:
    """Build datasets on a Slurm cluster. `mmearth-core status` and `squeue` show the progress.

    \b
    Examples:
      mmearth-core slurm submit mydata.toml --tasks 40
      mmearth-core slurm scripts
    """  # noqa: D301 - click marks lines to keep with this character


def _further_option(name: str, argument: str, help: str) -> Decorator:
    """An option of another command, which is passed on; its value is that option."""
    return click.option(name, argument, multiple=True, metavar="OPTION", help=f"{help} Can be repeated.")


@command.command("submit")
@config_argument
@number_option("--tasks", "Number of tasks of the array.", default=40)
@number_option("--parallel", "Maximum number of tasks at the same time; default and maximum: max_concurrent of [run].")
@click.option("--time", metavar="TIME", default="24:00:00", show_default=True, help="Time limit of a task.")
@click.option("--cpus", type=click.IntRange(min=1), default=1, show_default=True, help="Cores per task.")
@click.option("--mem", metavar="SIZE", default="2G", show_default=True, help="Memory per task.")
@click.option("--post-time", metavar="TIME", default="24:00:00", show_default=True, help="Time limit of later jobs.")
@click.option("--post-cpus", type=click.IntRange(min=1), default=8, show_default=True, help="Cores of later jobs.")
@click.option("--post-mem", metavar="SIZE", default="16G", show_default=True, help="Memory of later jobs.")
@click.option("--partition", metavar="NAME", help="Slurm partition.")
@click.option("--account", metavar="NAME", help="Account to charge.")
@_further_option("--sbatch", "extra", "Further option of sbatch for all jobs: --sbatch=--qos=long.")
@_further_option("--run", "run_options", "Further option of `mmearth-core run` for the tasks: --run=--limit=100.")
@click.option(
    "--environment",
    type=FILE,
    metavar="FILE",
    help="File that every job sources first: modules, virtual environment. Default: slurm/environment.sh beside "
    "CONFIG, if it exists; without one, jobs have the environment of this shell.",
)
@click.option(
    "--logs", type=FOLDER, metavar="DIR", help="Folder for the jobs' logs; default: slurm/logs in the dataset."
)
@number_option(
    "--requeues", "Maximum requeues of a task that stops early, e.g. at its time limit.", default=100, least=0
)
@click.option("--redownload", is_flag=True, help="Download failed and returned tiles, instead of those that are left.")
@click.option("--post/--no-post", default=True, help="Make the dataset's files when the array has ended.")
@click.option("--report/--no-report", default=True, help="Afterwards verify the dataset and write slurm/report.html.")
@click.option("--again", is_flag=True, help="Submit even if the dataset's jobs are in Slurm's queue already.")
@click.option("--dry-run", is_flag=True, help="Print the scripts and the commands that would submit them.")
@json_option("Print the jobs as JSON.")
def submit_jobs(
    config: Path, again: bool, dry_run: bool, as_json: bool, environment: Path | None, logs: Path | None, **options: Any
) -> None:
    """Submit a dataset's download as an array, and after it the jobs that make and verify the dataset.

    Each later job starts when the one before has ended, even if tiles have failed, and reports what is missing.
    Scripts and logs are in the dataset's folder slurm/. Submitted again, also with another number of tasks, it
    continues. If this command is killed, the next one finds its jobs in Slurm's queue and adds the missing ones.

    \b
    Examples:
      mmearth-core slurm submit mydata.toml --tasks 40 --dry-run
      mmearth-core slurm submit mydata.toml --tasks 200 --parallel 40 --time 12:00:00 --partition short
      mmearth-core slurm submit mydata.toml --tasks 10 --redownload
      mmearth-core slurm submit mydata.toml --account project7 --sbatch=--qos=long --run=--limit=100

    \b
    Exit status:
      0  all jobs were submitted
      2  the error says what to fix, and what was submitted
    """  # noqa: D301 - click marks lines to keep with this character
    from mmearth_core.config.schema import load_config
    from mmearth_core.download.prepare import prepare
    from mmearth_core.registry import discover
    from mmearth_core.registry.commands import ELSEWHERE, offered
    from mmearth_core.slurm.jobs import FOLLOW_UPS, JobOptions, job_chain, parallel_tasks, preview, submit

    loaded = load_config(config)
    folder = loaded.root / "slurm"
    environment_file = _environment_file(environment, loaded.source)
    jobs = JobOptions(environment=environment_file, logs=(logs or folder / "logs").absolute(), **options)
    installed = offered().usable
    scripts = job_chain(loaded, jobs, installed)
    parallel = parallel_tasks(loaded, jobs)
    if parallel != jobs.parallel:
        most = f"At most {parallel} tasks run at once (max_concurrent of [run])"
        click.echo(f"{most}: more would wait for a request.", err=True)
    for name in FOLLOW_UPS:
        if jobs.report and name not in installed:
            where = ELSEWHERE[name]
            click.echo(f"Not submitted: `{name}`, which is in {where}: `pip install {where}`.", err=True)
    if dry_run:
        click.echo(preview(scripts, folder), nl=False)
        return
    prepare(loaded, discover())  # an error that `run` would report is reported here, not by each of forty tasks
    rows: list[dict[str, str]] = []
    for one in submit(scripts, folder, jobs, again):
        after = f", after job {rows[-1]['job']} has ended" if rows else ""
        # At once, as nobody knows the jobs of a process that is killed before it prints them.
        click.echo(f"job {one.job}: {one.script}{' (submitted before)' if one.is_found else after}", err=as_json)
        rows.append({"stage": one.stage, "job": one.job, "script": str(one.script)})
    facts = {"jobs": rows, "environment": jobs.environment, "logs": str(jobs.logs)}
    show(as_json, facts, [f"Environment: {jobs.environment or 'that of this shell'}", f"Logs: {jobs.logs}"])


def _environment_file(given: Path | None, config: Path) -> str:
    """The file that jobs source, absolute; "" for none."""
    usual = config.parent / "slurm" / "environment.sh"
    if given is not None and not given.is_file():
        raise ConfigError(f"--environment {given}: no such file. `mmearth-core slurm scripts` writes one to edit.")
    file = given or usual
    return str(file.absolute()) if file.is_file() else ""


@command.command("scripts")
@click.argument("folder", type=FOLDER, default="slurm")
def write_scripts(folder: Path) -> None:
    """Write batch scripts to FOLDER (default: slurm), to edit and to submit with `sbatch`.

    They come with environment.sh, which all of them source, and `mmearth-core slurm submit` too: the place for modules
    and the virtual environment. An existing one is kept.

    \b
    Examples:
      mmearth-core slurm scripts
      sbatch --array=0-39 slurm/download.sbatch mydata.toml
    """  # noqa: D301 - click marks lines to keep with this character
    from mmearth_core.slurm.jobs import copy_scripts

    for path in copy_scripts(folder):
        click.echo(path)
