"""`mmearth-core status`: the progress of a dataset."""

import datetime as dt
import math
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import click
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from mmearth_core.cli.common import config_argument, json_option, show
from mmearth_core.download.outcomes import OutcomeCounts
from mmearth_core.status import Status
from mmearth_core.text import duration

LISTED = 10
"""Partitions, processes and reasons that are listed, unless all are requested."""

COUNTS = ("tiles", "done", "skipped", "failed", "left")
"""Columns of every table of tiles."""

WIDTH = 60
"""Characters of the bar."""


def render(status: Status, every_partition: bool = False) -> RenderableType:
    """Returns what is printed."""
    total = status.total
    if not status.partitions:
        parts = [Text(f"Nothing is downloaded yet: {status.config.root}", style="bold"), *_workers(status)]
    else:
        returned = f"; {total.returned} of the failed were returned by post or verify" if total.returned else ""
        percent = 100 * total.finished / max(total.tiles, 1)
        parts = [
            Text(f"{total}, {total.left} left{returned}", style="bold"),
            Text(_bar(total)),
            Text(f"{total.finished}/{total.tiles} tiles finished ({percent:.1f} %){_forecast(status)}"),
            *_groups(status),
            *_partitions(status, every_partition),
            *_workers(status),
            *(Text(line) for line in total.reason_lines(LISTED)),
            Text(f"Dataset: {status.config.root}"),
        ]
    return Group(*parts, *(Text(f"Next: {step}", style="green") for step in status.next_steps()))


def _bar(counts: OutcomeCounts) -> str:
    """Draws tiles that are done, skipped or failed, and left; each that exists has at least one character."""
    tiles = max(counts.tiles, 1)
    not_done = counts["skipped"] + counts["failed"]
    middle, end = (math.ceil(WIDTH * part / tiles) for part in (not_done, counts.left))
    return "█" * (WIDTH - middle - end) + "▒" * middle + "░" * end


def _forecast(status: Status) -> str:
    if status.rate is None or status.remaining is None:
        return ""
    end = (status.time + dt.timedelta(seconds=status.remaining)).astimezone()
    return f"; {status.rate:.1f} tiles/s, {duration(status.remaining)} left, ready about {end:%Y-%m-%d %H:%M %Z}"


def _groups(status: Status) -> Iterator[RenderableType]:
    if len(status.groups) > 1:
        yield _table(("group", *COUNTS), [(name, *_row(status.group(name))) for name in status.groups])
    if status.not_started:
        yield Text(f"Not started: {', '.join(status.not_started)}")


def _partitions(status: Status, every: bool) -> Iterator[RenderableType]:
    finished = sum(not counts.exit_code for counts in status.partitions.values())
    untouched = sum(not counts.finished for counts in status.partitions.values())
    rest = len(status.partitions) - finished - untouched
    states = f"{finished} finished, {untouched} not started, {rest} with tiles left or failed"
    yield Text(f"{len(status.partitions)} partitions: {states}")
    listed = {key: one for key, one in status.partitions.items() if every or (one.finished and one.exit_code)}
    rows = [(group, f"{partition:05d}", *_row(counts)) for (group, partition), counts in listed.items()]
    shown = rows if every else rows[:LISTED]
    if rows:
        yield _table(("group", "partition", *COUNTS), shown)
    if len(rows) > len(shown):
        yield Text(f"and {len(rows) - len(shown)} more; --partitions lists them all")


def _workers(status: Status) -> Iterator[RenderableType]:
    rows = [
        (
            worker.host,
            worker.pid,
            worker.shard or "?",
            worker.ended,
            "?" if worker.left is None else worker.left,
            "?" if worker.tiles_per_second is None else f"{worker.tiles_per_second:.1f}",
            worker.slots,
            f"{worker.seconds_since_sign_of_life:.0f} s ago",
            worker.notice,
        )
        for worker in status.workers
    ]
    if rows:
        yield Text(f"{len(rows)} running")
        columns = ("host", "pid", "share", "finished", "left", "tiles/s", "slots", "last heartbeat", "")
        yield _table(columns, rows[:LISTED])
        if len(rows) > LISTED:
            yield Text(f"and {len(rows) - LISTED} more; --json lists them all")
    else:
        yield Text(f"No process is running.{_last_run(status)}")
    if status.others:
        yield Text(f"{status.others} processes share the budget for other datasets")


def _last_run(status: Status) -> str:
    run = status.last_run
    if run is None:
        return ""
    why = f": {run['why']}" if run["why"] else ""
    mode = " in restricted mode" if run.get("restricted") else ""
    return f" The last run ended {run['end']} on {run['host']}{mode} with status {run['exit']}{why}"


def _table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Table:
    table = Table(box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, justify="left" if column in ("group", "host", "") else "right")
    for row in rows:
        table.add_row(*(escape(str(value)) for value in row))
    return table


def _row(counts: OutcomeCounts) -> list[int]:
    return [counts.tiles, *(counts[outcome] for outcome in COUNTS[1:])]


@click.command("status")
@config_argument
@click.option("--partitions", is_flag=True, help="List every partition, also those that are finished or not started.")
@json_option()
def command(config: Path, partitions: bool, as_json: bool) -> int:
    """Show the progress of the dataset of CONFIG (a TOML file).

    Shows the numbers of tiles that are done, skipped, failed and left; the running processes, their speed and when they
    will be ready; the most frequent reasons with a few tile ids each; and the command to run next. Reads only journals
    and heartbeats, takes no lock and writes nothing: use it at any time, on any machine that has access to the folder.

    \b
    Examples:
      mmearth-core status mydata.toml
      mmearth-core status mydata.toml --partitions --json
      watch -n 5 mmearth-core status mydata.toml

    \b
    Exit status:
      0  every tile is done, or skipped for a recorded reason
      1  a tile failed or is left
      2  a file is missing or damaged, or cannot be read: the error says what to fix
    """  # noqa: D301 - click takes the character itself as its mark for lines to keep
    from mmearth_core.config.schema import load_config
    from mmearth_core.status import read_status

    status = read_status(load_config(config))
    show(as_json, status.to_json(partitions), lambda console: console.print(render(status, partitions)))
    return int(status.exit_code)
