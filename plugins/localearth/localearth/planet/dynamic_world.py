"""Dynamic World: labels and probabilities of nine classes for Sentinel-2 scenes with few clouds."""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache, partial
from typing import Any

import numpy as np
from shapely.geometry.base import BaseGeometry

from localearth.planet.bands import Grid, LazyBands, MadeBand
from localearth.planet.cover import Kind
from localearth.planet.granules import SIZE
from localearth.planet.hashing import salt
from localearth.planet.lattice import Lattice, Window
from localearth.planet.noise import plane_noise
from localearth.planet.optics import Optics, View
from localearth.planet.orbits import END_MS, EPOCH_MS, SENTINEL2
from localearth.planet.outlines import within
from localearth.planet.scenes import KEPT, SATELLITES, Scene, Scenes
from localearth.planet.snow import coldness
from localearth.planet.track import walk
from localearth.worlds.base import ImageAsset, Mask, Pixels

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


class DynamicWorld:
    """The collection; see `CollectionAsset`.

    Attributes:
        id: the asset id.
        properties: of the collection.
    """

    def __init__(self, scenes: Scenes, optics: Optics) -> None:
        self.id = ID
        self.properties: Mapping[str, Any] = {"title": "Synthetic Dynamic World", "date_range": [EPOCH_MS, END_MS]}
        self._scenes = scenes
        self._optics = optics
        self._image_of = lru_cache(maxsize=KEPT)(self._image)

    def images(
        self, region: BaseGeometry | None = None, interval: tuple[float, float] | None = None
    ) -> Sequence[ImageAsset]:
        """The images around a region, which must be given; by time, then index.

        Raises:
            EarthEngineError: without a region, or when there would be too many.
        """
        scenes = self._scenes.around(region, interval, self.id)
        return [self._image_of(scene) for scene in scenes if scene.cloudy <= CLOUDIEST]

    def walk(self, interval: tuple[float, float] | None) -> Iterator[ImageAsset]:
        """The images of the entire planet, one after another; see `track.walk`."""
        return walk(SENTINEL2, SATELLITES, self.images, interval, self.id)

    def find(self, index: str) -> ImageAsset | None:
        """The image with that index, or None."""
        scene = self._scenes.named(index)
        return self._image_of(scene) if scene is not None and scene.cloudy <= CLOUDIEST else None

    def _image(self, scene: Scene) -> ImageAsset:
        properties = {"system:time_start": scene.time, "system:time_end": scene.time}
        bands = LazyBands(partial(self._bands, scene))
        return ImageAsset(f"{self.id}/{scene.index}", properties, bands, scene.strip.footprint)

    def _bands(self, scene: Scene) -> list[MadeBand]:
        granule = scene.granule
        size = SIZE // 10
        grid = Grid(granule.crs, (10.0, 0.0, float(granule.left), 0.0, -10.0, float(granule.top)), size, size)
        bands = [
            MadeBand(name, "float32", grid, partial(self._probability, scene, number))
            for number, name in enumerate(CLASSES)
        ]
        return [*bands, MadeBand("label", "uint8", grid, partial(self._label, scene))]

    def _label(self, scene: Scene, row: int, col: int, rows: int, cols: int) -> tuple[Pixels, Mask]:
        label, _, valid = self._classify(scene, row, col, rows, cols)
        label[~valid] = 0
        return label, valid

    def _probability(self, scene: Scene, number: int, row: int, col: int, rows: int, cols: int) -> tuple[Pixels, Mask]:
        label, doubt, valid = self._classify(scene, row, col, rows, cols)
        sure = 0.85 - 0.4 * doubt * doubt
        share = np.where(label == number, sure, (1.0 - sure) / 8.0)
        return np.where(valid, np.round(share * 1024.0) / 1024.0, 0.0), valid

    def _classify(self, scene: Scene, row: int, col: int, rows: int, cols: int) -> tuple[Pixels, Pixels, Mask]:
        """Labels, their uncertainty (0 to 1), and where the sky is clear."""
        granule = scene.granule
        window = Window(-granule.top // 10 + row, granule.left // 10 + col, rows, cols)
        held, view = self._optics.view(Lattice(granule.crs, 0.0, 0.0, 10.0), window, scene.seen)
        inner = held.slices(window)
        truth = view.truth
        label = _LABEL.take(truth.cover.kind[inner])
        # Errors are smooth patches that differ between scenes, so that the mode of a year removes them.
        doubt = plane_noise(window.row, window.col, rows, cols, PATCH, salt("doubt", scene.seen.key))
        wrong = doubt > 0.93
        label[wrong] = _CONFUSED[label[wrong]]
        white = truth.region.swing[inner] * coldness(scene.seen.day) < truth.white_below[inner]
        label[white] = Kind.SNOW
        return label, doubt, self._clear(scene, view, held, window, row, col)

    def _clear(self, scene: Scene, view: View, held: Window, window: Window, row: int, col: int) -> Mask:
        inner = held.slices(window)
        clear = np.ones((window.rows, window.cols), bool)
        if view.cloud is not None:
            clear = view.cloud[inner] < 0.12
        if view.shadow is not None:
            clear &= view.shadow[inner] < 0.4
        if scene.strip.lines:
            x = scene.granule.left + (np.arange(col, col + window.cols) + 0.5) * 10.0
            y = scene.granule.top - (np.arange(row, row + window.rows) + 0.5) * 10.0
            clear &= within(scene.strip.lines, x, y)
        return clear
