"""An Earth Engine on your own machine, for mmearth-core."""

from mmearth_core import Engine, hookimpl
from mmearth_localearth.engine import LocalEngine


@hookimpl
def mmearth_engines() -> list[type[Engine]]:
    """The engine `local`."""
    return [LocalEngine]
