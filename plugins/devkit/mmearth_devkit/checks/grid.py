"""Checks that a modality's pixels lie where they belong on the tile's grid."""

import math
from collections.abc import Iterator

from mmearth_devkit.evidence import TrialRecord
from mmearth_devkit.finding import Finding

TOLERANCE = 0.25
"""Of the band's own pixels; half a pixel is the usual mistake."""


def grid(evidence: TrialRecord) -> Iterator[Finding]:
    """No band is shifted by more than `TOLERANCE` of its own pixels."""
    for shift in evidence.shifts:
        if math.hypot(shift.east, shift.south) <= TOLERANCE * shift.pixel:
            continue
        band = shift.stack_band
        way = f"{abs(shift.east):.1f} m {'east' if shift.east > 0 else 'west'}"
        way += f" and {abs(shift.south):.1f} m {'south' if shift.south > 0 else 'north'}"
        yield Finding(
            "grid",
            f"band {band.layer.name}.{band.band.name}",
            f"A test image of known places arrives {way} of where it belongs; its pixels are {shift.pixel:g} m.",
            "Leave the grid to the core: no reproject(), translate() or resample() in the plugin. Where a grid of its "
            "own is needed, reproject to the asset's own projection, image.projection().",
        )
