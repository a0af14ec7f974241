"""The sections of the page: layers with histograms, shares and statistics; and sample tiles with pictures."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from attrs import frozen
from mmearth_curate.reading import DescribedReader
from mmearth_curate.select import RowFilter
from PIL import Image

from mmearth_core import Kind
from mmearth_core.layers import LayerDescription
from mmearth_core.product.statistics import statistics_of
from mmearth_core.progress import Progress
from mmearth_viz.preview.dataset import Facts, Wanted, choose_rows, step_dates
from mmearth_viz.preview.dataset import entries_of as tile_entries
from mmearth_viz.preview.legend import number, share
from mmearth_viz.preview.panel import MapPanel, NumbersPanel, make_panel
from mmearth_viz.preview.tile_sheet import scaled
from mmearth_viz.report.charts import BarChart, Histogram, histogram, shares
from mmearth_viz.report.histograms import Histograms, Stats, entries_of, is_choice, is_quantity, ranges_of
from mmearth_viz.report.world import png

MOST_BANDS = 64
"""Maximum number of bands of a layer with a histogram, and of lines in its table."""


@frozen
class StatRow:
    """One line of the table of statistics.

    Attributes:
        band: its name.
        variant: its variant or time step; empty without one.
        unit: empty for none.
        values: one per heading of the table.
        nodata: the share of no-data.
    """

    band: str
    variant: str
    unit: str
    values: Sequence[str]
    nodata: str


@frozen
class LayerSection:
    """One layer.

    Attributes:
        name: its name.
        about: its description.
        facts: kind, shape, type, no-data and plugin, in a few words each.
        variants: variants with their own histograms.
        histograms: histograms of its bands.
        charts: charts of the shares of classes.
        headings: the statistics in its table.
        rows: its band statistics.
        more: number of bands that are not shown.
        parts: the heading of the parts that have lines of their own: variants or time steps; empty without any.
    """

    name: str
    about: str
    facts: tuple[str, ...]
    variants: tuple[str, ...]
    histograms: Sequence[Histogram]
    charts: Sequence[BarChart]
    headings: Sequence[str]
    rows: Sequence[StatRow]
    more: int = 0
    parts: str = ""


def sections(reader: DescribedReader, stats: Stats, counts: Histograms) -> list[LayerSection]:
    """One section per layer."""
    return [_section(layer, stats, counts) for layer in reader.layers.values()]


def _section(layer: LayerDescription, stats: Stats, counts: Histograms) -> LayerSection:
    entries = entries_of(layer, stats)
    headings = [statistic.name for statistic in statistics_of(layer) if statistic.shown]
    choice = is_choice(layer, stats)
    keys = [key for key in layer.stat_keys(by_step=True) if key in stats]
    bands = range(min(len(layer.bands), MOST_BANDS))
    return LayerSection(
        layer.name,
        layer.description,
        _facts(layer),
        tuple(variant for variant in layer.variants if layer.stat_name(variant) in counts.counts),
        [] if not is_quantity(layer, stats) else [_histogram(layer, band, entries, stats, counts) for band in bands],
        [_choices(layer, entries)] if choice else list(_classes(layer, entries)),
        headings,
        [] if choice else [_row(layer, band, key, stats[key], headings) for band in bands for key in keys],
        0 if choice else len(layer.bands) - len(bands),
        "variant" if layer.variants else "step" if len(keys) > len(entries) else "",
    )


def _facts(layer: LayerDescription) -> tuple[str, ...]:
    shape = " x ".join(map(str, layer.shape))
    kinds = {Kind.CLASSES: "classes", Kind.REGRESSION: "quantities", Kind.VECTOR: "numbers per tile"}
    return (kinds[layer.kind], f"{shape} {layer.dtype}", f"no data {number(float(layer.nodata))}", layer.plugin)


def _missing(entries: Iterable[Mapping[str, Any]], band: int) -> float:
    pairs = [(entry["nodata"][band], entry["count"][band]) for entry in entries if "nodata" in entry]
    total = sum(missing + known for missing, known in pairs)
    return float(sum(missing for missing, _ in pairs) / total) if total else 0.0


def _histogram(layer: LayerDescription, band: int, entries: Stats, stats: Stats, counts: Histograms) -> Histogram:
    of_variant = {
        variant: counts.counts[layer.stat_name(variant or None)][band]
        for variant in (*layer.variants, "")
        if layer.stat_name(variant or None) in counts.counts
    }
    bins = ranges_of(layer, stats)[band]
    missing = _missing(entries.values(), band)
    return histogram(layer.bands[band], layer.descriptions[band], layer.units[band], bins, of_variant, missing)


def _classes(layer: LayerDescription, entries: Stats) -> Iterable[BarChart]:
    if layer.kind is not Kind.CLASSES:
        return
    for band, name in enumerate(layer.bands):
        counts: Counter[int] = Counter()
        for entry in entries.values():
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
        missing = _missing(entries.values(), band)
        title = f"{name}: shares of all pixels with data; {share(missing)} without data"
        yield shares(title, items, most=40)


def _choices(layer: LayerDescription, entries: Stats) -> BarChart:
    sums, total = [0.0] * len(layer.bands), 0
    for entry in entries.values():
        total += max(entry["count"])
        sums = [own + mean * count for own, mean, count in zip(sums, entry["mean"], entry["count"], strict=True)]
    names = [about or band for band, about in zip(layer.bands, layer.descriptions, strict=True)]
    items = [(name, own / total if total else 0.0, "") for name, own in zip(names, sums, strict=True)]
    return shares(f"shares of tiles, one of {len(names):,} each", items)


def _row(layer: LayerDescription, band: int, key: str, entry: Mapping[str, Any], headings: Sequence[str]) -> StatRow:
    known = entry["count"][band] > 0
    # Of a constant band, `std` and `max` are for readers that divide by them.
    true = {**entry, **{name: entry[f"true_{name}"] for name in headings if f"true_{name}" in entry}}
    values = [number(true[name][band]) if known and name in true else "-" for name in headings]
    variant = key.removeprefix(f"{layer.name}_") if key != layer.name else ""
    unit = "" if layer.units[band] == "1" else layer.units[band]
    return StatRow(layer.bands[band], variant, unit, values, share(_missing([entry], band)))


_SIDE = 256
"""Maximum width of a picture, pixels; smaller tiles are not enlarged."""

_COLOURS = 128
"""Number of colours of a picture; classes have fewer, and in other pictures the difference is invisible."""

_LAYERS, _NUMBERS = 24, 6
"""Maximum number of layers of a tile, and of numbers of a vector."""


@frozen
class Shot:
    """One layer of a tile.

    Attributes:
        layer: its name.
        shown: the bands shown, with a note on anything unusual.
        picture: a data URI.
        alt: the picture's description as text.
        scale: the ends of its range; empty without a range.
        steps: of a strip of time steps, the date of each.
    """

    layer: str
    shown: str
    picture: str
    alt: str
    scale: str
    steps: Sequence[str] = ()


@frozen
class Sample:
    """One tile.

    Attributes:
        tile_id: its id.
        line: its date and location.
        shots: its maps.
        numbers: `(name, value)` of vectors.
    """

    tile_id: str
    line: str
    shots: Sequence[Shot]
    numbers: Sequence[tuple[str, str]]


def make_samples(reader: DescribedReader, count: int, seed: int, progress: Progress) -> list[Sample]:
    """Draws a few varied tiles."""
    if not len(reader) or not count:
        return []
    rows = choose_rows(reader, Wanted((), RowFilter(seed=seed), count, random=False), progress)
    entries = tile_entries(reader, rows)
    layers = [layer for layer in reader.layers.values() if layer.is_map or layer.previews][:_LAYERS]
    samples = []
    for row, values in zip(rows, reader.values(rows, [layer.name for layer in layers]), strict=True):
        variant = reader.table.variant(row)
        panels = [
            make_panel(layer, values[layer.name], variant, _NUMBERS, step_dates(layer, entries[row]))
            for layer in layers
        ]
        tile_id = reader.table.tile_id(row)
        samples.append(
            Sample(
                tile_id,
                Facts.of(entries[row]).line(variant),
                [_shot(panel, tile_id) for panel in panels if isinstance(panel, MapPanel)],
                _numbers([panel for panel in panels if isinstance(panel, NumbersPanel)]),
            )
        )
        progress("drawing tiles", len(samples), len(rows))
    return samples


def _shot(panel: MapPanel, tile_id: str) -> Shot:
    side = _SIDE * max(1, len(panel.steps) // 2)  # each picture of a strip has half the width
    picture = panel.picture if panel.picture.shape[1] <= side else scaled(panel.picture, side)
    legend = panel.legend
    keys = ", ".join(swatch.text for swatch in legend.swatches)
    scale = " to ".join(legend.ends) if legend.ramp is not None else ""
    shown = f"{legend.heading}; {panel.note}" if panel.note else legend.heading
    alt = "; ".join(text for text in (f"{panel.layer.name} of tile {tile_id}: {shown}", scale, keys) if text)
    image = Image.fromarray(picture).quantize(_COLOURS, dither=Image.Dither.NONE)
    return Shot(panel.layer.name, shown, png(image), alt, scale, panel.steps)


def _numbers(panels: Sequence[NumbersPanel]) -> list[tuple[str, str]]:
    return [(f"{panel.layer.name} {each.name}", each.text) for panel in panels for each in panel.numbers]
