"""`mmearth-core tiles`: sample the world, or make tiles of a user's own places."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mmearth_core.cli.common import FILE, PATH, engine_option, finite, json_option, seed_option, show, together
from mmearth_core.errors import TilesError

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console

    from mmearth_core.cli.common import Decorator
    from mmearth_core.earthengine.client import EarthClient
    from mmearth_core.tiles.draw import Count, Source

SIZE = 1300.0
"""MMEarth's tiles, metres: wide enough for 128 pixels of 10 m on any UTM grid."""

EARTH_ENGINE = "earthengine"
"""The source that is not a file."""


NO_OUTPUT = "Missing option '-o' / '--output': the tiles file to write."


def _checked_output(ctx: click.Context, _option: click.Parameter, output: Path | None) -> Path | None:
    """Refuses a missing or wrong file before anything is read; before a subcommand the group needs none."""
    from mmearth_core.tiles.vector_files import check_suffix

    if output is not None:
        check_suffix(output)
    elif not isinstance(ctx.command, click.Group):
        raise click.UsageError(NO_OUTPUT)
    return output


def _length_option(
    name: str, help: str, lengths: click.FloatRange, default: float | None = None, callback: Any = finite, **more: Any
) -> "Decorator":
    """An option for metres; without a default, it is None if not given."""
    more |= {"show_default": bool(default), "metavar": "METRES", "help": help}
    return click.option(name, type=lengths, default=default, callback=callback, **more)


SIDES = click.FloatRange(10, 100_000)


def _side(ctx: click.Context, option: click.Parameter, size: float) -> float | None:
    """The side of a tile: as given, or that of its window with a pixel around it."""
    pixels, metres = (ctx.params.pop(name) for name in ("image_size", "pixel_size"))
    default = click.core.ParameterSource.DEFAULT
    names = [name for name in ("size", "image_size", "pixel_size") if ctx.get_parameter_source(name) is not default]
    if names == ["size"]:
        return finite(ctx, option, size)
    if "size" in names:
        raise click.UsageError("--size is set beside --image-size or --pixel-size. Give the side, or its pixels.")
    side = (pixels + 2) * metres
    if not SIDES.min <= side <= SIDES.max:
        raise click.UsageError(
            f"--image-size {pixels} and --pixel-size {metres:g} make tiles of {side:,.10g} m; allowed are "
            f"{SIDES.min} to {SIDES.max:,} m. Choose another number of pixels, or pixels of another size."
        )
    return float(side)


size_option = together(
    _length_option("--size", "Width and height of a tile.", SIDES, SIZE, _side),
    # Eager: known when the side is computed from them.
    click.option(
        "--image-size",
        type=click.IntRange(1, 2048),
        default=128,
        show_default=True,
        metavar="N",
        is_eager=True,
        help="Instead of --size: rows and columns of the pixels that a tile has room for, with one more around them.",
    ),
    _length_option(
        "--pixel-size",
        "Width and height of these pixels.",
        click.FloatRange(0, 100_000, min_open=True),
        10,
        is_eager=True,
    ),
)

_OUTPUT_HELP = "Tiles file to write: .geojson, .gpkg or .fgb."
output_option = click.option("-o", "--output", type=PATH, callback=_checked_output, metavar="FILE", help=_OUTPUT_HELP)

counts_option = json_option("Print the counts as JSON.")

rule_options = together(
    _length_option("--min-distance", "Minimum distance between tile centres.", click.FloatRange(min=0), 0.0),
    click.option("--no-overlap", is_flag=True, help="Refuse tiles that overlap an earlier one."),
    click.option("--exclude", type=FILE, metavar="FILE", help="Refuse tiles that touch these polygons."),
)
"""The arguments of `Rules`."""

own_options = together(size_option, rule_options, output_option, counts_option)
"""The options of every command that makes tiles of a user's own places: the arguments of `_write_own`."""


def _write_own(own: "pd.DataFrame", output: Path, as_json: bool, size: float, **rules: Any) -> None:
    """Makes tiles around a user's own places and prints how many there are.

    Raises:
        TilesError: when the rules leave none.
    """
    from mmearth_core.tiles.spacing import Rules
    from mmearth_core.tiles.squares import squares
    from mmearth_core.tiles.vector_files import write_tiles

    places = squares(own["lon"].to_numpy(), own["lat"].to_numpy(), size)
    kept = Rules(size, **rules).accept(places, len(places))
    if not len(kept):
        raise TilesError(f"{output}: not written, as {rules['exclude']} excludes all {len(places)} places.")
    rows = own.iloc[kept].assign(lon=places.lon[kept], lat=places.lat[kept])
    write_tiles(output, places.polygons()[kept], {str(name): rows[name].array for name in rows.columns})
    refused = len(places) - len(kept)
    facts = {"tiles": str(output), "places": len(places), "made": len(kept), "refused": refused}
    show(as_json, facts, [f"{len(kept)} tiles of {size:g} m; {refused} places refused. Written: {output}"])


@click.command("from-points")
@click.argument("file", type=FILE)
@click.option("--lon", metavar="COLUMN", help="Column of a table with longitudes, degrees; default: lon, longitude, x.")
@click.option("--lat", metavar="COLUMN", help="Column of a table with latitudes, degrees; default: lat, latitude, y.")
@click.option("--id", "tile_id", metavar="COLUMN", help="Column with ids; default: tile_id, or else numbers from 0.")
@own_options
def from_points(file: Path, lon: str | None, lat: str | None, tile_id: str | None, **options: Any) -> None:
    """Make a tile around each point of FILE: CSV, Parquet, or any vector file.

    All further columns stay with the tiles, and are in the dataset's tiles.gpkg.

    \b
    Examples:
      mmearth-core tiles from-points plots.csv -o tiles.geojson
      mmearth-core tiles from-points plots.csv --lon E --lat N --id plot -o tiles.gpkg
      mmearth-core tiles from-points plots.parquet --min-distance 2000 -o tiles.gpkg
      mmearth-core tiles from-points plots.csv --image-size 512 -o tiles.gpkg
      mmearth-core tiles from-points plots.shp --exclude test_region.geojson -o tiles.geojson
    """  # noqa: D301 - click marks lines to keep with this character
    from mmearth_core.tiles.own_places import read_points

    _write_own(read_points(file, lon, lat, tile_id), **options)


@click.command("from-polygons")
@click.argument("file", type=FILE)
@_length_option(
    "--stride", "Distance between tile centres; default: --size, so that tiles touch.", click.FloatRange(min=10)
)
@click.option("--id", "tile_id", metavar="COLUMN", help="Column with the polygons' ids; tile ids are ID_0, ID_1 ...")
@own_options
def from_polygons(file: Path, stride: float | None, tile_id: str | None, size: float, **options: Any) -> None:
    """Cover the polygons of FILE with a lattice of tiles whose centres are inside.

    A polygon that contains no centre gets one tile. All columns of a polygon stay with its tiles.

    \b
    Examples:
      mmearth-core tiles from-polygons parks.gpkg -o tiles.geojson
      mmearth-core tiles from-polygons country.shp --stride 10000 -o tiles.gpkg
      mmearth-core tiles from-polygons fields.geojson --id field --size 640 -o tiles.geojson
    """  # noqa: D301 - click marks lines to keep with this character
    from mmearth_core.tiles.own_places import read_lattice

    _write_own(read_lattice(file, stride or size, size, tile_id), size=size, **options)


@click.command("from-tile-info")
@click.argument("file", metavar="INFO", type=FILE)
@click.option("--tiles", type=FILE, metavar="TILES", help="Tiles file of the same build, for the polygons.")
@_length_option("--size", "Width and height of the boxes; default: 1300.", click.FloatRange(10, 100_000))
@engine_option(f"Engine that makes the boxes; default: {EARTH_ENGINE}.")
@output_option
@counts_option
def from_tile_info(
    file: Path, tiles: Path | None, size: float | None, engine: str | None, output: Path, as_json: bool
) -> int:
    """Make tiles of INFO, the tile_info.json of an earlier build.

    The texts and numbers of each tile's entry become columns: the modality `file` finds the day and the CRS there,
    and no centroid is requested from Earth Engine.

    With TILES, the polygons are those of that file, and tiles without an entry stay, without these columns. Without
    TILES, a tile gets the window of its recorded grid. Where none is recorded, as in the published dataset, Earth
    Engine makes a box around the centroid; at most one window in a thousand is then off by a pixel.

    \b
    Examples:
      mmearth-core tiles from-tile-info data_1M_tile_info.json --tiles data_1M_tiles.geojson -o tiles.gpkg
      mmearth-core tiles from-tile-info mydata/mydata_tile_info.json -o tiles.gpkg
      mmearth-core tiles from-tile-info data_1M_v001_tile_info.json --engine earthengine:my-project -o tiles.gpkg
    """  # noqa: D301 - click marks lines to keep with this character
    from mmearth_core.tiles.own_places import join_tile_info, read_tile_info, recorded_tiles
    from mmearth_core.tiles.read import read_tiles
    from mmearth_core.tiles.vector_files import write_tiles

    if tiles and (size or engine):
        raise click.UsageError("--size and --engine are for boxes; with --tiles every tile has a polygon.")
    given = read_tiles(tiles) if tiles else None
    entries = read_tile_info(file)
    frame = recorded_tiles(entries, file) if given is None else given
    boxes = int(frame.geometry.isna().sum())
    if boxes:
        from mmearth_core.tiles.earth_source import fill_boxes

        frame = fill_boxes(frame, _client(engine or EARTH_ENGINE), size or SIZE)
    frame, missing = join_tile_info(entries, file, frame)
    columns = {str(name): frame[name] for name in frame.columns.drop("geometry")}
    write_tiles(output, frame.geometry.values, columns)
    facts = {"tiles": str(output), "made": len(frame), "without_entry": missing, "boxes": boxes}
    human = f"{len(frame)} tiles, {missing} of them without an entry in {file}, {boxes} with a box around the centroid."
    return show(as_json, facts, [f"{human} Written: {output}"])


@click.group("tiles", commands=[from_points, from_polygons, from_tile_info], invoke_without_command=True)
@click.option("--number", type=click.IntRange(min=1), metavar="N", help="Number of tiles.")
@click.option(
    "--sampling",
    type=click.Choice(["biome-area", "biome-ecoregion", "ecoregion", "0", "1", "2"]),
    default="biome-area",
    show_default=True,
    help="How tiles are allocated to ecoregions (0, 1, 2: MMEarth's numbers).",
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
@engine_option("Engine for the source `earthengine`.", default=EARTH_ENGINE)
@click.option("--eco-region-column", metavar="NAME", help="Column of the polygon file; default: ECO_NAME and similar.")
@click.option("--biome-column", metavar="NAME", help="Column of the polygon file; default: BIOME_NAME and similar.")
@click.option("--realm-column", metavar="NAME", help="Column of the polygon file; default: REALM. Optional.")
@rule_options
@click.option("--redistribute", is_flag=True, help="Let other ecoregions replace the tiles of those with too few.")
@output_option
@counts_option
@click.pass_context
def command(
    ctx: click.Context, /, number: int | None, sampling: str, output: Path | None, as_json: bool, **options: Any
) -> int:
    """Sample tiles all over the world, or make them of your own places.

    `biome-area` allocates tiles equally to the 14 biomes, and within a biome by the area of its ecoregions;
    `biome-ecoregion` equally to the biomes, and within a biome equally to its ecoregions; `ecoregion` equally to all
    846 ecoregions.

    \b
    Examples:
      mmearth-core tiles --number 100000 --engine earthengine:my-project -o tiles.gpkg
      mmearth-core tiles --number 1000 --engine local:synthetic -o tiles.geojson
      mmearth-core tiles --number 1000 --image-size 256 --pixel-size 30 -o tiles.gpkg
      mmearth-core tiles --number 100000 --source Ecoregions2017.shp --no-overlap -o tiles.gpkg
      mmearth-core tiles from-points plots.csv --id plot -o tiles.geojson
      mmearth-core tiles from-polygons parks.gpkg --stride 1300 -o tiles.geojson
      mmearth-core tiles from-tile-info data_1M_tile_info.json --tiles data_1M_tiles.geojson -o tiles.gpkg

    \b
    Exit status:
      0  as many tiles as requested
      1  written, but some ecoregions have fewer tiles than their share
      2  nothing was written; the error says what to fix
    """  # noqa: D301 - click marks lines to keep with this character
    if ctx.invoked_subcommand is not None:
        _refuse_options_before(ctx)
        return 0
    if number is None:
        raise click.UsageError("Missing option '--number': how many tiles. `mmearth-core tiles --help` shows examples.")
    if output is None:
        raise click.UsageError(NO_OUTPUT)
    from rich.console import Console

    from mmearth_core.progress import progress_bar
    from mmearth_core.tiles.draw import sample
    from mmearth_core.tiles.regions import NUMBERS, Allocation
    from mmearth_core.tiles.spacing import Rules
    from mmearth_core.tiles.vector_files import write_tiles

    allocation = NUMBERS.get(sampling) or Allocation(sampling)
    facts = {"tiles": str(output), "number": number, "made": 0, "sampling": str(allocation)}
    facts |= {"size": options["size"], "seed": options["seed"]}
    rules = Rules(options["size"], *(options.pop(name) for name in ("min_distance", "no_overlap", "exclude")))
    redistribute = options.pop("redistribute")
    with progress_bar(Console(stderr=True)) as progress:
        drawn = sample(_source(**options), number, allocation, rules, redistribute, partial(progress, "tiles"))
    made = facts["made"] = len(drawn.places)
    if not made:
        reason = next((count.reason for count in drawn.counts if count.reason), "")
        raise TilesError(f"{output}: not written, as no ecoregion gave a tile. The first one: {reason}")
    write_tiles(output, drawn.places.polygons(), drawn.columns())
    human = partial(_print, drawn.counts, number, output)
    return show(as_json, facts | _counts_data(drawn.counts), human, made != number, ensure_ascii=False)


def _refuse_options_before(ctx: click.Context) -> None:
    """Refuses options of `tiles` itself before a subcommand, where they would have no effect."""
    given = click.core.ParameterSource.COMMANDLINE
    names = [parameter.name or "" for parameter in ctx.command.params]
    early = [name for name in names if ctx.get_parameter_source(name) is given]
    if early:
        option = early[0].replace("_", "-")
        raise click.UsageError(f"--{option} is before {ctx.invoked_subcommand!r}; put options after the subcommand.")


def _source(*, source: str, engine: str, size: float, seed: int, **columns: str | None) -> "Source":
    given = {option.removesuffix("_column"): name for option, name in columns.items() if name}
    if source != EARTH_ENGINE:
        from mmearth_core.tiles.polygon_source import polygon_source

        if engine != EARTH_ENGINE:
            raise click.UsageError(f"--engine {engine} is for --source {EARTH_ENGINE}, not for a file.")
        return polygon_source(Path(source), size, seed, given)
    if given:
        raise click.UsageError("--eco-region-column, --biome-column and --realm-column are for a file as --source.")
    from mmearth_core.tiles.earth_source import EarthSource

    return EarthSource(_client(engine), size, seed)


def _client(engine: str) -> "EarthClient":
    from mmearth_core.config.schema import RunOptions
    from mmearth_core.earthengine.client import EarthClient
    from mmearth_core.registry import discover, engine_of

    return EarthClient(engine_of(discover(), engine), RunOptions())


def _counts_data(counts: "Sequence[Count]") -> dict[str, Any]:
    """The tiles of each biome and of each ecoregion, for JSON."""
    biomes: dict[str, dict[str, int]] = {}
    for count in counts:
        biome = biomes.setdefault(count.region.biome, {"asked": 0, "made": 0})
        biome["asked"] += count.asked
        biome["made"] += count.made
    return {"biomes": biomes, "eco_regions": [count.to_json() for count in counts if count.asked or count.made]}


def _print(counts: "Sequence[Count]", number: int, output: Path, console: "Console") -> None:
    from rich.markup import escape
    from rich.table import Column, Table

    table = Table("biome", "ecoregion", *(Column(name, justify="right") for name in ("requested", "made")))
    for count in counts:
        if count.asked or count.made:
            row = (count.region.biome, count.region.name, str(count.asked), str(count.made))
            table.add_row(*map(escape, row), style="bold red" if count.made < count.asked else None)
    console.print(table)
    short = [count for count in counts if count.made < count.asked]
    for count in short[:5]:
        console.print(f"{count.region.name}: {count.made} of {count.asked}: {count.reason}", markup=False)
    if len(short) > 5:
        console.print(f"and {len(short) - 5} more ecoregions; --json lists them all")
    made, regions = sum(count.made for count in counts), sum(count.made > 0 for count in counts)
    console.print(f"{made} tiles in {regions} ecoregions: {output}", markup=False)
    if made < number:
        console.print(f"{number - made} fewer than requested; with --redistribute other ecoregions replace them.")
