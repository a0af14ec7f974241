"""Damages a correct answer: truncates it, garbles it or changes its pixels."""

import io
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib import recfunctions
from numpy.typing import NDArray

from localearth.answer import Answer
from localearth.faults.answers import RESTRICTED
from localearth.faults.kinds import Kind

_GARBLED_BYTES = 64
"""Maximum number of changed bytes: covers the beginning of JSON, and the magic and header of an NPY file."""


def mangle(kind: Kind, answer: Answer) -> Answer:
    """The damaged form of an answer.

    Args:
        kind: one of `MANGLED`.
        answer: the correct answer. Errors are returned unchanged.
    """
    status, headers, body = answer
    if status >= 300:
        return answer
    if kind is Kind.RESTRICTED:
        return status, {**headers, **RESTRICTED}, body
    return status, headers, MANGLED[kind](body)


def half(body: bytes) -> bytes:
    """The first half of a body."""
    return body[: len(body) // 2]


def _garbled(body: bytes) -> bytes:
    return bytes(byte ^ 0xA5 for byte in body[:_GARBLED_BYTES]) + body[_GARBLED_BYTES:]


def _smaller(pixels: NDArray[Any]) -> NDArray[Any]:
    return pixels[:-1] if len(pixels) > 1 else np.concatenate([pixels, pixels])


def _without_a_band(pixels: NDArray[Any]) -> NDArray[Any]:
    *kept, last = _names(pixels)
    if not kept:  # a structured array needs at least one band
        return recfunctions.rename_fields(pixels, {last: f"{last}_1"})
    return recfunctions.repack_fields(pixels[kept])


def _of_another_type(pixels: NDArray[Any]) -> NDArray[Any]:
    last = _names(pixels)[-1]
    other = np.float64 if pixels.dtype[last] != np.float64 else np.int16
    types = [(name, other if name == last else pixels.dtype[name]) for name in _names(pixels)]
    found = np.zeros(pixels.shape, dtype=types)
    for name in _names(pixels):
        with np.errstate(invalid="ignore"):  # the value of a NaN cast to an integer does not matter here
            found[name] = pixels[name].astype(found.dtype[name])
    return found


def _names(pixels: NDArray[Any]) -> tuple[str, ...]:
    assert pixels.dtype.names is not None  # Earth Engine's pixels in NPY are structured arrays
    return pixels.dtype.names


def _in_npy(change: Callable[[NDArray[Any]], NDArray[Any]]) -> Callable[[bytes], bytes]:
    def changed(body: bytes) -> bytes:
        file = io.BytesIO()
        np.save(file, change(np.load(io.BytesIO(body), allow_pickle=False)))
        return file.getvalue()

    return changed


MANGLED: dict[Kind, Callable[[bytes], bytes]] = {
    Kind.TRUNCATED: half,
    Kind.GARBLED: _garbled,
    Kind.SHAPE: _in_npy(_smaller),
    Kind.BAND: _in_npy(_without_a_band),
    Kind.DTYPE: _in_npy(_of_another_type),
    Kind.RESTRICTED: bytes,
}
"""What each kind does to the body of a correct answer."""
