"""The stage: the interface of an offline engine on which the kit can try a modality.

Such an engine has a method `stage()` that returns a `Stage`; the engine `local` has one. The kit has no data of its own
and imports no engine: it uses the one that the registry has under the given name.
"""

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
from attrs import field, frozen
from numpy.typing import NDArray
from shapely.geometry import Polygon

from mmearth_core import Engine
from mmearth_core.errors import EngineError, PluginError
from mmearth_core.registry import Registry, discover, engine_of

ENGINE = "local:synthetic"
"""The default engine: a complete planet, so that most assets exist."""


@frozen
class Pattern:
    """A test image with which a shift can be measured: one wave eastward plus one southward.

    Each wave is symmetric about its crests. Whatever a modality computes pixel by pixel (scales, offsets, classes,
    masks) keeps that symmetry, so only a shift changes the phase of the result.

    Attributes:
        crs: the tile's CRS, in metres.
        left: x of the tile's west edge.
        top: y of its north edge.
        period: the wavelength, metres.
        spacings: for each call of `values`, the distance in metres between neighbouring places: the size of the pixels
            that were read.
    """

    crs: str
    left: float
    top: float
    period: float
    spacings: list[float] = field(factory=list, eq=False)

    def phases(self, x: Any, y: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Both phases at coordinates in `crs`, radians."""
        turn = 2 * np.pi / self.period
        return turn * (np.asarray(x, np.float64) - self.left), turn * (self.top - np.asarray(y, np.float64))

    def values(self, x: Any, y: Any) -> NDArray[np.float64]:
        """The pattern at coordinates in `crs`, -1 to 1."""
        east, south = self.phases(x, y)
        steps = [np.hypot(np.diff(x, axis=axis), np.diff(y, axis=axis)) for axis in range(np.ndim(x))]
        self.spacings.append(max((float(step.max()) for step in steps if step.size), default=np.inf))
        waves: NDArray[np.float64] = (np.sin(east) + np.sin(south)) / 2
        return waves


class Sample(NamedTuple):
    """An image asset of a stage, for examples.

    Attributes:
        asset: its id.
        band: one of its bands.
        dtype: of the band, one that `mmearth_core.Band` allows.
        unit: of the band.
        pixel_size: of the band, metres.
    """

    asset: str
    band: str
    dtype: str
    unit: str
    pixel_size: float = 10


class Stage(Protocol):
    """What an engine provides for the kit."""

    def assets(self) -> Collection[str]:
        """The asset ids that it can list; images inside large collections may be missing."""
        ...

    def holds(self, asset_id: str) -> bool:
        """Whether the asset exists; also for images inside collections."""
        ...

    def places(self) -> Sequence[tuple[Polygon, dt.date, Mapping[str, Any]]]:
        """At least two different tiles (EPSG:4326), each with a day and further columns of a tiles file.

        The first one has data, the others if possible.
        """
        ...

    def patterned(self, pattern: Pattern) -> Engine:
        """The same assets with the same properties, but with the pattern as pixels.

        The value of a pixel is that of `pattern.values` at its centre, scaled to fit the dtype. Every band keeps
        its own grid, as a wrong grid can only be seen relative to the right one.
        """
        ...

    def sample(self) -> tuple[Any, ...] | None:
        """The values of a `Sample`, or None. A tuple, so that an engine need not import the kit."""
        ...


def open_stage(engine: Engine) -> Stage:
    """The stage of an engine.

    Raises:
        EngineError: when it has no stage.
    """
    make_stage = getattr(engine, "stage", None)
    stage: Stage | None = make_stage() if make_stage is not None else None
    if stage is None:
        raise EngineError(
            f"Engine {engine.name!r} has no stage on which the plugin kit could try a modality. Use the engine `local` "
            f"(`pip install mmearth-localearth`): {ENGINE}, or local:world.toml with your own rasters."
        )
    return stage


def kit_engine(engine: Engine | str | None = None, registry: Registry | None = None) -> Engine:
    """The engine that the kit uses.

    Args:
        engine: an engine; `NAME` or `NAME:TEXT` as on the command line; None for `ENGINE`.
        registry: the installed plugins; by default they are discovered.

    Raises:
        PluginError: when it is not installed; the message says what to install.
    """
    if isinstance(engine, Engine):
        return engine
    spec = engine or ENGINE
    registry = registry or discover()
    if spec.partition(":")[0] == "local" and "local" not in registry.engines:
        raise PluginError(
            "The plugin kit needs the engine `local`, which is not installed: "
            '`pip install "mmearth-localearth[planet]"`. Or name another engine.'
        )
    return engine_of(registry, spec)
