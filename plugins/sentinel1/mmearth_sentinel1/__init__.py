"""Sentinel-1 for mmearth-core: for each orbit direction, the radar image nearest to the anchor's day."""

from mmearth_core import hookimpl
from mmearth_sentinel1.modality import Sentinel1


@hookimpl
def mmearth_modalities() -> list[type[Sentinel1]]:
    """The modality `sentinel1`."""
    return [Sentinel1]
