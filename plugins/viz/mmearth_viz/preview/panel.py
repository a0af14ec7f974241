"""Panels: one layer of one tile as a picture with its legend, or as labelled numbers."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from attrs import evolve, field, frozen
from numpy.typing import NDArray

from mmearth_core import ClassLabel, Kind, Preview
from mmearth_core.layers import DEFAULT, LayerDescription
from mmearth_viz.preview.legend import Legend, legend_of, number, with_unit
from mmearth_viz.preview.render import Picture, render_bands

_PERCENTILES = (2, 98)
"""Percentiles of a tile's values: the range of a layer that declares none."""

_ONE_HOT_FROM = 3
"""Minimum number of bands of a one-hot vector that is shown as a choice."""


@frozen(eq=False)
class MapPanel:
    """A layer as a picture.

    Attributes:
        layer: the layer.
        picture: its pixels' colours, (rows, columns, 3); those of time steps side by side.
        legend: its legend.
        note: anything unusual about it; otherwise empty.
        steps: the date of each time step; empty for a layer without steps.
    """

    layer: LayerDescription
    picture: Picture
    legend: Legend
    note: str = ""
    steps: tuple[str, ...] = ()

    @property
    def pictures(self) -> list[Picture]:
        """The picture of each time step; or the only one."""
        return np.split(self.picture, len(self.steps) or 1, axis=1)


@frozen
class Number:
    """One value of a vector layer.

    Attributes:
        name: the band.
        text: the value with its unit, or "no data"; empty for the chosen band of a one-hot vector.
        bar: its size relative to the values with the same unit, -1 to 1; 0 without a value.
    """

    name: str
    text: str
    bar: float


def _as_numbers(numbers: Iterable[Number]) -> tuple[Number, ...]:
    return tuple(numbers)


@frozen(eq=False)
class NumbersPanel:
    """A layer as a list of numbers.

    Attributes:
        layer: the layer.
        numbers: the first values.
        more: number of values that are not listed.
    """

    layer: LayerDescription
    numbers: tuple[Number, ...] = field(converter=_as_numbers)
    more: int = 0

    @property
    def rest(self) -> str:
        """The text for the numbers that are not listed."""
        chosen = bool(self.numbers) and not self.numbers[0].text
        return f"one of {self.more + 1:,}" if chosen else f"and {self.more:,} more"


Panel = MapPanel | NumbersPanel


def make_panel(
    layer: LayerDescription, values: NDArray[Any], variant: str | None, most: int = 12, dates: Sequence[str] = ()
) -> Panel:
    """The panel of a layer of a tile.

    Args:
        layer: its description.
        values: a row of its dataset.
        variant: the tile's variant.
        most: maximum number of listed values of a vector.
        dates: the date of each time step, if it has any; by default their numbers.
    """
    known = np.where(layer.valid(values), values, np.nan).astype(np.float64)
    if layer.steps is None:
        return _map(layer, known, variant) if layer.is_map else _numbers(layer, known, most)
    steps = tuple(dates) or tuple(f"step {number}" for number in range(layer.steps))
    if layer.is_map:  # drawn as one wide image, so that all steps have the same bands and colours
        return evolve(_map(layer, np.concatenate(list(known), axis=-1), variant), steps=steps)
    named = [
        evolve(number, name=f"{number.name}, {date}")
        for date, own in zip(steps, known, strict=True)
        for number in _numbers(layer, own, len(own)).numbers
    ]
    return NumbersPanel(layer, named[:most], max(0, len(named) - most))


def _map(layer: LayerDescription, values: NDArray[np.float64], variant: str | None) -> MapPanel:
    preview = layer.previews.get(variant or DEFAULT, layer.previews.get(DEFAULT))
    preview, note = _own(layer, values) if preview is None else _with_data(layer, values, preview)
    chosen = [layer.bands.index(band) for band in preview.bands]
    shown, classes = values[chosen], _classes(layer, chosen)
    legend = legend_of(preview, [layer.units[band] for band in chosen], classes, shown, layer.name)
    return MapPanel(layer, render_bands(shown, preview, classes, layer.name), legend, note)


def _classes(layer: LayerDescription, chosen: Sequence[int]) -> tuple[ClassLabel, ...]:
    return layer.classes[chosen[0]] if layer.classes and len(chosen) == 1 else ()


def _own(layer: LayerDescription, values: NDArray[np.float64]) -> tuple[Preview, str]:
    """The preview of a layer that declares none: its first band with data, in the range of its values."""
    band = next((position for position, own in enumerate(values) if np.isfinite(own).any()), 0)
    found = values[band][np.isfinite(values[band])]
    low, high = np.percentile(found, _PERCENTILES).tolist() if found.size else (0.0, 1.0)
    high = high if high > low else math.nextafter(low, math.inf) + 1e-6 * max(1.0, abs(low))
    note = "" if layer.kind is Kind.CLASSES else "declares no range: 2 to 98 % of this tile"
    return Preview((layer.bands[band],), low, high), note


def _with_data(layer: LayerDescription, values: NDArray[np.float64], preview: Preview) -> tuple[Preview, str]:
    """The preview; if its single band has no data, with another band of the same unit that has data."""
    if len(preview.bands) != 1:
        return preview, ""
    band = layer.bands.index(preview.bands[0])
    if np.isfinite(values[band]).any():
        return preview, ""
    for position, own in enumerate(values):
        if layer.units[position] == layer.units[band] and not _classes(layer, [position]) and np.isfinite(own).any():
            return evolve(preview, bands=(layer.bands[position],)), f"{preview.bands[0]} has no data"
    return preview, ""


def _numbers(layer: LayerDescription, values: NDArray[np.float64], most: int) -> NumbersPanel:
    if len(values) >= _ONE_HOT_FROM and np.isin(values, (0, 1)).all() and values.sum() == 1:
        band = int(np.argmax(values))
        return NumbersPanel(layer, [Number(layer.descriptions[band] or layer.bands[band], "", 0.0)], len(values) - 1)
    preview = layer.previews.get(DEFAULT)
    chosen = [layer.bands.index(name) for name in preview.bands] if preview else list(range(len(values)))
    numbers = [_number(layer, values, band) for band in chosen[:most]]
    return NumbersPanel(layer, numbers, len(values) - len(numbers))


def _number(layer: LayerDescription, values: NDArray[np.float64], band: int) -> Number:
    value = float(values[band])
    if not math.isfinite(value):
        return Number(layer.bands[band], "no data", 0.0)
    alike = [abs(values[other]) for other, unit in enumerate(layer.units) if unit == layer.units[band]]
    greatest = float(np.nanmax(alike))
    return Number(layer.bands[band], with_unit(number(value), layer.units[band]), value / greatest if greatest else 0.0)
