"""`mmearth-core status`: how far a dataset is."""

import json
from pathlib import Path

import click


@click.command("status")
@click.argument("config", type=click.Path(path_type=Path))
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
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
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
    console = Console(highlight=False, soft_wrap=not watching)
    if watching:
        return int(watch(reader, console, partitions, every).exit_code)
    status = reader.look()
    if as_json:
        click.echo(json.dumps(status.to_json(partitions), indent=2, allow_nan=False))
    else:
        console.print(tell(status, partitions))
    return int(status.exit_code)
