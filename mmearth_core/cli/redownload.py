"""`mmearth-core redownload`: download failed tiles again."""

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
    help="Only tiles whose recorded reason contains TEXT: words or a regular expression, ignoring case.",
)
@click.option("--skipped", is_flag=True, help="Also skipped tiles, for example if new images have been published.")
@click.option("--tiles", "tiles_file", type=FILE, metavar="FILE", help="Only tiles listed in FILE, one id per line.")
@share_options("Only the tiles of these modalities.", "Only tiles among the first N of the share.")
@click.option(
    "--dry-run", is_flag=True, help="Print which tiles would be downloaded (with --json, every id), and exit."
)
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
    """Download tiles of CONFIG again that failed, or that post or verify returned.

    Tiles that are left are not started: use `mmearth-core run` for these, or `run --retry-failed` for both. The tiles
    to download are printed first, on standard error; the summary is that of a run.

    \b
    Examples:
      mmearth-core redownload mydata.toml
      mmearth-core redownload mydata.toml --reason "memory limit"
      mmearth-core redownload mydata.toml --skipped --reason "no image" --dry-run
      mmearth-core redownload mydata.toml --tiles ids.txt

    \b
    Exit status:
      0  every tile of the share is done, or skipped for a recorded reason; always with --dry-run
      1  not stopped early, but a tile failed or is left for the next run
      2  nothing was done: the error says what to fix
      3  stopped early (a signal, a full disk, lost access, no network); rerun to continue
    """  # noqa: D301 - click takes the character itself as its mark for lines to keep
    from mmearth_core.cli.run import download, show_run
    from mmearth_core.config.schema import load_config
    from mmearth_core.download.redownload import NOTHING_SENT, plan_redownload, read_ids
    from mmearth_core.download.selection import RetrySelection
    from mmearth_core.registry import discover

    ids = None if tiles_file is None else read_ids(tiles_file)
    retry = RetrySelection(failed=True, skipped=skipped, reason=reason, tiles=ids, only=True)
    options = load_config(config)
    plan = plan_redownload(options, retry, shard, limit, modalities)
    head = {"dataset": str(options.root), "shard": str(shard)}
    if dry_run:
        return show(as_json, {**head, **plan.to_json()}, plan.lines())
    click.echo("\n".join(plan.lines()), err=True)
    if not plan.tiles:
        # This needs no engine; as text it has just been printed.
        show(as_json, {**head, **plan.before.to_json(), **NOTHING_SENT}, ())
        return int(plan.before.counts.exit_code)
    chosen = plan.modalities if modalities is None else modalities
    return show_run(download(config, discover(), engine, chosen, shard, limit, retry), as_json)
