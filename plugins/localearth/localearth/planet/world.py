"""The synthetic world: all assets of a planet by id."""

from typing import Any

from localearth.planet import (
    chirps,
    cloud_probability,
    cloud_score,
    dynamic_world,
    ecoregions,
    elevation_tiles,
    embeddings,
    era5,
    landsat,
    maps,
    sentinel1,
    sentinel2,
)
from localearth.planet.landmask import open_land_mask
from localearth.planet.optics import Optics
from localearth.planet.scenes import Scenes
from localearth.planet.truth import KEPT, Planet
from localearth.worlds.base import CollectionAsset, ImageAsset, TableAsset

NAME = "synthetic"


class SyntheticWorld:
    """A planet that is generated on demand; see `World`. The same seed gives the same bytes.

    Attributes:
        name: `synthetic`, or `synthetic:SEED` for a seed other than 0.
        planet: the planet whose assets these are.
    """

    def __init__(self, seed: int = 0) -> None:
        """Opens the land mask; everything else is computed on first use.

        Raises:
            SetupError: when the package with the coasts is not installed, or its cache cannot be written.
        """
        self.name = NAME if seed == 0 else f"{NAME}:{seed}"
        self.planet = Planet(seed, open_land_mask())
        scenes, optics = Scenes(self.planet), Optics(self.planet, KEPT)
        made = [
            *(
                sentinel2.Sentinel2(scenes, optics, air, harmonized)
                for harmonized in (True, False)
                for air in (True, False)
            ),
            sentinel1.Sentinel1(self.planet),
            sentinel1.Sentinel1(self.planet, sentinel1.POWER),
            landsat.Landsat(Optics(self.planet, 4), landsat.LANDSAT8),
            landsat.Landsat(Optics(self.planet, 4), landsat.LANDSAT9),
            cloud_score.CloudScore(scenes, optics),
            cloud_probability.CloudProbability(scenes, optics),
            dynamic_world.DynamicWorld(scenes, Optics(self.planet, 8)),
            elevation_tiles.ElevationTiles(self.planet),
            embeddings.Embeddings(self.planet),
            era5.Era5(self.planet),
            chirps.Chirps(self.planet),
            *maps.assets(self.planet),
            ecoregions.Ecoregions(self.planet),
        ]
        self._assets: dict[str, Any] = {asset.id: asset for asset in made}

    def listed(self) -> list[str]:
        """The ids of its collections, tables and maps, without the images in collections."""
        return list(self._assets)

    def find(self, asset_id: str) -> ImageAsset | CollectionAsset | TableAsset | None:
        """The asset with that id, including images in collections, or None."""
        parent, _, index = asset_id.rpartition("/")
        found: ImageAsset | CollectionAsset | TableAsset | None = self._assets.get(asset_id)
        if found is None and hasattr(self._assets.get(parent), "find"):
            found = self._assets[parent].find(index)
        return found
