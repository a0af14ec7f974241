"""The page's sections on layers: histograms, shares of classes, and the table of band statistics."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from attrs import frozen

from mmearth_core.contract.bands import Kind
from mmearth_core.layers import LayerDescription
from mmearth_viz.preview.album import Album
from mmearth_viz.preview.legend import number, share
from mmearth_viz.report.charts import BarChart, Histogram, histogram, shares
from mmearth_viz.report.histograms import Histograms, Stats, is_choice, is_quantity, ranges_of

MOST_BANDS = 64
"""Bands of a layer that have a histogram, and lines of its table."""


@frozen
class StatRow:
    """One line of the table of statistics."""

    band: str
    variant: str
    unit: str
    mean: str
    std: str
    low: str
    high: str
    nodata: str


@frozen
class LayerSection:
    """One layer.

    Attributes:
        name: its name.
        about: its description.
        facts: kind, shape, type, no-data and plugin, in a few words each.
        variants: whose histograms are told apart.
        histograms: of its bands.
        charts: shares of classes.
        rows: its band statistics.
        more: bands that are not shown.
    """

    name: str
    about: str
    facts: tuple[str, ...]
    variants: tuple[str, ...]
    histograms: Sequence[Histogram]
    charts: Sequence[BarChart]
    rows: Sequence[StatRow]
    more: int = 0


def sections(album: Album, stats: Stats, counts: Histograms) -> list[LayerSection]:
    """A section a layer, in the album's order."""
    return [_section(layer, stats, counts) for layer in album.layers.values()]


def _section(layer: LayerDescription, stats: Stats, counts: Histograms) -> LayerSection:
    told = {name: stats[name] for name in dict.fromkeys((*layer.stat_names(), layer.name)) if name in stats}
    choice = is_choice(layer, stats)
    bands = range(min(len(layer.bands), MOST_BANDS))
    return LayerSection(
        layer.name,
        layer.description,
        _facts(layer),
        tuple(variant for variant in layer.variants if layer.stat_name(variant) in counts.counts),
        [] if not is_quantity(layer, stats) else [_histogram(layer, band, told, stats, counts) for band in bands],
        [_choices(layer, told)] if choice else list(_classes(layer, told)),
        [] if choice else [_stat_row(layer, band, name, entry) for band in bands for name, entry in told.items()],
        0 if choice else len(layer.bands) - len(bands),
    )


def _facts(layer: LayerDescription) -> tuple[str, ...]:
    shape = " x ".join(map(str, layer.shape))
    kinds = {Kind.CLASSES: "classes", Kind.REGRESSION: "quantities", Kind.VECTOR: "numbers a tile"}
    return (kinds[layer.kind], f"{shape} {layer.dtype}", f"no data {number(float(layer.nodata))}", layer.plugin)


def _missing(entries: Iterable[Mapping[str, Any]], band: int) -> float:
    pairs = [(entry["nodata"][band], entry["count"][band]) for entry in entries if "nodata" in entry]
    total = sum(missing + known for missing, known in pairs)
    return float(sum(missing for missing, _ in pairs) / total) if total else 0.0


def _histogram(
    layer: LayerDescription, band: int, told: Mapping[str, Mapping[str, Any]], stats: Stats, counts: Histograms
) -> Histogram:
    of_variant = {
        variant: counts.counts[layer.stat_name(variant or None)][band]
        for variant in (*layer.variants, "")
        if layer.stat_name(variant or None) in counts.counts
    }
    bins = ranges_of(layer, stats)[band]
    missing = _missing(told.values(), band)
    return histogram(layer.bands[band], layer.descriptions[band], layer.units[band], bins, of_variant, missing)


def _classes(layer: LayerDescription, told: Mapping[str, Mapping[str, Any]]) -> Iterable[BarChart]:
    if layer.kind is not Kind.CLASSES:
        return
    for band, name in enumerate(layer.bands):
        counts: Counter[int] = Counter()
        for entry in told.values():
            for value, times in (entry["classes"][band] if "classes" in entry else {}).items():
                counts[int(value)] += times
        total = counts.total()
        labels = {label.value: label for label in layer.classes[band]} if layer.classes else {}
        items = [
            (labels[value].name, times / total, labels[value].colour)
            if value in labels
            else (f"{value} (not declared)", times / total, "")
            for value, times in counts.items()
        ]
        missing = _missing(told.values(), band)
        title = f"{name}: shares of all pixels with data; {share(missing)} without data"
        yield shares(title, items, most=40)


def _choices(layer: LayerDescription, told: Mapping[str, Mapping[str, Any]]) -> BarChart:
    sums, total = [0.0] * len(layer.bands), 0
    for entry in told.values():
        total += max(entry["count"])
        sums = [mine + mean * count for mine, mean, count in zip(sums, entry["mean"], entry["count"], strict=True)]
    names = [about or band for band, about in zip(layer.bands, layer.descriptions, strict=True)]
    items = [(name, own / total if total else 0.0, "") for name, own in zip(names, sums, strict=True)]
    return shares(f"shares of tiles, one of {len(names):,} each", items)


def _stat_row(layer: LayerDescription, band: int, name: str, entry: Mapping[str, Any]) -> StatRow:
    known = entry["count"][band] > 0
    mean, std, low, high = (number(entry[key][band]) if known else "-" for key in ("mean", "std", "min", "max"))
    variant = name.removeprefix(f"{layer.name}_") if name != layer.name else ""
    unit = "" if layer.units[band] == "1" else layer.units[band]
    return StatRow(layer.bands[band], variant, unit, mean, std, low, high, share(_missing([entry], band)))
