"""Cloud Score+: how clear each pixel of a Sentinel-2 scene is, under the scene's index."""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache, partial
from typing import Any

import numpy as np
from shapely.geometry.base import BaseGeometry

from localearth.planet.bands import Grid, LazyBands, MadeBand
from localearth.planet.granules import SIZE
from localearth.planet.hashing import salt
from localearth.planet.lattice import Lattice, Window
from localearth.planet.noise import plane_noise
from localearth.planet.optics import Optics
from localearth.planet.orbits import END_MS, EPOCH_MS, SENTINEL2
from localearth.planet.outlines import within
from localearth.planet.scenes import KEPT, SATELLITES, Scene, Scenes
from localearth.planet.track import walk
from localearth.worlds.base import ImageAsset, Mask, Pixels

ID = "GOOGLE/CLOUD_SCORE_PLUS/V1/S2_HARMONIZED"

PATCH = 5
"""Size of a patch of errors, pixels."""


class CloudScore:
    """The collection; see `CollectionAsset`.

    Attributes:
        id: the asset id.
        title: its title.
        ring: whether its footprints are rings.
        properties: of the collection.
    """

    id = ID
    title = "Synthetic Cloud Score+"
    ring = False

    def __init__(self, scenes: Scenes, optics: Optics) -> None:
        self.properties: Mapping[str, Any] = {"title": self.title, "date_range": [EPOCH_MS, END_MS]}
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
        return [self._image_of(scene) for scene in self._scenes.around(region, interval, self.id)]

    def walk(self, interval: tuple[float, float] | None) -> Iterator[ImageAsset]:
        """The images of the entire planet, one after another; see `track.walk`."""
        return walk(SENTINEL2, SATELLITES, self.images, interval, self.id)

    def find(self, index: str) -> ImageAsset | None:
        """The image with that index, or None."""
        scene = self._scenes.named(index)
        return None if scene is None else self._image_of(scene)

    def _image(self, scene: Scene) -> ImageAsset:
        properties = {"system:time_start": scene.time, "system:time_end": scene.time, **self._more(scene)}
        bands = LazyBands(partial(self._bands, scene))
        return ImageAsset(f"{self.id}/{scene.index}", properties, bands, scene.strip.footprint, ring=self.ring)

    def _more(self, scene: Scene) -> dict[str, str]:
        """Its properties beside the times."""
        return {"MGRS_TILE": scene.granule.name, "SOURCE_ASSET_ID": f"COPERNICUS/S2_HARMONIZED/{scene.index}"}

    def _bands(self, scene: Scene) -> list[MadeBand]:
        granule, size = scene.granule, SIZE // 10
        grid = Grid(granule.crs, (10.0, 0.0, float(granule.left), 0.0, -10.0, float(granule.top)), size, size)
        return [MadeBand(name, "float64", grid, partial(self._read, name, scene)) for name in ("cs", "cs_cdf")]

    def _read(self, name: str, scene: Scene, row: int, col: int, rows: int, cols: int) -> tuple[Pixels, Mask]:
        granule = scene.granule
        window = Window(-granule.top // 10 + row, granule.left // 10 + col, rows, cols)
        held, view = self._optics.view(Lattice(granule.crs, 0.0, 0.0, 10.0), window, scene.seen)
        inner = held.slices(window)
        hidden = np.zeros((rows, cols))
        if view.cloud is not None:
            hidden = np.sqrt(view.cloud[inner])
        if view.shadow is not None:
            hidden = np.maximum(hidden, 0.75 * view.shadow[inner])
        doubt = plane_noise(window.row, window.col, rows, cols, PATCH, salt("clear", scene.seen.key))
        clear = np.clip(1.0 - hidden - 0.06 * doubt, 0.0, 1.0)
        # The share of pixels of the world that are less clear; steeper near 1, as most pixels are clear.
        values = clear if name == "cs" else clear * clear * (3.0 - 2.0 * clear)
        x = granule.left + (np.arange(col, col + cols) + 0.5) * 10.0
        y = granule.top - (np.arange(row, row + rows) + 0.5) * 10.0
        valid = within(scene.strip.lines, x, y)
        # In steps of 1/255, as the asset has them.
        return np.where(valid, np.round(values * 255.0) / 255.0, 0.0), valid
