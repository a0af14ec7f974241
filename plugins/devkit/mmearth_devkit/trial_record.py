"""The record of a trial, which the checks read, and the findings that they return."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
from attrs import define, field, frozen
from numpy.typing import NDArray

from mmearth_core import Engine, Modality, Scene
from mmearth_core.download.stack import StackBand
from mmearth_devkit.network_guard import NetworkCall
from mmearth_devkit.stage import Stage


@frozen
class Finding:
    """A mistake in a modality and its remedy.

    Attributes:
        check: the check's name, which `ignore` takes.
        where: the layer, band, option or function at fault.
        problem: what is wrong, as full sentences.
        remedy: what to do, as full sentences.
    """

    check: str
    where: str
    problem: str
    remedy: str

    def __str__(self) -> str:
        return f"[{self.check}] {self.where}: {self.problem} {self.remedy}"


@frozen(eq=False)
class RawBand:
    """A band of the plugin's image, before the core rounds, clamps and fills it.

    Attributes:
        stack_band: its declaration.
        values: of the pixels that are not masked, float64.
    """

    stack_band: StackBand
    values: NDArray[np.float64]


@frozen
class Misalignment:
    """How far a band is shifted from the tile's grid.

    Attributes:
        stack_band: its declaration.
        east: metres eastward.
        south: metres southward.
        pixel: size of its own pixels, metres.
    """

    stack_band: StackBand
    east: float
    south: float
    pixel: float


@frozen
class WrongPixels:
    """A band with other pixels than it should have.

    Attributes:
        stack_band: its declaration.
        wrong: number of such pixels.
        judged: number of pixels that were compared.
        found: the value of the first one.
        expected: what it should be; NaN for no-data.
    """

    stack_band: StackBand
    wrong: int
    judged: int
    found: float
    expected: float


@define(eq=False)
class TriedTile:
    """A tile for which a modality was asked.

    Attributes:
        scene: the tile, with the anchor; None while or if there is none.
        asked: the tile as `locate` gets it.
        label: what the tile is, in messages; empty for the first one, where data are expected.
        located: the plain answer to `locate`.
        asked_again: whether `relocate` wanted a second answer.
        vectors: the result of `values`; None if it was not called.
        image: the result of `image`.
        answers: for each time that it was asked, what every function returned, as text by the function's name.
    """

    scene: Scene | None
    asked: Scene
    label: str = ""
    located: Any = None
    asked_again: bool = False
    vectors: Mapping[str, Any] | None = None
    image: Any = None
    answers: list[dict[str, str]] = field(factory=list)


ON_PATTERN = "of the test pattern"
"""The label of the tile on the patterned engine."""


@frozen
class Failure:
    """A step that failed.

    Attributes:
        step: the function, or a description with spaces.
        problem: what happened.
        tile: the label of the tile; empty for the first one.
    """

    step: str
    problem: str
    tile: str = ""


@define(eq=False)
class TrialRecord:
    """What happened when a modality was tried.

    Attributes:
        modality: the modality.
        stage: the engine's stage.
        tiles: the tiles that it was asked for, the first one with data and pixels.
        calls: network calls while graphs were built.
        failures: the steps that failed.
        graphs: for `locate` and `image`, the serialized graph of each build, the first one of this process first.
        assets: ids in the graphs of the first tile.
        wanted: the declared bands that the first tile's image should have.
        names: the bands that it has; None without an image.
        raw: their pixels.
        composites: bands that the core would interpolate, but which have no grid of their own.
        wrong_pixels: of the bands whose finished pixels are not those computed locally.
        blocks: bands that should be interpolated by the modality and are not, with the size of their pixels in metres.
        misalignments: of the bands that are shifted too far.
        engine: the engine that it was tried on.
    """

    modality: Modality
    stage: Stage
    tiles: list[TriedTile] = field(factory=list)
    calls: Sequence[NetworkCall] = ()
    failures: list[Failure] = field(factory=list)
    graphs: dict[str, list[str]] = field(factory=dict)
    assets: Collection[str] = ()
    wanted: Sequence[StackBand] = ()
    names: Sequence[str] | None = None
    raw: Sequence[RawBand] = ()
    composites: Sequence[StackBand] = ()
    wrong_pixels: Sequence[WrongPixels] = ()
    blocks: Sequence[tuple[StackBand, float]] = ()
    misalignments: Sequence[Misalignment] = ()
    engine: Engine | None = None

    @property
    def scene(self) -> Scene | None:
        """The first tile, with the anchor; None if it has none."""
        return self.tiles[0].scene

    @property
    def located(self) -> Any:
        """The plain answer to `locate` for the first tile."""
        return self.tiles[0].located
