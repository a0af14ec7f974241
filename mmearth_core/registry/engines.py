"""An engine as users name it: `NAME`, or `NAME:TEXT` for the option that it calls its shorthand."""

from collections.abc import Mapping
from typing import Any

from mmearth_core.config.structure import structure
from mmearth_core.contract.engine import Engine
from mmearth_core.errors import ConfigError
from mmearth_core.registry.model import Registry


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
