"""`mmearth-core status`: how far a dataset is."""

from pathlib import Path

import click

from mmearth_core.cli.ending import show
from mmearth_core.cli.options import config_argument, json_option


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
      1  a tile has failed, or is left over
      2  it cannot be read: the error says what to mend
    """  # noqa: D301 - click takes the character itself as its mark for lines to keep
    from rich.console import Console

    from mmearth_core.config.load import load_config
    from mmearth_core.status.look import Reader
    from mmearth_core.status.tell import tell
    from mmearth_core.status.watch import watch

    if watching and as_json:
        raise click.UsageError("--watch draws for people and --json is for scripts: give one of them.")
    reader = Reader(load_config(config))
    if watching:
        return int(watch(reader, Console(highlight=False), partitions, every).exit_code)
    status = reader.look()
    show(as_json, status.to_json(partitions), lambda console: console.print(tell(status, partitions)))
    return int(status.exit_code)
