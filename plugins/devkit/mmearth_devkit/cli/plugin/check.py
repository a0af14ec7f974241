"""`mmearth-core plugin check`: tries an installed modality offline, and tells what is wrong with it."""

from functools import partial
from typing import TYPE_CHECKING

import click

from mmearth_core.cli.common import engine_option, json_option, modalities, show

if TYPE_CHECKING:
    from rich.console import Console

    from mmearth_core.contract.modality import Modality
    from mmearth_core.registry import Registered, Registry
    from mmearth_devkit.finding import Finding


@click.command("check")
@click.argument("name", shell_complete=modalities)
@engine_option("The engine to try it on, which must be one that lends a stage; by default local:synthetic.")
@click.option("--ignore", metavar="CHECK", multiple=True, help="Leave this check out; may be given again.")
@click.option("--quick", is_flag=True, help="Do not build the graphs again in other processes, which takes seconds.")
@json_option("Print the findings as JSON.")
def command(name: str, engine: str | None, ignore: tuple[str, ...], quick: bool, as_json: bool) -> int:
    """Try the modality NAME, or all modalities of the distribution NAME, with their default options.

    One tile is located and downloaded offline; then bands, values, grid, graphs, requests and declarations are judged.
    The same in a test: mmearth_devkit.check_modality.

    \b
    Examples:
      mmearth-core plugin check snow_depth
      mmearth-core plugin check mmearth-snow-depth --json
      mmearth-core plugin check snow_depth --engine local:tests/world.toml --ignore fractions

    \b
    Exit status:
      0  nothing was found
      1  something was found
      2  it could not be tried: the error says why
    """  # noqa: D301 - click takes the character itself as its mark for lines to keep
    from attrs import asdict
    from rich.console import Console

    from mmearth_core.registry import discover
    from mmearth_devkit.kit import findings_of
    from mmearth_devkit.stage import kit_engine

    registry = discover()
    entries = _chosen(registry, name)
    used = kit_engine(engine, registry)
    found: dict[str, list[Finding]] = {}
    with Console(stderr=True).status("") as status:
        for entry in entries:
            status.update(f"trying {entry.name}")
            found[entry.name] = findings_of(entry.make(), engine=used, ignore=ignore, processes=not quick)
    facts = {name: [asdict(each) for each in these] for name, these in found.items()}
    return show(as_json, facts, partial(_print, found), any(found.values()))


def _chosen(registry: "Registry", name: str) -> "list[Registered[Modality]]":
    # Entry points are named after their modality, by custom; a broken plugin cannot say what it would have offered.
    own = [fault for fault in registry.faults if name in (fault.distribution, fault.entry_point)]
    if own and name not in registry.modalities:
        from mmearth_core.errors import PluginError

        raise PluginError(" ".join(map(str, own)))
    of_distribution = [entry for entry in registry.modalities.values() if entry.distribution == name]
    return of_distribution or [registry.modality(name)]


def _print(found: "dict[str, list[Finding]]", console: "Console") -> None:
    from rich.markup import escape
    from rich.table import Table

    for name, findings in found.items():
        if not findings:
            console.print(f"{name}: nothing is wrong.", markup=False)
            continue
        table = Table("check", "where", "problem", "remedy", title=name, title_justify="left", show_lines=True)
        for each in findings:
            table.add_row(*(escape(text) for text in (each.check, each.where, each.problem, each.remedy)))
        console.print(table, soft_wrap=False)
