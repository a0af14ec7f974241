"""Checks the band statistics: strict JSON, complete, and equal to the counted values.

Counts, no-data, extremes and classes are compared over all rows. Statistics that need mean or standard deviation are
compared if every row is in the sample. For a smaller sample only the mean is compared, within its standard error, and a
difference is a warning.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from attrs import evolve, frozen

from mmearth_core.json_files import JSONFileError
from mmearth_core.layers import LayerDescription
from mmearth_core.product.statistics import ROUNDING, Statistic, statistics_of, value_of
from mmearth_core.text import counted
from mmearth_curate.strict_json import read_strictly
from mmearth_curate.verify.findings import Finding, Report, Severity
from mmearth_curate.verify.value_counts import Floats, ValueCounts

CHECK = "statistics"

_RECOUNT = "Count them again with `mmearth-core post stats`."

_ERRORS = 6.0
"""Difference of a sample's mean, in standard errors, above which it is reported."""

_UNSEEN = 14.0
"""Share of unusual tiles that one sample in a million misses (e to the -14), times the sample's size."""


@frozen(eq=False)
class BandStatsCheck:
    """Compares band statistics with the counted values.

    Attributes:
        report: the dataset.
        stats: the content of band_stats.json; None if it cannot be read.
        unreadable: findings about an unreadable file, or about constants that strict JSON does not allow.
    """

    report: Report
    stats: Mapping[str, Any] | None
    unreadable: tuple[Finding, ...]

    @classmethod
    def open(cls, report: Report) -> "BandStatsCheck":
        """Reads the statistics of a dataset."""
        path = report.reader.paths.band_stats

        def found(message: str, severity: Severity = Severity.FAULT) -> tuple[Finding]:
            return (report.finding(severity, CHECK, message, _RECOUNT),)

        try:
            parsed = read_strictly(path)
        except JSONFileError as error:
            return cls(report, None, found(f"{path.name} {error}."))
        if not isinstance(parsed.value, dict):
            return cls(report, None, found(f"{path.name} is not an object."))
        if parsed.constants:
            named = ", ".join(sorted(set(parsed.constants)))
            message = f"{path.name} has {named}, which strict JSON does not allow."
            return cls(report, parsed.value, found(message, report.contract))
        return cls(report, parsed.value, ())

    def means(self) -> dict[str, Floats]:
        """The means in the file by key, if they are numbers."""
        means = {}
        for layer in self.report.known.values():
            for key in layer.stat_keys(by_step=True):
                numbers = layer.stat_numbers((self.stats or {}).get(key), "mean")
                if numbers is not None:
                    means[key] = numbers
        return means

    def findings(self, is_full: bool) -> Iterator[Finding]:
        """All findings about the statistics.

        Args:
            is_full: whether all rows are in the sample.
        """
        if self.stats is None:
            return
        known, seen, means = self.report.known, self.report.seen, self.means()
        expected = {key: layer for layer in known.values() for key in (*layer.stat_names(), *seen.get(layer.name, {}))}
        for key, layer in list(expected.items()):
            steps = layer.step_keys(key)
            expected |= dict.fromkeys(steps if any(step in self.stats for step in steps) else (), layer)
        for key, layer in expected.items():
            if key not in self.stats:
                yield self._fault(layer.name, f"There is no entry {key!r}.")
                continue
            own = seen.get(layer.name, {})
            yield from self._complete(layer, key)
            # Unreadable rows of a layer are reported separately, and the layer's counts cannot be compared.
            if sum(counts.rows for counts in own.values()) == len(self.report.reader):
                counts = own.get(key) or seen.get(key, {}).get(key) or ValueCounts(len(layer.bands))
                yield from self._entry(layer, key, counts, means.get(key), is_full)
                if not is_full and key in means:
                    yield from self._sampled_means(layer, key, counts, means[key])
        unknown = self.report.layers.keys() - known.keys()
        for key in sorted(self.stats.keys() - expected.keys() - self.report.layers.keys()):
            if not any(key.startswith(f"{name}_") for name in unknown):
                message = f"Entry {key!r} is of no layer of the file."
                yield self.report.finding(Severity.WARNING, CHECK, message, _RECOUNT)

    def _complete(self, layer: LayerDescription, key: str) -> Iterator[Finding]:
        for statistic in self._table(layer, key):
            if not statistic.of_classes and self._numbers(layer, key, statistic) is None:
                bands = counted(len(layer.bands), "band")
                message = f"{key}: {statistic.name} is not a finite number for each of {bands}."
                yield self._fault(layer.name, message)

    def _table(self, layer: LayerDescription, key: str) -> Iterator[Statistic]:
        """The statistics that an entry must have; one of an earlier version has fewer."""
        entry = self.stats[key] if self.stats is not None else None
        names = entry.keys() if isinstance(entry, Mapping) else ()
        older = {each.older: each for each in statistics_of(layer) if each.older and each.name not in names}
        for each in statistics_of(layer):
            if each not in older.values():
                yield evolve(older[each.name], name=each.name) if each.name in older else each

    def _numbers(self, layer: LayerDescription, key: str, statistic: Statistic) -> Floats | None:
        assert self.stats is not None
        return layer.stat_numbers(self.stats[key], statistic.name)

    def _entry(
        self, layer: LayerDescription, key: str, seen: ValueCounts, mean: Floats | None, is_full: bool
    ) -> Iterator[Finding]:
        """Compares one entry. The sums were taken around its mean, and without a mean they have too few digits."""
        assert self.stats is not None
        off, std = seen.sampled.moments()
        full = off if mean is None else mean + off
        bands = [seen.band(number, float(full[number]), float(std[number])) for number in range(len(layer.bands))]
        for statistic in self._table(layer, key):
            if statistic.of_classes:
                entry = self.stats[key]
                stored = entry.get(statistic.name) if isinstance(entry, Mapping) else None
                if seen.classes and stored != [value_of(statistic, band) for band in bands]:
                    message = f"{key}: {statistic.name} is not what the HDF5 file's values give."
                    yield self._fault(layer.name, message)
                continue
            numbers = self._numbers(layer, key, statistic)
            if numbers is None:
                continue
            for number, band in enumerate(bands):
                has_moments = statistic.allowed is not None and band.count > 0
                if has_moments and (not is_full or mean is None):
                    continue
                value = value_of(statistic, band)
                allowed = statistic.allowed(band) if statistic.allowed and has_moments else 0.0
                if abs(numbers[number] - value) > allowed:
                    message = (
                        f"{key}: {statistic.name} of band {layer.bands[number]} is {numbers[number]:.17g}; the HDF5 "
                        f"file's values give {value:.17g}."
                    )
                    yield self._fault(layer.name, message)

    def _sampled_means(self, layer: LayerDescription, key: str, seen: ValueCounts, mean: Floats) -> Iterator[Finding]:
        sampled = seen.sampled
        (off, _), error = sampled.moments(), sampled.error()
        for band in np.flatnonzero(sampled.count).tolist():
            tiles = int(sampled.tiles[band])
            unseen = (seen.high[band] - seen.low[band]) * min(1.0, _UNSEEN / tiles)
            # Of a single tile the error is NaN, which fmax ignores.
            if abs(off[band]) <= np.fmax(_ERRORS * error[band], unseen) + ROUNDING * abs(mean[band]):
                continue
            message = (
                f"{key}: mean of band {layer.bands[band]} is {mean[band]:.9g}; {tiles} sampled tiles have "
                f"{mean[band] + off[band]:.9g} +- {error[band]:.3g}."
            )
            remedy = "Verify again with a larger --sample, or count them again with `mmearth-core post stats`."
            yield self.report.finding(Severity.WARNING, CHECK, message, remedy, layer=layer.name)

    def _fault(self, layer: str, message: str) -> Finding:
        return self.report.finding(self.report.contract, CHECK, message, _RECOUNT, layer=layer)
