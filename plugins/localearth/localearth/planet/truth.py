"""The truth: the hidden state of a window of the planet, from which the images of all sensors are computed.

A window is computed once for all bands, dates and sensors, and cached for a while.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

import numpy as np
from attrs import define

from localearth.planet.cover import Cover, Covers, canopy
from localearth.planet.hashing import Floats
from localearth.planet.landmask import LandMask
from localearth.planet.lattice import Lattice, Patch, Window
from localearth.planet.lazy import lazy
from localearth.planet.region import Region, Regions
from localearth.planet.snow import white_below
from localearth.planet.terrain import Terrain, Terrains
from localearth.planet.towns import Towns

KEPT = 16
"""Number of cached windows; one of 156 x 156 pixels takes about 3 MB.

A tile uses four windows, and one process has few requests in flight at once.
"""

LARGER = 32
"""How many times as large a cached window may be; a single pixel uses that of a tile of 128 x 128."""

MARGIN = 14
"""Margin around a requested window, pixels, because bands of 60 m and resampling need pixels around it."""

T = TypeVar("T")


@define(slots=False, eq=False)
class Truth:
    """The hidden state of a window.

    Attributes:
        patch: the window and its points.
        region: climate and settlement at the pixels.
        terrain: water and relief.
        covers: generates the cover.
    """

    patch: Patch
    region: Region
    terrain: Terrain
    covers: Covers

    @lazy
    def cover(self) -> Cover:
        """The cover; computed on first use, because elevation does not need it."""
        return self.covers.at(self.patch, self.region, self.terrain)

    @lazy
    def canopy(self) -> Floats:
        """Height of the vegetation, metres; shared by the two maps of canopy height."""
        return canopy(self.terrain, self.cover)

    @lazy
    def white_below(self) -> Floats:
        """How cold a day must be for a label of snow; see `snow.white_below`."""
        return white_below(self.region, self.terrain, self.cover)

    @lazy
    def slopes(self) -> tuple[Floats, Floats]:
        """Slopes towards the east and the north, metres per metre; 0 at the window's outermost pixels."""
        down, across = self.patch.spacing
        height = self.terrain.elevation
        east, north = np.zeros(height.shape, np.float32), np.zeros(height.shape, np.float32)
        east[:, 1:-1] = (height[:, 2:] - height[:, :-2]) / (2.0 * across)
        north[1:-1] = (height[:-2] - height[2:]) / (2.0 * down)
        return east, north


class Recent(Generic[T]):
    """A cache of the last windows by key. Safe to use from many threads."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._held: OrderedDict[tuple[Hashable, Window], T] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable, window: Window, make: Callable[[], tuple[Window, T]]) -> tuple[Window, T]:
        """The cached value of a window that contains this one; otherwise the result of `make`, which is then cached.

        A much larger window is not used: what it has not computed yet would take longer than a new small window.
        """
        most = LARGER * (window.rows + 2 * MARGIN) * (window.cols + 2 * MARGIN)
        with self._lock:
            for held in reversed(self._held):
                if held[0] == key and held[1].contains(window) and held[1].rows * held[1].cols <= most:
                    self._held.move_to_end(held)
                    return held[1], self._held[held]
        # Computed outside the lock: two threads may compute a window twice, with the same result.
        larger, made = make()
        with self._lock:
            self._held[key, larger] = made
            while len(self._held) > self._size:
                self._held.popitem(last=False)
        return larger, made


class Planet:
    """The planet of one seed.

    Attributes:
        seed: the seed.
        mask: real land and ocean.
        regions: its climate and coarse relief.
    """

    def __init__(self, seed: int, mask: LandMask) -> None:
        self.seed = seed
        self.mask = mask
        self.regions = Regions(seed, mask)
        self._terrains = Terrains(seed, mask)
        self._covers = Covers(seed, Towns(seed, self.regions))
        self._recent: Recent[Truth] = Recent(KEPT)

    def truth(self, lattice: Lattice, window: Window) -> Truth:
        """The truth of a window that contains the requested one and a margin of at least one pixel."""

        def make() -> tuple[Window, Truth]:
            larger = window.grown(MARGIN, 2)
            return larger, self.compute(lattice, larger)

        return self._recent.get(lattice, window.grown(1), make)[1]

    def compute(self, lattice: Lattice, window: Window) -> Truth:
        """The truth of exactly this window."""
        patch = Patch(lattice, window)
        region = self.regions.at(patch.nodes, *patch.node_lonlat).mapped(patch.spread)
        terrain = self._terrains.at(patch, region)
        return Truth(patch, region, terrain, self._covers)
