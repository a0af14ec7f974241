"""`mmearth-core run`: downloads a dataset's tiles."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mmearth_core.completion import engines, modalities

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from mmearth_core.download.again import Again
    from mmearth_core.download.prepare import Job
    from mmearth_core.download.result import Result
    from mmearth_core.download.shard import Shard
    from mmearth_core.registry import Registry


@click.command("run")
@click.argument("config", type=click.Path(path_type=Path))
@click.option(
    "--engine",
    metavar="NAME[:TEXT]",
    help="Who answers, instead of the configuration's engine.",
    shell_complete=engines,
)
@click.option(
    "--shard", "shard_text", metavar="I/N", help="Work share I (0 to N-1) of N; in a Slurm array, the task's by itself."
)
@click.option(
    "--modalities",
    metavar="A,B",
    help="Download only these of the configured modalities.",
    shell_complete=modalities,
)
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Only the first N tiles of the share.")
@click.option(
    "--retry-failed", is_flag=True, help="Also take what failed in earlier runs; `redownload` takes nothing else."
)
@click.option(
    "--record",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="FOLDER",
    help="Keep every request and answer there, without credentials; `--engine replay:FOLDER` plays them back.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
def command(
    config: Path,
    engine: str | None,
    shard_text: str | None,
    modalities: str | None,
    limit: int | None,
    retry_failed: bool,
    record: Path | None,
    as_json: bool,
) -> int:
    """Download the tiles of a dataset, as CONFIG (a TOML file) says.

    Running again continues: what is done or skipped is not asked for again. SIGTERM and control-C end a run in good
    order: nothing new is asked for, what is under way is finished within [run] grace_seconds. Once more, and it ends
    at once. What is done is kept in either case.

    \b
    Examples:
      mmearth-core run mydata.toml
      mmearth-core run mydata.toml --limit 10
      mmearth-core run mydata.toml --shard 0/4
      mmearth-core run mydata.toml --engine local:virginia --json
      mmearth-core run mydata.toml --record answers

    \b
    Exit status:
      0  every tile is done, or skipped for a recorded reason
      1  a tile has failed, or is left over
      2  nothing was started: the error says what to mend
      3  stopped early (a signal, a full disk, lost access, no network); run it again to go on
    """  # noqa: D301 - click takes the character itself as its mark for lines to keep
    from rich.console import Console

    from mmearth_core.download.again import Again
    from mmearth_core.download.shard import Shard, parse_shard, shard_from_slurm
    from mmearth_core.registry import discover

    shard = (shard_from_slurm() if shard_text is None else parse_shard(shard_text)) or Shard()
    only = [name.strip() for name in modalities.split(",") if name.strip()] if modalities is not None else None
    job, result = download(config, discover(), engine, only, shard, limit, Again(failed=retry_failed), record)
    if as_json:
        click.echo(json.dumps({"dataset": str(job.folder.root), "shard": str(shard), **result.summary()}, indent=2))
    else:
        print_summary(job, result, Console(soft_wrap=True, highlight=False))
    return leave(result)


def download(
    config: Path,
    registry: "Registry",
    engine: str | None = None,
    only: "Sequence[str] | None" = None,
    shard: "Shard | None" = None,
    limit: int | None = None,
    again: "Again | None" = None,
    record: Path | None = None,
) -> "tuple[Job, Result]":
    """Prepares and runs a configuration, with the progress on standard error; a signal stops it in good order."""
    # Imported here, so that `--help` and completion stay instant.
    from rich.console import Console

    from mmearth_core.config.load import load_config
    from mmearth_core.download.prepare import prepare
    from mmearth_core.download.progress import ProgressView
    from mmearth_core.download.run import NOTHING_AGAIN, WHOLE, run
    from mmearth_core.download.stop import Stop

    stop = Stop()
    with stop.on_signals():
        options = load_config(config)
        stop.grace = options.run.grace_seconds
        job = prepare(options, registry, engine, only)
        if record is not None:
            from attrs import evolve

            from mmearth_core.earth.recording import Recorded

            job = evolve(job, engine=Recorded(job.engine, record))
        with ProgressView(Console(stderr=True)) as view:
            return job, run(job, view, shard or WHOLE, limit, again or NOTHING_AGAIN, stop)


def leave(result: "Result") -> int:
    """Says why a run was stopped, if it was.

    Returns:
        The exit status. Where requests were given up unanswered, the process ends here, as it would wait for them.
    """
    import os
    import sys

    from mmearth_core.cli import paragraph

    if result.stopped:
        click.echo(paragraph(f"stopped: {result.stopped}"), err=True)
    status = int(result.exit_code)
    if result.abandoned:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    return status


def print_summary(job: "Job", result: "Result", console: "Console") -> None:
    """Prints what a run did, for people."""
    from mmearth_core.download.progress import duration
    from mmearth_core.words import counted

    summary = result.summary()
    requests = sum(result.requests.values())
    ended = summary["ended_in_this_run"]
    console.print(
        f"{summary['done']} done, {summary['skipped']} skipped, {summary['failed']} failed, {summary['left']} left",
        style="bold",
    )
    for row in summary["reasons"][:5]:
        console.print(f"  {row['outcome']} {row['tiles']}: {row['reason']}", markup=False)
    if len(summary["reasons"]) > 5:
        console.print(f"  and {len(summary['reasons']) - 5} further reasons; --json lists them all")
    per_tile = f", {requests / ended:.2f} a tile, {result.received / ended / 1e6:.2f} MB a tile" if ended else ""
    console.print(
        f"This run: {counted(ended, 'tile')} in {duration(summary['seconds'])} "
        f"({summary['tiles_per_second']:.1f} tiles/s), {counted(requests, 'request')}{per_tile}."
    )
    if result.retries:
        kinds = ", ".join(f"{count} {kind}" for kind, count in result.retries.items())
        slowed = f"; slowed down {counted(result.slow_downs, 'time')}" if result.slow_downs else ""
        console.print(f"{sum(result.retries.values())} of these were tried again: {kinds}{slowed}.", markup=False)
    if summary["waiting"]:
        console.print(f"{summary['waiting']} tiles wait for the modalities of the first run; run without --modalities.")
    elif summary["failed"]:
        console.print(
            "`mmearth-core redownload` takes failed tiles again; `run --retry-failed` those and what is left."
        )
    console.print(f"Dataset: {job.folder.root}", markup=False)
