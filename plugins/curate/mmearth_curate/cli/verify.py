"""Reread a dataset and report what is wrong with it."""

from pathlib import Path

import click

from mmearth_core.cli.common import PATH, json_option, number_option, show, workers_option


@click.command("verify")
@click.argument("target", metavar="CONFIG|DATASET", type=PATH)
@number_option(
    "--sample",
    "Rows of which mean and deviation are recomputed and, with CONFIG, pixels are compared with their stacks. "
    "Everything else is checked in every row.",
    default=1000,
    least=0,
)
@click.option(
    "--send-back",
    is_flag=True,
    help="Have tiles whose stack is missing or damaged downloaded again by `run --retry-failed`. Without it nothing is "
    "changed.",
)
@workers_option("read; by default one a core")
@json_option("Print the report as JSON.")
def command(target: Path, sample: int, send_back: bool, workers: int | None, as_json: bool) -> int:
    """Reread a dataset and say what is wrong with it.

    Of an HDF5 file, or the folder with it: rows against tile_info and splits, every chunk, types and attributes,
    values, and band statistics.
    Of a configuration also: every stack's checksum, journals, and the HDF5 file's values against the stacks.

    \b
    Examples:
      mmearth-core verify mydata.toml
      mmearth-core verify mydata/mydata.h5 --json
      mmearth-core verify mydata.toml --sample 10000 --send-back

    \b
    Exit status:
      0  no fault; there may be warnings
      1  a fault was found
      2  nothing could be read: the error says what to mend
      3  stopped early; nothing was changed
    """  # noqa: D301 - click takes the character itself as its mark for lines to keep
    from mmearth_core.registry import discover
    from mmearth_core.workers import at_work
    from mmearth_curate.verify.subject import is_hdf5
    from mmearth_curate.verify.verify import verify

    if send_back and (target.is_dir() or is_hdf5(target)):
        raise click.UsageError("--send-back needs the dataset's configuration: an HDF5 file alone has no journals.")
    with at_work(workers) as (pool, progress):
        report = verify(target, discover(), pool, progress, sample, send_back)
    return show(as_json, report.to_json(), report.print, faulty=report.faults)
