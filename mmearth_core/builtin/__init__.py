"""What the core itself contributes, as an ordinary plugin: Google's engine and the anchor `file`."""

from mmearth_core.builtin.earthengine import EarthEngine
from mmearth_core.builtin.file_anchor import FileAnchor
from mmearth_core.contract.engine import Engine
from mmearth_core.contract.hooks import hookimpl
from mmearth_core.contract.modality import Modality


@hookimpl
def mmearth_modalities() -> list[type[Modality]]:
    """Returns the anchor for tiles whose date and CRS are in the tiles file."""
    return [FileAnchor]


@hookimpl
def mmearth_engines() -> list[type[Engine]]:
    """Returns Google's Earth Engine."""
    return [EarthEngine]
