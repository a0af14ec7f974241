"""Reread a dataset and report what is wrong with it."""

from pathlib import Path

import click

from mmearth_core.cli.common import PATH, json_option, number_option, show, workers_option


@click.command("verify")
@click.argument("target", metavar="CONFIG|DATASET", type=PATH)
@number_option(
    "--sample",
    "Rows for which mean and standard deviation are recomputed and, with CONFIG, pixels are compared with the stacks. "
    "All other checks cover every row.",
    default=1000,
    least=0,
)
@click.option(
    "--return-tiles",
    is_flag=True,
    help="Return tiles with a bad stack for download: `run --retry-failed` downloads them again. "
    "Without this option nothing is changed.",
)
@click.option(
    "--images",
    is_flag=True,
    help="Ask the configured engine whether every recorded image still exists, with one request per [run] batch_size "
    "of tiles. Without this option no request is sent.",
)
@click.option("--send-back", is_flag=True, hidden=True, help="The old name of --return-tiles.")
@workers_option("read; by default one per core")
@json_option("Print the report as JSON.")
def command(
    target: Path, sample: int, return_tiles: bool, images: bool, send_back: bool, workers: int | None, as_json: bool
) -> int:
    """Reread a dataset and report what is wrong with it.

    For an HDF5 file, or the folder with it, it checks rows against tile_info and splits, every chunk, types and
    attributes, values, and band statistics. For a configuration it also checks every stack's checksum, the journals,
    and the HDF5 file's values against the stacks; and it computes tile_info and the grids again.

    \b
    Examples:
      mmearth-core verify mydata.toml
      mmearth-core verify mydata/mydata.h5 --json
      mmearth-core verify mydata.toml --sample 10000 --return-tiles
      mmearth-core verify mydata.toml --images

    \b
    Exit status:
      0  no faults; there may be warnings
      1  faults were found
      2  nothing could be read: the error says what to fix
      3  stopped early, or no request can succeed; nothing was changed
    """  # noqa: D301 - click takes the character itself as its mark for lines to keep
    from mmearth_core.registry import discover
    from mmearth_core.workers import at_work
    from mmearth_curate.verify.descriptions import is_hdf5
    from mmearth_curate.verify.verify import verify

    returning = return_tiles or send_back
    for option, is_given in (("--return-tiles", returning), ("--images", images)):
        if is_given and (target.is_dir() or is_hdf5(target)):
            raise click.UsageError(f"{option} needs the dataset's configuration: an HDF5 file alone has no journals.")
    with at_work(workers) as (pool, progress):
        report = verify(target, discover(), pool, progress, sample, returning, images)
    return show(as_json, report.to_json(), report.print, faulty=report.faults)
