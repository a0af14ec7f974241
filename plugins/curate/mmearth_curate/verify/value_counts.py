"""Counts of a layer's values: counts, extremes, classes, and sums over the sample for mean and standard deviation.

Plain numpy in float64, independent of the code that computes the statistics. Sums are taken around the mean in
band_stats.json: they lose no digits if that mean is correct, and reveal it if it is not.
"""

from collections import Counter
from typing import Any

import numpy as np
from attrs import define, field
from numpy.typing import NDArray

from mmearth_core.product.statistics import BandCounts

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

_SUMS = ("count", "total", "squares", "count2", "total2", "both", "tiles")


@define(eq=False)
class SampleMoments:
    """Sums over sampled tiles, of values minus a shift; tiles are the units of the sample.

    Attributes:
        bands: number of bands.
        count: number of valid values, n, over all tiles.
        total: their sum, d.
        squares: the sum of their squares.
        count2: over tiles, the sum of n * n.
        total2: over tiles, the sum of d * d.
        both: over tiles, the sum of n * d.
        tiles: number of tiles with a valid value.
    """

    bands: int
    count: Floats = field(init=False)
    total: Floats = field(init=False)
    squares: Floats = field(init=False)
    count2: Floats = field(init=False)
    total2: Floats = field(init=False)
    both: Floats = field(init=False)
    tiles: Floats = field(init=False)

    def __attrs_post_init__(self) -> None:
        for name in _SUMS:
            setattr(self, name, np.zeros(self.bands))

    def add(self, values: NDArray[np.generic], valid: NDArray[np.bool_], shift: Floats) -> None:
        """Adds one tile: (bands, any number) each."""
        apart = np.where(valid, values, 0).astype(np.float64) - shift[:, None]
        apart[~valid] = 0.0
        count, total = valid.sum(axis=1, dtype=np.float64), apart.sum(axis=1)
        squares = np.square(apart).sum(axis=1)
        added = (count, total, squares, count * count, total * total, count * total, count > 0)
        for name, sums in zip(_SUMS, added, strict=True):
            setattr(self, name, getattr(self, name) + sums)

    def merge(self, other: "SampleMoments") -> None:
        """Adds other tiles."""
        for name in _SUMS:
            setattr(self, name, getattr(self, name) + getattr(other, name))

    def moments(self) -> tuple[Floats, Floats]:
        """Mean minus the shift, and population standard deviation; NaN without a value."""
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = self.total / self.count
            return mean, np.sqrt(np.maximum(self.squares / self.count - mean * mean, 0.0))

    def error(self) -> Floats:
        """The standard error of the mean for a sample of tiles, whose values are similar, instead of single values.

        That of the ratio estimator (Cochran, Sampling Techniques, 1977, section 2.11); NaN with fewer than two tiles.
        """
        mean, _ = self.moments()
        with np.errstate(invalid="ignore", divide="ignore"):
            residuals = np.maximum(self.total2 - 2 * mean * self.both + mean * mean * self.count2, 0.0)
            factor = np.where(self.tiles > 1, self.tiles / (self.tiles - 1.0), np.nan)
            error: Floats = np.sqrt(factor * residuals) / self.count
        return error


@define(eq=False)
class ValueCounts:
    """Counts of all values of a layer, or of one of its variants; each array has one number per band.

    Attributes:
        bands: number of bands.
        count: number of valid values.
        nodata: number of no-data values.
        low: minimum of the valid values; inf without one.
        high: maximum of the valid values; -inf without one.
        classes: for each band, the number of occurrences of each valid value; empty unless the layer has classes.
        rows: number of tiles.
        empty: number of tiles without a valid value in any band.
        sampled: sums over the sampled tiles.
    """

    bands: int
    count: Counts = field(init=False)
    nodata: Counts = field(init=False)
    low: Floats = field(init=False)
    high: Floats = field(init=False)
    classes: list[Counter[int]] = field(factory=list)
    rows: int = 0
    empty: int = 0
    sampled: SampleMoments = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.count, self.nodata = np.zeros(self.bands, np.int64), np.zeros(self.bands, np.int64)
        self.low, self.high = np.full(self.bands, np.inf), np.full(self.bands, -np.inf)
        self.sampled = SampleMoments(self.bands)

    def add(self, values: NDArray[np.generic], valid: NDArray[np.bool_], classes: bool) -> None:
        """Counts one tile: (bands, any number) each."""
        count = np.count_nonzero(valid, axis=1)
        self.rows += 1
        self.empty += not count.any()
        self.count += count
        self.nodata += valid.shape[1] - count
        if classes and not self.classes:
            self.classes = [Counter() for _ in range(self.bands)]
        full = bool(valid.all())
        low = values.min(axis=1) if full else np.min(values, axis=1, where=valid, initial=_limit(values, 1))
        high = values.max(axis=1) if full else np.max(values, axis=1, where=valid, initial=_limit(values, -1))
        some = count > 0
        self.low[some] = np.minimum(self.low, low)[some]
        self.high[some] = np.maximum(self.high, high)[some]
        for band in np.flatnonzero(count).tolist() if classes else ():
            found, times = np.unique(values[band][valid[band]], return_counts=True)
            self.classes[band].update(dict(zip(found.tolist(), times.tolist(), strict=True)))

    def merge(self, other: "ValueCounts") -> None:
        """Adds the counts of other rows."""
        self.count += other.count
        self.nodata += other.nodata
        self.low, self.high = np.minimum(self.low, other.low), np.maximum(self.high, other.high)
        self.rows += other.rows
        self.empty += other.empty
        if other.classes and not self.classes:
            self.classes = [Counter() for _ in range(self.bands)]
        for own, more in zip(self.classes, other.classes, strict=False):
            own.update(more)
        self.sampled.merge(other.sampled)

    def band(self, number: int, mean: float, std: float) -> BandCounts:
        """The counts of one band, from which its statistics are computed."""
        return BandCounts(
            count=int(self.count[number]),
            nodata=int(self.nodata[number]),
            mean=mean,
            std=std,
            low=float(self.low[number]),
            high=float(self.high[number]),
            classes=self.classes[number] if self.classes else {},
        )


def _limit(values: NDArray[Any], sign: int) -> float:
    """The largest possible value of the dtype, or for sign -1 the smallest."""
    if values.dtype.kind == "f":
        return sign * float("inf")
    limits = np.iinfo(values.dtype)
    return int(limits.max if sign > 0 else limits.min)
