"""`mmearth-core plugins`: the installed modalities and engines, what they declare, and the broken plugins."""

import json
import math
from enum import StrEnum
from typing import Any

import attrs
import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from mmearth_core.cli.common import json_option
from mmearth_core.config.structure import describe
from mmearth_core.contract.bands import Layer
from mmearth_core.contract.modality import TERMS, Modality
from mmearth_core.registry import Registered, Registry, discover


@click.command("plugins")
@json_option("Print everything that the plugins declare as JSON.")
def command(as_json: bool) -> None:
    """List the installed modalities and engines, and the broken plugins.

    A broken plugin is shown with its problem and the remedy; the other plugins are listed all the same.

    \b
    Examples:
      mmearth-core plugins                   tables
      mmearth-core plugins --json            layers, bands, no-data values, options with defaults
      mmearth-core plugins --json | jq '.broken'
    """  # noqa: D301 - click takes the character itself as its mark for lines to keep
    registry = discover()
    if as_json:
        click.echo(json.dumps(as_data(registry), indent=2, allow_nan=False))
    else:
        _show(registry, Console(highlight=False))


def _show(registry: Registry, console: Console) -> None:
    if registry.modalities:
        table = Table("modality", "layers", "can anchor", "from", title="Modalities", title_justify="left")
        for name, entry in registry.modalities.items():
            layers = ", ".join(layer.name for layer in entry.declared.layers) or "none"
            table.add_row(name, layers, "yes" if entry.declared.can_anchor() else "", str(entry.origin))
        console.print(table)
    else:
        text = "No modality is installed. `pip install 'mmearth-core[all]'` installs those of this repository."
        console.print(text, markup=False)
    if registry.engines:
        table = Table("engine", "shorthand", "from", title="Engines", title_justify="left")
        for name, engine in registry.engines.items():
            shorthand = engine.declared.shorthand
            table.add_row(name, f"{name}:{shorthand.upper()}" if shorthand else "", str(engine.origin))
        console.print(table)
    if registry.faults:
        table = Table("plugin", "problem", "remedy", title="Broken", title_justify="left", show_lines=True)
        for fault in registry.faults:
            plugin = f"{fault.distribution} {fault.version}\n(entry point {fault.entry_point})"
            # The text of an exception may contain square brackets, which rich would interpret as markup.
            table.add_row(*(escape(text) for text in (plugin, fault.problem, fault.remedy)))
        console.print(table)
        console.print("`mmearth-core run` refuses a configuration that uses one of them.", markup=False)


def as_data(registry: Registry) -> dict[str, Any]:
    """Everything that the registry holds, as JSON values; a no-data value that is not finite is its name."""
    return {
        "modalities": [_modality(entry) for entry in registry.modalities.values()],
        "engines": [{**_facts(entry), "shorthand": entry.declared.shorthand} for entry in registry.engines.values()],
        "broken": [attrs.asdict(fault) for fault in registry.faults],
    }


def _facts(entry: Registered[Any]) -> dict[str, Any]:
    options = [key._asdict() for key in describe(entry.options_class, entry.default_options)]
    return {"name": entry.name, **attrs.asdict(entry.origin), "options": options}


def _modality(entry: Registered[Modality]) -> dict[str, Any]:
    declared = entry.declared
    return {
        **_facts(entry),
        "can_anchor": declared.can_anchor(),
        "variants": declared.variants,
        "layers": [_layer(layer) for layer in declared.layers],
        "assets": declared.assets,
        **{name: getattr(declared, name) for name in TERMS},
    }


def _layer(layer: Layer) -> dict[str, Any]:
    facts = attrs.asdict(layer, filter=lambda field, _: "preview" not in field.name, value_serializer=_json_value)
    return {**facts, "dtype": layer.dtype, "nodata": _json_value(None, None, layer.nodata)}


def _json_value(_instance: object, _field: object, value: Any) -> Any:
    if isinstance(value, StrEnum):
        return str(value)
    return repr(value) if isinstance(value, float) and not math.isfinite(value) else value
