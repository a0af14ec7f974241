"""`mmearth-core plugin new`: writes a new plugin."""

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

if TYPE_CHECKING:
    from mmearth_core.registry import Registry
    from mmearth_devkit.stage import Sample

_DTYPES = ("uint8", "int8", "uint16", "int16", "float32")


@click.command("new")
@click.argument("name")
@click.option(
    "--dir",
    "parent",
    type=click.Path(path_type=Path, file_okay=False),
    default=".",
    show_default=True,
    help="The folder in which mmearth-NAME is made.",
)
@click.option(
    "--kind",
    type=click.Choice(["image", "vector"]),
    default="image",
    show_default=True,
    help="Pixels of an asset, or numbers a tile that are computed of it.",
)
@click.option("--asset", metavar="ID", help="The image asset; by default one that the engine `local` has.")
@click.option("--band", metavar="BAND", help="Its band; with --asset.")
@click.option("--dtype", type=click.Choice(_DTYPES), default="float32", show_default=True, help="With --asset.")
@click.option("--unit", metavar="UNIT", default="1", show_default=True, help="With --asset.")
def command(
    name: str,
    parent: Path,
    kind: Literal["image", "vector"],
    asset: str | None,
    band: str | None,
    dtype: str,
    unit: str,
) -> None:
    """Write a plugin with the modality NAME: a distribution with one working layer, its tests and a README.

    It installs, passes its own tests and downloads on the engine `local` at once.

    \b
    Examples:
      mmearth-core plugin new snow_depth
      mmearth-core plugin new rainfall --kind vector --dir plugins
      mmearth-core plugin new heights --asset OWNER/HEIGHTS/V1 --band height --dtype int16 --unit m
    """  # noqa: D301 - click takes the character itself as its mark for lines to keep
    from mmearth_core.registry import discover
    from mmearth_devkit.scaffold.names import new_names
    from mmearth_devkit.scaffold.write import write_plugin
    from mmearth_devkit.stage import Sample

    if (asset is None) != (band is None):
        raise click.UsageError("--asset and --band come together: the image, and the band of it.")
    registry = discover()
    names = new_names(name, registry)
    sample = Sample(asset, band, dtype, unit) if asset and band else _sample(registry)
    folder = write_plugin(names, kind, sample, parent)
    click.echo(f"Written: {folder}, a plugin with the modality {names.name!r} of {sample.asset}. Next:")
    click.echo("")
    for line in (
        f"cd {folder}",
        "pip install -e '.[test]'",
        f"mmearth-core plugin check {names.name} --engine local:tests/world.toml",
        "pytest",
        "mmearth-core run example.toml",
    ):
        click.echo(f"    {line}")


def _sample(registry: "Registry") -> "Sample":
    from mmearth_core.errors import MMEarthError, PluginError
    from mmearth_devkit.stage import kit_engine, open_stage

    try:
        sample = open_stage(kit_engine(registry=registry)).sample()
    except MMEarthError as error:
        raise PluginError(
            f"No asset was named, and the engine that would offer one cannot be used: {error} Or name the image with "
            "--asset and --band."
        ) from error
    if sample is None:
        raise PluginError("No asset was named, and the engine offers none. Name the image with --asset and --band.")
    return sample
