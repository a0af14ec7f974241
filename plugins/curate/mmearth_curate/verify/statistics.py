"""Checks the band statistics: strict JSON, complete, and equal to what was seen.

Counts, no-data, extremes and classes are compared over all rows. Mean and standard deviation too when every row is in
the sample; of a smaller sample they are only compared within their error, and a difference is a warning.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from attrs import frozen

from mmearth_core.json_files import JSONFileError, Parsed, read_json
from mmearth_core.layers import LayerDescription
from mmearth_core.text import counted
from mmearth_curate.verify.findings import Finding, Severity
from mmearth_curate.verify.seen import Floats, ValueCounts
from mmearth_curate.verify.subject import Subject

CHECK = "statistics"


_RECOUNT = "Count them again with `mmearth-core post stats`."


EXACT = 1e-9
"""Relative to mean and deviation: what two ways of summing in float64 may differ by."""


ERRORS = 6.0
"""Standard errors by which a sample's mean may be off before it is told."""


UNSEEN = 14.0
"""Tiles unlike those of the sample, over the sample's size: one sample in a million misses so many (e to the -14)."""


_MOMENTS = ("mean", "std", "min", "max")


_TOTALS = ("count", "nodata")


@frozen(eq=False)
class StatsCheck:
    """Compares band statistics with what was seen.

    Attributes:
        subject: the dataset.
        stats: their content; None if it cannot be read.
        unreadable: why not, as a finding; or the constants that strict JSON lacks.
    """

    subject: Subject
    stats: Mapping[str, Any] | None
    unreadable: tuple[Finding, ...]

    @classmethod
    def open(cls, subject: Subject) -> "StatsCheck":
        """Reads the statistics of a dataset."""
        path = subject.beside("band_stats")

        def fault(message: str) -> Finding:
            return subject.finding(Severity.FAULT, CHECK, message, _RECOUNT)

        try:
            parsed: Parsed = read_json(path)
        except JSONFileError as error:
            return cls(subject, None, (fault(f"{path.name} {error}."),))
        if not isinstance(parsed.value, dict):
            return cls(subject, None, (fault(f"{path.name} holds no object."),))
        if parsed.constants:
            named = ", ".join(sorted(set(parsed.constants)))
            message = f"{path.name} holds {named}, which strict JSON does not allow."
            return cls(subject, parsed.value, (subject.finding(subject.contract, CHECK, message, _RECOUNT),))
        return cls(subject, parsed.value, ())

    def shifts(self) -> dict[str, Floats]:
        """The means that are claimed, where they are such."""
        claimed = {}
        for layer in self.subject.known.values():
            for name in {*layer.stat_names(), layer.name}:
                means = _numbers((self.stats or {}).get(name), "mean", len(layer.bands))
                if means is not None and np.isfinite(means).all():
                    claimed[name] = means
        return claimed

    def findings(self, seen: Mapping[str, Mapping[str, ValueCounts]], whole: bool) -> Iterator[Finding]:
        """Everything that is wrong with them.

        Args:
            seen: of each layer, by its names in the statistics.
            whole: all rows are in the sample.
        """
        if self.stats is None:
            return
        known = self.subject.known
        due = {name: layer for layer in known.values() for name in (*layer.stat_names(), *seen.get(layer.name, {}))}
        torn = {name for name, layer in due.items() if self._is_torn(seen.get(layer.name, {}))}
        for name, layer in due.items():
            if name not in self.stats:
                yield self._fault(layer.name, f"There is no entry {name!r}.")
            else:
                own = seen.get(layer.name, {}).get(name) or ValueCounts(len(layer.bands))
                yield from self._entry(layer, name, own, whole, name not in torn)
        for name in sorted(self.stats.keys() - due.keys() - self.subject.layers.keys()):
            if not any(name.startswith(f"{other}_") for other in self.subject.layers.keys() - known.keys()):
                message = f"Entry {name!r} is of no layer of the file."
                yield self.subject.finding(Severity.WARNING, CHECK, message, _RECOUNT)

    def _is_torn(self, entries: Mapping[str, ValueCounts]) -> bool:
        """Whether rows of a layer cannot be read: that is a fault of its own, and its counts cannot be compared."""
        return sum(seen.rows for seen in entries.values()) < len(self.subject.table)

    def _entry(
        self, layer: LayerDescription, name: str, seen: ValueCounts, whole: bool, compare: bool
    ) -> Iterator[Finding]:
        assert self.stats is not None
        entry = self.stats[name]
        told: dict[str, Floats] = {}
        for key in (*_MOMENTS, *_TOTALS):
            numbers = _numbers(entry, key, len(layer.bands))
            if numbers is None or not np.isfinite(numbers).all():
                yield self._fault(
                    layer.name, f"{name}: {key} is not a finite number for each of {counted(len(layer.bands), 'band')}."
                )
            else:
                told[key] = numbers
        if not compare:
            return
        some = seen.count > 0
        exact: dict[str, Any] = {
            "count": seen.count,
            "nodata": seen.nodata,
            "min": np.where(some, seen.low, 0.0),
            "max": np.where(some, seen.high, 1.0),
        }
        for key in exact.keys() & told.keys():
            for band in np.flatnonzero(exact[key] != told[key]).tolist():
                yield self._differs(layer, name, key, band, told[key][band], exact[key][band])
        if "mean" in told and "std" in told:
            yield from self._moments(layer, name, told, seen, whole)
        if seen.classes:
            yield from self._classes(layer, name, entry, seen)

    def _moments(
        self, layer: LayerDescription, name: str, told: Mapping[str, Floats], seen: ValueCounts, whole: bool
    ) -> Iterator[Finding]:
        """Mean and deviation of the sample, whose sums are around the mean that is told."""
        sampled = seen.sampled
        (off, std), error = sampled.moments(), sampled.error()
        for band in range(len(layer.bands)):
            mean, deviation = told["mean"][band], told["std"][band]
            if not seen.count[band]:
                for key, number, due in (("mean", mean, 0.0), ("std", deviation, 1.0)):
                    if number != due:
                        yield self._differs(layer, name, key, band, number, due)
            elif not sampled.count[band]:
                continue
            elif whole:
                scale = EXACT * (abs(mean) + std[band])
                if abs(off[band]) > scale:
                    yield self._differs(layer, name, "mean", band, mean, mean + off[band])
                if abs(std[band] - deviation) > max(scale, math.ulp(1.0)):
                    yield self._differs(layer, name, "std", band, deviation, std[band])
            else:
                tiles = int(sampled.tiles[band])
                unseen = (seen.high[band] - seen.low[band]) * min(1.0, UNSEEN / tiles)
                if abs(off[band]) <= np.fmax(ERRORS * error[band], unseen) + EXACT * abs(mean):  # nan of one tile
                    continue
                message = (
                    f"{name}: mean of band {layer.bands[band]} is {mean:.9g}; {tiles} sampled tiles have "
                    f"{mean + off[band]:.9g} +- {error[band]:.3g}."
                )
                remedy = "Verify again with a larger --sample, or count them again with `mmearth-core post stats`."
                yield self.subject.finding(Severity.WARNING, CHECK, message, remedy, layer=layer.name)

    def _classes(self, layer: LayerDescription, name: str, entry: Any, seen: ValueCounts) -> Iterator[Finding]:
        told = entry.get("classes") if isinstance(entry, Mapping) else None
        due = [{str(value): times for value, times in sorted(each.items())} for each in seen.classes]
        if told != due:
            yield self._fault(layer.name, f"{name}: the counts of its classes are not those of the HDF5 file.")

    def _differs(self, layer: LayerDescription, name: str, key: str, band: int, told: Any, due: Any) -> Finding:
        message = f"{name}: {key} of band {layer.bands[band]} is {told:.17g}; the HDF5 file's values give {due:.17g}."
        return self._fault(layer.name, message)

    def _fault(self, layer: str, message: str) -> Finding:
        return self.subject.finding(self.subject.contract, CHECK, message, _RECOUNT, layer=layer)


def _numbers(entry: Any, key: str, bands: int) -> Floats | None:
    """A list with a number a band."""
    listed = entry.get(key) if isinstance(entry, Mapping) else None
    if not isinstance(listed, list) or len(listed) != bands:
        return None
    if not all(isinstance(number, int | float) and not isinstance(number, bool) for number in listed):
        return None
    return np.array(listed, np.float64)
