"""Dynamic World: labels and probabilities of nine classes for Sentinel-2 scenes with few clouds."""

from functools import partial

import numpy as np

from localearth.planet.bands import MadeBand, made_band
from localearth.planet.cover import Kind
from localearth.planet.hashing import salt
from localearth.planet.lattice import Window
from localearth.planet.noise import plane_noise
from localearth.planet.optics import Optics
from localearth.planet.scenes import Scene, SceneCollection, Scenes
from localearth.planet.snow import coldness
from localearth.worlds.base import Mask, Pixels

ID = "GOOGLE/DYNAMICWORLD/V1"

CLASSES = (
    "water",
    "trees",
    "grass",
    "flooded_vegetation",
    "crops",
    "shrub_and_scrub",
    "built",
    "bare",
    "snow_and_ice",
)
"""The probability bands, in the order of the labels 0 to 8."""

CLOUDIEST = 35.0
"""Scenes with a higher percentage of clouds have no labels (as documented)."""

PATCH = 9
"""Size of a patch of errors, pixels."""

_LABEL = np.arange(11, dtype=np.uint8)
_LABEL[[Kind.MANGROVE, Kind.MOSS]] = Kind.TREES, Kind.GRASS

_CONFUSED = np.array([3, 5, 4, 2, 2, 2, 7, 5, 7], np.uint8)
"""The wrong label that sometimes replaces each label."""


class DynamicWorld(SceneCollection):
    """The collection; see `CollectionAsset`."""

    ring = False

    def __init__(self, scenes: Scenes, optics: Optics) -> None:
        super().__init__(scenes, optics, ID, "Synthetic Dynamic World")

    def _has(self, scene: Scene) -> bool:
        return scene.cloudy <= CLOUDIEST

    def _bands(self, scene: Scene) -> list[MadeBand]:
        grid = scene.granule.grid(10)
        shares = [
            made_band(name, "float32", grid, partial(self._probability, scene, number))
            for number, name in enumerate(CLASSES)
        ]
        return [*shares, made_band("label", "uint8", grid, partial(self._label, scene))]

    def _label(self, scene: Scene, window: Window) -> tuple[Pixels, Mask]:
        label, _, valid = self._classify(scene, window)
        label[~valid] = 0
        return label, valid

    def _probability(self, scene: Scene, number: int, window: Window) -> tuple[Pixels, Mask]:
        label, doubt, valid = self._classify(scene, window)
        sure = 0.85 - 0.4 * doubt * doubt
        share = np.where(label == number, sure, (1.0 - sure) / 8.0)
        return np.where(valid, np.round(share * 1024.0) / 1024.0, 0.0), valid

    def _classify(self, scene: Scene, window: Window) -> tuple[Pixels, Pixels, Mask]:
        """Labels, their uncertainty (0 to 1), and where the sky is clear."""
        part = self._part(scene, window)
        truth, inner = part.view.truth, part.inner
        label = _LABEL.take(truth.cover.kind[inner])
        # Errors are smooth patches that differ between scenes, so that the mode of a year removes them.
        doubt = plane_noise(part.window, PATCH, salt("doubt", scene.seen.key))
        wrong = doubt > 0.93
        label[wrong] = _CONFUSED[label[wrong]]
        white = truth.region.swing[inner] * coldness(scene.seen.day) < truth.white_below[inner]
        label[white] = Kind.SNOW
        return label, doubt, (part.cloud() < 0.12) & (part.shadow() < 0.4) & scene.inside(window)
