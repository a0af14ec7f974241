"""Draw tiles of a dataset, with legends."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from mmearth_curate.select import RowFilter, criteria_options

from mmearth_core.cli.common import PATH, json_option, seed_option, show

if TYPE_CHECKING:
    from mmearth_curate.reading import DescribedReader

    from mmearth_viz.preview.view import Drawn

MOST_TILES = 1000
"""Maximum number of tiles on one sheet."""


@click.command("view")
@click.argument("dataset", metavar="DATASET", type=PATH)
@click.argument("tiles", metavar="[TILE]...", nargs=-1)
@click.option("-o", "--output", type=PATH, metavar="FILE", help="PNG file to write; by default view.png.")
@click.option("--layer", "layers", multiple=True, metavar="NAME", help="Only this layer; may be repeated.")
@criteria_options
@click.option(
    "--n",
    "count",
    type=click.IntRange(1, MOST_TILES),
    default=8,
    show_default=True,
    metavar="N",
    help="Show this many varied tiles.",
)
@click.option("--random", type=click.IntRange(1, MOST_TILES), metavar="N", help="Show this many random tiles.")
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
    """Draw tiles of DATASET with the colours, ranges and classes that their modalities declare.

    DATASET is a configuration, a dataset's folder or its .h5 file. One TILE is drawn in detail: every layer with its
    legend, and the numbers of its vectors. Several tiles are drawn as rows of a sheet with one column per layer. More
    than 24 tiles, or a single --layer, are drawn as a contact sheet. Without a TILE, a few tiles from as many biomes as
    possible are drawn.

    \b
    Examples:
      mmearth-core view mydata.toml
      mmearth-core view mydata.toml 000017 -o tile.png
      mmearth-core view mydata/mydata.h5 --split train --n 16 -o train.png
      mmearth-core view mydata --biome Tundra --random 200 --seed 1
    """  # noqa: D301 - click takes the character itself as its mark for lines to keep
    from rich.console import Console

    from mmearth_core.errors import DatasetError
    from mmearth_core.files import writable
    from mmearth_core.progress import progress_bar
    from mmearth_core.registry import discover
    from mmearth_core.text import counted
    from mmearth_viz.preview.dataset import Wanted, choose_rows, open_dataset
    from mmearth_viz.preview.view import view

    path = output or Path("view.png")
    if path.suffix.lower() != ".png":
        raise DatasetError(f"{path}: the picture is a PNG; choose a name that ends in .png.")
    criteria = RowFilter(**wanted)
    if tiles and (criteria.as_json() or random):
        raise click.UsageError("Give either tile ids or --split, --biome, --where or --random, not both.")
    if len(tiles) > MOST_TILES:
        raise click.UsageError(f"{len(tiles)} tiles are given; a sheet shows at most {MOST_TILES}.")
    reader, _folder = open_dataset(dataset, discover())
    with progress_bar(Console(stderr=True)) as progress:
        rows = choose_rows(reader, Wanted(tiles, criteria, random or count, random is not None), progress)
    with writable(path.parent):
        drawn = view(reader, rows, layers, path)
    facts = {"file": str(path), "tiles": drawn.tiles, "layers": drawn.layers, "layers_left_out": drawn.left_out}
    if not as_json:
        _show_missing(reader, drawn)
    show(as_json, facts, [f"{counted(len(drawn.tiles), 'tile')}, {counted(len(drawn.layers), 'layer')}: {path}"])


def _show_missing(reader: "DescribedReader", drawn: "Drawn") -> None:
    for name in reader.problems:
        if name not in reader.layers:
            click.echo(f"not drawn: dataset {name!r} has no description", err=True)
    if drawn.left_out:
        click.echo(
            f"{len(drawn.layers)} of {len(drawn.layers) + len(drawn.left_out)} layers are drawn; use --layer NAME for "
            f"others: {', '.join(drawn.left_out[:8])}{', ...' if len(drawn.left_out) > 8 else ''}",
            err=True,
        )
