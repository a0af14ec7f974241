"""Hashing: pseudorandom numbers as a pure function of integers, identical on every machine."""

import hashlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
"""Real numbers; float64 unless stated otherwise."""
Words = NDArray[np.uint32]

_STEPS = (0x9E3779B1, 0x85EBCA77, 0xC2B2AE3D, 0x27D4EB2F)
"""Odd multipliers of xxHash32, one per hashed integer."""


def salt(*parts: str | int) -> int:
    """An integer of 32 bits for a list of words, e.g. the seed and a layer's name."""
    digest = hashlib.blake2b(repr(parts).encode(), digest_size=4).digest()
    return int.from_bytes(digest, "little")


def as_words(values: Any) -> Words:
    """Converts integers, also negative ones, to 32-bit words; at least 1-dimensional, so that overflow is silent."""
    return np.atleast_1d(np.asarray(values)).astype(np.int64).astype(np.uint32)


def scramble(words: Words) -> Words:
    """Mixes every word in place (Wellons' lowbias32)."""
    words ^= words >> np.uint32(16)
    words *= np.uint32(0x7FEB352D)
    words ^= words >> np.uint32(15)
    words *= np.uint32(0x846CA68B)
    words ^= words >> np.uint32(16)
    return words


def hash_words(key: int | Words, *integers: Any) -> Words:
    """Hashes up to four integers, elementwise.

    Args:
        key: a salt, or one per element.
        integers: arrays that broadcast together.
    """
    total: Words = np.atleast_1d(np.asarray(key, np.uint32))
    for integer, step in zip(integers, _STEPS, strict=False):
        total = total + as_words(integer) * np.uint32(step)
    return scramble(total.copy())


def uniform(key: int | Words, *integers: Any) -> Floats:
    """Numbers in [0, 1), elementwise; see `hash_words`."""
    return hash_words(key, *integers) * 2.0**-32


def bell(key: int | Words, *integers: Any) -> Floats:
    """Numbers with mean 0 and standard deviation 1, between -2.45 and 2.45: sums of two uniform numbers."""
    words = hash_words(key, *integers)
    total = words & np.uint32(0xFFFF)
    total += words >> np.uint32(16)
    result: Floats = total.astype(np.float32)
    result -= np.float32(65535.0)
    result *= np.float32(6.0**0.5 / 65536.0)
    return result


def chance(key: int, *integers: int) -> float:
    """One number in [0, 1)."""
    return float(uniform(key, *integers)[0])
