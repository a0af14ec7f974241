"""The stage: what an engine that runs offline lends to the kit, so that a modality can be tried on it.

An engine that can do so has a method `stage()` that returns a `Stage`; the engine `local` has one. The core holds no
data of its own and imports no engine: it asks the one that the registry names.
"""

import datetime as dt
from collections.abc import Collection
from typing import Any, Protocol

import numpy as np
from attrs import frozen
from numpy.typing import NDArray
from shapely.geometry import Polygon

from mmearth_core.contract.engine import Engine
from mmearth_core.errors import EngineError, PluginError
from mmearth_core.registry import Registry, discover
from mmearth_core.registry.configured import engine_of

ENGINE = "local:synthetic"
"""The engine that the kit asks where none is named: a whole planet, so that most assets are there."""


@frozen
class Pattern:
    """A test image as a function of place, from which a shift can be told: one wave eastward plus one southward.

    Each wave is its own mirror image about its crests. Whatever is computed of every pixel by itself (scales, offsets,
    classes, masks) keeps that symmetry, so only a shift moves the phase of what comes out.

    Attributes:
        crs: the tile's CRS, in metres.
        left: x of the tile's west edge.
        top: y of its north edge.
        period: the wave's length, metres.
    """

    crs: str
    left: float
    top: float
    period: float

    def phases(self, x: Any, y: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Both phases at some places of `crs`, radians."""
        turn = 2 * np.pi / self.period
        return turn * (np.asarray(x, np.float64) - self.left), turn * (self.top - np.asarray(y, np.float64))

    def values(self, x: Any, y: Any) -> NDArray[np.float64]:
        """The pattern at some places of `crs`, -1 to 1."""
        east, south = self.phases(x, y)
        waves: NDArray[np.float64] = (np.sin(east) + np.sin(south)) / 2
        return waves


@frozen
class Sample:
    """An image asset that a stage holds, for examples.

    Attributes:
        asset: its id.
        band: a band of it.
        dtype: that band's, one of `mmearth_core.contract.bands.DTYPES`.
        unit: that band's.
    """

    asset: str
    band: str
    dtype: str
    unit: str


class Stage(Protocol):
    """What an engine lends to the kit."""

    def assets(self) -> Collection[str]:
        """The asset ids that it can list; images inside large collections need not be among them."""
        ...

    def holds(self, asset_id: str) -> bool:
        """Whether there is such an asset, images inside collections included."""
        ...

    def place(self) -> tuple[Polygon, dt.date]:
        """A tile (EPSG:4326) and a day at which it has data."""
        ...

    def patterned(self, pattern: Pattern) -> Engine:
        """The same assets with the same properties, but every pixel's value is a multiple of the pattern's there.

        A band's value is that of `pattern.values` at the centre of its pixel, scaled to fit its dtype. A band in a
        projected CRS has its grid moved to whole pixels, so that no shift is its own.
        """
        ...

    def sample(self) -> Sample | None:
        """An image asset for examples, or None."""
        ...


def open_stage(engine: Engine) -> Stage:
    """The stage of an engine.

    Raises:
        EngineError: when it lends none.
    """
    lend = getattr(engine, "stage", None)
    stage: Stage | None = lend() if lend is not None else None
    if stage is None:
        raise EngineError(
            f"Engine {engine.name!r} lends the plugin kit no stage to try a modality on. Use the engine `local` "
            f"(`pip install mmearth-localearth`): {ENGINE}, or local:world.toml with rasters of your own."
        )
    return stage


def kit_engine(engine: Engine | str | None = None, registry: Registry | None = None) -> Engine:
    """The engine that the kit is to use.

    Args:
        engine: an engine; or `NAME` or `NAME:TEXT` as the command line has it; None for `ENGINE`.
        registry: the installed plugins; by default they are looked for.

    Raises:
        PluginError: when it is not installed; says what to install.
    """
    if isinstance(engine, Engine):
        return engine
    spec = engine or ENGINE
    registry = registry or discover()
    if spec.partition(":")[0] == "local" and "local" not in registry.engines:
        raise PluginError(
            "The plugin kit tries a modality on the engine `local`, which is not installed: "
            '`pip install "mmearth-localearth[synthetic]"`. Or name another engine.'
        )
    return engine_of(registry, spec)
