"""What rasters and vector files have in common: digests, changes during a run, and extents."""

import hashlib
from abc import abstractmethod
from pathlib import Path
from typing import Self

import numpy as np
from attrs import frozen
from numpy.typing import NDArray
from rasterio.warp import transform_bounds

from mmearth_core import Grid, Layer
from mmearth_labels.options import LabelLayer

Bounds = tuple[float, float, float, float]
"""West, south, east, north."""

_POINTS = 21
"""Points between the corners of a box that are transformed too, as its edges may become curves."""


@frozen(eq=False)
class LabelFile:
    """A file of labels. Threads share it: every call opens the file itself.

    Attributes:
        path: the file.
        options: the table of its layer.
        layer: its layer.
        crs: its CRS.
        bounds: its extent in this CRS.
        states: the files that it is made of, with size and time of change when the run started.
    """

    path: Path
    options: LabelLayer
    layer: Layer
    crs: str
    bounds: Bounds
    states: tuple[tuple[Path, int, int], ...]

    @classmethod
    @abstractmethod
    def open(cls, path: Path, options: LabelLayer, layer: Layer) -> Self:
        """Opens and checks a file.

        Raises:
            ValueError: names the key, the file, what was found and what is allowed.
        """

    @abstractmethod
    def burn(self, grid: Grid) -> NDArray[np.float64]:
        """The labels on a grid, (size, size), NaN where there is none.

        Raises:
            ValueError: a label cannot be stored, or the file has changed.
        """

    def digest(self) -> str:
        """The SHA-256 of the file; of a VRT, that of the digests of the files that it is made of, and its own."""
        digests = []
        for path, _, _ in self.states:
            with path.open("rb") as file:
                digests.append(hashlib.file_digest(file, "sha256").hexdigest())
        return digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest()

    def covers(self, crs: str, bounds: Bounds) -> bool:
        """Whether the extent of the file touches a box."""
        west, south, east, north = self.box(crs, bounds)
        return self.bounds[0] < east and west < self.bounds[2] and self.bounds[1] < north and south < self.bounds[3]

    def box(self, crs: str, bounds: Bounds) -> Bounds:
        """A box in the file's CRS that contains one in another CRS.

        Raises:
            ValueError: it crosses the longitude of 180 degrees.
        """
        west, south, east, north = transform_bounds(crs, self.crs, *bounds, densify_pts=_POINTS)
        if west > east or not np.isfinite([west, south, east, north]).all():
            raise ValueError(
                f"{self.path}: the tile cannot be found in the file's CRS, {self.crs}: it crosses 180 degrees, or is "
                "outside the area of the CRS. Reproject the file to a CRS of the tiles' place"
            )
        return west, south, east, north

    def require_unchanged(self) -> None:
        """Refuses a file that has changed since the run started, as tiles would have labels of two kinds.

        Raises:
            ValueError: it has.
        """
        for path, size, changed in self.states:
            state = path.stat()
            if (state.st_size, state.st_mtime_ns) != (size, changed):
                raise ValueError(f"{path} has changed since the run started. Restore it, and rerun the command")


def states(paths: list[Path]) -> tuple[tuple[Path, int, int], ...]:
    """Size and time of change of each file."""
    return tuple((path, path.stat().st_size, path.stat().st_mtime_ns) for path in paths)
