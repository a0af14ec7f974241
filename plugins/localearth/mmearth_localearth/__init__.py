"""A local Earth Engine for mmearth-core: no network, no account."""

from mmearth_core import Engine, hookimpl
from mmearth_localearth.engine import LocalEngine


@hookimpl
def mmearth_engines() -> list[type[Engine]]:
    """The engine `local`."""
    return [LocalEngine]
