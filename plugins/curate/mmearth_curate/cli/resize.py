"""Make a dataset from the centres of another one's tiles."""

from pathlib import Path

import click

from mmearth_core.text import counted
from mmearth_curate.cli.derived import in_argument, making_options, out_argument, show_made


@click.command("resize")
@in_argument
@out_argument
@click.option("--size", type=click.IntRange(min=1), required=True, metavar="PIXELS", help="Rows and columns to keep.")
@making_options("crop; by default one per core")
def command(source: Path, out: Path, size: int, overwrite: bool, workers: int | None, as_json: bool) -> None:
    """Write the dataset IN with smaller tiles as OUT: the centre of each, as MMEarth64 is made from MMEarth.

    IN is a dataset's .h5 file or the folder with it; OUT is an .h5 file, or a folder whose name the files get. If
    an odd number of pixels is cut off, the additional one is at the bottom and at the right. Vectors, rows and splits
    do not change; the grid in tile_info and the band statistics become those of the smaller tiles.

    \b
    Examples:
      mmearth-core resize mydata mydata_64 --size 64
      mmearth-core resize data_1M_v001 data_1M_v001_64 --size 64 --workers 8

    \b
    Exit status:
      0  OUT is complete
      2  nothing was written: the error says why
      3  stopped early, for example by a full disk: nothing was written
    """  # noqa: D301 - click takes the character itself as its mark for lines to keep
    from mmearth_core.workers import at_work
    from mmearth_curate.derive.resize import resize

    with at_work(workers) as (pool, progress):
        made = resize(source, out, size, overwrite, pool, progress)
    line = f"{counted(made.rows, 'row')} of {made.size} x {made.size} pixels, from {made.before} x {made.before}"
    show_made(as_json, made, {"size": made.size, "size_before": made.before}, line)
