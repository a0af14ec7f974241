"""The plugin that the devkit registers: the engines `record` and `replay`."""

from mmearth_core import Engine, hookimpl
from mmearth_devkit.recording.engines import Record, Replay


@hookimpl
def mmearth_engines() -> list[type[Engine]]:
    """Keep the exchanges with another engine, and play them back."""
    return [Record, Replay]
