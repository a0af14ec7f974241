"""The plugin of the devkit: the engines `record` and `replay`."""

from mmearth_core import Engine, hookimpl
from mmearth_devkit.recording.engines import Record, Replay


@hookimpl
def mmearth_engines() -> list[type[Engine]]:
    """Store the exchanges with another engine, and answer from them."""
    return [Record, Replay]
