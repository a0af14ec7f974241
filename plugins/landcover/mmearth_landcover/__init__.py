"""Land cover for mmearth-core: Dynamic World, ESA WorldCover and the ETH canopy height."""

from mmearth_core import Modality, hookimpl
from mmearth_landcover.canopy_height_eth import CanopyHeightEth
from mmearth_landcover.dynamic_world import DynamicWorld
from mmearth_landcover.esa_worldcover import EsaWorldCover


@hookimpl
def mmearth_modalities() -> list[type[Modality]]:
    """The modalities `dynamic_world`, `esa_worldcover` and `canopy_height_eth`."""
    return [DynamicWorld, EsaWorldCover, CanopyHeightEth]
