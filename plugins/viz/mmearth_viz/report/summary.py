"""Counts the entries of tile_info in one pass: locations, dates, images found, and every key with few values."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from attrs import define, field
from mmearth_curate.reading import DescribedReader, Entry, tile_info
from numpy.typing import NDArray

from mmearth_core.progress import Progress
from mmearth_viz.preview.dataset import TILE, is_date

DISTINCT = 1000
"""Maximum number of values of a counted key: keys with more values identify single tiles, like an image's id."""

_REPEATED = 1.5
"""Minimum mean number of occurrences of a key's values for a chart."""

_NUMBERS = 20
"""Maximum number of values of an integer key; one with more values is treated as a quantity."""

_BANDS, _MISSING = "BANDS", "MISSING"
"""The keys of tile_info with the bands found, and with the reasons for missing layers."""


@define(eq=False)
class TileInfoSummary:
    """Counts over all tiles.

    Attributes:
        lon: longitude of each row, degrees; NaN if unknown.
        lat: latitude of each row, degrees; NaN if unknown.
        tiles: number of entries read.
        keys: for each key, the number of occurrences of each value.
        days: for each key with dates, the number of occurrences of each month, `YYYY-MM`.
        found: for each key of `BANDS`, the number of tiles with bands.
        missing: number of tiles by `(layer, reason)`.
    """

    lon: NDArray[np.float32]
    lat: NDArray[np.float32]
    tiles: int = 0
    keys: dict[str, Counter[str]] = field(factory=dict)
    days: dict[str, Counter[str]] = field(factory=dict)
    found: Counter[str] = field(factory=Counter)
    missing: Counter[tuple[str, str]] = field(factory=Counter)
    _numbers: set[str] = field(factory=set)
    _dropped: set[str] = field(factory=set)

    def add(self, row: int, entry: Entry) -> None:
        """Counts a tile."""
        self.tiles += 1
        lat, lon = entry.get("lat"), entry.get("lon")
        if isinstance(lat, int | float) and isinstance(lon, int | float):
            self.lon[row], self.lat[row] = lon, lat
        columns = entry.get(TILE)
        columns = columns if isinstance(columns, Mapping) else {}
        for key, value in columns.items():
            self._value(key, value)
        for key, value in entry.items():
            if key not in columns:
                self._value(key, value)
        for key, bands in _mapping(entry, _BANDS):
            self.found[key] += bool(bands)
        for key, reason in _mapping(entry, _MISSING):
            self.missing[key, str(reason)] += 1

    def _value(self, key: str, value: Any) -> None:
        text = _text(value)
        if text is None or key in self._dropped:
            return
        if isinstance(value, str) and is_date(value):
            self.days.setdefault(key, Counter())[value[:7]] += 1
            return
        if isinstance(value, int) and not isinstance(value, bool):
            self._numbers.add(key)
        counts = self.keys.setdefault(key, Counter())
        counts[text] += 1
        if len(counts) > (_NUMBERS if key in self._numbers else DISTINCT):
            self._dropped.add(key)
            del self.keys[key]

    def categories(self) -> dict[str, Counter[str]]:
        """The keys whose values describe groups of tiles; keys with fewest values first."""
        useful = {
            key: counts
            for key, counts in self.keys.items()
            if len(counts) == 1 or counts.total() >= _REPEATED * len(counts)
        }
        return dict(sorted(useful.items(), key=lambda item: len(item[1])))


def _mapping(entry: Entry, key: str) -> Iterable[tuple[str, Any]]:
    value = entry.get(key)
    return value.items() if isinstance(value, Mapping) else ()


def _text(value: Any) -> str | None:
    """A value as text if it can be a category; None for a quantity, an object or null."""
    if isinstance(value, list) and 0 < len(value) <= 3 and all(isinstance(each, str) for each in value):
        return ", ".join(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value) if isinstance(value, str | int) and str(value) else None


def read_summary(reader: DescribedReader, progress: Progress) -> TileInfoSummary:
    """Reads tile_info entry by entry; if it does not exist, the summary is empty.

    Raises:
        DatasetError: when it cannot be read.
    """
    size = len(reader)
    summary = TileInfoSummary(np.full(size, np.nan, np.float32), np.full(size, np.nan, np.float32))
    if not reader.paths.tile_info.exists():
        return summary
    for number, (tile_id, entry) in enumerate(tile_info(reader)):
        # Entries have the order of the rows, unless another program has sorted them.
        in_order = number < size and reader.table.tile_id(number) == tile_id
        row = number if in_order else reader.table.row_of(tile_id)
        if row is not None:  # the original system keeps the entries of tiles that it could not download
            summary.add(row, entry)
        progress("reading tile_info", min(number + 1, size), size)
    return summary
