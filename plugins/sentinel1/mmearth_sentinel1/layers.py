"""The layer of Sentinel-1: four polarisations of two orbit directions.

Source: the Earth Engine catalogue page of COPERNICUS/S1_GRD. Layout and no-data are the published MMEarth's.
"""

import math

from mmearth_core import Band, Layer, Preview, Resampling

PASSES = {"asc": "ASCENDING", "desc": "DESCENDING"}
"""The orbit directions: prefix of the bands' names, and value of `orbitProperties_pass`."""

POLARISATIONS = ("VV", "VH", "HH", "HV")
"""Polarisations, sent and received: V is vertical, H horizontal. An image has one or two of them."""


def band_name(direction: str, polarisation: str) -> str:
    """The declared name of a band, e.g. `asc_VV`."""
    return f"{direction}_{polarisation}"


def _backscatter(direction: str, polarisation: str) -> Band:
    return Band(
        band_name(direction, polarisation),
        "float32",
        -math.inf,
        unit="dB",
        description=f"backscatter coefficient sigma0 of the {PASSES[direction].lower()} orbit, {polarisation}, 10 m",
        resampling=Resampling.BILINEAR,
        pixel_size=10,
    )


BACKSCATTER = Layer(
    "sentinel1",
    [_backscatter(direction, polarisation) for direction in PASSES for polarisation in POLARISATIONS],
    description="C-band radar backscatter, interferometric wide swath",
    preview=Preview(("asc_VV",), low=-22, high=2, colormap="gray"),
)

LAYERS = (BACKSCATTER,)
