"""Sentinel-2 for mmearth-core: both products, their masks, and the reproducible draw of one image per tile."""

from mmearth_core import hookimpl
from mmearth_sentinel2.modality import Sentinel2


@hookimpl
def mmearth_modalities() -> list[type[Sentinel2]]:
    """The modality `sentinel2`, which can anchor a dataset."""
    return [Sentinel2]
