"""`mmearth-core status`: the progress of a dataset."""

import datetime as dt
import math
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import click
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from mmearth_core.cli.common import config_argument, json_option, show
from mmearth_core.download.outcomes import Counts
from mmearth_core.status import Reader, Status
from mmearth_core.text import duration

LISTED = 10
"""Partitions, processes and reasons that are listed at most, unless all are asked for."""


WIDTH = 60
"""Of the bar, in characters."""


def tell(status: Status, every_partition: bool = False) -> RenderableType:
    """What is printed, and what is redrawn while it is watched."""
    total = status.total
    if not status.partitions:
        return Group(
            Text(f"Nothing is downloaded yet: {status.config.root}", style="bold"),
            *_workers(status),
            *_next(status),
        )
    ended = total.tiles - total.left
    return Group(
        Text(_counts(total), style="bold"),
        Text(_bar(total)),
        Text(f"{ended}/{total.tiles} tiles ended ({100 * ended / max(total.tiles, 1):.1f} %){_forecast(status)}"),
        *_groups(status),
        *_partitions(status, every_partition),
        *_workers(status),
        *_reasons(status),
        *_next(status),
        Text(f"Dataset: {status.config.root}"),
    )


def _counts(counts: Counts) -> str:
    back = f" ({counts.sent_back} of them sent back by post or verify)" if counts.sent_back else ""
    return f"{counts.done} done, {counts.skipped} skipped, {counts.failed} failed{back}, {counts.left} left"


def _bar(counts: Counts) -> str:
    """Done, skipped or failed, and left, as characters; whatever there is has at least one."""
    tiles = max(counts.tiles, 1)
    odd, left = (math.ceil(WIDTH * part / tiles) for part in (counts.skipped + counts.failed, counts.left))
    return "█" * (WIDTH - odd - left) + "▒" * odd + "░" * left


def _forecast(status: Status) -> str:
    if status.rate is None or status.remaining is None:
        return ""
    end = status.time + dt.timedelta(seconds=status.remaining)
    return (
        f"; {status.rate:.1f} tiles/s, {duration(status.remaining)} left, ready about "
        f"{end.astimezone():%Y-%m-%d %H:%M %Z}"
    )


def _groups(status: Status) -> list[RenderableType]:
    lines: list[RenderableType] = []
    if len(status.groups) > 1:
        table = _table("group", "tiles", "done", "skipped", "failed", "left")
        for name in status.groups:
            table.add_row(escape(name), *_row(status.group(name)))
        lines.append(table)
    if status.not_begun:
        lines.append(Text(f"Not begun: {', '.join(status.not_begun)}"))
    return lines


def _partitions(status: Status, every: bool) -> list[RenderableType]:
    wanted = {
        place: counts
        for place, counts in status.partitions.items()
        if every or (counts.is_begun and not counts.is_finished)
    }
    untouched = sum(not counts.is_begun for counts in status.partitions.values())
    finished = sum(counts.is_finished for counts in status.partitions.values())
    lines: list[RenderableType] = [
        Text(
            f"{len(status.partitions)} partitions: {finished} finished, {untouched} not begun, "
            f"{len(status.partitions) - finished - untouched} with tiles left or failed"
        )
    ]
    if wanted:
        table = _table("group", "partition", "tiles", "done", "skipped", "failed", "left")
        for (group, partition), counts in list(wanted.items())[: None if every else LISTED]:
            table.add_row(escape(group), f"{partition:05d}", *_row(counts))
        lines.append(table)
        if not every and len(wanted) > LISTED:
            lines.append(Text(f"and {len(wanted) - LISTED} more; --partitions lists them all"))
    return lines


def _workers(status: Status) -> list[RenderableType]:
    lines: list[RenderableType] = []
    if status.workers:
        table = _table("host", "pid", "share", "ended", "left", "tiles/s", "slots", "sign of life")
        table.add_column("")
        for worker in status.workers[:LISTED]:
            table.add_row(
                escape(worker.host),
                str(worker.pid),
                worker.shard or "?",
                str(worker.ended),
                "?" if worker.left is None else str(worker.left),
                "?" if worker.rate is None else f"{worker.rate:.1f}",
                str(worker.slots),
                f"{worker.sign:.0f} s ago",
                escape(worker.notice),
            )
        lines += [Text(f"{len(status.workers)} at work"), table]
        if len(status.workers) > LISTED:
            lines.append(Text(f"and {len(status.workers) - LISTED} more; --json lists them all"))
    else:
        lines.append(Text(f"Nobody is at work.{_last_run(status)}"))
    if status.others:
        lines.append(Text(f"{status.others} processes share the budget for other datasets"))
    return lines


def _last_run(status: Status) -> str:
    run = status.last_run
    if run is None:
        return ""
    why = f": {run.why}" if run.why else ""
    return f" The last run ended {run.end} on {run.host} with status {run.exit}{why}"


def _reasons(status: Status) -> list[RenderableType]:
    kinds = status.reasons.listed()
    lines: list[RenderableType] = [
        Text(f"  {kind.outcome} {kind.tiles}: {kind.reason} (e.g. {', '.join(kind.examples)})")
        for kind in kinds[:LISTED]
    ]
    if len(kinds) > LISTED:
        lines.append(Text(f"  and {len(kinds) - LISTED} further reasons; --json lists them all"))
    return lines


def _next(status: Status) -> list[RenderableType]:
    return [Text(f"Next: {step}", style="green") for step in status.next_steps()]


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, justify="left" if column in ("group", "host") else "right")
    return table


def _row(counts: Counts) -> list[str]:
    return [str(each) for each in (counts.tiles, counts.done, counts.skipped, counts.failed, counts.left)]


def watch(
    reader: Reader,
    console: Console,
    every_partition: bool = False,
    every: float = 5.0,
    pause: Callable[[float], None] = time.sleep,
) -> Status:
    """Watches until nothing is left and nobody is at work, or until control-C.

    Args:
        reader: looks.
        console: where it is drawn.
        every_partition: whether finished partitions are listed too.
        every: seconds between two looks.
        pause: how to wait for so long.

    Returns:
        The last look.
    """
    status = reader.look()
    live = Live(tell(status, every_partition), console=console, auto_refresh=False)
    with live, suppress(KeyboardInterrupt):  # what was drawn last stays
        while not status.has_ended:
            pause(every)
            status = reader.look()
            live.update(tell(status, every_partition), refresh=True)
    return status


@click.command("status")
@config_argument
@click.option("--watch", "watching", is_flag=True, help="Redraw it until all has ended, or until control-C.")
@click.option(
    "--every",
    type=click.FloatRange(min=0.5),
    default=5.0,
    show_default=True,
    metavar="S",
    help="Seconds between two looks, with --watch.",
)
@click.option("--partitions", is_flag=True, help="List every partition, also those that are finished or not begun.")
@json_option("Print it as JSON.")
def command(config: Path, watching: bool, every: float, partitions: bool, as_json: bool) -> int:
    """Say how far the dataset of CONFIG (a TOML file) is.

    Tiles done, skipped, failed, left, and sent back by post or verify; who is at work, how fast, and when it will be
    ready; the commonest reasons with a few tiles each; the command that leads on. It reads journals and heartbeats,
    takes no lock and writes nothing, so it may be asked at any time, on any machine that sees the folder.

    \b
    Examples:
      mmearth-core status mydata.toml
      mmearth-core status mydata.toml --watch
      mmearth-core status mydata.toml --partitions --json

    \b
    Exit status:
      0  every tile is done, or skipped for a recorded reason
      1  a tile has failed or is left
      2  it cannot be read: the error says what to fix
    """  # noqa: D301 - click takes the character itself as its mark for lines to keep
    from rich.console import Console

    from mmearth_core.config.schema import load_config
    from mmearth_core.status import Reader

    if watching and as_json:
        raise click.UsageError("--watch draws for people and --json is for scripts: give one of them.")
    reader = Reader(load_config(config))
    if watching:
        return int(watch(reader, Console(highlight=False), partitions, every).exit_code)
    status = reader.look()
    show(as_json, status.to_json(partitions), lambda console: console.print(tell(status, partitions)))
    return int(status.exit_code)
