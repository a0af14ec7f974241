"""ERA5-Land for mmearth-core: temperature and precipitation of two months and of a year, twelve numbers per tile."""

from mmearth_core import hookimpl
from mmearth_era5.modality import Era5


@hookimpl
def mmearth_modalities() -> list[type[Era5]]:
    """The modality `era5`."""
    return [Era5]
