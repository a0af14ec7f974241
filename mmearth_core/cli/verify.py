"""`mmearth-core verify`: rereads a dataset and says what is wrong with it."""

import json
from pathlib import Path

import click


@click.command("verify")
@click.argument("target", metavar="CONFIG|DATASET", type=click.Path(path_type=Path))
@click.option(
    "--sample",
    type=click.IntRange(min=0),
    default=1000,
    show_default=True,
    metavar="N",
    help="Rows of which mean and deviation are recomputed and, with CONFIG, pixels are compared with their stacks. "
    "Everything else is checked in every row.",
)
@click.option(
    "--send-back",
    is_flag=True,
    help="Have tiles whose stack is missing or damaged downloaded again by `run --retry-failed`. Without it nothing is "
    "changed.",
)
@click.option("--workers", type=click.IntRange(min=1), metavar="N", help="Processes that read; by default one a core.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
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
    from rich.console import Console

    from mmearth_core.errors import ExitCode
    from mmearth_core.post.bar import progress_bar
    from mmearth_core.post.pool import Pool, available_cores
    from mmearth_core.registry import discover
    from mmearth_core.verify.subject import is_hdf5
    from mmearth_core.verify.verify import verify

    if send_back and (target.is_dir() or is_hdf5(target)):
        raise click.UsageError("--send-back needs the dataset's configuration: an HDF5 file alone has no journals.")
    with progress_bar(Console(stderr=True)) as progress, Pool(workers or available_cores()) as pool:
        report = verify(target, discover(), pool, progress, sample, send_back)
    if as_json:
        click.echo(json.dumps(report.to_json(), indent=2, allow_nan=False))
    else:
        report.print(Console(soft_wrap=True, highlight=False))
    return int(ExitCode.TILES_FAILED if report.faults else ExitCode.OK)
