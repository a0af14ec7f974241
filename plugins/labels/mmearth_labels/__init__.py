"""Own labels for mmearth-core: rasters and polygons of the user, burnt onto the tiles."""

from mmearth_core import Modality, hookimpl
from mmearth_labels.modality import Labels


@hookimpl
def mmearth_modalities() -> list[type[Modality]]:
    """The modality `labels`."""
    return [Labels]
