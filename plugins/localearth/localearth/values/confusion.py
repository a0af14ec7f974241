"""Confusion matrices: rows are actual classes, columns predicted ones."""

from typing import Any

import numpy as np
from attrs import frozen
from numpy.typing import NDArray


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
        """The numbers."""
        return self.counts.tolist()
