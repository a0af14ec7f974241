"""`mmearth-core redownload`: takes tiles again that have failed or were sent back."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mmearth_core.cli.common import FILE, config_argument, json_option, share_options, show

if TYPE_CHECKING:
    from mmearth_core.download.selection import Shard


@click.command("redownload")
@config_argument
@click.option(
    "--reason",
    metavar="TEXT",
    help="Only tiles in whose recorded reason this is found: words, or a regular expression; case does not matter.",
)
@click.option("--skipped", is_flag=True, help="Also tiles that were skipped, as when new images have come.")
@click.option(
    "--tiles",
    "tiles_file",
    type=FILE,
    metavar="FILE",
    help="Only tiles that are named there: an id a line, or a CSV, GeoJSON or GeoPackage with a column tile_id.",
)
@share_options("Only the tiles of these modalities.", "Only those of the first N tiles of the share.")
@click.option("--dry-run", is_flag=True, help="Say what would be taken, with --json tile by tile, and stop there.")
@json_option()
def command(
    config: Path,
    reason: str | None,
    skipped: bool,
    tiles_file: Path | None,
    engine: str | None,
    shard: "Shard",
    modalities: list[str] | None,
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
      1  not stopped early, but a tile has failed or is left for the next run
      2  nothing was done: the error says what to fix
      3  stopped early (a signal, a full disk, lost access, no network); run it again to continue
    """  # noqa: D301 - click takes the character itself as its mark for lines to keep
    from mmearth_core.cli.run import download, show_run
    from mmearth_core.config.schema import load_config
    from mmearth_core.download.redownload import plan_redownload, read_ids
    from mmearth_core.download.selection import RetrySelection
    from mmearth_core.registry import discover

    named = None if tiles_file is None else read_ids(tiles_file)
    again = RetrySelection(failed=True, skipped=skipped, reason=reason, tiles=named, only=True)
    options = load_config(config)
    plan = plan_redownload(options, again, shard, limit, modalities)
    head = {"dataset": str(options.root), "shard": str(shard)}
    if dry_run:
        return show(as_json, {**head, **plan.to_json()}, plan.lines())
    click.echo("\n".join(plan.lines()), err=True)
    if not plan.tiles:
        # No engine is needed to say how the share stands; to people it has just been said.
        show(as_json, {**head, **plan.summary()}, ())
        return int(plan.tally.exit_code)
    chosen = plan.modalities if modalities is None else modalities
    job, result = download(config, discover(), engine, chosen, shard, limit, again)
    return show_run(job, result, shard, as_json)
