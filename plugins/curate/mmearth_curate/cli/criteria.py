"""The options that choose tiles: --split, --biome and --where."""

import click

from mmearth_core.cli.common import together


def _conditions(_ctx: click.Context, _option: click.Parameter, texts: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    where: dict[str, tuple[str, ...]] = {}
    for text in texts:
        column, sign, value = text.partition("=")
        if not sign or not column:
            raise click.BadParameter(f"{text!r} is not of the form COLUMN=VALUE")
        where[column] = (*where.get(column, ()), value)
    return where


criteria = together(
    click.option("--split", "splits", multiple=True, metavar="NAME", help="Tiles of this split: train, val or test."),
    click.option(
        "--biome", "biomes", multiple=True, metavar="BIOME", help="Tiles of this biome: RESOLVE's name or class."
    ),
    click.option(
        "--where",
        multiple=True,
        callback=_conditions,
        metavar="COLUMN=VALUE",
        help="Tiles with this value in tile_info: a key, keys joined by dots, or a column of the tiles file.",
    ),
)
"""What chooses tiles by what is known of them: --split, --biome and --where."""
