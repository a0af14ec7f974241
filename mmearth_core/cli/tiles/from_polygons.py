"""`mmearth-core tiles from-polygons`: covers a user's own polygons with tiles."""

from pathlib import Path
from typing import Any

import click

from mmearth_core.cli.options import FILE
from mmearth_core.cli.tiles.shared import checked_output, own_options, write_own


@click.command("from-polygons")
@click.argument("file", type=FILE)
@click.option(
    "--stride",
    type=click.FloatRange(min=10),
    metavar="METRES",
    help="From one tile's centre to the next; by default --size, so that they touch.",
)
@click.option("--id", "tile_id", metavar="COLUMN", help="The polygons' ids; tiles are called ID_0, ID_1 ...")
@own_options
def command(
    file: Path, stride: float | None, tile_id: str | None, size: float, output: Path | None, **wanted: Any
) -> None:
    """Cover the polygons of FILE with a lattice of tiles whose centres lie inside.

    A polygon in which no centre lies gets one tile. All columns of a polygon stay with its tiles.

    \b
    Examples:
      mmearth-core tiles from-polygons parks.gpkg -o tiles.geojson
      mmearth-core tiles from-polygons country.shp --stride 10000 -o tiles.gpkg
      mmearth-core tiles from-polygons fields.geojson --id field --size 640 -o tiles.geojson
    """  # noqa: D301 - click takes the character itself as its mark for lines to keep
    from mmearth_core.sampling.lattice import read_lattice

    output = checked_output(output)
    write_own(read_lattice(file, stride or size, size, tile_id), output, size=size, **wanted)
