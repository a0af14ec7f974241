"""Which tiles of a dataset are wanted: by split, biome, column, place, list, and at random from those that fit."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from attrs import asdict, field, frozen
from numpy.typing import NDArray

from mmearth_core.errors import DatasetError
from mmearth_core.progress import Progress
from mmearth_core.text import counted, did_you_mean
from mmearth_core.tiles.regions import ecoregions
from mmearth_curate.derive.layouts import Layout
from mmearth_curate.derive.splits import Membership
from mmearth_curate.derive.tile_info import Entry, entries_of

_NAMED = 5
"""Ids or names that an error shows."""


_TILE = "TILE"
"""Where tile_info keeps the columns of the tiles file."""


Mask = NDArray[np.bool_]


Fits = Callable[[Entry], bool]


Box = tuple[float, float, float, float]


@frozen
class RowFilter:
    """What a tile must fulfil: every criterion that is given.

    Attributes:
        splits: it is in one of these.
        biomes: it is in one of these, by class number or name.
        where: of each column of tile_info, one of these values.
        bbox: west, south, east and north of its centroid, degrees; west > east crosses the antimeridian.
        tiles: a file that lists it, an id a line.
        sample: so many are drawn of those that fulfil the others.
        seed: of that draw.
    """

    splits: tuple[str, ...] = ()
    biomes: tuple[str, ...] = ()
    where: Mapping[str, tuple[str, ...]] = field(factory=dict)
    bbox: Box | None = None
    tiles: Path | None = None
    sample: int | None = None
    seed: int = 0

    def as_json(self) -> dict[str, Any]:
        """Those that are given."""
        given = {key: value for key, value in asdict(self).items() if value not in (None, (), {})}
        if self.tiles is not None:
            given["tiles"] = self.tiles.name
        if self.sample is None:
            given.pop("seed", None)
        return given


def matching_rows(
    layout: Layout, splits: Membership | None, criteria: RowFilter, progress: Progress
) -> NDArray[np.intp]:
    """The rows that fulfil all criteria, in order.

    Raises:
        DatasetError: when a criterion names what the dataset lacks, or no tile is left.
    """
    masks: dict[str, Mask] = {}
    ids = layout.ids()
    if criteria.splits:
        masks[f"split {_or(criteria.splits)}"] = _in_splits(layout, splits, criteria.splits)
    if criteria.tiles is not None:
        masks[f"the list {criteria.tiles}"] = _listed(layout, ids, criteria.tiles)
    masks |= _by_entry(layout, ids, criteria, progress)
    fitting = np.flatnonzero(np.logical_and.reduce([np.ones(len(ids), bool), *masks.values()]))
    if not len(fitting) or len(fitting) < (criteria.sample or 0):
        counts = ", ".join(f"{int(mask.sum())} {name}" for name, mask in masks.items())
        raise DatasetError(
            f"{layout.files.hdf5}: of its {counted(len(ids), 'tile')} {len(fitting):,} fulfil all criteria"
            f"{f' (each alone: {counts})' if counts else ''}, and {criteria.sample or 'at least 1'} must. Drop a "
            "criterion, or ask for fewer tiles."
        )
    if criteria.sample is not None:
        fitting = np.sort(np.random.default_rng(criteria.seed).choice(fitting, criteria.sample, replace=False))
    return fitting


def _in_splits(layout: Layout, splits: Membership | None, names: tuple[str, ...]) -> Mask:
    if splits is None:
        raise DatasetError(f"{layout.files.splits}: there is no such file, so the dataset has no splits to choose by.")
    mask = np.zeros(len(layout.table), bool)
    for name in names:
        if name not in splits.parts:
            raise DatasetError(f"{layout.files.splits}: has no split {name!r}. It has {', '.join(splits.parts)}.")
        mask[splits.parts[name]] = True
    return mask


def _listed(layout: Layout, ids: list[str], path: Path) -> Mask:
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines()]
    except (OSError, ValueError) as error:
        raise DatasetError(f"{path}: cannot be read as text ({error}). It lists tile ids, one a line.") from error
    wanted = {line for line in lines if line and not line.startswith("#")}
    unknown = sorted(wanted.difference(ids))
    if unknown:
        names = ", ".join(map(repr, unknown[:_NAMED])) + (", ..." if len(unknown) > _NAMED else "")
        raise DatasetError(
            f"{path}: names {counted(len(unknown), 'tile')} that {layout.files.hdf5} lacks: {names}. Take them "
            "off the list."
        )
    return np.fromiter((tile_id in wanted for tile_id in ids), bool, len(ids))


def _by_entry(layout: Layout, ids: list[str], criteria: RowFilter, progress: Progress) -> dict[str, Mask]:
    """What tile_info decides; it is only read if something of it is asked for."""
    tests: dict[str, Fits] = {}
    if criteria.biomes:
        tests[f"biome {_or(criteria.biomes)}"] = _biome_test(criteria.biomes)
    for column, values in criteria.where.items():
        tests[f"{column} {_or(values)}"] = _column_test(column, values)
    if criteria.bbox is not None:
        tests[f"the box {','.join(f'{edge:g}' for edge in criteria.bbox)}"] = _box_test(criteria.bbox)
    masks = {name: np.zeros(len(ids), bool) for name in tests}
    if not tests:
        return masks
    missing, columns = set(criteria.where), set[str]()
    for row, (_, entry) in enumerate(entries_of(layout.files.tile_info, ids)):
        for name, test in tests.items():
            masks[name][row] = test(entry)
        missing = {column for column in missing if look_up(entry, column) is _NOTHING}
        if missing:
            columns.update(entry, entry.get(_TILE) or {})
        progress("reading tile_info", row + 1, len(ids))
    if missing:
        column = min(missing)
        raise DatasetError(
            f"{layout.files.tile_info}: no tile has a column {column!r}.{did_you_mean(column, columns)} There are "
            f"{', '.join(sorted(columns))}; a dot leads into an object, as in GRID.size."
        )
    return masks


_NOTHING = object()


def look_up(entry: Entry, column: str) -> Any:
    """A tile's value of a column: a key of its entry, a path of keys with dots, or a column of the tiles file."""
    for root in (entry, entry.get(_TILE) or {}):
        if column in root:
            return root[column]
        value: Any = root
        for key in column.split("."):
            value = value.get(key, _NOTHING) if isinstance(value, dict) else _NOTHING
        if value is not _NOTHING:
            return value
    return _NOTHING


def _is(value: Any, text: str) -> bool:
    """Whether a value is what a text of the command line means; null, true and false as in JSON."""
    if isinstance(value, str):
        return value == text
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            return value == float(text)
        except ValueError:
            return False
    return value is not _NOTHING and json.dumps(value) == text


def _column_test(column: str, values: tuple[str, ...]) -> Fits:
    return lambda entry: any(_is(look_up(entry, column), text) for text in values)


def _biome_test(wanted: tuple[str, ...]) -> Fits:
    table = ecoregions()
    texts = set[str]()
    for text in wanted:
        label = int(text) if text.isdecimal() else table.biome(text)
        if label is None or not 0 <= label < len(table.biomes):
            names = ", ".join(f"{number} {name}" for number, name in enumerate(table.biomes))
            raise DatasetError(f"{text!r} is no biome.{did_you_mean(text, table.biomes)} There are {names}.")
        texts |= {str(label), table.biomes[label]}
    # The class number stands in the entry, or a name in the column of the tiles file.
    return _column_test("biome", tuple(sorted(texts)))


def _box_test(box: Box) -> Fits:
    west, south, east, north = box

    def fits(entry: Entry) -> bool:
        lon, lat = entry.get("lon"), entry.get("lat")
        if lon is None or lat is None:
            return False
        across = west <= lon <= east if west <= east else lon >= west or lon <= east
        return bool(across and south <= lat <= north)

    return fits


def _or(values: tuple[str, ...]) -> str:
    return " or ".join(values)
