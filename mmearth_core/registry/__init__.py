"""What the registry holds: the modalities and engines in use, and what is wrong with the others."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType
from typing import Any, TypeVar

from attrs import field, frozen

from mmearth_core.contract.engine import Engine
from mmearth_core.contract.hooks import GROUP
from mmearth_core.contract.modality import Modality
from mmearth_core.errors import PluginError
from mmearth_core.registry.commands import offered
from mmearth_core.registry.load import Origin, PluginFault, Registered, load, origin_of
from mmearth_core.text import did_you_mean

T = TypeVar("T", Modality, Engine)


def _read_only(items: Mapping[str, Any]) -> Mapping[str, Any]:
    return MappingProxyType(dict(sorted(items.items())))


@frozen
class Registry:
    """All installed plugins.

    Attributes:
        modalities: the usable modalities by name, sorted.
        engines: the usable engines by name, sorted.
        faults: what is wrong with the plugins that are not usable.
    """

    modalities: Mapping[str, Registered[Modality]] = field(converter=_read_only)
    engines: Mapping[str, Registered[Engine]] = field(converter=_read_only)
    faults: tuple[PluginFault, ...] = ()

    def require(self) -> None:
        """Refuses to go on with a broken plugin.

        Raises:
            PluginError: names every broken plugin, its problem and the remedy.
        """
        if self.faults:
            count = len(self.faults)
            head = "An installed plugin is broken." if count == 1 else f"Installed plugins are broken, in {count} ways."
            raise PluginError(" ".join([head, *map(str, self.faults)]))

    def modality(self, name: str) -> Registered[Modality]:
        """The modality of that name.

        Raises:
            PluginError: when it is not installed; lists those that are, and the remedy.
        """
        return _named("modality", name, self.modalities, self.faults)

    def engine(self, name: str) -> Registered[Engine]:
        """The engine of that name.

        Raises:
            PluginError: when it is not installed; lists those that are, and the remedy.
        """
        return _named("engine", name, self.engines, self.faults)


def _named(
    what: str, name: str, installed: Mapping[str, Registered[T]], faults: tuple[PluginFault, ...]
) -> Registered[T]:
    if name in installed:
        return installed[name]
    listed = ", ".join(installed) or "none"
    hidden = ""
    if faults:
        hidden = " Broken plugins are not counted: " + ", ".join(sorted({fault.distribution for fault in faults})) + "."
    raise PluginError(
        f"No {what} {name!r} is installed.{did_you_mean(name, installed)} Installed: {listed}.{hidden} "
        f"If it is a plugin of its own, `pip install mmearth-{name}`; `mmearth-core plugins` shows what is there."
    )


__all__ = ["Origin", "PluginFault", "Registered", "Registry", "discover", "installed"]


def settle(
    entries: Iterable[Registered[T]], what: str, keys: Callable[[Registered[T]], Iterable[str]]
) -> tuple[list[Registered[T]], list[PluginFault]]:
    """Takes out the entries that share a key (a name, a layer) with another one: none of them is used.

    Args:
        entries: what the plugins declared.
        what: what the key is, for the message.
        keys: the keys of one entry.

    Returns:
        The entries that share nothing, and one fault for each of the others and key.
    """
    entries = list(entries)
    owners: dict[str, list[Registered[T]]] = {}
    for entry in entries:
        for key in keys(entry):
            owners.setdefault(key, []).append(entry)
    shared = {key: who for key, who in owners.items() if len(who) > 1}
    kept = [entry for entry in entries if not any(key in shared for key in keys(entry))]
    return kept, [fault for key, who in shared.items() for fault in _clash(what, key, [e.origin for e in who])]


def _clash(what: str, key: str, origins: list[Origin]) -> Iterator[PluginFault]:
    for i, origin in enumerate(origins):
        others = ", ".join(str(other) for j, other in enumerate(origins) if j != i)
        yield PluginFault.of(
            origin,
            f"The {what} {key!r} is also declared by {others}; none of them is used.",
            "Keep one of the two plugins installed, or rename it in its code.",
        )


def entry_point_clash(origins: list[Origin]) -> list[PluginFault]:
    """The faults of distributions that use one entry-point name."""
    return list(_clash("entry point", origins[0].entry_point, origins))


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
