"""The record of a trial, which the checks read, and the findings that they return."""

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
from attrs import define, field, frozen
from numpy.typing import NDArray
from shapely.geometry import Polygon

from mmearth_core import Engine, Grid, Modality, Scene
from mmearth_core.contract.grid import PIXEL
from mmearth_core.download.stack import StackBand
from mmearth_core.tiles.grid import tile_grid
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
class Shift:
    """How far a band is shifted from where its pixels are.

    Attributes:
        stack_band: its declaration.
        east: metres eastward.
        south: metres southward.
        pixel: size of its own pixels, or of the tile's if these are larger, metres.
    """

    stack_band: StackBand
    east: float
    south: float
    pixel: float

    def away_from(self, other: "Shift") -> float:
        """Metres between two shifts."""
        return math.hypot(self.east - other.east, self.south - other.south)

    @property
    def name(self) -> str:
        """The band's name in stacks."""
        return self.stack_band.name

    @property
    def in_pixels(self) -> float:
        """The distance in pixels."""
        return math.hypot(self.east, self.south) / self.pixel


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


def tile_size(pixel_size: float) -> int:
    """Rows and columns of a tile of the kit: 64, and fewer of large pixels, each of which covers many of a band."""
    return min(64, max(8, int(_LARGEST_TILE / pixel_size)))


_LARGEST_TILE = 2000
"""Side of a tile of more than 8 pixels, metres; images of tests may be no larger."""


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
        shifts: of every band whose position can be measured.
        misalignments: those that are shifted too far.
        engine: the engine that it was tried on.
        pixel_size: of the tiles' grid, metres.
        origin: x and y of a corner of a pixel of this grid, metres.
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
    shifts: Sequence[Shift] = ()
    misalignments: Sequence[Shift] = ()
    engine: Engine | None = None
    pixel_size: float = PIXEL
    origin: tuple[float, float] = (0, 0)

    @property
    def scene(self) -> Scene | None:
        """The first tile, with the anchor; None if it has none."""
        return self.tiles[0].scene

    def grid(self, polygon: Polygon, crs: str) -> Grid:
        """The grid of a tile.

        Raises:
            TilesError: for a CRS that is unknown, not in metres, or that of another place.
        """
        return tile_grid(polygon, crs, tile_size(self.pixel_size), self.pixel_size, self.origin)

    @property
    def located(self) -> Any:
        """The plain answer to `locate` for the first tile."""
        return self.tiles[0].located
