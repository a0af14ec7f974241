"""What the commands that download share: the run itself, what is told of it, and how it ends."""

import os
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mmearth_core.cli import paragraph
from mmearth_core.cli.ending import show

if TYPE_CHECKING:
    from rich.console import Console

    from mmearth_core.download.again import Again
    from mmearth_core.download.prepare import Job
    from mmearth_core.download.result import Result
    from mmearth_core.download.shard import Shard
    from mmearth_core.registry import Registry


def download(
    config: Path,
    registry: "Registry",
    engine: str | None = None,
    only: Sequence[str] | None = None,
    shard: "Shard | None" = None,
    limit: int | None = None,
    again: "Again | None" = None,
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
        with ProgressView(Console(stderr=True)) as view:
            return job, run(job, view, shard or WHOLE, limit, again or NOTHING_AGAIN, stop)


def show_run(job: "Job", result: "Result", shard: "Shard", as_json: bool) -> int:
    """Prints what a run did, and ends it as `leave` does.

    Returns:
        The exit status.
    """
    facts = {"dataset": str(job.folder.root), "shard": str(shard), **result.summary()}
    show(as_json, facts, partial(print_summary, job, result))
    return leave(result)


def leave(result: "Result") -> int:
    """Says why a run was stopped, if it was.

    Returns:
        The exit status. Where requests were given up unanswered, the process ends here, as it would wait for them.
    """
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
    counts = f"{summary['done']} done, {summary['skipped']} skipped, {summary['failed']} failed"
    if summary["uncounted"] is None:
        console.print(f"{counts}, {summary['left']} left", style="bold")
    else:
        console.print(f"{counts}, of what could be counted: {summary['uncounted']}", style="bold", markup=False)
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
