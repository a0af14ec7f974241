"""Band statistics of joined rows, from the statistics of the parts: nothing is read again.

A part's count, mean and standard deviation are merged by Chan, Golub and LeVeque 1979 in float64, which gives what
counting all values would give, but for the rounding of the last digits.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmearth_core.errors import DamagedFileError, DatasetError
from mmearth_core.layers import LayerDescription
from mmearth_core.post.encode import recount
from mmearth_core.product.statistics import BandStatistics
from mmearth_core.progress import Progress
from mmearth_core.workers import Pool

Entry = Mapping[str, Any]


def merged_stats(
    layers: Sequence[LayerDescription], parts: Sequence[Mapping[str, Entry]], rows: int
) -> dict[str, Entry] | None:
    """The statistics of all rows of some datasets.

    Args:
        layers: what each of them holds.
        parts: the content of each one's band_stats.json.
        rows: how many they have together.

    Returns:
        As in band_stats.json; None when a part's statistics are not of all its values, so that they must be counted.
    """
    merged: dict[str, Entry] = {}
    for layer in layers:
        names = [*layer.stat_names()]
        if layer.variants and any(layer.name in part for part in parts):
            names.append(layer.name)  # of tiles without a variant
        own = {}
        for name in names:
            try:
                own[name] = _joined(layer, [part[name] for part in parts if name in part])
            except (KeyError, IndexError, TypeError, ValueError):  # statistics of another make
                return None
        values = rows * math.prod(layer.shape[1:])
        for band in range(len(layer.bands)):
            if sum(entry["count"][band] + entry["nodata"][band] for entry in own.values()) != values:
                return None
        merged |= own
    return merged


def counted_stats(
    staged: Path,
    layers: Sequence[LayerDescription],
    size: int,
    copied_from: Sequence[Path],
    pool: Pool,
    progress: Progress,
) -> dict[str, Entry]:
    """The statistics of rows that have been copied, counted from their values.

    Args:
        staged: the new HDF5 file, which is not at its place yet.
        layers: what it holds.
        size: rows and columns of a tile.
        copied_from: the files that its rows are from, to be blamed.
        pool: does the work.
        progress: is told of every part.

    Raises:
        DatasetError: when a row is damaged.
    """
    try:
        statistics = recount(staged, layers, size, pool, progress)
    except DamagedFileError as error:
        names = ", ".join(map(str, copied_from))
        raise DatasetError(
            f"{names}: of the tiles copied from there, {error.found}. The file is damaged: `mmearth-core verify FILE` "
            "names every row that is. Copy or fetch it again, or write it again with `mmearth-core post`."
        ) from error
    return {key: entry for layer in layers for key, entry in statistics.results(layer.name).items()}


def _joined(layer: LayerDescription, entries: Sequence[Entry]) -> Entry:
    result = BandStatistics(layer).result()
    for band in range(len(layer.bands)):
        # A band without a valid value has made-up numbers, which must not count.
        some = [entry for entry in entries if entry["count"][band]]
        result["count"][band] = sum(entry["count"][band] for entry in entries)
        result["nodata"][band] = sum(entry["nodata"][band] for entry in entries)
        if "classes" in result:
            classes = Counter[str]()
            for entry in entries:
                classes.update(entry["classes"][band])
            result["classes"][band] = {value: classes[value] for value in sorted(classes, key=int)}
        if some:
            moments = [(entry["count"][band], entry["mean"][band], entry["std"][band]) for entry in some]
            result["mean"][band], result["std"][band] = _moments(moments)
            result["min"][band] = min(entry["min"][band] for entry in some)
            result["max"][band] = max(entry["max"][band] for entry in some)
    return result


def _moments(parts: Sequence[tuple[int, float, float]]) -> tuple[float, float]:
    """Mean and standard deviation of all values, from count, mean and standard deviation of the parts."""
    count, mean, squares = 0, 0.0, 0.0
    for more, its_mean, its_std in parts:
        both, apart = count + more, its_mean - mean
        mean += apart * (more / both)
        squares += its_std * its_std * more + apart * apart * (count * (more / both))
        count = both
    return mean, math.sqrt(squares / count)
