"""The registry of installed plugins: the usable modalities and engines, and what is wrong with the others."""

import re
from collections.abc import Mapping
from importlib import metadata
from types import MappingProxyType
from typing import Any, TypeVar

from attrs import field, frozen

from mmearth_core.config.schema import Config
from mmearth_core.config.structure import structure
from mmearth_core.contract.engine import Engine
from mmearth_core.contract.hooks import GROUP
from mmearth_core.contract.modality import Modality
from mmearth_core.errors import ConfigError, PluginError
from mmearth_core.registry.commands import offered
from mmearth_core.registry.load import CORE, Origin, PluginFault, Registered, find_offers, layer_keys, load, settle
from mmearth_core.text import did_you_mean

__all__ = ["Origin", "PluginFault", "Registered", "Registry", "discover", "engine_of", "make_modality"]

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

    def modality(self, name: str, plugin: str = "") -> Registered[Modality]:
        """The modality of that name.

        Args:
            name: its name.
            plugin: the distribution and version that a dataset records for it, for the message.

        Raises:
            PluginError: when it is not installed or its plugin is broken; says why, or lists those that are installed.
        """
        return self._named("modality", name, self.modalities, plugin)

    def engine(self, name: str) -> Registered[Engine]:
        """The engine of that name.

        Raises:
            PluginError: when it is not installed or its plugin is broken; says why, or lists those that are installed.
        """
        return self._named("engine", name, self.engines)

    def _named(self, what: str, name: str, items: Mapping[str, Registered[T]], plugin: str = "") -> Registered[T]:
        if name in items:
            return items[name]
        distribution = plugin.partition(" ")[0]
        own = [fault for fault in self.faults if fault.hides == name or fault.distribution == distribution]
        if own:
            raise PluginError(f"The {what} {name!r} cannot be used. {' '.join(map(str, own))}")
        broken = ", ".join(sorted({fault.distribution for fault in self.faults if fault.hides}))
        hidden = f" Broken, and so not listed: {broken}." if broken else ""
        # No distribution is guessed from the name of a modality or engine: it may be somebody else's.
        remedy = "Correct the name, or install the plugin that has it"
        if plugin:
            remedy = f"The dataset was made with {plugin}: install that version again"
        remedy += "; `pip install 'mmearth-core[all]'` has the plugins of this repository."
        known = f"Installed: {', '.join(items) or 'none'}.{hidden} `mmearth-core plugins` lists them."
        raise PluginError(f"No {what} {name!r} is installed.{did_you_mean(name, items)} {known} {remedy}")


def not_installed() -> list[str]:
    """The distributions of the extra `all` that are not installed."""
    listed = [line.partition(";") for line in metadata.requires(CORE) or ()]
    names = {re.split(r"[^\w-]", name)[0] for name, _, marker in listed if re.search("extra == .all.", marker)}
    return sorted(names - {each.metadata["Name"] for each in metadata.distributions()})


def discover() -> Registry:
    """Imports every installed plugin and collects what it declares.

    A broken plugin never hides a valid one: its faults are in the registry's `faults`. They are raised where a modality
    or engine of that plugin is used, and stop no work that does not use it.
    """
    offers, faults = settle(find_offers(GROUP), "entry point", lambda offer: [offer.origin.entry_point])
    entries, broken = load(offers)
    modalities, same_name = settle(entries["mmearth_modalities"], "modality", lambda entry: [entry.name])
    modalities, same_layer = settle(modalities, "layer", lambda entry: layer_keys(entry.declared))
    engines, same_engine = settle(entries["mmearth_engines"], "engine", lambda entry: [entry.name])
    return Registry(
        modalities={entry.name: entry for entry in modalities},
        engines={entry.name: entry for entry in engines},
        faults=(*faults, *broken, *same_name, *same_layer, *same_engine, *offered().faults),
    )


Tables = Mapping[str, Mapping[str, Any]]
"""Tables of a configuration by the name of their plugin."""


def engine_of(registry: Registry, spec: str, tables: Tables | None = None, source: str = "the command line") -> Engine:
    """An engine with its options.

    Args:
        registry: the installed plugins.
        spec: `NAME` or `NAME:TEXT`.
        tables: the configuration's `[engines.NAME]` tables, by name.
        source: where the options come from, for messages.

    Raises:
        PluginError: when it is not installed.
        ConfigError: when an option is unknown or ill-typed, or it has no shorthand.
    """
    name, colon, text = spec.partition(":")
    entry, table = registry.engine(name), dict((tables or {}).get(name, {}))
    if colon:
        if entry.declared.shorthand is None:
            raise ConfigError(f"Engine {spec!r}: {name} takes nothing after a colon; write {name!r}.")
        table[entry.declared.shorthand] = text
    return entry.make(structure(table, entry.options_class, f"engines.{name}", source, entry.default_options))


def make_modality(config: Config, registry: Registry, name: str, plugin: str = "") -> Modality:
    """A configured modality with its options.

    Args:
        config: the configuration.
        registry: the installed plugins.
        name: of the modality.
        plugin: the distribution and version that the dataset records for it, if it does.

    Raises:
        PluginError: when it is not installed.
        ConfigError: when an option is unknown or ill-typed.
    """
    entry, table = registry.modality(name, plugin), config.modalities.get(name, {})
    options = structure(table, entry.options_class, f"modalities.{name}", str(config.source), entry.default_options)
    return entry.make(options)
