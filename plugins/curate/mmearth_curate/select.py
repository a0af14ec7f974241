"""Selects tiles of a dataset by split, biome, column, location and list, and a random sample of those that match.

The commands import this module for its options, so numpy is only imported inside functions.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from attrs import asdict, field, frozen

from mmearth_core.cli.common import together
from mmearth_core.errors import DatasetError
from mmearth_core.text import counted, did_you_mean

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mmearth_core.product.reader import DatasetReader
    from mmearth_core.progress import Progress
    from mmearth_curate.reading import Entry

    Mask = NDArray[np.bool_]
    Test = Callable[[Entry], bool]

Box = tuple[float, float, float, float]

_LISTED = 5
"""Maximum number of ids or names in an error."""

_TILE = "TILE"
"""The key of tile_info with the columns of the tiles file."""


def _conditions(_ctx: click.Context, _option: click.Parameter, texts: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    where: dict[str, tuple[str, ...]] = {}
    for text in texts:
        column, sign, value = text.partition("=")
        if not sign or not column:
            raise click.BadParameter(f"{text!r} is not of the form COLUMN=VALUE")
        where[column] = (*where.get(column, ()), value)
    return where


criteria_options = together(
    click.option("--split", "splits", multiple=True, metavar="NAME", help="Tiles of this split: train, val or test."),
    click.option(
        "--biome", "biomes", multiple=True, metavar="BIOME", help="Tiles of this biome: RESOLVE's name or class."
    ),
    click.option(
        "--where",
        multiple=True,
        callback=_conditions,
        metavar="COLUMN=VALUE",
        help="Tiles with this value in tile_info: a key, keys joined by dots, or a column of the tiles file.",
    ),
)
"""The options that select tiles by their properties: --split, --biome and --where."""


@frozen
class RowFilter:
    """Criteria that a tile must meet, all of them.

    Attributes:
        splits: the tile is in one of these splits.
        biomes: the tile is in one of these biomes, by class number or name.
        where: for each column of tile_info, allowed values.
        bbox: box of its centroid: west, south, east, north in degrees; west > east crosses the antimeridian.
        tiles: a file with allowed tile ids, one per line.
        sample: size of a random sample of the tiles that meet the other criteria.
        seed: seed of the sample.
    """

    splits: tuple[str, ...] = ()
    biomes: tuple[str, ...] = ()
    where: Mapping[str, tuple[str, ...]] = field(factory=dict)
    bbox: Box | None = None
    tiles: Path | None = None
    sample: int | None = None
    seed: int = 0

    def as_json(self) -> dict[str, Any]:
        """The given criteria as JSON."""
        given = {key: value for key, value in asdict(self).items() if value not in (None, (), {})}
        if self.tiles is not None:
            given["tiles"] = self.tiles.name
        if self.sample is None:
            given.pop("seed", None)
        return given


def matching_rows(reader: "DatasetReader", criteria: RowFilter, progress: "Progress") -> "NDArray[np.intp]":
    """The rows that meet all criteria, in order.

    Raises:
        DatasetError: when the dataset does not have what a criterion names, or too few tiles match.
    """
    import numpy as np

    masks: dict[str, Mask] = {}
    if criteria.splits:
        masks[f"split {_or(criteria.splits)}"] = _in_splits(reader, criteria.splits)
    if criteria.tiles is not None:
        masks[f"the list {criteria.tiles}"] = _in_list(reader, criteria.tiles)
    masks |= _by_tile_info(reader, criteria, progress)
    rows = np.flatnonzero(np.logical_and.reduce([np.ones(len(reader), bool), *masks.values()]))
    if not len(rows) or len(rows) < (criteria.sample or 0):
        counts = ", ".join(f"{int(mask.sum())} {name}" for name, mask in masks.items())
        raise DatasetError(
            f"{reader.paths.hdf5}: of its {counted(len(reader), 'tile')} {len(rows):,} fulfil all criteria"
            f"{f' (each alone: {counts})' if counts else ''}, and {criteria.sample or 'at least 1'} must. Drop a "
            "criterion, or ask for fewer tiles."
        )
    if criteria.sample is not None:
        rows = np.sort(np.random.default_rng(criteria.seed).choice(rows, criteria.sample, replace=False))
    return rows


def _in_splits(reader: "DatasetReader", names: tuple[str, ...]) -> "Mask":
    import numpy as np

    path, splits = reader.paths.splits, reader.splits()
    if splits is None:
        raise DatasetError(f"{path}: the file does not exist, so tiles cannot be selected by split.")
    mask = np.zeros(len(reader), bool)
    for name in names:
        if name not in splits.parts:
            raise DatasetError(f"{path}: there is no split {name!r}. Splits: {', '.join(splits.parts)}.")
        mask[splits.parts[name]] = True
    return mask


def _in_list(reader: "DatasetReader", path: Path) -> "Mask":
    import numpy as np

    try:
        lines = {line.strip() for line in path.read_text(encoding="utf-8-sig").split("\n")} - {""}
    except (OSError, ValueError) as error:
        raise DatasetError(f"{path}: cannot be read as text ({error}). It must list tile ids, one per line.") from error
    ids = reader.tile_ids()
    wanted = lines.intersection(ids)
    unknown = sorted(line for line in lines - wanted if not line.startswith("#"))
    if unknown:
        names = ", ".join(map(repr, unknown[:_LISTED])) + (", ..." if len(unknown) > _LISTED else "")
        raise DatasetError(
            f"{path}: lists {counted(len(unknown), 'tile')} that {reader.paths.hdf5} does not have: {names}. Remove "
            "them from the list."
        )
    return np.fromiter((tile_id in wanted for tile_id in ids), bool, len(ids))


def _by_tile_info(reader: "DatasetReader", criteria: RowFilter, progress: "Progress") -> "dict[str, Mask]":
    """The criteria that need tile_info, which is read only if there are any."""
    import numpy as np

    from mmearth_curate.reading import tile_info_of

    tests: dict[str, Test] = {}
    if criteria.biomes:
        tests[f"biome {_or(criteria.biomes)}"] = _biome_test(criteria.biomes)
    for column, values in criteria.where.items():
        tests[f"{column} {_or(values)}"] = _column_test(column, values)
    if criteria.bbox is not None:
        tests[f"the box {','.join(f'{edge:g}' for edge in criteria.bbox)}"] = _box_test(criteria.bbox)
    masks = {name: np.zeros(len(reader), bool) for name in tests}
    if not tests:
        return masks
    missing, columns = set(criteria.where), set[str]()
    for row, (_, entry) in enumerate(tile_info_of(reader, reader.tile_ids())):
        for name, test in tests.items():
            masks[name][row] = test(entry)
        missing = {column for column in missing if look_up(entry, column) is _NOTHING}
        if missing:
            columns.update(entry, entry.get(_TILE) or {})
        progress("reading tile_info", row + 1, len(reader))
    if missing:
        column = min(missing)
        raise DatasetError(
            f"{reader.paths.tile_info}: no tile has a column {column!r}.{did_you_mean(column, columns)} Columns: "
            f"{', '.join(sorted(columns))}; use a dot for a key in an object, as in GRID.size."
        )
    return masks


_NOTHING = object()


def look_up(entry: "Entry", column: str) -> Any:
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
    """Whether a value equals a text from the command line; null, true and false are written as in JSON."""
    if isinstance(value, str):
        return value == text
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            return value == float(text)
        except ValueError:
            return False
    return value is not _NOTHING and json.dumps(value) == text


def _column_test(column: str, values: tuple[str, ...]) -> "Test":
    return lambda entry: any(_is(look_up(entry, column), text) for text in values)


def _biome_test(wanted: tuple[str, ...]) -> "Test":
    from mmearth_core.tiles.regions import ecoregions

    table = ecoregions()
    texts = set[str]()
    for text in wanted:
        label = int(text) if text.isdecimal() else table.biome(text)
        if label is None or not 0 <= label < len(table.biomes):
            names = ", ".join(f"{number} {name}" for number, name in enumerate(table.biomes))
            raise DatasetError(f"{text!r} is not a biome.{did_you_mean(text, table.biomes)} Biomes: {names}.")
        texts |= {str(label), table.biomes[label]}
    # The entry has the class number, or a column of the tiles file has the name.
    return _column_test("biome", tuple(sorted(texts)))


def _box_test(box: Box) -> "Test":
    west, south, east, north = box

    def fits(entry: "Entry") -> bool:
        lon, lat = entry.get("lon"), entry.get("lat")
        if lon is None or lat is None:
            return False
        across = west <= lon <= east if west <= east else lon >= west or lon <= east
        return bool(across and south <= lat <= north)

    return fits


def _or(values: tuple[str, ...]) -> str:
    return " or ".join(values)
