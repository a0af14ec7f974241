"""Checks of a modality's values, as they are before the core rounds, clamps and fills them."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmearth_core.contract.bands import Band, Layer
from mmearth_devkit.evidence import TrialRecord
from mmearth_devkit.finding import Finding

_MANY_FRACTIONS = 0.01
"""The share of values that are no whole numbers above which rounding loses something."""


def range_(evidence: TrialRecord) -> Iterator[Finding]:
    """No value leaves the range of the declared dtype."""
    for where, _, band, values in _quantities(evidence):
        low, high = _limits(band.dtype)
        outside = values[(np.rint(values) < low) | (np.rint(values) > high)]
        if outside.size:
            yield Finding(
                "range",
                where,
                f"{_share(outside, values)} of the values leave {band.dtype} ({low:g} to {high:g}) and are cut off, "
                f"e.g. {outside[0]:g}.",
                "Declare a dtype that holds them, or scale the band and say so in its unit.",
            )


def fractions(evidence: TrialRecord) -> Iterator[Finding]:
    """A band of whole numbers holds whole numbers."""
    for where, _, band, values in _quantities(evidence):
        broken = values[values != np.rint(values)]
        if band.is_integer and broken.size > _MANY_FRACTIONS * values.size:
            yield Finding(
                "fractions",
                where,
                f"It is declared {band.dtype}, but {_share(broken, values)} of the values are no whole numbers, "
                f"e.g. {broken[0]:g}: they are rounded.",
                "Declare float32, or scale the band (and its unit), or round it yourself to say that it is meant so.",
            )


def classes(evidence: TrialRecord) -> Iterator[Finding]:
    """A band with classes holds nothing else."""
    for where, _, band, values in _quantities(evidence):
        unknown = sorted(set(np.unique(values).tolist()) - {label.value for label in band.classes})
        if band.classes and unknown:
            yield Finding(
                "classes",
                where,
                f"It holds {', '.join(f'{value:g}' for value in unknown[:8])}, which are none of its "
                f"{len(band.classes)} declared classes.",
                "Declare these classes, or remap or mask these values.",
            )


def nodata(evidence: TrialRecord) -> Iterator[Finding]:
    """No pixel with data holds the value that stands for no-data."""
    for where, layer, _, values in _quantities(evidence):
        same = values[values == layer.nodata]
        if same.size:
            yield Finding(
                "nodata",
                where,
                f"{_share(same, values)} of the values with data are {layer.nodata:g}, the declared no-data: they "
                "would count as missing.",
                f"Choose a no-data value that the data never takes; if {layer.nodata:g} means that there is no data, "
                "mask it: image.updateMask(...).",
            )


def vectors(evidence: TrialRecord) -> Iterator[Finding]:
    """`values` gives every vector layer its numbers, and nothing else."""
    layers = {layer.name: layer for layer in evidence.modality.layers if not layer.is_map}
    if evidence.failures or not layers:
        return
    for name in evidence.vectors:
        if name not in layers:
            yield Finding(
                "vectors",
                "values()",
                f"It gives numbers for {name!r}, which is no vector layer.",
                f"The vector layers are {', '.join(layers)}.",
            )
    for name, layer in layers.items():
        given = evidence.vectors.get(name)
        if not isinstance(given, Sequence | np.ndarray) or len(given) != len(layer.bands):
            yield Finding(
                "vectors",
                f"layer {name}",
                f"values() gives {given!r}, where {len(layer.bands)} numbers are declared.",
                f"Return {{{name!r}: [...]}} with one number a band, in order; None where there is none.",
            )


def _quantities(evidence: TrialRecord) -> Iterator[tuple[str, Layer, Band, NDArray[np.float64]]]:
    """Every band's known values: where, layer, band, values; pixels and vectors alike."""
    for raw in evidence.raw:
        known = raw.values[np.isfinite(raw.values)]
        if known.size:
            layer, band = raw.stack_band.layer, raw.stack_band.band
            yield f"band {layer.name}.{band.name}", layer, band, known
    for layer in evidence.modality.layers:
        given: Any = evidence.vectors.get(layer.name)
        if layer.is_map or not isinstance(given, Sequence | np.ndarray) or len(given) != len(layer.bands):
            continue
        for band, number in zip(layer.bands, given, strict=True):
            # The plugin itself may give the no-data value, for a number that it does not have.
            if number is not None and np.isfinite(number) and number != layer.nodata:
                yield f"band {layer.name}.{band.name}", layer, band, np.array([number], np.float64)


def _limits(dtype: str) -> tuple[float, float]:
    kind = np.dtype(dtype)
    limits: Any = np.finfo(kind) if kind.kind == "f" else np.iinfo(kind)
    return float(limits.min), float(limits.max)


def _share(part: NDArray[np.float64], values: NDArray[np.float64]) -> str:
    return f"{100 * part.size / values.size:.3g} %"
