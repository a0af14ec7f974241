"""What the commands that make tiles share: options, the progress bar, and the end."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mmearth_core.cli.options import FILE, PATH, json_option, together
from mmearth_core.errors import TilesError

if TYPE_CHECKING:
    from mmearth_core.sampling.own_points import OwnPlaces

SIZE = 1300.0
"""MMEarth's tiles, metres: wide enough for 128 pixels of 10 m on any UTM grid."""

size_option = click.option(
    "--size",
    type=click.FloatRange(10, 100_000),
    default=SIZE,
    show_default=True,
    metavar="METRES",
    help="Width and height of a tile.",
)
output_option = click.option("-o", "--output", type=PATH, metavar="FILE", help="Written: .geojson, .gpkg or .fgb.")
counts_option = json_option("Print the counts as JSON.")
rule_options = together(
    click.option(
        "--min-distance",
        type=click.FloatRange(min=0),
        default=0.0,
        metavar="METRES",
        help="Least distance of two tiles' centres.",
    ),
    click.option("--no-overlap", is_flag=True, help="No tile overlaps an earlier one."),
    click.option("--exclude", type=FILE, metavar="FILE", help="No tile touches these polygons, such as a test region."),
)
"""What refuses places."""

own_options = together(size_option, rule_options, output_option, counts_option)
"""What every command takes that makes tiles of people's own places, the arguments of `write_own`."""


@contextmanager
def progress_bar() -> Iterator[Callable[[int, int], None]]:
    """A bar on standard error, where that is a terminal; yields what is to be told of the progress."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("tiles"), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("tiles", total=None)
        yield lambda made, total: bar.update(task, completed=made, total=total)


def checked_output(output: Path | None) -> Path:
    """The file to write.

    Raises:
        UsageError: when none is named.
        TilesError: when it cannot be a tiles file.
    """
    from mmearth_core.sampling.write import check_suffix

    if output is None:
        raise click.UsageError("Missing option '-o' / '--output': the tiles file to write.")
    check_suffix(output)
    return output


def write_own(
    own: "OwnPlaces",
    output: Path,
    *,
    size: float,
    min_distance: float,
    no_overlap: bool,
    exclude: Path | None,
    as_json: bool,
) -> None:
    """Makes tiles around people's own places and says how many there are.

    Raises:
        TilesError: when the rules leave none.
    """
    import numpy as np

    from mmearth_core.sampling.rules import make_rules
    from mmearth_core.sampling.square import squares
    from mmearth_core.sampling.write import write_tiles

    rules = make_rules(size, min_distance, no_overlap, exclude)
    places = squares(own.lon, own.lat, size, decimals=None)
    kept = rules.accept(places, len(places))
    if not len(kept):
        raise TilesError(f"{output}: not written, as {exclude} excludes all {len(places)} places.")
    rows = own.columns.iloc[kept]
    columns = {"tile_id": np.asarray(own.ids, dtype=object)[kept], "lon": places.lon[kept], "lat": places.lat[kept]}
    write_tiles(output, places.take(kept), {**columns, **{str(name): rows[name].array for name in rows.columns}})
    refused = len(places) - len(kept)
    if as_json:
        click.echo(json.dumps({"tiles": str(output), "places": len(places), "made": len(kept), "refused": refused}))
    else:
        click.echo(f"{len(kept)} tiles of {size:g} m; {refused} places refused. Written: {output}")
