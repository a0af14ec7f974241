"""Calls into plugins: whatever one raises fails the tile at hand, with the plugin's name, not the run."""

from collections.abc import Callable
from typing import Any, TypeVar

from mmearth_core.contract.modality import Modality
from mmearth_core.errors import ExitCode, MMEarthError, RefusedError

T = TypeVar("T")


class PluginCallError(MMEarthError, RuntimeError):
    """A plugin's function raised, or returned what the contract does not allow."""

    exit_code = ExitCode.TILES_FAILED


def is_lasting(error: Exception) -> bool:
    """Whether a tile that has failed so fails again, as long as nothing is mended."""
    return isinstance(error, PluginCallError | RefusedError)


def call(modality: Modality, function: Callable[..., T], *arguments: Any) -> T:
    """Calls a plugin's function.

    Raises:
        PluginCallError: when it raises anything.
    """
    try:
        return function(*arguments)
    except Exception as error:
        where = f"{modality.name}.{getattr(function, '__name__', repr(function)).strip('_')}"
        raise PluginCallError(f"{where} raised {type(error).__name__}: {error}") from error
