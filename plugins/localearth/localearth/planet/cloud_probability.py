"""The probability of clouds of each pixel of a Sentinel-2 scene, in percent, under the scene's index."""

from functools import partial

import numpy as np

from localearth.planet.bands import MadeBand, made_band
from localearth.planet.cloud_score import PATCH
from localearth.planet.hashing import salt
from localearth.planet.lattice import Window
from localearth.planet.noise import plane_noise
from localearth.planet.optics import Optics
from localearth.planet.scenes import Scene, SceneCollection, Scenes
from localearth.worlds.base import Mask, Pixels

ID = "COPERNICUS/S2_CLOUD_PROBABILITY"


class CloudProbability(SceneCollection):
    """The collection; see `CollectionAsset`."""

    def __init__(self, scenes: Scenes, optics: Optics) -> None:
        super().__init__(scenes, optics, ID, "Synthetic Sentinel-2 cloud probability")

    def _bands(self, scene: Scene) -> list[MadeBand]:
        return [made_band("probability", "uint8", scene.granule.grid(10), partial(self._read, scene))]

    def _read(self, scene: Scene, window: Window) -> tuple[Pixels, Mask]:
        part = self._part(scene, window)
        # The real detector confuses bright surfaces with clouds, most of all snow.
        likely = np.maximum(np.sqrt(part.cloud()), 0.45 * part.material("snow"))
        likely = likely + 0.08 * plane_noise(part.window, PATCH, salt("cloudy", scene.seen.key))
        valid = scene.inside(window)
        return np.where(valid, np.round(100.0 * np.clip(likely, 0.0, 1.0)), 0.0).astype(np.uint8), valid
