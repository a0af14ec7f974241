"""Cloud Score+: how clear each pixel of a Sentinel-2 scene is, under the scene's index."""

from functools import partial
from typing import Any

import numpy as np

from localearth.planet.bands import MadeBand, made_band
from localearth.planet.hashing import salt
from localearth.planet.lattice import Window
from localearth.planet.noise import plane_noise
from localearth.planet.optics import Optics
from localearth.planet.scenes import Scene, SceneCollection, Scenes
from localearth.worlds.base import Mask, Pixels

ID = "GOOGLE/CLOUD_SCORE_PLUS/V1/S2_HARMONIZED"

PATCH = 5
"""Size of a patch of errors, pixels."""


class CloudScore(SceneCollection):
    """The collection; see `CollectionAsset`."""

    ring = False

    def __init__(self, scenes: Scenes, optics: Optics) -> None:
        super().__init__(scenes, optics, ID, "Synthetic Cloud Score+")

    def _properties(self, scene: Scene) -> dict[str, Any]:
        source = f"COPERNICUS/S2_HARMONIZED/{scene.index}"
        return {**super()._properties(scene), "MGRS_TILE": scene.granule.name, "SOURCE_ASSET_ID": source}

    def _bands(self, scene: Scene) -> list[MadeBand]:
        grid = scene.granule.grid(10)
        return [made_band(name, "float64", grid, partial(self._read, name, scene)) for name in ("cs", "cs_cdf")]

    def _read(self, name: str, scene: Scene, window: Window) -> tuple[Pixels, Mask]:
        part = self._part(scene, window)
        hidden = np.maximum(np.sqrt(part.cloud()), 0.75 * part.shadow())
        clear = np.clip(1.0 - hidden - 0.06 * plane_noise(part.window, PATCH, salt("clear", scene.seen.key)), 0.0, 1.0)
        # The share of pixels of the world that are less clear; steeper near 1, as most pixels are clear.
        values = clear if name == "cs" else clear * clear * (3.0 - 2.0 * clear)
        valid = scene.inside(window)
        # In steps of 1/255, as the asset has them.
        return np.where(valid, np.round(values * 255.0) / 255.0, 0.0), valid
