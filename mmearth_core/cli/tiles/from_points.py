"""`mmearth-core tiles from-points`: a tile around each of a user's own points."""

from pathlib import Path
from typing import Any

import click

from mmearth_core.cli.options import FILE
from mmearth_core.cli.tiles.shared import checked_output, own_options, write_own


@click.command("from-points")
@click.argument("file", type=FILE)
@click.option("--lon", metavar="COLUMN", help="A table's column with longitudes, degrees; lon, longitude, x are found.")
@click.option("--lat", metavar="COLUMN", help="A table's column with latitudes, degrees; lat, latitude, y are found.")
@click.option("--id", "tile_id", metavar="COLUMN", help="Becomes tile_id; by default tile_id, or else numbers from 0.")
@own_options
def command(
    file: Path, lon: str | None, lat: str | None, tile_id: str | None, output: Path | None, **wanted: Any
) -> None:
    """Make a tile around each point of FILE: CSV, Parquet, or any vector file.

    All further columns stay with the tiles, and are in the dataset's tiles.gpkg.

    \b
    Examples:
      mmearth-core tiles from-points plots.csv -o tiles.geojson
      mmearth-core tiles from-points plots.csv --lon E --lat N --id plot -o tiles.gpkg
      mmearth-core tiles from-points plots.parquet --min-distance 2000 -o tiles.gpkg
      mmearth-core tiles from-points plots.shp --exclude test_region.geojson -o tiles.geojson
    """  # noqa: D301 - click takes the character itself as its mark for lines to keep
    from mmearth_core.sampling.own_points import read_points

    output = checked_output(output)
    write_own(read_points(file, lon, lat, tile_id), output, **wanted)
