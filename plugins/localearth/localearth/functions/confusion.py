"""Confusion matrices: rows are actual classes, columns predicted ones."""

from typing import Any

import numpy as np

from localearth.errors import EarthEngineError
from localearth.promote import is_number
from localearth.registry import function
from localearth.values import array as arrays
from localearth.values.array import Array
from localearth.values.collection import Collection
from localearth.values.compare import field_of
from localearth.values.confusion import ConfusionMatrix
from localearth.values.pixel_type import DOUBLE


@function("ConfusionMatrix")
def make(values: Any, order: list[int] | None) -> ConfusionMatrix:
    """A confusion matrix from a square array; the classes are 0, 1, 2 ... unless given."""
    counts = arrays.make(values).data.astype(np.float64)
    if (counts != np.floor(counts)).any():
        raise EarthEngineError("An array of whole numbers is needed.")
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1]:
        raise EarthEngineError(f"A square array is needed, not lengths {list(counts.shape)}.")
    classes = list(range(len(counts))) if order is None else order
    if len(classes) != len(counts):
        raise EarthEngineError(f"The matrix has {len(counts)} classes, but 'order' {len(classes)}.")
    return ConfusionMatrix(counts, tuple(classes))


@function("Collection.errorMatrix")
def error_matrix(collection: Collection, actual: str, predicted: str, order: list[int] | None) -> ConfusionMatrix:
    """The confusion matrix of two properties; the classes are 0 to the largest value unless given."""
    pairs = [(field_of(each, actual), field_of(each, predicted)) for each in collection.elements]
    if not all(is_number(value) and value == int(value) for pair in pairs for value in pair):
        raise EarthEngineError(f"Properties '{actual}' and '{predicted}' must be whole numbers in every element.")
    classes = list(range(int(max((v for pair in pairs for v in pair), default=0)) + 1)) if order is None else order
    if order is None and any(value < 0 for pair in pairs for value in pair):
        raise EarthEngineError("Negative classes need the argument 'order'.")
    counts = np.zeros((len(classes), len(classes)))
    for one, two in pairs:
        # Values that are not in the order are ignored (documented).
        if one in classes and two in classes:
            counts[classes.index(one), classes.index(two)] += 1
    return ConfusionMatrix(counts, tuple(classes))


@function("ConfusionMatrix.array")
def array(matrix: ConfusionMatrix) -> Array:
    """The numbers."""
    return Array(matrix.counts, DOUBLE)


@function("ConfusionMatrix.order")
def order_of(matrix: ConfusionMatrix) -> list[int]:
    """The classes of the rows and columns."""
    return list(matrix.order)


def _correct(matrix: ConfusionMatrix) -> tuple[Any, float]:
    total = float(matrix.counts.sum())
    if not total:
        raise EarthEngineError("The matrix has no observations.")
    return np.diagonal(matrix.counts), total


@function("ConfusionMatrix.accuracy")
def accuracy(matrix: ConfusionMatrix) -> float:
    """The share of correct predictions."""
    correct, total = _correct(matrix)
    return float(correct.sum() / total)


@function("ConfusionMatrix.kappa")
def kappa(matrix: ConfusionMatrix) -> float:
    """Cohen's kappa."""
    correct, total = _correct(matrix)
    chance = float((matrix.counts.sum(axis=0) * matrix.counts.sum(axis=1)).sum() / total**2)
    if chance == 1:
        raise EarthEngineError("Kappa is undefined: all observations are of one class.")
    return float((correct.sum() / total - chance) / (1 - chance))


def _shares(matrix: ConfusionMatrix, axis: int) -> Any:
    correct, _ = _correct(matrix)
    totals = matrix.counts.sum(axis=axis)
    if not totals.all():
        raise EarthEngineError("the local Earth Engine has no accuracy for a class without observations.")
    return correct / totals


@function("ConfusionMatrix.consumersAccuracy", note="The user's accuracy, 1 minus the error of commission: a row.")
def consumers(matrix: ConfusionMatrix) -> Array:
    """The share of correct ones among the predictions of each class, as one row."""
    return Array(_shares(matrix, 0)[None], DOUBLE)


@function("ConfusionMatrix.producersAccuracy", note="The sensitivity, 1 minus the error of omission: a column.")
def producers(matrix: ConfusionMatrix) -> Array:
    """The share of correct ones among the members of each class, as one column."""
    return Array(_shares(matrix, 1)[:, None], DOUBLE)
