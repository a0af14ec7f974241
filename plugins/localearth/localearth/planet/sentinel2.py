"""Sentinel-2: the collections of level 1C and level 2A, harmonized and with the values of the products."""

from functools import partial
from typing import Any

import numpy as np

from localearth.planet.bands import MadeBand, made_band, rounded
from localearth.planet.cover import Kind
from localearth.planet.hashing import Floats, bell, chance, salt
from localearth.planet.lattice import Window
from localearth.planet.optics import Optics, Part, reflectance
from localearth.planet.orbits import EPOCH_MS, start_of
from localearth.planet.products import properties
from localearth.planet.scenes import Scene, SceneCollection, Scenes
from localearth.planet.spectra import BANDS, RESOLUTION
from localearth.worlds.base import Mask, Pixels

L1C = "COPERNICUS/S2_HARMONIZED"
L2A = "COPERNICUS/S2_SR_HARMONIZED"

OFFSET = 1000.0
"""Added to reflectances in products since PROCESSING_BASELINE 04.00, which began at `POLYGONS_END`."""

L2A_FROM, L2A_ALL = start_of(2017, 3, 28), start_of(2018, 12, 14)
"""Level 2A is available for some granules from the first date, and for all from the second."""

POLYGONS_END, CLASSES_FROM = start_of(2022, 1, 25), start_of(2024, 2, 29)
"""Between these dates all cloud masks are masked. Before them QA60 has data; after them it and MSK_CLASSI_* have."""


class Sentinel2(SceneCollection):
    """One of the four collections; see `CollectionAsset`."""

    def __init__(self, scenes: Scenes, optics: Optics, air: bool, harmonized: bool = True) -> None:
        self.since = EPOCH_MS if air else L2A_FROM
        asset_id = L1C if air else L2A
        title = f"Synthetic Sentinel-2 level {'1C' if air else '2A'}"
        super().__init__(scenes, optics, asset_id if harmonized else asset_id.removesuffix("_HARMONIZED"), title)
        self._air = air
        self._harmonized = harmonized
        self._seed = scenes.planet.seed

    def _has(self, scene: Scene) -> bool:
        if self._air or scene.time >= L2A_ALL:
            return True
        if scene.time < L2A_FROM:
            return False
        # Before it was complete, level 2A was available only for some granules in some quarters.
        early = scene.time < start_of(2018)
        quarter = int((scene.time - L2A_FROM) // (91 * 86_400_000))
        return chance(salt(self._seed, "l2a", scene.granule.name, quarter)) < (0.18 if early else 0.35)

    def _properties(self, scene: Scene) -> dict[str, Any]:
        return properties(scene, self._air)

    def _bands(self, scene: Scene) -> list[MadeBand]:
        key = salt(self._seed, "haze", scene.index)
        haze = 0.55 + 0.65 * chance(key) ** 2
        names = [name for name in BANDS if self._air or name != "B10"]
        shift = 0.0 if self._harmonized or scene.time < POLYGONS_END else OFFSET
        made: list[tuple[str, int, str, Any]] = [
            (name, RESOLUTION[name], "uint16", partial(_shifted, partial(measured, name, self._air, haze), shift))
            for name in names
        ]
        if not self._air:
            made += [("AOT", 10, "uint16", partial(flat, 90.0 * haze)), ("WVP", 10, "uint16", partial(flat, 1500.0))]
            made += [("SCL", 20, "uint8", _scene_class)]
            # Older products have no cloud probability, like some real ones.
            if scene.time >= L2A_ALL or chance(key, 1) > 0.25:
                made += [("MSK_CLDPRB", 20, "uint8", lambda part: 100.0 * part.cloud())]
        # The catalogue calls them always empty; users see 0.
        made += [("QA10", 10, "uint16", partial(flat, 0.0)), ("QA20", 20, "uint32", partial(flat, 0.0))]
        is_gap = POLYGONS_END <= scene.time < CLASSES_FROM
        made += [("QA60", 60, "uint16", None if is_gap else _cloud_bits)]
        if scene.time >= POLYGONS_END:
            classes = {"OPAQUE": _opaque, "CIRRUS": _cirrus, "SNOW_ICE": _snow}
            made += [(f"MSK_CLASSI_{name}", 60, "uint8", None if is_gap else make) for name, make in classes.items()]
        grids = {metres: scene.granule.grid(metres) for metres in (10, 20, 60)}
        return [
            made_band(name, dtype, grids[metres], partial(self._read, scene, metres, make, dtype))
            for name, metres, dtype, make in made
        ]

    def _read(self, scene: Scene, metres: int, make: Any, dtype: str, window: Window) -> tuple[Pixels, Mask]:
        """The pixels of a window; all of them are masked without a `make`."""
        if make is None:
            return np.zeros((window.rows, window.cols), dtype), np.zeros((window.rows, window.cols), bool)
        mask = scene.inside(window, metres)
        return rounded(np.where(mask, make(self._part(scene, window, metres // 10)), 0), dtype), mask


def measured(name: str, air: bool, haze: float, part: Part) -> Floats:
    """A band's reflectance with the sensor's noise, times 10,000."""
    values = part.means(reflectance(part.view, name, air, haze))
    noise = bell(salt(name, part.view.seen.key), *part.indices())
    return np.clip(values + noise * (3.0 + 0.004 * values), 1.0, 65535.0)


def _shifted(make: Any, shift: float, part: Part) -> Any:
    return np.minimum(make(part) + shift, 65535.0)


def flat(value: float, part: Part) -> Floats:
    """One value everywhere."""
    return np.full(part.shape, value)


def _cloud_bits(part: Part) -> Floats:
    cloud = part.cloud()
    bits: Floats = np.where(cloud > 0.45, 1024.0, np.where(cloud > 0.12, 2048.0, 0.0))
    return bits


def _opaque(part: Part) -> Floats:
    return np.equal(_cloud_bits(part), 1024.0).astype(float)


def _cirrus(part: Part) -> Floats:
    return np.equal(_cloud_bits(part), 2048.0).astype(float)


def _snow(part: Part) -> Floats:
    return (part.material("snow") > 0.5).astype(float)


def _scene_class(part: Part) -> Floats:
    view = part.view
    kind = view.truth.cover.kind[part.inner][:: part.factor, :: part.factor]
    scl = np.where(part.material("broadleaf", "conifer", "grass", "crop") > 0.33, 4.0, 5.0)
    scl[part.means(view.light) < 0.42] = 2.0
    scl[part.shadow() > 0.4] = 3.0
    scl[kind == Kind.WATER] = 6.0
    scl[part.material("snow") > 0.5] = 11.0
    cloud = part.cloud()
    for level, value in ((0.05, 7.0), (0.15, 10.0), (0.3, 8.0), (0.62, 9.0)):
        scl[cloud > level] = value
    return scl
