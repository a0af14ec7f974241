"""Write a plugin, or check one."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mmearth_core.cli.common import engine_option, json_option, modalities, show

if TYPE_CHECKING:
    from rich.console import Console

    from mmearth_core import Modality
    from mmearth_core.registry import Registered, Registry
    from mmearth_devkit.stage import Sample
    from mmearth_devkit.trial_record import Finding, Shift

_DTYPES = ("uint8", "int8", "uint16", "int16", "float32")


@click.group("plugin")
def command() -> None:
    """Write a plugin, or check one. `mmearth-core plugins` lists the installed ones.

    \b
    Examples:
      mmearth-core plugin new snow_depth
      mmearth-core plugin check snow_depth
    """  # noqa: D301 - click takes the character itself as its mark for lines to keep


@command.command("new", short_help="Write a new plugin that installs, passes its tests and downloads.")
@click.argument("name")
@click.option(
    "--dir",
    "parent",
    type=click.Path(path_type=Path, file_okay=False),
    default=".",
    show_default=True,
    help="Folder in which mmearth-NAME is created.",
)
@click.option(
    "--kind",
    type=click.Choice(["image", "vector"]),
    default="image",
    show_default=True,
    help="Pixels of an asset, or numbers per tile computed from it.",
)
@click.option("--asset", metavar="ID", help="Earth Engine asset; by default an image that the engine `local` has.")
@click.option("--band", metavar="BAND", help="Band of the asset; with --asset.")
@click.option("--dtype", type=click.Choice(_DTYPES), help="With --asset; by default float32, uint8 with --classes.")
@click.option("--unit", metavar="UNIT", default="1", show_default=True, help="With --asset.")
@click.option(
    "--pixel-size",
    type=click.FloatRange(2, 1000),
    metavar="METRES",
    help="Size of the band's pixels, 2 to 1000; with --asset. By default 10.",
)
@click.option(
    "--origin",
    type=float,
    metavar="METRES",
    help="A corner of any of the pixels, x and y; with --anchor. By default 0; Landsat's is 15.",
)
@click.option("--collection", is_flag=True, help="The asset is a collection; its images around a tile's day are used.")
@click.option("--classes", is_flag=True, help="The band has classes, which are never interpolated.")
@click.option("--anchor", is_flag=True, help="An image of the collection sets the day and grid of each tile.")
def new(name: str, parent: Path, **given: Any) -> None:
    """Write a plugin with the modality NAME: a distribution with one working layer, tests and a README.

    It can be installed, passes its own tests and downloads on the engine `local` without any change.

    \b
    Examples:
      mmearth-core plugin new snow_depth
      mmearth-core plugin new rainfall --kind vector --dir plugins
      mmearth-core plugin new heights --asset OWNER/HEIGHTS/V1 --band height --dtype int16 --unit m
      mmearth-core plugin new snow --asset OWNER/SNOW --band depth --unit m --collection
      mmearth-core plugin new crops --asset OWNER/CROPS --band type --classes
      mmearth-core plugin new planes --asset OWNER/PLANES --band red --dtype uint16 --collection --anchor --pixel-size 3
    """  # noqa: D301 - click takes the character itself as its mark for lines to keep
    from mmearth_core.registry import discover
    from mmearth_devkit.scaffold.names import new_names
    from mmearth_devkit.scaffold.write import Source, write_plugin
    from mmearth_devkit.stage import Sample

    _check_options(**given)
    registry = discover()
    names = new_names(name, registry)
    asset, band, classes = given["asset"], given["band"], given["classes"]
    dtype = given["dtype"] or ("uint8" if classes else "float32")
    size = given["pixel_size"] or Sample._field_defaults["pixel_size"]
    sample = Sample(asset, band, dtype, given["unit"], size) if asset else _sample(registry)
    source = Source(sample, given["kind"], given["collection"], classes, given["anchor"], given["origin"] or 0)
    folder = write_plugin(names, source, parent)
    click.echo(f"Created {folder}, a plugin with the modality {names.name!r} from {sample.asset}. Next:")
    click.echo("")
    for line in (
        f"cd {folder}",
        "pip install -e '.[test]'",
        f"mmearth-core plugin check {names.name} --engine local:tests/world.toml",
        "pytest",
        "mmearth-core run example.toml",
    ):
        click.echo(f"    {line}")


def _check_options(kind: str, asset: str | None, band: str | None, unit: str, **given: Any) -> None:
    """Refuses options that do not go together.

    Raises:
        click.UsageError: says what to add or to leave out.
    """
    described = [f"--{name.replace('_', '-')}" for name, value in given.items() if value not in (None, False)]
    described += ["--unit"] * (unit != "1")
    problem = None
    if (asset is None) != (band is None):
        problem = "--asset and --band must be given together: the asset, and one of its bands."
    elif asset is None and described:
        problem = f"{described[0]} describes an asset of yours: also give --asset and --band."
    elif kind == "vector" and (given["classes"] or given["anchor"]):
        flag = "--classes" if given["classes"] else "--anchor"
        problem = f"{flag} is for pixels, and --kind vector makes numbers per tile: leave one of them out."
    elif given["anchor"] and not given["collection"]:
        problem = (
            "--anchor chooses an image of a collection, and the tile takes its day: add --collection. For a single "
            "image, leave --anchor out; the days then come from the tiles file."
        )
    elif given["origin"] is not None and not given["anchor"]:
        problem = "--origin is of the grid that an anchor proposes: add --anchor, or leave it out."
    elif given["classes"] and given["dtype"] == "float32":
        problem = f"--classes needs whole numbers: leave --dtype out, or choose one of {', '.join(_DTYPES[:-1])}."
    elif given["classes"] and unit != "1":
        problem = "Classes have no unit: leave out --unit or --classes."
    if problem:
        raise click.UsageError(problem)


def _sample(registry: "Registry") -> "Sample":
    from mmearth_core.errors import MMEarthError, PluginError
    from mmearth_devkit.stage import Sample, kit_engine, open_stage

    try:
        sample = open_stage(kit_engine(registry=registry)).sample()
    except MMEarthError as error:
        raise PluginError(
            f"No asset was given, and the engine that would propose one cannot be used: {error} Or name the image with "
            "--asset and --band."
        ) from error
    if sample is None:
        raise PluginError("No asset was given, and the engine proposes none. Name the image with --asset and --band.")
    return Sample(*sample)


@command.command("check", short_help="Try an installed modality offline, and report what is wrong with it.")
@click.argument("name", shell_complete=modalities)
@engine_option("Engine to try it on, which must have a stage; by default local:synthetic.")
@click.option("--ignore", metavar="CHECK", multiple=True, help="Skip this check; can be repeated.")
@click.option(
    "--pixel-size",
    type=click.FloatRange(0, 100_000, min_open=True),
    metavar="METRES",
    help="Pixel size of the tiles; by default the one that an anchor proposes, 10 for all others.",
)
@click.option("--shifts", is_flag=True, help="Also print how far each band is shifted, in pixels.")
@click.option("--quick", is_flag=True, help="Do not build the graphs again in other processes, which takes seconds.")
@json_option("Print the findings as JSON.")
def check(
    name: str,
    engine: str | None,
    ignore: tuple[str, ...],
    pixel_size: float | None,
    shifts: bool,
    quick: bool,
    as_json: bool,
) -> int:
    """Try the modality NAME, or all modalities of the distribution NAME, with their default options.

    Four tiles are located offline, two of them without data, and the first one is downloaded; then bands, values, grid,
    graphs, requests and declarations are checked.
    The same in a test: mmearth_devkit.check_modality.

    \b
    Examples:
      mmearth-core plugin check snow_depth
      mmearth-core plugin check mmearth-snow-depth --json
      mmearth-core plugin check snow_depth --engine local:tests/world.toml --ignore fractions
      mmearth-core plugin check snow_depth --pixel-size 30 --shifts

    \b
    Exit status:
      0  no findings
      1  something is wrong
      2  it could not be tried: the error says why
    """  # noqa: D301 - click takes the character itself as its mark for lines to keep
    from attrs import asdict
    from rich.console import Console

    from mmearth_core.registry import discover
    from mmearth_devkit.kit import findings_in, refuse_unknown, try_modality
    from mmearth_devkit.stage import kit_engine

    registry = discover()
    refuse_unknown(ignore)
    entries = _entries(registry, name)
    used = kit_engine(engine, registry)
    findings: dict[str, list[Finding]] = {}
    measured: dict[str, list[Shift]] = {}
    with Console(stderr=True).status("") as status:
        for entry in entries:
            status.update(f"trying {entry.name}")
            record = try_modality(entry.make(), engine=used, processes=not quick, pixel_size=pixel_size)
            findings[entry.name], measured[entry.name] = findings_in(record, ignore), list(record.shifts)
    facts: dict[str, Any] = {modality: [asdict(each) for each in own] for modality, own in findings.items()}
    if shifts:
        facts = {
            modality: {"findings": facts[modality], "shifts": {each.name: each.in_pixels for each in own}}
            for modality, own in measured.items()
        }
    return show(as_json, facts, partial(_print, findings, measured if shifts else {}), any(findings.values()))


def _entries(registry: "Registry", name: str) -> "list[Registered[Modality]]":
    # By convention an entry point is named after its modality; a broken plugin cannot say which modality it has.
    faults = [fault for fault in registry.faults if name in (fault.distribution, fault.entry_point)]
    if faults and name not in registry.modalities:
        from mmearth_core.errors import PluginError

        raise PluginError(" ".join(map(str, faults)))
    of_distribution = [entry for entry in registry.modalities.values() if entry.origin.distribution == name]
    return of_distribution or [registry.modality(name)]


def _print(findings: "dict[str, list[Finding]]", shifts: "dict[str, list[Shift]]", console: "Console") -> None:
    from rich.markup import escape
    from rich.table import Table

    for name, own in findings.items():
        if not own:
            console.print(f"{name}: nothing is wrong.", markup=False)
            continue
        table = Table("check", "where", "problem", "remedy", title=name, title_justify="left", show_lines=True)
        for each in own:
            table.add_row(*(escape(text) for text in (each.check, each.where, each.problem, each.remedy)))
        console.print(table, soft_wrap=False)
    for name, measured in shifts.items():
        table = Table("band", "east", "south", title=f"{name}: shifts in pixels", title_justify="left")
        for shift in measured:
            table.add_row(shift.name, *(f"{metres / shift.pixel:.3f}" for metres in (shift.east, shift.south)))
        console.print(table)
