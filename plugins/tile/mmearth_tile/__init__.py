"""The modality `tile` for mmearth-core: a tile's place, month, biome and ecoregion."""

from mmearth_core import Modality, hookimpl


@hookimpl
def mmearth_modalities() -> list[type[Modality]]:
    """One modality of four vector layers."""
    from mmearth_tile.modality import TileLayers

    return [TileLayers]
