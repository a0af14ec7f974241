"""ASTER GDEM for mmearth-core: elevation and slope."""

from mmearth_aster.modality import Aster
from mmearth_core import hookimpl


@hookimpl
def mmearth_modalities() -> list[type[Aster]]:
    """The modality `aster`."""
    return [Aster]
