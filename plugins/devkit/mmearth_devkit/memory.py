"""What a plugin keeps between calls: noted before a trial, so that it can be forgotten within one process."""

import sys
from typing import Any

from mmearth_core import Modality

_FOREIGN = {"mmearth_core", "builtins", "abc", "typing"}
"""Packages of base classes that are not the plugin's."""


class Memory:
    """The attributes of a modality, of its classes and of the modules of their packages."""

    def __init__(self, modality: Modality) -> None:
        """Notes what there is now."""
        classes = [cls for cls in type(modality).__mro__ if cls.__module__.partition(".")[0] not in _FOREIGN]
        packages = {cls.__module__.rpartition(".")[0] or cls.__module__ for cls in classes}
        modules = [
            module
            for name, module in list(sys.modules.items())
            if any(name == package or name.startswith(f"{package}.") for package in packages)
        ]
        self._owners = [(owner, _attributes(owner)) for owner in (modality, *classes, *modules)]

    def forget(self) -> None:
        """Makes everything as it was: rebound names, changed dictionaries, lists and sets, and caches of functions."""
        for owner, before in self._owners:
            now = _attributes(owner)
            for name in now.keys() - before.keys():
                delattr(owner, name)
            for name, (value, content) in before.items():
                if name not in now or now[name][0] is not value:
                    setattr(owner, name, value)
                if content is not None:
                    value.clear()
                    value.extend(content) if isinstance(value, list) else value.update(content)
                elif callable(clear := getattr(value, "cache_clear", None)):
                    clear()


def _attributes(owner: Any) -> dict[str, tuple[Any, Any]]:
    """The attributes of an object by name, each with a copy of its content if that can change."""
    return {
        name: (value, value.copy() if type(value) in (dict, list, set) else None)
        for name, value in vars(owner).items()
        if not name.startswith("__")
    }
