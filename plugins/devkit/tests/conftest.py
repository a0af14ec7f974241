"""Worlds of arrays on which modalities, sound and broken, are tried."""

import datetime as dt

import numpy as np
import pytest
from mmearth_localearth.stage import WorldEngine
from mmearth_localearth.testing import ArrayBand, ArrayCollection, ArrayWorld, image

UTM = "EPSG:32632"
LEFT, TOP, SIDE = 500_000, 5_000_000, 200


def band(name, pixels, metres, valid=None):
    shown = np.ones(pixels.shape, bool) if valid is None else valid
    return ArrayBand(name, pixels, UTM, (metres, 0, LEFT, 0, -metres, TOP), shown)


@pytest.fixture
def engine():
    """Heights of 10 and of 30 m (the latter float, with fractions), classes, and a collection of one day."""
    random = np.random.default_rng(4)
    heights = random.integers(0, 900, (SIDE, SIDE)).astype(np.int16)
    coarse = random.uniform(-50, 70_000, (SIDE, SIDE)).astype(np.float32)
    kinds = random.integers(1, 4, (SIDE, SIDE)).astype(np.uint8)
    day = image("OWNER/DAYS/one", [band("h", heights, 10)], dt.datetime(2018, 7, 14))
    return WorldEngine(
        ArrayWorld(
            image("OWNER/HEIGHTS", [band("h", heights, 10), band("slope", heights, 10)]),
            image("OWNER/COARSE", [band("c", coarse, 30)]),
            image("OWNER/KINDS", [band("kind", kinds, 10)]),
            image("OWNER/EMPTY", [band("h", heights, 10, np.zeros(heights.shape, bool))]),
            ArrayCollection("OWNER/DAYS", [day]),
        )
    )
