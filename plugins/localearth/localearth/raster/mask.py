"""Masks of pixels.

A mask is an array of booleans, True at valid pixels. Only where it has values between 0 and 1 it is an array of
float32: a pixel is valid above 0, and the value is its weight in weighted reducers and its opacity in pictures.
Functions that do not handle such values get True at valid pixels, and give masks of 0 and 1 (assumed: descriptions of
neighbourhoods, terrain, interpolation and the like speak of masked pixels only).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[Any]


def has_fractions(mask: Mask) -> bool:
    """Whether a mask has values between 0 and 1."""
    return mask.dtype.kind == "f"


def valid(mask: Mask) -> NDArray[np.bool_]:
    """True at valid pixels."""
    return mask > 0 if has_fractions(mask) else mask


def both(one: Mask, other: Mask) -> Mask:
    """The mask of a result of two pixels: the smaller value.

    Only pixels that are valid in both are valid (guide "Mathematical operations"). The minimum is assumed from
    `Model.predictImage`, whose description says so of the masks of its inputs.
    """
    return np.minimum(one, other) if has_fractions(one) or has_fractions(other) else one & other


def either(first: Mask, second: Mask) -> Mask:
    """The first mask and, where it is 0, the second one."""
    return np.where(first > 0, first, second) if has_fractions(first) or has_fractions(second) else first | second


def composite(good: Mask, masks: Mask) -> Mask:
    """The mask of a composite, valid where `good`, of n masks: the largest value (assumed), or 1 if all are 0."""
    if not has_fractions(masks):
        return good
    largest = masks.max(axis=0)
    return np.where(good & (largest > 0), largest, good)


def weights_of(mask: Mask) -> NDArray[np.float64] | None:
    """The weights of pixels; None where all valid pixels have the same."""
    return mask.astype(np.float64) if has_fractions(mask) else None
