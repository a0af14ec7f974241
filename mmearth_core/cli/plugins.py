"""`mmearth-core plugins`: what is installed, with everything that it declares, and what is broken."""

import json
import math
from typing import Any

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from mmearth_core.cli.common import json_option
from mmearth_core.config.structure import describe, plain
from mmearth_core.contract.bands import Band, Layer
from mmearth_core.contract.engine import Engine
from mmearth_core.contract.modality import Modality
from mmearth_core.registry import PluginFault, Registered, Registry, discover


@click.command("plugins")
@json_option("Everything that they declare, as JSON.")
def command(as_json: bool) -> None:
    """List the installed modalities and engines, and the broken plugins.

    A broken plugin is shown with its problem and the remedy; it never hides the others.

    \b
    Examples:
      mmearth-core plugins                   a table of them
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
        console.print("No modality is installed; `pip install mmearth-NAME` adds one.", markup=False)
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
            # An exception's text may hold square brackets, which rich would take for markup.
            table.add_row(*(escape(text) for text in (plugin, fault.problem, fault.remedy)))
        console.print(table)
        console.print("`mmearth-core run` refuses to start until they are repaired or uninstalled.", markup=False)


def as_data(registry: Registry) -> dict[str, Any]:
    """Everything that the registry holds, as JSON values; a no-data value that is not finite is its name."""
    return {
        "modalities": [_modality(entry) for entry in registry.modalities.values()],
        "engines": [_engine(entry) for entry in registry.engines.values()],
        "broken": [_fault(fault) for fault in registry.faults],
    }


def _origin(entry: Registered[Any]) -> dict[str, str]:
    return {"distribution": entry.distribution, "version": entry.version, "entry_point": entry.entry_point}


def _options(entry: Registered[Any]) -> list[dict[str, Any]]:
    defaults = entry.default_options
    return [
        {"key": key.key, "type": key.type, "default": plain(getattr(defaults, key.field)), "help": key.help}
        for key in describe(entry.options_class)
    ]


def _modality(entry: Registered[Modality]) -> dict[str, Any]:
    declared = entry.declared
    return {
        "name": entry.name,
        **_origin(entry),
        "can_anchor": declared.can_anchor(),
        "variants": list(declared.variants),
        "layers": [_layer(layer) for layer in declared.layers],
        "options": _options(entry),
        "assets": list(declared.assets),
        "licence": declared.licence,
        "citation": declared.citation,
    }


def _engine(entry: Registered[Engine]) -> dict[str, Any]:
    return {
        "name": entry.name,
        **_origin(entry),
        "shorthand": entry.declared.shorthand,
        "options": _options(entry),
    }


def _layer(layer: Layer) -> dict[str, Any]:
    return {
        "name": layer.name,
        "kind": str(layer.kind),
        "description": layer.description,
        "dtype": layer.dtype,
        "nodata": _number(layer.nodata),
        "bands": [_band(band) for band in layer.bands],
    }


def _band(band: Band) -> dict[str, Any]:
    return {
        "name": band.name,
        "dtype": band.dtype,
        "nodata": _number(band.nodata),
        "unit": band.unit,
        "description": band.description,
        "resampling": str(band.resampling),
        "classes": [{"value": c.value, "name": c.name, "colour": c.colour} for c in band.classes],
    }


def _fault(fault: PluginFault) -> dict[str, str]:
    return {
        "distribution": fault.distribution,
        "version": fault.version,
        "entry_point": fault.entry_point,
        "problem": fault.problem,
        "remedy": fault.remedy,
    }


def _number(value: float) -> float | str:
    return value if math.isfinite(value) else repr(float(value))
