"""The registry: finds the installed plugins through the entry-point group `mmearth`.

The loop over the entry points is our own, because pluggy's lets one import error end everything
and drops the second of two distributions that use one entry-point name.
"""

from importlib.metadata import EntryPoint, entry_points

from mmearth_core.hookspecs import GROUP
from mmearth_core.registry.checks import entry_point_clash, settle
from mmearth_core.registry.commands import offered
from mmearth_core.registry.load import load, origin_of
from mmearth_core.registry.model import Origin, PluginFault, Registered, Registry

__all__ = ["Origin", "PluginFault", "Registered", "Registry", "discover", "installed"]


def _by_name() -> dict[str, list[EntryPoint]]:
    found: dict[str, list[EntryPoint]] = {}
    for entry_point in sorted(entry_points(group=GROUP), key=lambda e: (e.name, origin_of(e).distribution)):
        found.setdefault(entry_point.name, []).append(entry_point)
    return found


def installed() -> tuple[Origin, ...]:
    """The distributions that offer plugins, broken ones too; imports none of them."""
    return tuple(origin_of(entry_point) for same in _by_name().values() for entry_point in same)


def discover() -> Registry:
    """Imports every installed plugin and collects what it declares.

    A broken plugin never hides a sound one: its faults stand in the registry's `faults`, and
    `Registry.require` refuses to go on with them.
    """
    faults: list[PluginFault] = []
    modalities = []
    engines = []
    for same in _by_name().values():
        if len(same) > 1:
            faults += entry_point_clash([origin_of(entry_point) for entry_point in same])
            continue
        loaded = load(same[0])
        modalities += loaded.modalities
        engines += loaded.engines
        faults += loaded.faults
    modalities, clashes = settle(modalities, "modality", lambda entry: [entry.name])
    faults += clashes
    modalities, clashes = settle(modalities, "layer", lambda entry: [layer.name for layer in entry.declared.layers])
    faults += clashes
    engines, clashes = settle(engines, "engine", lambda entry: [entry.name])
    faults += clashes
    return Registry(
        modalities={entry.name: entry for entry in modalities},
        engines={entry.name: entry for entry in engines},
        faults=(*faults, *offered().faults),
    )
