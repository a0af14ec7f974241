"""The probability of clouds of each pixel of a Sentinel-2 scene, in percent, under the scene's index."""

from functools import partial

import numpy as np

from localearth.planet.bands import Grid, MadeBand
from localearth.planet.cloud_score import PATCH, CloudScore
from localearth.planet.granules import SIZE
from localearth.planet.hashing import salt
from localearth.planet.lattice import Lattice, Window
from localearth.planet.noise import plane_noise
from localearth.planet.outlines import within
from localearth.planet.scenes import Scene
from localearth.planet.surface import MATERIALS
from localearth.worlds.base import Mask, Pixels

ID = "COPERNICUS/S2_CLOUD_PROBABILITY"


class CloudProbability(CloudScore):
    """The collection; see `CollectionAsset`."""

    id = ID
    title = "Synthetic Sentinel-2 cloud probability"
    ring = True

    def _more(self, scene: Scene) -> dict[str, str]:
        return {}

    def _bands(self, scene: Scene) -> list[MadeBand]:
        granule, size = scene.granule, SIZE // 10
        grid = Grid(granule.crs, (10.0, 0.0, float(granule.left), 0.0, -10.0, float(granule.top)), size, size)
        return [MadeBand("probability", "uint8", grid, partial(self._probability, scene))]

    def _probability(self, scene: Scene, row: int, col: int, rows: int, cols: int) -> tuple[Pixels, Mask]:
        granule = scene.granule
        window = Window(-granule.top // 10 + row, granule.left // 10 + col, rows, cols)
        held, view = self._optics.view(Lattice(granule.crs, 0.0, 0.0, 10.0), window, scene.seen)
        inner = held.slices(window)
        likely = np.zeros((rows, cols)) if view.cloud is None else np.sqrt(view.cloud[inner])
        # The real detector confuses bright surfaces with clouds, most of all snow.
        snow = view.surface.mixture[MATERIALS.index("snow")][inner]
        likely = np.maximum(likely, 0.45 * snow)
        likely = likely + 0.08 * plane_noise(window.row, window.col, rows, cols, PATCH, salt("cloudy", scene.seen.key))
        x = granule.left + (np.arange(col, col + cols) + 0.5) * 10.0
        y = granule.top - (np.arange(row, row + rows) + 0.5) * 10.0
        valid = within(scene.strip.lines, x, y)
        return np.where(valid, np.round(100.0 * np.clip(likely, 0.0, 1.0)), 0.0).astype(np.uint8), valid
