"""Draw tiles on a map of the world, and count them by biome."""

from pathlib import Path

import click

from mmearth_core.cli.common import FILE, PATH
from mmearth_core.errors import TilesError


@click.command("map")
@click.argument("tiles", type=FILE)
@click.option("-o", "--output", type=PATH, required=True, metavar="FILE", help="PNG file to write.")
@click.option("--title", help="The headline; by default the file's name.")
def command(tiles: Path, output: Path, title: str | None) -> None:
    """Draw the tiles of a file (or of a dataset's tiles.gpkg) on a world map, with their number per biome.

    \b
    Examples:
      mmearth-core map tiles.gpkg -o map.png
      mmearth-core map mydata/tiles.gpkg -o map.png --title "My data"
    """  # noqa: D301 - click takes the character itself as its mark for lines to keep
    from mmearth_viz.preview.tiles_map import tiles_map

    if output.suffix.lower() != ".png":
        raise TilesError(f"{output}: the map is a PNG; choose a name that ends in .png.")
    click.echo(f"{tiles_map(tiles, output, title or tiles.name)} tiles: {output}")
