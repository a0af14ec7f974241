"""Make a dataset from some tiles of another one."""

from pathlib import Path
from typing import Any

import click

from mmearth_core.cli.common import PATH, number_option, seed_option
from mmearth_core.text import counted
from mmearth_curate.cli.derived import in_argument, making_options, out_argument, show_made
from mmearth_curate.select import RowFilter, criteria_options


def _box(_ctx: click.Context, _option: click.Parameter, text: str | None) -> tuple[float, ...] | None:
    if text is None:
        return None
    try:
        west, south, east, north = (float(part) for part in text.split(","))
    except ValueError:
        raise click.BadParameter(f"{text!r} is not of the form WEST,SOUTH,EAST,NORTH, in degrees") from None
    if not (-180 <= west <= 180 and -180 <= east <= 180 and -90 <= south <= north <= 90):
        raise click.BadParameter(
            f"{text!r}: longitudes are from -180 to 180, latitudes from -90 to 90, the southern one first"
        )
    return west, south, east, north


@click.command("subset")
@in_argument
@out_argument
@criteria_options
@click.option(
    "--bbox",
    callback=_box,
    metavar="W,S,E,N",
    help="Tiles whose centroid is in this box, degrees, edges included; W > E crosses the antimeridian.",
)
@click.option("--tiles", type=PATH, metavar="FILE", help="Tiles in this list, one tile id per line.")
@number_option("--sample", "A random sample of this size from the tiles that match.")
@seed_option("sample")
@making_options()
def command(source: Path, out: Path, overwrite: bool, workers: int | None, as_json: bool, **wanted: Any) -> None:
    """Write some tiles of the dataset IN as a dataset OUT.

    IN is a dataset's .h5 file or the folder with it; OUT is an .h5 file, or a folder whose name the files get.
    A tile must meet every kind of criterion given; if --split, --biome or a column of --where is given more than once,
    one match is enough. Rows keep their order and their split, and are copied without recompressing them; the band
    statistics are computed again.

    \b
    Examples:
      mmearth-core subset mydata mytrain --split train
      mmearth-core subset mydata africa --bbox -20,-35,52,38 --where season=dry
      mmearth-core subset mydata small --biome 7 --biome 8 --sample 1000 --seed 1
      mmearth-core subset mydata mine --tiles mine.txt

    \b
    Exit status:
      0  OUT is complete
      2  nothing was written: no tile matches, or the error says what to fix
      3  stopped early, for example by a full disk: nothing was written
    """  # noqa: D301 - click takes the character itself as its mark for lines to keep
    from mmearth_core.workers import at_work
    from mmearth_curate.derive.subset import make_subset

    if not any(value for name, value in wanted.items() if name != "seed"):
        raise click.UsageError("Choose tiles by --split, --biome, --where, --bbox, --tiles or --sample.")
    with at_work(workers) as (pool, progress):
        made = make_subset(source, out, RowFilter(**wanted), overwrite, pool, progress)
    show_made(as_json, made, {"rows_before": made.of}, f"{counted(made.rows, 'row')} of {made.of:,}")
