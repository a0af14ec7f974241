"""The evidence: everything that was seen of one modality while it was tried; the checks judge it."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
from attrs import define, field, frozen
from numpy.typing import NDArray

from mmearth_core.contract.modality import Modality, Scene
from mmearth_core.download.stack import StackBand
from mmearth_devkit.guard import NetworkCall
from mmearth_devkit.stage import Stage


@frozen(eq=False)
class RawBand:
    """A band as the plugin's image has it, before the core rounds, clamps and fills it.

    Attributes:
        stack_band: what it is declared as.
        values: of the pixels that are not masked, float64.
    """

    stack_band: StackBand
    values: NDArray[np.float64]


@frozen
class Misalignment:
    """How far a band lies off the tile's grid.

    Attributes:
        stack_band: what it is declared as.
        east: metres eastward.
        south: metres southward.
        pixel: the size of its own pixels, metres.
    """

    stack_band: StackBand
    east: float
    south: float
    pixel: float


@define(eq=False)
class TrialRecord:
    """What was seen.

    Attributes:
        modality: what is tried.
        stage: where.
        scene: the tile, with the anchor.
        calls: network calls while building.
        failures: `(function, what went wrong)` of steps that could not be done.
        graphs: for each thing built (`locate`, `image`), what it serialised to in each repetition, the first one here.
        assets: ids that stand in the graphs.
        located: the plain answer to `locate`.
        asked_again: whether `relocate` wanted a second answer.
        wanted: the declared bands that the tile's image should have.
        names: the bands that it has; None without an image.
        raw: their pixels.
        shifts: where they lie.
        vectors: what `values` gave.
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
    shifts: Sequence[Misalignment] = ()
    vectors: Mapping[str, Any] = field(factory=dict)
