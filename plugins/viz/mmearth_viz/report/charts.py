"""Bars and histograms for the templates of the page: scaled numbers and their labels."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from mmearth_viz.preview.legend import number, share, with_unit
from mmearth_viz.report.histograms import BINS, Range

MOST_BARS = 16
"""Maximum number of bars of a chart."""


TALL = 60
"""Height of a histogram in units of its picture; a bin is 4 units wide."""


_MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
           "November", "December")  # fmt: skip


@frozen
class Bar:
    """One value.

    Attributes:
        label: the value.
        text: the number as text.
        length: length, from 0 to 1.
        colour: `#rrggbb`; empty for the default.
    """

    label: str
    text: str
    length: float
    colour: str = ""


@frozen
class BarChart:
    """A table with bars.

    Attributes:
        title: what is counted.
        bars: the values.
        note: a note on values without a bar.
    """

    title: str
    bars: Sequence[Bar]
    note: str = ""


def counted(title: str, counts: Mapping[str, int], most: int = MOST_BARS) -> BarChart:
    """A chart of the most frequent values."""
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    shown, rest = ranked[:most], ranked[most:]
    note = f"and {len(rest):,} more, {sum(count for _, count in rest):,} tiles" if rest else ""
    return BarChart(title, _bars(shown), note)


def in_order(title: str, counts: Mapping[str, int]) -> BarChart:
    """A chart of values in their order, such as years."""
    return BarChart(title, _bars(sorted(counts.items())))


def _bars(items: Sequence[tuple[str, int]]) -> list[Bar]:
    most = max((count for _, count in items), default=0)
    return [Bar(label, f"{count:,}", count / most if most else 0.0) for label, count in items]


def years(days: Mapping[str, int], title: str) -> BarChart:
    """Counts by year, from counts by `YYYY-MM`."""
    counts: Counter[str] = Counter()
    for month, count in days.items():
        counts[month[:4]] += count
    return in_order(title, counts)


def months(days: Mapping[str, int], title: str) -> BarChart:
    """Counts by month of the year, from counts by `YYYY-MM`."""
    counts: Counter[int] = Counter()
    for month, count in days.items():
        counts[int(month[5:7])] += count
    return BarChart(title, _bars([(name, counts[position]) for position, name in enumerate(_MONTHS, start=1)]))


def shares(title: str, items: Iterable[tuple[str, float, str]], most: int = MOST_BARS) -> BarChart:
    """A chart of shares, `(label, share, colour)`, without those that are 0."""
    ranked = sorted((item for item in items if item[1] > 0), key=lambda item: (-item[1], item[0]))
    greatest = ranked[0][1] if ranked else 1.0
    bars = [Bar(label, share(part), part / greatest, colour) for label, part, colour in ranked[:most]]
    rest = ranked[most:]
    return BarChart(title, bars, f"and {len(rest):,} more, {share(sum(item[1] for item in rest))}" if rest else "")


@frozen
class Curve:
    """One variant's histogram.

    Attributes:
        variant: its name; empty if there are none.
        order: 0 for the first variant.
        path: the outline of its bins, an SVG path.
    """

    variant: str
    order: int
    path: str


@frozen
class Histogram:
    """One band.

    Attributes:
        band: its name.
        about: its description.
        low: the value at its left end.
        high: the value at its right end, with the unit.
        curves: one per variant.
        outside: the share beyond the ends as text, if any.
        nodata: the share of no-data as text.
        missing: the share of no-data.
    """

    band: str
    about: str
    low: str
    high: str
    curves: Sequence[Curve]
    outside: str
    nodata: str
    missing: float


def histogram(
    band: str, about: str, unit: str, bins: Range, counts: Mapping[str, NDArray[np.int64]], missing: float
) -> Histogram:
    """Scales a band's counts.

    Args:
        band: its name.
        about: its description.
        unit: unit of its values.
        bins: the bins.
        counts: `{variant: (2 + BINS)}`; each variant is scaled to its own total.
        missing: share of no-data.
    """
    parts = {variant: own / max(1, int(own.sum())) for variant, own in counts.items()}
    greatest = max((float(own[1:-1].max()) for own in parts.values()), default=0.0) or 1.0
    curves = [
        Curve(variant, order, _outline(own[1:-1] / greatest)) for order, (variant, own) in enumerate(parts.items())
    ]
    total = sum(int(own.sum()) for own in counts.values())
    below, above = (sum(int(own[end]) for own in counts.values()) for end in (0, -1))
    beyond = [f"{share(count / total)} {where}" for count, where in ((below, "below"), (above, "above")) if count]
    return Histogram(
        band,
        about,
        _end(bins.low + bins.is_whole / 2, bins),
        with_unit(_end(bins.high - bins.is_whole / 2, bins), unit),
        curves if total else [],
        ", ".join(beyond),
        share(missing),
        missing,
    )


def _end(value: float, bins: Range) -> str:
    """An end of the range as text, with as many digits as the bins need."""
    digits = max(0, 1 - math.floor(math.log10(bins.width))) if bins.width < 10 else 0
    return number(round(value, digits))


def _outline(heights: NDArray[np.float64]) -> str:
    tops = [f"V{TALL - TALL * height:.1f}h4" for height in heights.tolist()]
    return f"M0 {TALL}{''.join(tops)}V{TALL}Z"


SPAN = 4 * BINS
"""Width of a histogram in units of its picture."""
