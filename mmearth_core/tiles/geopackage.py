"""Reads rows of a GeoPackage through SQLite: for a few tiles at a time, ten times cheaper than as a table of pandas.

OGC GeoPackage 1.4, 2.1.3: a geometry is a header, whose flags tell its length, and then well-known binary.
"""

import datetime as dt
import math
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import shapely

GEOMETRY = "geometry"
"""The column of geometries."""

FAULTS = (sqlite3.Error, shapely.errors.ShapelyError, ValueError)
"""What a damaged file becomes."""

_HEAD, _BOX_BYTES = 8, {0: 0, 1: 32, 2: 48, 3: 48, 4: 64}
"""Bytes of a geometry's header: before the bounding box, and of the box by its kind."""


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """The file, to be read only."""
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as database:
        yield database


def read_rows(database: sqlite3.Connection, layer: str, where: str) -> list[dict[str, Any]]:
    """Rows by column, with polygons as shapely's and all else as JSON would have it.

    Args:
        database: the file.
        layer: its table.
        where: SQL that follows `WHERE`.

    Raises:
        sqlite3.Error, shapely.errors.ShapelyError, ValueError: when the file is damaged.
    """
    columns = database.execute(f"PRAGMA table_info({layer})").fetchall()
    plain = {name: _plain(kind) for _, name, kind, _, _, key in columns if not key and name != GEOMETRY}
    names = ", ".join('"{}"'.format(name.replace('"', '""')) for name in [*plain, GEOMETRY])
    found = database.execute(f"SELECT {names} FROM {layer} WHERE {where}").fetchall()
    shapes = shapely.from_wkb(np.array([_wkb(row[-1]) for row in found], object))
    return [
        {
            **{name: function(value) for (name, function), value in zip(plain.items(), row, strict=False)},
            GEOMETRY: shape,
        }
        for row, shape in zip(found, shapes, strict=True)
    ]


def _wkb(geometry: Any) -> bytes:
    if not isinstance(geometry, bytes) or len(geometry) < _HEAD or geometry[:2] != b"GP":
        raise ValueError("a geometry is none")
    box = _BOX_BYTES.get(geometry[3] >> 1 & 7)
    if box is None:
        raise ValueError("a geometry has an unknown header")
    return geometry[_HEAD + box :]


def _plain(kind: str) -> Callable[[Any], Any]:
    """How a value of a column of that type becomes JSON's; SQLite itself knows numbers and text only."""
    if kind == "BOOLEAN":
        return lambda value: None if value is None else bool(value)
    if kind in ("DATE", "DATETIME"):
        return lambda value: None if value is None else dt.datetime.fromisoformat(value).isoformat()
    return lambda value: None if isinstance(value, float) and not math.isfinite(value) else value
