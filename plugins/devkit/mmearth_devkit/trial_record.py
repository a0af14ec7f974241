"""The record of a trial, which the checks read, and the findings that they return."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
from attrs import define, field, frozen
from numpy.typing import NDArray

from mmearth_core import Modality, Scene
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


@define(eq=False)
class TrialRecord:
    """What happened when a modality was tried at one tile.

    Attributes:
        modality: the modality.
        stage: the engine's stage.
        scene: the tile, with the anchor.
        calls: network calls while graphs were built.
        failures: `(function, problem)` of steps that failed.
        graphs: for `locate` and `image`, the serialized graph of each build, the first one of this process first.
        assets: ids in the graphs.
        located: the plain answer to `locate`.
        asked_again: whether `relocate` wanted a second answer.
        wanted: the declared bands that the tile's image should have.
        names: the bands that it has; None without an image.
        raw: their pixels.
        misalignments: of the bands for which it can be measured.
        vectors: the result of `values`.
    """

    modality: Modality
    stage: Stage
    scene: Scene | None = None
    calls: Sequence[NetworkCall] = ()
    failures: list[tuple[str, str]] = field(factory=list)
    graphs: dict[str, list[str]] = field(factory=dict)
    assets: Collection[str] = ()
    located: Any = None
    asked_again: bool = False
    wanted: Sequence[StackBand] = ()
    names: Sequence[str] | None = None
    raw: Sequence[RawBand] = ()
    misalignments: Sequence[Misalignment] = ()
    vectors: Mapping[str, Any] = field(factory=dict)
