"""Modalities and engines with the options of a configuration."""

from collections.abc import Mapping
from typing import Any

from mmearth_core.config.schema import Config
from mmearth_core.config.structure import structure
from mmearth_core.contract.engine import Engine
from mmearth_core.contract.modality import Modality
from mmearth_core.errors import ConfigError
from mmearth_core.registry import Registry

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


def make_modality(config: Config, registry: Registry, name: str) -> Modality:
    """A configured modality with its options.

    Raises:
        PluginError: when it is not installed.
        ConfigError: when an option is unknown or ill-typed.
    """
    entry, table = registry.modality(name), config.modalities.get(name, {})
    options = structure(table, entry.options_class, f"modalities.{name}", str(config.source), entry.default_options)
    return entry.make(options)


def make_engine(config: Config, registry: Registry, spec: str) -> Engine:
    """The engine of a run, with the options of its table in the configuration."""
    return engine_of(registry, spec, config.engines, str(config.source))
