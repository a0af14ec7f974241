"""Sentinel-2: the collections of level 1C and level 2A."""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache, partial
from typing import Any

import numpy as np
from shapely.geometry.base import BaseGeometry

from localearth.planet.bands import Grid, LazyBands, MadeBand, rounded
from localearth.planet.cover import Kind
from localearth.planet.granules import SIZE
from localearth.planet.hashing import Floats, bell, chance, salt
from localearth.planet.lattice import Lattice, Window
from localearth.planet.optics import Optics, View, reflectance
from localearth.planet.orbits import END_MS, EPOCH_MS, SENTINEL2
from localearth.planet.outlines import within
from localearth.planet.products import properties
from localearth.planet.scenes import KEPT, SECOND_FROM, Scene, Scenes
from localearth.planet.spectra import BANDS, RESOLUTION
from localearth.planet.surface import MATERIALS
from localearth.planet.track import walk
from localearth.worlds.base import ImageAsset, Mask, Pixels

L1C = "COPERNICUS/S2_HARMONIZED"
L2A = "COPERNICUS/S2_SR_HARMONIZED"

_GREEN = [MATERIALS.index(name) for name in ("broadleaf", "conifer", "grass", "crop")]


def _ms(year: int, month: int, day: int) -> float:
    return dt.datetime(year, month, day, tzinfo=dt.UTC).timestamp() * 1000.0


L2A_FROM, L2A_ALL = _ms(2017, 3, 28), _ms(2018, 12, 14)
"""Level 2A is available for some granules from the first date, and for all from the second."""

POLYGONS_END, CLASSES_FROM = _ms(2022, 1, 25), _ms(2024, 2, 29)
"""Between these dates all cloud masks are masked. Before them QA60 has data; after them it and MSK_CLASSI_* have."""


class Sentinel2:
    """One of the two collections; see `CollectionAsset`.

    Attributes:
        id: the asset id.
        properties: of the collection.
    """

    def __init__(self, scenes: Scenes, optics: Optics, air: bool) -> None:
        self.id = L1C if air else L2A
        self.properties: Mapping[str, Any] = {
            "title": f"Synthetic Sentinel-2 level {'1C' if air else '2A'}",
            "date_range": [EPOCH_MS if air else L2A_FROM, END_MS],
        }
        self._scenes = scenes
        self._optics = optics
        self._air = air
        self._seed = scenes.planet.seed
        self._image_of = lru_cache(maxsize=KEPT)(self._image)

    def images(
        self, region: BaseGeometry | None = None, interval: tuple[float, float] | None = None
    ) -> Sequence[ImageAsset]:
        """The images around a region, which must be given; by time, then index.

        Raises:
            EarthEngineError: without a region, or when there would be too many.
        """
        found = self._scenes.around(region, interval, self.id)
        return [self._image_of(scene) for scene in found if self._has(scene)]

    def walk(self, interval: tuple[float, float] | None) -> Iterator[ImageAsset]:
        """The images of the entire planet, one after another; see `track.walk`."""
        return walk(
            SENTINEL2, {0.0: EPOCH_MS if self._air else L2A_FROM, 5.0: SECOND_FROM}, self.images, interval, self.id
        )

    def find(self, index: str) -> ImageAsset | None:
        """The image of that index, or None."""
        scene = self._scenes.named(index)
        return self._image_of(scene) if scene is not None and self._has(scene) else None

    def _has(self, scene: Scene) -> bool:
        if self._air or scene.time >= L2A_ALL:
            return True
        if scene.time < L2A_FROM:
            return False
        # Before it was complete, level 2A was available only for some granules in some quarters.
        early = scene.time < _ms(2018, 1, 1)
        quarter = int((scene.time - L2A_FROM) // (91 * 86_400_000))
        return chance(salt(self._seed, "l2a", scene.granule.name, quarter)) < (0.18 if early else 0.35)

    def _image(self, scene: Scene) -> ImageAsset:
        bands = LazyBands(partial(self._bands, scene))
        return ImageAsset(
            f"{self.id}/{scene.index}", properties(scene, self._air), bands, scene.strip.footprint, ring=True
        )

    def _bands(self, scene: Scene) -> list[MadeBand]:
        key = salt(self._seed, "haze", scene.index)
        haze = 0.55 + 0.65 * chance(key) ** 2
        names = [name for name in BANDS if self._air or name != "B10"]
        made = [
            _Reader(self, scene, RESOLUTION[name]).band(name, partial(measured, name, self._air, haze))
            for name in names
        ]
        more: list[tuple[str, int, str, Any]] = []
        if not self._air:
            more += [("AOT", 10, "uint16", partial(_flat, 90.0 * haze)), ("WVP", 10, "uint16", partial(_flat, 1500.0))]
            more += [("SCL", 20, "uint8", _scene_class)]
            # Older products have no cloud probability, like some real ones.
            if scene.time >= L2A_ALL or chance(key, 1) > 0.25:
                more += [("MSK_CLDPRB", 20, "uint8", _cloud_probability)]
        # The catalogue calls them always empty; users see 0.
        more += [("QA10", 10, "uint16", partial(_flat, 0.0)), ("QA20", 20, "uint32", partial(_flat, 0.0))]
        is_gap = POLYGONS_END <= scene.time < CLASSES_FROM
        more += [("QA60", 60, "uint16", None if is_gap else _cloud_bits)]
        if scene.time >= POLYGONS_END:
            classes = {"OPAQUE": _opaque, "CIRRUS": _cirrus, "SNOW_ICE": _snow}
            more += [(f"MSK_CLASSI_{name}", 60, "uint8", None if is_gap else make) for name, make in classes.items()]
        return made + [_Reader(self, scene, metres).band(name, make, dtype) for name, metres, dtype, make in more]


class _Reader:
    """Reads windows of one resolution of a scene."""

    def __init__(self, collection: Sentinel2, scene: Scene, metres: int) -> None:
        self._optics = collection._optics
        self._scene = scene
        self._metres = metres
        granule = scene.granule
        size = SIZE // metres
        transform = (float(metres), 0.0, float(granule.left), 0.0, -float(metres), float(granule.top))
        self._grid = Grid(granule.crs, transform, size, size)

    def band(self, name: str, make: Any, dtype: str = "uint16") -> MadeBand:
        return MadeBand(name, dtype, self._grid, partial(self._read, make, dtype))

    def _read(self, make: Any, dtype: str, row: int, col: int, rows: int, cols: int) -> tuple[Pixels, Mask | None]:
        """The pixels of a window; all of them are masked without a `make`."""
        if make is None:
            return np.zeros((rows, cols), dtype), np.zeros((rows, cols), bool)
        granule, factor = self._scene.granule, self._metres // 10
        window = Window(
            -granule.top // 10 + row * factor, granule.left // 10 + col * factor, rows * factor, cols * factor
        )
        held, view = self._optics.view(Lattice(granule.crs, 0.0, 0.0, 10.0), window, self._scene.seen)
        values = make(view, held, window, factor)
        mask = None
        if self._scene.strip.lines:
            x = granule.left + (np.arange(col, col + cols) + 0.5) * self._metres
            y = granule.top - (np.arange(row, row + rows) + 0.5) * self._metres
            mask = within(self._scene.strip.lines, x, y)
            values = np.where(mask, values, 0)
        return rounded(values, dtype), mask


def measured(name: str, air: bool, haze: float, view: View, held: Window, window: Window, factor: int) -> Floats:
    """A band's reflectance with the sensor's noise, times 10,000, in pixels of `factor` x `factor` of 10 m."""
    fine = reflectance(view, name, air, haze)[held.slices(window)]
    values = block_means(fine, factor)
    row = np.arange(window.row // factor, window.row // factor + values.shape[0])[:, None]
    col = np.arange(window.col // factor, window.col // factor + values.shape[1])[None, :]
    values = values + bell(salt(name, view.seen.key), row, col) * (3.0 + 0.004 * values)
    return np.clip(values, 1.0, 65535.0)


def block_means(fine: Floats, factor: int) -> Floats:
    """Means of squares of factor x factor pixels."""
    if factor == 1:
        return fine
    rows, cols = fine.shape[0] // factor, fine.shape[1] // factor
    lines = sum(fine[each::factor] for each in range(factor))
    total = sum(np.asarray(lines)[:, each::factor] for each in range(factor))
    return np.asarray(total).reshape(rows, cols) * (1.0 / factor**2)


def _flat(value: float, view: View, held: Window, window: Window, factor: int) -> Floats:
    return np.full((window.rows // factor, window.cols // factor), value)


def cloud_means(view: View, held: Window, window: Window, factor: int) -> Floats:
    """Opacity of the clouds, 0 to 1."""
    if view.cloud is None:
        return np.zeros((window.rows // factor, window.cols // factor))
    return block_means(view.cloud[held.slices(window)], factor)


def _cloud_probability(view: View, held: Window, window: Window, factor: int) -> Floats:
    return 100.0 * cloud_means(view, held, window, factor)


def _cloud_bits(view: View, held: Window, window: Window, factor: int) -> Floats:
    cloud = cloud_means(view, held, window, factor)
    bits: Floats = np.where(cloud > 0.45, 1024.0, np.where(cloud > 0.12, 2048.0, 0.0))
    return bits


def _opaque(view: View, held: Window, window: Window, factor: int) -> Floats:
    return np.equal(_cloud_bits(view, held, window, factor), 1024.0).astype(float)


def _cirrus(view: View, held: Window, window: Window, factor: int) -> Floats:
    return np.equal(_cloud_bits(view, held, window, factor), 2048.0).astype(float)


def _snow(view: View, held: Window, window: Window, factor: int) -> Floats:
    snow = view.surface.mixture[MATERIALS.index("snow")][held.slices(window)]
    return (block_means(snow, factor) > 0.5).astype(float)


def _scene_class(view: View, held: Window, window: Window, factor: int) -> Floats:
    inner = held.slices(window)
    kind = view.truth.cover.kind[inner][::factor, ::factor]
    green = block_means(sum(view.surface.mixture[at] for at in _GREEN)[inner], factor)
    snow = block_means(view.surface.mixture[MATERIALS.index("snow")][inner], factor)
    scl = np.where(green > 0.33, 4.0, 5.0)
    scl[block_means(view.light[inner], factor) < 0.42] = 2.0
    if view.shadow is not None:
        scl[block_means(view.shadow[inner], factor) > 0.4] = 3.0
    scl[kind == Kind.WATER] = 6.0
    scl[snow > 0.5] = 11.0
    cloud = cloud_means(view, held, window, factor)
    for level, value in ((0.05, 7.0), (0.15, 10.0), (0.3, 8.0), (0.62, 9.0)):
        scl[cloud > level] = value
    return scl
