"""Checks of bands and values, before the core rounds, clamps and fills them, and of the position of the pixels."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmearth_core import Band, Layer, Modality
from mmearth_core.text import did_you_mean
from mmearth_devkit.trial_record import Finding, TrialRecord

_MANY_FRACTIONS = 0.01
"""Share of fractional values from which rounding is a loss."""


MISALIGNED = 0.25
"""Tolerated shift in pixels of the band; the usual mistake is half a pixel."""


def bands(record: TrialRecord) -> Iterator[Finding]:
    """The image has every expected band; without a `present()` of its own it has exactly the declared ones."""
    if record.names is None:
        return
    names = record.names
    wanted = [each.band.name for each in record.wanted]
    for name in wanted:
        if name not in names:
            yield Finding(
                "bands",
                f"band {name}",
                f"The image does not have it; it has {', '.join(names) or 'no band'}.{did_you_mean(name, names)}",
                "Rename the image's bands to the declared names, e.g. image.select([...], [...]), or leave the band "
                "out of present() where it is missing.",
            )
    # Where a band is missing, an extra band is probably the same one under another name.
    extra = [name for name in names if name not in wanted] if set(wanted) <= set(names) else []
    if extra and type(record.modality).present is Modality.present:
        listed = ", ".join(extra[:8]) + (f" and {len(extra) - 8} more" if len(extra) > 8 else "")
        yield Finding(
            "bands",
            "image()",
            f"The image has bands that are not declared and therefore not downloaded: {listed}.",
            "Declare them, or select only the bands that you need: image.select([...]).",
        )


def range_(record: TrialRecord) -> Iterator[Finding]:
    """Every value is in the range of the declared dtype."""
    for where, _, band, values in _quantities(record):
        low, high = _limits(band.dtype)
        outside = values[(np.rint(values) < low) | (np.rint(values) > high)]
        if outside.size:
            yield Finding(
                "range",
                where,
                f"{_share(outside, values)} of the values are outside {band.dtype} ({low:g} to {high:g}) and are "
                f"clamped, e.g. {outside[0]:g}.",
                "Declare a dtype with a larger range, or scale the band and say so in its unit.",
            )


def fractions(record: TrialRecord) -> Iterator[Finding]:
    """A band with an integer dtype has integer values."""
    for where, _, band, values in _quantities(record):
        broken = values[values != np.rint(values)]
        if band.is_integer and broken.size > _MANY_FRACTIONS * values.size:
            yield Finding(
                "fractions",
                where,
                f"It is declared {band.dtype}, but {_share(broken, values)} of the values are not integers, "
                f"e.g. {broken[0]:g}: they are rounded.",
                "Declare float32, or scale the band (and its unit), or round it yourself to show that it is intended.",
            )


def classes(record: TrialRecord) -> Iterator[Finding]:
    """A band with classes has no other values."""
    for where, _, band, values in _quantities(record):
        unknown = sorted(set(np.unique(values).tolist()) - {label.value for label in band.classes})
        if band.classes and unknown:
            yield Finding(
                "classes",
                where,
                f"It has the values {', '.join(f'{value:g}' for value in unknown[:8])}, which are not among its "
                f"{len(band.classes)} declared classes.",
                "Declare these classes, or remap or mask these values.",
            )


def nodata(record: TrialRecord) -> Iterator[Finding]:
    """No valid pixel has the no-data value."""
    for where, layer, _, values in _quantities(record):
        same = values[values == layer.nodata]
        if same.size:
            yield Finding(
                "nodata",
                where,
                f"{_share(same, values)} of the valid values are {layer.nodata:g}, the declared no-data value: they "
                "would count as missing.",
                f"Choose a no-data value that the data never have; if {layer.nodata:g} means that there are no data, "
                "mask it: image.updateMask(...).",
            )


def vectors(record: TrialRecord) -> Iterator[Finding]:
    """`values` returns the numbers of every vector layer, and nothing else."""
    layers = {layer.name: layer for layer in record.modality.layers if not layer.is_map}
    if record.failures or not layers:
        return
    for name in record.vectors:
        if name not in layers:
            yield Finding(
                "vectors",
                "values()",
                f"It returns numbers for {name!r}, which is not a vector layer.",
                f"The vector layers are {', '.join(layers)}.",
            )
    for name, layer in layers.items():
        numbers = record.vectors.get(name)
        if not isinstance(numbers, Sequence | np.ndarray) or len(numbers) != len(layer.bands):
            yield Finding(
                "vectors",
                f"layer {name}",
                f"values() returns {numbers!r}, but {len(layer.bands)} numbers are declared.",
                f"Return {{{name!r}: [...]}} with one number per band, in order; None for a missing number.",
            )


def grid(record: TrialRecord) -> Iterator[Finding]:
    """No band is shifted by more than `MISALIGNED` of its own pixels."""
    for shift in record.misalignments:
        if math.hypot(shift.east, shift.south) <= MISALIGNED * shift.pixel:
            continue
        band = shift.stack_band
        offset = f"{abs(shift.east):.1f} m {'east' if shift.east > 0 else 'west'}"
        offset += f" and {abs(shift.south):.1f} m {'south' if shift.south > 0 else 'north'}"
        yield Finding(
            "grid",
            f"band {band.layer.name}.{band.band.name}",
            f"A test image with known positions arrives shifted by {offset}; its pixels are {shift.pixel:g} m.",
            "Leave the grid to the core: no reproject(), translate() or resample() in the plugin. If it needs a grid "
            "of its own, reproject to the projection of the asset, image.projection().",
        )


def _quantities(record: TrialRecord) -> Iterator[tuple[str, Layer, Band, NDArray[np.float64]]]:
    """The finite values of every band, of maps and vectors: where, layer, band, values."""
    for raw in record.raw:
        known = raw.values[np.isfinite(raw.values)]
        if known.size:
            layer, band = raw.stack_band.layer, raw.stack_band.band
            yield f"band {layer.name}.{band.name}", layer, band, known
    for layer in record.modality.layers:
        numbers: Any = record.vectors.get(layer.name)
        if layer.is_map or not isinstance(numbers, Sequence | np.ndarray) or len(numbers) != len(layer.bands):
            continue
        for band, number in zip(layer.bands, numbers, strict=True):
            # The plugin itself may return the no-data value for a missing number.
            if number is not None and np.isfinite(number) and number != layer.nodata:
                yield f"band {layer.name}.{band.name}", layer, band, np.array([number], np.float64)


def _limits(dtype: str) -> tuple[float, float]:
    kind = np.dtype(dtype)
    limits: Any = np.finfo(kind) if kind.kind == "f" else np.iinfo(kind)
    return float(limits.min), float(limits.max)


def _share(part: NDArray[np.float64], values: NDArray[np.float64]) -> str:
    return f"{100 * part.size / values.size:.3g} %"
