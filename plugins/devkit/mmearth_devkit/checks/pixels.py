"""Checks of bands and values, before the core rounds, clamps and fills them, and of the position of the pixels."""

import math
from collections.abc import Iterator, Sequence
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmearth_core import Band, Layer, Modality, Resampling
from mmearth_core.download.stack import StackBand, composite_problem
from mmearth_core.text import did_you_mean
from mmearth_devkit.trial_record import Finding, TrialRecord

_MANY_FRACTIONS = 0.01
"""Share of fractional values from which rounding is a loss."""


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
    """Every value is finite or no-data, and in the range of the declared dtype."""
    for raw in record.raw:
        infinite = raw.values[np.isinf(raw.values) & (raw.values != raw.stack_band.layer.nodata)]
        if infinite.size:
            yield Finding(
                "range",
                _band(raw.stack_band),
                f"{_share(infinite, raw.values)} of the values are infinite.",
                "Mask them, image.updateMask(...), or look for a logarithm or a division that makes them.",
            )
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
    """`values` returns the numbers of every vector layer, and nothing else; there are some in at least one tile."""
    layers = {layer.name: layer for layer in record.modality.layers if not layer.is_map}
    tried = [tile.vectors for tile in record.tiles if tile.vectors is not None]
    if record.failures and not tried:
        return  # the check `steps` says why
    unknown = sorted({name for returned in tried for name in returned} - set(layers))
    for name in unknown:
        yield Finding(
            "vectors",
            "values()",
            f"It returns numbers for {name!r}, which is not a vector layer.",
            f"The vector layers are {', '.join(layers) or 'none'}.",
        )
    for layer in layers.values():
        yield from _layer_faults(layer, [returned.get(layer.name) for returned in tried or [{}]])


def _layer_faults(layer: Layer, returned: Sequence[Any]) -> Iterator[Finding]:
    """What is wrong with a vector layer, of which these are the numbers of every tile."""
    where = f"layer {layer.name}"
    wrong_steps = [numbers for numbers in returned if layer.steps and not _has_length(numbers, layer.steps)]
    if wrong_steps:
        problem = f"values() returns {wrong_steps[0]!r}, but {layer.steps} time steps are declared."
        remedy = f"Return {{{layer.name!r}: [[...], ...]}} with one list per step; None for a step without numbers."
        yield Finding("vectors", where, problem, remedy)
        return
    returned = _by_step(layer, returned)
    for numbers in returned:
        if not _has_length(numbers, len(layer.bands)):
            yield Finding(
                "vectors",
                where,
                f"values() returns {numbers!r}, but {len(layer.bands)} numbers are declared.",
                f"Return {{{layer.name!r}: [...]}} with one number per band, in order; None for a missing number.",
            )
            return
    values = [[_number(number) for number in numbers] for numbers in returned]
    wrong = [
        (band.name, number)
        for numbers, known in zip(returned, values, strict=True)
        for band, number, value in zip(layer.bands, numbers, known, strict=True)
        if value is None or (math.isinf(value) and value != layer.nodata)
    ]
    for name, number in dict(reversed(wrong)).items():
        yield Finding(
            "vectors",
            f"band {layer.name}.{name}",
            f"values() returns {number!r} for it, which is not a finite number.",
            f"Convert text to a number, and return None for a missing one: it becomes {layer.nodata:g}.",
        )
    if not wrong and all(
        math.isnan(value) or value == layer.nodata for known in values for value in known if value is not None
    ):
        yield Finding(
            "vectors",
            where,
            f"values() found no number in any of {len(returned)} tiles, so no value was checked.",
            "Look for a mask, a name or a filter that hides everything; or choose a tile and day with data, and with "
            "the columns that the modality reads (`scene=` of check_modality).",
        )


def _has_length(numbers: Any, length: int) -> bool:
    is_list = isinstance(numbers, Sequence | np.ndarray) and not isinstance(numbers, str)
    return is_list and len(numbers) == length


def _by_step(layer: Layer, returned: Sequence[Any]) -> Sequence[Any]:
    """The numbers of every tile, or of every time step of every tile."""
    if layer.steps is None:
        return returned
    nothing = [None] * len(layer.bands)
    return [nothing if step is None else step for numbers in returned for step in numbers]


def _number(value: Any) -> float | None:
    """A number as float, NaN for a missing one; None for anything else."""
    if value is None:
        return math.nan
    return float(value) if isinstance(value, Real | np.bool_) else None


def order(record: TrialRecord) -> Iterator[Finding]:
    """What is returned for a tile does not depend on the tiles that were asked for before."""
    # A function that returns something else at every call is found by the check `graph`.
    unsteady = {step for step, texts in record.graphs.items() if texts[0] != texts[1]}
    found = set[str]()
    for tile in record.tiles:
        for step in tile.answers[0] if tile.answers else ():
            if step not in unsteady | found and len({answers[step] for answers in tile.answers}) > 1:
                found.add(step)
                yield Finding(
                    "order",
                    f"{step}()",
                    f"For the tile {tile.label or 'with data'} it returns something else when other tiles were asked "
                    "for before.",
                    "Keep nothing between calls, neither on the object or its class nor in a variable of the module: "
                    "take what differs between tiles from the scene and from `located`.",
                )


def resampling(record: TrialRecord) -> Iterator[Finding]:
    """Bands are interpolated where they are declared so, and finished pixels are those that are computed locally."""
    for band in record.composites:
        problem, _, remedy = composite_problem(band).partition(": ")[2].partition(". ")
        yield Finding("resampling", _band(band), f"{problem[0].upper()}{problem[1:]}.", f"{remedy}.")
    for band, size in record.blocks:
        yield Finding(
            "resampling",
            _band(band),
            f"It is declared BILINEAR and the modality `resampled = True`, but it arrives in blocks of {size:.3g} m: "
            "it is not interpolated.",
            "Resample the images before they are combined: mmearth_core.resample(collection).median().",
        )
    for wrong in record.wrong_pixels:
        expected = "no data" if math.isnan(wrong.expected) else f"{wrong.expected:g}"
        method = wrong.stack_band.resampling(record.pixel_size)
        how = "rounded" if method is Resampling.NEAREST else f"resampled ({method}), rounded"
        yield Finding(
            "resampling",
            _band(wrong.stack_band),
            f"{wrong.wrong} of {wrong.judged} finished pixels are not those of its own grid, {how} and cast locally, "
            f"e.g. {wrong.found:g} instead of {expected}.",
            "Return the band with its own grid and values, and leave resampling, casting and no-data to the core.",
        )


def _band(band: StackBand) -> str:
    return f"band {band.layer.name}.{band.band.name}"


def grid(record: TrialRecord) -> Iterator[Finding]:
    """No band is shifted too far."""
    for shift in record.misalignments:
        band = shift.stack_band
        offset = f"{abs(shift.east):.1f} m {'east' if shift.east > 0 else 'west'}"
        offset += f" and {abs(shift.south):.1f} m {'south' if shift.south > 0 else 'north'}"
        yield Finding(
            "grid",
            _band(band),
            f"A test image with known positions arrives shifted by {offset}; its pixels are {shift.pixel:g} m.",
            "Leave the grid to the core: no reproject() or translate() in the plugin. If it needs a grid of its own, "
            "reproject to the projection of the asset, image.projection().",
        )


def _quantities(record: TrialRecord) -> Iterator[tuple[str, Layer, Band, NDArray[np.float64]]]:
    """The finite values of every band, of maps and vectors: where, layer, band, values."""
    for raw in record.raw:
        known = raw.values[np.isfinite(raw.values)]
        if known.size:
            layer, band = raw.stack_band.layer, raw.stack_band.band
            yield f"band {layer.name}.{band.name}", layer, band, known
    for layer in (layer for layer in record.modality.layers if not layer.is_map):
        tiles = [tile.vectors.get(layer.name) for tile in record.tiles if tile.vectors is not None]
        tiles = [each for each in tiles if layer.steps is None or _has_length(each, layer.steps)]
        known_tiles = [each for each in _by_step(layer, tiles) if _has_length(each, len(layer.bands))]
        for position, band in enumerate(layer.bands):
            numbers = np.array([_number(each[position]) for each in known_tiles], np.float64)
            # The plugin itself may return the no-data value for a missing number.
            numbers = numbers[np.isfinite(numbers) & (numbers != layer.nodata)]
            if numbers.size:
                yield f"band {layer.name}.{band.name}", layer, band, numbers


def _limits(dtype: str) -> tuple[float, float]:
    kind = np.dtype(dtype)
    limits: Any = np.finfo(kind) if kind.kind == "f" else np.iinfo(kind)
    return float(limits.min), float(limits.max)


def _share(part: NDArray[np.float64], values: NDArray[np.float64]) -> str:
    return f"{100 * part.size / values.size:.3g} %"
