"""Draw tiles of a dataset, with legends."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from mmearth_curate.cli.criteria import criteria

from mmearth_core.cli.common import PATH, dataset_argument, json_option, seed_option, show

if TYPE_CHECKING:
    from mmearth_viz.preview.album import Album
    from mmearth_viz.preview.view import Seen

MOST_TILES = 1000
"""Of one sheet."""


@click.command("view")
@dataset_argument
@click.argument("tiles", metavar="[TILE]...", nargs=-1)
@click.option("-o", "--output", type=PATH, metavar="FILE", help="Written: a PNG; by default view.png.")
@click.option("--layer", "layers", multiple=True, metavar="NAME", help="Only this layer; give it again for more.")
@criteria
@click.option(
    "--n",
    "count",
    type=click.IntRange(1, MOST_TILES),
    default=8,
    show_default=True,
    metavar="N",
    help="So many tiles, varied.",
)
@click.option("--random", type=click.IntRange(1, MOST_TILES), metavar="N", help="So many tiles, at random.")
@seed_option("tiles")
@json_option("Print as JSON what was drawn.")
def command(
    dataset: Path,
    tiles: tuple[str, ...],
    output: Path | None,
    layers: tuple[str, ...],
    count: int,
    random: int | None,
    as_json: bool,
    **wanted: Any,
) -> None:
    """Draw tiles of DATASET, with the colours, ranges and classes that their modalities declare.

    DATASET is a configuration, a dataset's folder or its .h5 file. One TILE is drawn in detail: every layer with its
    legend, and the numbers of its vectors. Several are rows of a sheet with a column a layer; of more than 24, or with
    one --layer, a contact sheet is made. Without a TILE, a varied few are shown, biome by biome.

    \b
    Examples:
      mmearth-core view mydata.toml
      mmearth-core view mydata.toml 000017 -o tile.png
      mmearth-core view mydata/mydata.h5 --split train --n 16 -o train.png
      mmearth-core view mydata --biome Tundra --random 200 --seed 1
    """  # noqa: D301 - click takes the character itself as its mark for lines to keep
    from mmearth_curate.select import RowFilter
    from rich.console import Console

    from mmearth_core.errors import DatasetError
    from mmearth_core.files import writable
    from mmearth_core.progress import progress_bar
    from mmearth_core.registry import discover
    from mmearth_core.text import counted
    from mmearth_viz.preview.album import open_album
    from mmearth_viz.preview.select import Wanted, select
    from mmearth_viz.preview.view import view

    path = output or Path("view.png")
    if path.suffix.lower() != ".png":
        raise DatasetError(f"{path}: the picture is a PNG; choose a name that ends in .png.")
    criteria = RowFilter(**wanted)
    if tiles and (criteria.as_json() or random):
        raise click.UsageError("Name tiles, or say which with --split, --biome, --where or --random; not both.")
    if len(tiles) > MOST_TILES:
        raise click.UsageError(f"{len(tiles)} tiles are named; a sheet holds {MOST_TILES}.")
    album = open_album(dataset, discover())
    with progress_bar(Console(stderr=True)) as progress:
        rows = select(album, Wanted(tiles, criteria, random or count, random is not None), progress)
    with writable(path.parent):
        seen = view(album, rows, layers, path)
    told = {"file": str(path), "tiles": seen.tiles, "layers": seen.layers, "layers_left_out": seen.left_out}
    if not as_json:
        _say_what_lacks(album, seen)
    show(as_json, told, [f"{counted(len(seen.tiles), 'tile')}, {counted(len(seen.layers), 'layer')}: {path}"])


def _say_what_lacks(album: "Album", seen: "Seen") -> None:
    for name in album.unknown:
        click.echo(f"not drawn: nothing is known of dataset {name!r}", err=True)
    if seen.left_out:
        click.echo(
            f"{len(seen.layers)} of {len(seen.layers) + len(seen.left_out)} layers are drawn; --layer NAME chooses "
            f"others: {', '.join(seen.left_out[:8])}{', ...' if len(seen.left_out) > 8 else ''}",
            err=True,
        )
