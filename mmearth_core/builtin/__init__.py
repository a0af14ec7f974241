"""What the core itself contributes, as an ordinary plugin: Google's engine, and the modalities `file` and `tile`."""

from mmearth_core.builtin.earthengine import EarthEngine
from mmearth_core.builtin.file_anchor import FileAnchor
from mmearth_core.builtin.replay import Replay
from mmearth_core.builtin.tile_layers import TileLayers
from mmearth_core.contract.modality import Modality
from mmearth_core.hookspecs import hookimpl


@hookimpl
def mmearth_modalities() -> list[type[Modality]]:
    """The anchor for tiles that bring their own date and CRS, and what is known of every tile."""
    return [FileAnchor, TileLayers]


@hookimpl
def mmearth_engines() -> list[type[EarthEngine] | type[Replay]]:
    """Google's Earth Engine, and recordings of it."""
    return [EarthEngine, Replay]
