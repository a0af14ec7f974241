"""`mmearth-core redownload`: takes tiles again that have failed or were sent back."""

import json
from pathlib import Path

import click

from mmearth_core.completion import engines, modalities


@click.command("redownload")
@click.argument("config", type=click.Path(path_type=Path))
@click.option(
    "--reason",
    metavar="TEXT",
    help="Only tiles in whose recorded reason this is found: words, or a regular expression; case does not matter.",
)
@click.option("--skipped", is_flag=True, help="Also tiles that were skipped, as when new images have come.")
@click.option(
    "--tiles",
    "tiles_file",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Only tiles that are named there: an id a line, or a CSV, GeoJSON or GeoPackage with a column tile_id.",
)
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
    help="Only the tiles of these modalities.",
    shell_complete=modalities,
)
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Only those of the first N tiles of the share.")
@click.option("--dry-run", is_flag=True, help="Say what would be taken, with --json tile by tile, and stop there.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
def command(
    config: Path,
    reason: str | None,
    skipped: bool,
    tiles_file: Path | None,
    engine: str | None,
    shard_text: str | None,
    modalities: str | None,
    limit: int | None,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Take tiles of CONFIG again that have failed, or that post or verify sent back.

    Tiles that are left are not begun: `mmearth-core run` does that, and with --retry-failed both in one. What is to be
    taken is said first, on standard error; the summary is that of a run.

    \b
    Examples:
      mmearth-core redownload mydata.toml
      mmearth-core redownload mydata.toml --reason "memory limit"
      mmearth-core redownload mydata.toml --skipped --reason "no image" --dry-run
      mmearth-core redownload mydata.toml --tiles mydata/mydata_left_out.json

    \b
    Exit status:
      0  every tile of the share is done, or skipped for a recorded reason; with --dry-run, whatever it says
      1  a tile has failed, or is left over
      2  nothing was started: the error says what to mend
      3  stopped early (a signal, a full disk, lost access, no network); run it again to go on
    """  # noqa: D301 - click takes the character itself as its mark for lines to keep
    from rich.console import Console

    from mmearth_core.cli.run import download, leave, print_summary
    from mmearth_core.config.load import load_config
    from mmearth_core.download.again import Again
    from mmearth_core.download.shard import Shard, parse_shard, shard_from_slurm
    from mmearth_core.registry import discover
    from mmearth_core.status.ids import read_ids
    from mmearth_core.status.taken import taken

    shard = (shard_from_slurm() if shard_text is None else parse_shard(shard_text)) or Shard()
    named = None if tiles_file is None else read_ids(tiles_file)
    again = Again(failed=True, skipped=skipped, reason=reason, tiles=named, only=True)
    only = [name.strip() for name in modalities.split(",") if name.strip()] if modalities is not None else None
    options = load_config(config)
    plan = taken(options, again, shard, limit, only)
    head = {"dataset": str(options.root), "shard": str(shard)}
    if dry_run:
        click.echo(json.dumps({**head, **plan.to_json()}, indent=2) if as_json else "\n".join(plan.lines()))
        return 0
    click.echo("\n".join(plan.lines()), err=True)
    if not plan.tiles:
        # No engine is needed to say how the share stands.
        if as_json:
            click.echo(json.dumps({**head, **plan.summary()}, indent=2))
        return int(plan.tally.exit_code)
    job, result = download(config, discover(), engine, plan.modalities if only is None else only, shard, limit, again)
    if as_json:
        click.echo(json.dumps({**head, **result.summary()}, indent=2))
    else:
        print_summary(job, result, Console(soft_wrap=True, highlight=False))
    return leave(result)
