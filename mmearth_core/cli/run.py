"""`mmearth-core run`: download a dataset's tiles."""

import os
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from mmearth_core.cli import paragraph
from mmearth_core.cli.common import config_argument, json_option, share_options, show
from mmearth_core.download.journal import Outcome
from mmearth_core.download.outcomes import Tally
from mmearth_core.text import duration

if TYPE_CHECKING:
    from rich.console import Console

    from mmearth_core.download.prepare import PreparedRun
    from mmearth_core.download.run_log import Result
    from mmearth_core.download.selection import RetrySelection, Shard
    from mmearth_core.registry import Registry

_PLAIN_EVERY = 10.0
"""Seconds between two plain lines: a log of a day's run stays readable."""


class ProgressView:
    """A context that shows a tally as it changes, on standard error; and what was done when it is left by an error."""

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = console
        self._clock = clock
        self._bar: Progress | None = None
        self._last = clock()
        self._tally: Tally | None = None

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._bar = Progress(
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[text]}"),
                console=self._console,
            )
            self._bar.start()
            self._task = self._bar.add_task("tiles", total=None, text="")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar:
            self._bar.stop()
        if kind is not None and self._tally is not None:
            tally = self._tally
            self._console.print(
                f"Stopped; in this run {', '.join(f'{tally.now[outcome]} {outcome}' for outcome in Outcome)}. "
                "What is done is kept; the same command goes on with the others.",
                soft_wrap=True,
            )

    def changed(self, tally: Tally) -> None:
        """Shows the tally."""
        self._tally = tally
        if self._bar:
            self._bar.update(self._task, total=tally.total, completed=tally.ended, text=_text(tally))
        elif self._clock() - self._last >= _PLAIN_EVERY:
            self._last = self._clock()
            self._console.print(f"{tally.ended}/{tally.total} tiles, {_text(tally)}", soft_wrap=True)


def _counts(tally: Tally) -> str:
    return ", ".join(f"{tally.count(outcome)} {outcome}" for outcome in Outcome)


def _text(tally: Tally) -> str:
    notice = tally.notice()
    held = f"; {notice}" if notice else ""
    return f"{_counts(tally)}; {tally.rate:.1f} tiles/s, {duration(tally.remaining)} left{held}"


def download(
    config: Path,
    registry: "Registry",
    engine: str | None = None,
    only: Sequence[str] | None = None,
    shard: "Shard | None" = None,
    limit: int | None = None,
    again: "RetrySelection | None" = None,
) -> "tuple[PreparedRun, Result]":
    """Prepares and runs a configuration, with the progress on standard error; a signal stops it in good order."""
    # Imported here, so that `--help` and completion stay instant.
    from rich.console import Console

    from mmearth_core.config.schema import load_config
    from mmearth_core.download.prepare import prepare
    from mmearth_core.download.run import NOTHING_AGAIN, WHOLE, run
    from mmearth_core.download.stop import StopRequest

    stop = StopRequest()
    with stop.on_signals():
        options = load_config(config)
        stop.grace = options.run.grace_seconds
        job = prepare(options, registry, engine, only)
        with ProgressView(Console(stderr=True)) as view:
            return job, run(job, view, shard or WHOLE, limit, again or NOTHING_AGAIN, stop)


def show_run(job: "PreparedRun", result: "Result", shard: "Shard", as_json: bool) -> int:
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


def print_summary(job: "PreparedRun", result: "Result", console: "Console") -> None:
    """Prints what a run did, for people."""
    from mmearth_core.text import counted, duration

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


@click.command("run")
@config_argument
@share_options("Download only these of the configured modalities.", "Only the first N tiles of the share.")
@click.option(
    "--retry-failed", is_flag=True, help="Also take what failed in earlier runs; `redownload` takes nothing else."
)
@json_option()
def command(
    config: Path,
    engine: str | None,
    shard: "Shard",
    modalities: list[str] | None,
    limit: int | None,
    retry_failed: bool,
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

    \b
    Exit status:
      0  every tile is done, or skipped for a recorded reason
      1  not stopped early, but a tile has failed or is left for the next run
      2  nothing was done: the error says what to fix
      3  stopped early (a signal, a full disk, lost access, no network); run it again to continue
    """  # noqa: D301 - click takes the character itself as its mark for lines to keep
    from mmearth_core.download.selection import RetrySelection
    from mmearth_core.registry import discover

    again = RetrySelection(failed=retry_failed)
    job, result = download(config, discover(), engine, modalities, shard, limit, again)
    return show_run(job, result, shard, as_json)
