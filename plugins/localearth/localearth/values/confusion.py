"""Confusion matrices: rows are actual classes, columns predicted ones."""

from typing import Any

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from localearth.values.projection import whole


@frozen(eq=False)
class ConfusionMatrix:
    """A confusion matrix.

    Attributes:
        counts: the numbers, square.
        order: the class of each row and column.
    """

    counts: NDArray[np.float64]
    order: tuple[int, ...]

    def info(self) -> Any:
        """As `getInfo` shows it: the numbers."""
        return [[whole(each) for each in row] for row in self.counts.tolist()]
