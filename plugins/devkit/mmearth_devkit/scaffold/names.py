"""Names of a new plugin: of its modality, distribution, module and class; invalid and taken ones are refused."""

import re
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec

from attrs import frozen

from mmearth_core.errors import PluginError
from mmearth_core.registry import Registry

_PREFIX = re.compile(r"^mmearth[-_]")


_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")


@frozen
class Names:
    """The names of a new plugin.

    Attributes:
        name: of its modality and its layer, e.g. `snow_depth`.
    """

    name: str

    @property
    def distribution(self) -> str:
        """As pip names it, e.g. `mmearth-snow-depth`."""
        return f"mmearth-{self.name.replace('_', '-')}"

    @property
    def module(self) -> str:
        """The package to import, e.g. `mmearth_snow_depth`."""
        return f"mmearth_{self.name}"

    @property
    def cls(self) -> str:
        """The modality's class, e.g. `SnowDepth`."""
        return "".join(part.capitalize() for part in self.name.split("_"))


def new_names(text: str, registry: Registry) -> Names:
    """The names of a new plugin.

    Args:
        text: the name that the user gave: `snow-depth`, `snow_depth` or `mmearth-snow-depth`.
        registry: the installed plugins.

    Raises:
        PluginError: when the name is invalid or taken.
    """
    name = _PREFIX.sub("", text).replace("-", "_")
    if not _NAME.fullmatch(name):
        raise PluginError(
            f"{text!r} cannot be the name of a plugin: it becomes the name of a modality, a layer and a Python module. "
            "Use lower-case letters, digits and single underscores (or hyphens), starting with a letter: snow_depth."
        )
    names = Names(name)
    owner = _owner(names, registry)
    if owner:
        raise PluginError(f"The name {name!r} is taken: {owner}. Choose another one.")
    return names


def _owner(names: Names, registry: Registry) -> str | None:
    """The owner of one of the names, if it is taken."""
    for entry in registry.modalities.values():
        if entry.name == names.name:
            return f"{entry.origin} has a modality of that name"
        if any(layer.name == names.name for layer in entry.declared.layers):
            return f"{entry.origin} has a layer of that name"
    try:
        return f"{distribution(names.distribution).metadata['Name']} is installed"
    except PackageNotFoundError:
        return f"there is a Python module {names.module}" if find_spec(names.module) is not None else None
