"""Which tiles of a dataset are looked at: named ones, those that fit, some at random, or a varied few."""

import difflib
from collections.abc import Sequence
from typing import Any

import numpy as np
from attrs import frozen
from mmearth_curate.derive.layouts import Layout
from mmearth_curate.derive.splits import read_splits
from mmearth_curate.select import RowFilter, look_up, matching_rows

from mmearth_core.errors import DatasetError
from mmearth_core.product.hdf5 import METADATA
from mmearth_core.progress import Progress
from mmearth_viz.preview.album import Album

_NEAR = 5
"""Ids that an error offers."""


_CANDIDATES = 2000
"""Rows among which a varied few are looked for: of more, so many are drawn."""


_KEY = "biome"
"""The column by which tiles are varied, where there is one."""


@frozen
class Wanted:
    """What somebody wants to see.

    Attributes:
        tiles: ids; if there are any, the rest does not count.
        criteria: what the tiles must fulfil.
        count: how many at most.
        random: whether they are drawn at random, by the criteria's seed; otherwise they are as varied as can be.
    """

    tiles: tuple[str, ...]
    criteria: RowFilter
    count: int
    random: bool


def select(album: Album, wanted: Wanted, progress: Progress) -> list[int]:
    """The rows of the tiles that are wanted, named ones in the order given.

    Raises:
        DatasetError: when a tile is not there, or none fits.
    """
    if not len(album):
        raise DatasetError(f"{album.files.hdf5}: has no rows, so there is nothing to look at.")
    if wanted.tiles:
        return [_row(album, tile_id) for tile_id in dict.fromkeys(wanted.tiles)]
    fitting = _fitting(album, wanted.criteria, progress)
    random = np.random.default_rng(wanted.criteria.seed)
    if wanted.random:
        return _drawn(fitting, wanted.count, random)
    return _varied(album, _drawn(fitting, _CANDIDATES, random), wanted.count)


def _row(album: Album, tile_id: str) -> int:
    row = album.table.row_of(tile_id)
    if row is None:
        near = difflib.get_close_matches(tile_id, album.ids(), n=_NEAR, cutoff=0.5)
        offer = f" Near it are {', '.join(map(repr, near))}." if near else ""
        raise DatasetError(
            f"{album.files.hdf5}: has no tile {tile_id!r}.{offer} It has {len(album)} tiles, from "
            f"{album.table.tile_id(0)!r} to {album.table.tile_id(len(album) - 1)!r}."
        )
    return row


def _fitting(album: Album, criteria: RowFilter, progress: Progress) -> list[int]:
    if not criteria.as_json():
        return list(range(len(album)))
    with album.files.open() as file:
        layout = Layout(album.files, file[METADATA][:], "", album.layers, {}, {})
    splits = read_splits(album.files, album.ids()) if criteria.splits else None
    return [int(row) for row in matching_rows(layout, splits, criteria, progress)]


def _drawn(rows: Sequence[int], count: int, random: np.random.Generator) -> list[int]:
    if len(rows) <= count:
        return list(rows)
    return sorted(int(row) for row in random.choice(np.asarray(rows), count, replace=False))


def _varied(album: Album, rows: Sequence[int], count: int) -> list[int]:
    """Some of the rows, with as many different values of the key among them as there can be."""
    if len(rows) <= count:
        return list(rows)
    told = album.entries(rows)
    groups: dict[Any, list[int]] = {}
    for row in rows:
        value = look_up(told[row], _KEY)
        groups.setdefault(value if isinstance(value, str | int | float) else None, []).append(row)
    longest = max(map(len, groups.values()))
    in_turn = [members[place] for place in range(longest) for members in groups.values() if place < len(members)]
    return sorted(in_turn[:count])
