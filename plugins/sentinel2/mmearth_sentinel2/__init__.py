"""Sentinel-2 for mmearth-core: both products, their masks, the draw of one image per tile, and time series."""

from mmearth_core import Modality, hookimpl
from mmearth_sentinel2.modality import Sentinel2
from mmearth_sentinel2.series import Sentinel2Series


@hookimpl
def mmearth_modalities() -> list[type[Modality]]:
    """The modalities `sentinel2`, which can anchor a dataset, and `sentinel2_series`."""
    return [Sentinel2, Sentinel2Series]
