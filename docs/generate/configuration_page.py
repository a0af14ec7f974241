"""The tables of all configuration keys, from the schema and from the installed modalities and engines."""

import inspect
from collections.abc import Iterator
from typing import Any

from mmearth_core.config.schema import DatasetOptions, RunOptions
from mmearth_core.config.structure import describe
from mmearth_core.errors import PluginError
from mmearth_core.registry import Registry, discover

PLACE = "configuration.md"
"""The page, under docs/, that ends with these tables."""


def table(*rows: tuple[str, ...]) -> list[str]:
    """A Markdown table whose first row is the head; bars in cells are escaped."""
    cells = [[" ".join(cell.split()).replace("|", "\\|") for cell in row] for row in rows]
    head, *rest = [f"| {' | '.join(row)} |" for row in cells]
    return [head, "|---" * len(rows[0]) + "|", *rest, ""]


def options_table(cls: type, defaults: Any = None) -> list[str]:
    """The keys of an attrs class with type, default and help."""
    rows = [
        (f"`{key.key}`", key.type, "required" if key.default is None else f"`{key.default}`", key.help)
        for key in describe(cls, defaults)
    ]
    return table(("key", "type", "default", "meaning"), *rows) if rows else ["It has no options.", ""]


def usable_registry() -> Registry:
    """The installed plugins.

    Raises:
        PluginError: when one is broken: it would be missing in the pages.
    """
    registry = discover()
    if registry.faults:
        raise PluginError(" ".join(map(str, registry.faults)))
    return registry


def configuration_tables() -> str:
    """A section for each table of the configuration."""
    return "\n".join(_sections())


def _sections() -> Iterator[str]:
    for cls in (DatasetOptions, RunOptions):
        title, _, text = inspect.cleandoc(cls.__doc__ or "").partition(": ")
        yield from ("", f"## {title}", "", text[:1].upper() + text[1:], "", *options_table(cls))
    registry = usable_registry()
    for kind, entries in (("modalities", registry.modalities), ("engines", registry.engines)):
        for name, entry in entries.items():
            yield from ("", f"## `[{kind}.{name}]`", "", f"From `{entry.origin.distribution}`.", "")
            yield from options_table(entry.options_class, entry.default_options)
