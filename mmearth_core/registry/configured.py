"""Modalities and engines with the options of a configuration."""

from collections.abc import Mapping
from typing import Any

from mmearth_core.config.schema import Config
from mmearth_core.config.structure import structure
from mmearth_core.contract.engine import Engine
from mmearth_core.contract.modality import Modality
from mmearth_core.errors import ConfigError
from mmearth_core.registry import Registry


def engine_of(
    registry: Registry,
    spec: str,
    tables: Mapping[str, Mapping[str, Any]] | None = None,
    source: str = "the command line",
) -> Engine:
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
    registered = registry.engine(name)
    table: dict[str, Any] = dict((tables or {}).get(name, {}))
    if colon:
        if registered.declared.shorthand is None:
            raise ConfigError(f"Engine {spec!r}: {name} takes nothing after a colon; write {name!r}.")
        table[registered.declared.shorthand] = text
    options = structure(table, registered.options_class, f"engines.{name}", source, defaults=registered.default_options)
    return registered.make(options)


def make_modality(config: Config, registry: Registry, name: str) -> Modality:
    """A configured modality with its options.

    Raises:
        PluginError: when it is not installed.
        ConfigError: when an option is unknown or ill-typed.
    """
    registered = registry.modality(name)
    options = structure(
        config.modalities.get(name, {}),
        registered.options_class,
        f"modalities.{name}",
        str(config.source),
        defaults=registered.default_options,
    )
    return registered.make(options)


def make_engine(config: Config, registry: Registry, spec: str) -> Engine:
    """The engine of a run, with the options of its table in the configuration."""
    return engine_of(registry, spec, config.engines, str(config.source))
