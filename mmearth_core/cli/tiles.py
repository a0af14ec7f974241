"""`mmearth-core tiles`: sample the world, or make tiles of a user's own places."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mmearth_core.cli.common import FILE, PATH, engine_option, json_option, number_option, seed_option, show, together
from mmearth_core.errors import TilesError

if TYPE_CHECKING:
    from rich.console import Console

    from mmearth_core.tiles.draw import Sample
    from mmearth_core.tiles.own_places import OwnPlaces
    from mmearth_core.tiles.polygon_source import Source
    from mmearth_core.tiles.regions import Allocation

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
    from mmearth_core.tiles.vector_files import check_suffix

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

    from mmearth_core.tiles.spacing import make_rules
    from mmearth_core.tiles.squares import squares
    from mmearth_core.tiles.vector_files import write_tiles

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


@click.command("from-points")
@click.argument("file", type=FILE)
@click.option("--lon", metavar="COLUMN", help="A table's column with longitudes, degrees; lon, longitude, x are found.")
@click.option("--lat", metavar="COLUMN", help="A table's column with latitudes, degrees; lat, latitude, y are found.")
@click.option("--id", "tile_id", metavar="COLUMN", help="Becomes tile_id; by default tile_id, or else numbers from 0.")
@own_options
def from_points(
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
    from mmearth_core.tiles.own_places import read_points

    output = checked_output(output)
    write_own(read_points(file, lon, lat, tile_id), output, **wanted)


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
def from_polygons(
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
    from mmearth_core.tiles.own_places import read_lattice

    output = checked_output(output)
    write_own(read_lattice(file, stride or size, size, tile_id), output, size=size, **wanted)


EARTH_ENGINE = "earthengine"
"""The source that is no file."""


@click.group("tiles", invoke_without_command=True)
@number_option("--number", "How many tiles.")
@click.option(
    "--sampling",
    type=click.Choice(["biome-area", "biome-ecoregion", "ecoregion", "0", "1", "2"]),
    default="biome-area",
    show_default=True,
    help="How they are shared out (0, 1, 2: MMEarth's numbers for them).",
)
@size_option
@seed_option("file")
@click.option(
    "--source",
    default=EARTH_ENGINE,
    show_default=True,
    metavar="SOURCE",
    help="`earthengine`, or a polygon file with columns for ecoregion and biome, which needs no Earth Engine.",
)
@engine_option("Who answers for it.", default=EARTH_ENGINE)
@click.option("--eco-region-column", metavar="NAME", help="The polygon file's column; ECO_NAME and the like are known.")
@click.option("--biome-column", metavar="NAME", help="Likewise; BIOME_NAME is known.")
@click.option("--realm-column", metavar="NAME", help="Likewise; REALM is known, and none is needed.")
@rule_options
@click.option("--redistribute", is_flag=True, help="Other ecoregions make up for those that give too few.")
@output_option
@counts_option
@click.pass_context
def command(
    ctx: click.Context,
    /,
    number: int | None,
    sampling: str,
    size: float,
    seed: int,
    output: Path | None,
    as_json: bool,
    **asked: Any,
) -> int:
    """Sample tiles all over the world, or make them of your own places.

    `biome-area` shares tiles out equally among the 14 biomes, and within a biome by the area of its ecoregions;
    `biome-ecoregion` likewise, but equally within a biome; `ecoregion` equally among all 846.

    \b
    Examples:
      mmearth-core tiles --number 100000 --engine earthengine:my-project -o tiles.gpkg
      mmearth-core tiles --number 1000 --engine local:synthetic -o tiles.geojson
      mmearth-core tiles --number 100000 --source Ecoregions2017.shp --no-overlap -o tiles.gpkg
      mmearth-core tiles from-points plots.csv --id plot -o tiles.geojson
      mmearth-core tiles from-polygons parks.gpkg --stride 1300 -o tiles.geojson

    \b
    Exit status:
      0  as many tiles as asked for
      1  written, but some ecoregions gave fewer than their share
      2  nothing was written: the error says what to mend
    """  # noqa: D301 - click takes the character itself as its mark for lines to keep
    if ctx.invoked_subcommand is not None:
        _refuse_options_before(ctx)
        return 0
    if number is None:
        raise click.UsageError("Missing option '--number': how many tiles. `mmearth-core tiles --help` shows examples.")
    output = checked_output(output)
    from mmearth_core.tiles.regions import NUMBERS, Allocation
    from mmearth_core.tiles.vector_files import write_tiles

    way = NUMBERS.get(sampling) or Allocation(sampling)
    drawn = _drawn(number, way, size, seed, **asked)
    made = len(drawn.places)
    if not made:
        reason = next((count.reason for count in drawn.counts if count.reason), "")
        raise TilesError(f"{output}: not written, as no ecoregion gave a tile. The first one: {reason}")
    write_tiles(output, drawn.places, drawn.columns())
    facts = {"tiles": str(output), "number": number, "made": made, "sampling": str(way), "size": size, "seed": seed}
    people = partial(_print, drawn, number, output)
    return show(as_json, facts | counts_data(drawn), people, made != number, ensure_ascii=False)


def _refuse_options_before(ctx: click.Context) -> None:
    """Options of `tiles` itself would be lost without a word where a subcommand follows them."""
    given = click.core.ParameterSource.COMMANDLINE
    early = [name for name in ctx.params if ctx.get_parameter_source(name) is given]
    if early:
        raise click.UsageError(
            f"--{early[0].replace('_', '-')} stands before {ctx.invoked_subcommand!r}; its options follow it."
        )


def _drawn(
    number: int,
    way: "Allocation",
    size: float,
    seed: int,
    *,
    source: str,
    engine: str,
    eco_region_column: str | None,
    biome_column: str | None,
    realm_column: str | None,
    min_distance: float,
    no_overlap: bool,
    exclude: Path | None,
    redistribute: bool,
) -> "Sample":
    """Draws the tiles, with a bar on standard error."""
    from mmearth_core.tiles.draw import sample
    from mmearth_core.tiles.spacing import make_rules

    columns = {"eco_region": eco_region_column, "biome": biome_column, "realm": realm_column}
    places = _source(source, engine, size, seed, {what: name for what, name in columns.items() if name})
    with progress_bar() as progress:
        rules = make_rules(size, min_distance, no_overlap, exclude)
        return sample(places, number, way, seed, rules, redistribute, progress)


def _source(source: str, engine: str, size: float, seed: int, columns: dict[str, str]) -> "Source":
    if source != EARTH_ENGINE:
        from mmearth_core.tiles.polygon_source import polygon_source

        if engine != EARTH_ENGINE:
            raise click.UsageError(f"--engine {engine} answers only for --source {EARTH_ENGINE}, not for a file.")
        return polygon_source(Path(source), size, seed, columns)
    if columns:
        raise click.UsageError(
            "--eco-region-column, --biome-column and --realm-column are for a polygon file as --source."
        )
    from mmearth_core.config.schema import RunOptions
    from mmearth_core.earthengine.client import EarthClient
    from mmearth_core.registry import discover
    from mmearth_core.registry.configured import engine_of
    from mmearth_core.tiles.earth_source import EarthSource

    return EarthSource(EarthClient(engine_of(discover(), engine), RunOptions()), size, seed)


def counts_data(drawn: "Sample") -> dict[str, Any]:
    """What each biome and each ecoregion gave, as JSON shows it."""
    biomes: dict[str, dict[str, int]] = {}
    for count in drawn.counts:
        biome = biomes.setdefault(count.region.biome, {"asked": 0, "made": 0})
        biome["asked"] += count.asked
        biome["made"] += count.made
    regions = [count.as_data() for count in drawn.counts if count.asked or count.made]
    return {"biomes": biomes, "eco_regions": regions}


def _print(drawn: "Sample", number: int, output: Path, console: "Console") -> None:
    from rich.markup import escape
    from rich.table import Table

    table = Table("biome", "ecoregion")
    for title in ("asked", "made"):
        table.add_column(title, justify="right")
    for count in drawn.counts:
        if count.asked or count.made:
            names = (escape(count.region.biome), escape(count.region.name))
            style = "bold red" if count.made < count.asked else None
            table.add_row(*names, str(count.asked), str(count.made), style=style)
    console.print(table)
    lacking = [count for count in drawn.counts if count.made < count.asked]
    for count in lacking[:5]:
        text = f"{count.region.name}: {count.made} of {count.asked}, as {count.reason}"
        console.print(text, markup=False)
    if len(lacking) > 5:
        console.print(f"and {len(lacking) - 5} further ecoregions; --json lists them all")
    made = len(drawn.places)
    console.print(
        f"{made} tiles in {sum(1 for count in drawn.counts if count.made)} ecoregions: {output}", markup=False
    )
    if made < number:
        console.print(
            f"{number - made} fewer than asked for; --redistribute has the other ecoregions make up for them."
        )


for subcommand in (from_points, from_polygons):
    command.add_command(subcommand)
