"""`mmearth-core run`: download a dataset's tiles."""

import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from mmearth_core.cli import paragraph
from mmearth_core.cli.common import config_argument, json_option, share_options, show
from mmearth_core.progress import PLAIN_EVERY
from mmearth_core.text import counted, duration

if TYPE_CHECKING:
    from mmearth_core.download.outcomes import ProgressListener, RunProgress
    from mmearth_core.download.run_log import RunResult
    from mmearth_core.download.selection import RetrySelection, Shard
    from mmearth_core.registry import Registry

SHOWN = 5
"""Kinds of reason that are printed."""


@contextmanager
def run_progress(console: Console, clock: Callable[[], float] = time.monotonic) -> "Iterator[ProgressListener]":
    """Yields the function that shows a run's progress; if the run ends with an error, prints what was done."""
    bar = Progress(BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[text]}"), console=console)
    task = bar.add_task("tiles", total=None, text="")
    last = clock()
    latest: RunProgress | None = None

    def on_progress(progress: "RunProgress") -> None:
        nonlocal last, latest
        latest = progress
        counts, notice = progress.counts, progress.notice()
        text = f"{counts}; {progress.rate:.1f} tiles/s, {duration(progress.remaining)} left{notice and f'; {notice}'}"
        if console.is_terminal:
            bar.update(task, total=counts.tiles, completed=counts.finished, text=text)
        elif clock() - last >= PLAIN_EVERY:
            last = clock()
            console.print(f"{counts.finished}/{counts.tiles} tiles, {text}", soft_wrap=True)

    try:
        with bar if console.is_terminal else nullcontext():
            yield on_progress
    except BaseException:
        if latest is not None:
            now = latest.now
            console.print(
                f"Stopped; in this run {now['done']} done, {now['skipped']} skipped, {now['failed']} failed. "
                "What is done is kept; the same command continues with the others.",
                soft_wrap=True,
            )
        raise


def download(
    config: Path,
    registry: "Registry",
    engine: str | None = None,
    only: Sequence[str] | None = None,
    shard: "Shard | None" = None,
    limit: int | None = None,
    retry: "RetrySelection | None" = None,
) -> "RunResult":
    """Prepares and runs a configuration, with progress on standard error; a signal stops it cleanly."""
    # Imported here, so that `--help` and completion stay instant.
    from mmearth_core.config.schema import load_config
    from mmearth_core.download.prepare import prepare
    from mmearth_core.download.run import run
    from mmearth_core.download.stop import StopRequest
    from mmearth_core.errors import start_error

    stop = StopRequest()
    with stop.on_signals():
        options = load_config(config)
        stop.grace = options.run.grace_seconds
        try:
            prepared = prepare(options, registry, engine, only)
        except OSError as error:
            where = error.filename or options.root
            raise start_error(error, f"{where} cannot be read: {error.strerror}. Nothing was started.") from error
        with run_progress(Console(stderr=True)) as on_progress:
            return run(prepared, on_progress, shard, limit, retry, stop)


def show_run(result: "RunResult", as_json: bool) -> int:
    """Prints what a run did, and ends it as `leave` does.

    Returns:
        The exit status.
    """
    facts = {"dataset": str(result.run.folder.root), "shard": str(result.shard), **result.summary()}
    show(as_json, facts, partial(print_summary, result))
    return leave(result)


def leave(result: "RunResult") -> int:
    """Prints why a run stopped early, if it did.

    Returns:
        The exit status. If requests were abandoned, the process ends here, because it would wait for them.
    """
    if result.why:
        click.echo(paragraph(f"stopped: {result.why}"), err=True)
    if result.abandoned:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(result.exit)
    return int(result.exit)


def print_summary(result: "RunResult", console: "Console") -> None:
    """Prints what a run did, as text."""
    progress, summary = result.progress, result.summary()
    requests, retries = sum(summary["requests"].values()), summary["retries"]
    counts, finished = progress.counts, progress.now.total()
    known = f"{counts.left} left" if progress.uncounted is None else f"of what could be counted: {progress.uncounted}"
    console.print(f"{counts}, {known}", style="bold", markup=False)
    for line in counts.reason_lines(SHOWN):
        console.print(line, markup=False)
    received = summary["bytes_received"] / 1e6
    per_tile = f", {requests / finished:.2f} per tile, {received / finished:.2f} MB per tile" if finished else ""
    console.print(
        f"This run: {counted(finished, 'tile')} in {duration(progress.seconds)} ({progress.rate:.1f} tiles/s), "
        f"{counted(requests, 'request')}{per_tile}."
    )
    if retries:
        kinds = ", ".join(f"{count} {kind}" for kind, count in retries.items())
        slowed = f"; slowed down {counted(summary['slow_downs'], 'time')}" if summary["slow_downs"] else ""
        console.print(f"{sum(retries.values())} of these were retries: {kinds}{slowed}.", markup=False)
    if summary["restricted"]:
        console.print("Earth Engine answered in restricted mode: the project's noncommercial quota is used up.")
    if progress.waiting:
        console.print(f"{progress.waiting} tiles wait for the modalities of the first run; run without --modalities.")
    elif counts["failed"]:
        console.print("`mmearth-core redownload` downloads failed tiles again; `run --retry-failed` also those left.")
    console.print(f"Dataset: {result.run.folder.root}", markup=False)


@click.command("run")
@config_argument
@share_options("Download only these of the configured modalities.", "Only the first N tiles of the share.")
@click.option(
    "--retry-failed", is_flag=True, help="Also download tiles that failed before; `redownload` takes only these."
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
    """Download the tiles of a dataset, as configured in CONFIG (a TOML file).

    Rerun the command to continue: tiles that are done or skipped are not downloaded again. SIGTERM and control-C stop a
    run cleanly: no new requests are sent, and those in flight get [run] grace_seconds to finish. A second signal ends
    the process immediately. What is done is kept in both cases.

    \b
    Examples:
      mmearth-core run mydata.toml
      mmearth-core run mydata.toml --limit 10
      mmearth-core run mydata.toml --shard 0/4
      mmearth-core run mydata.toml --engine local:virginia --json

    \b
    Exit status:
      0  every tile is done, or skipped for a recorded reason
      1  not stopped early, but a tile failed or is left for the next run
      2  nothing was done: the error says what to fix
      3  stopped early (a signal, a full disk, lost access, no network); rerun to continue
    """  # noqa: D301 - click takes the character itself as its mark for lines to keep
    from mmearth_core.download.selection import RetrySelection
    from mmearth_core.registry import discover

    retry = RetrySelection(failed=retry_failed)
    return show_run(download(config, discover(), engine, modalities, shard, limit, retry), as_json)
