"""`mmearth-core run`: downloads a dataset's tiles."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mmearth_core.cli.options import config_argument, json_option, share_options

if TYPE_CHECKING:
    from mmearth_core.download.shard import Shard


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
      1  a tile has failed, or is left over
      2  nothing was done: the error says what to mend
      3  stopped early (a signal, a full disk, lost access, no network); run it again to go on
    """  # noqa: D301 - click takes the character itself as its mark for lines to keep
    from mmearth_core.cli.downloading import download, show_run
    from mmearth_core.download.again import Again
    from mmearth_core.registry import discover

    again = Again(failed=retry_failed)
    job, result = download(config, discover(), engine, modalities, shard, limit, again)
    return show_run(job, result, shard, as_json)
