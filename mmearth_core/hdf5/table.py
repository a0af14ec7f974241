"""The table with the tile id and the variant of each row."""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

import h5py
import numpy as np
from numpy.typing import DTypeLike, NDArray

from mmearth_core.errors import DatasetError
from mmearth_core.hdf5.layout import METADATA
from mmearth_core.words import counted

ID_BYTES, VARIANT_BYTES = 100, 10
"""Widths of its texts, as published."""


def create_metadata(file: h5py.File, rows: int, variant_key: str) -> h5py.Dataset:
    """Makes the table of tile ids and variants."""
    fields: DTypeLike = [("tile_id", f"S{ID_BYTES}"), (variant_key, f"S{VARIANT_BYTES}")]
    return file.create_dataset(METADATA, shape=(rows,), dtype=np.dtype(fields))


def require_table(file: h5py.File) -> h5py.Dataset:
    """The table of a file.

    Raises:
        DatasetError: when it has none whose first field is the rows' tile ids.
    """
    table = file[METADATA] if METADATA in file else None  # noqa: SIM401 - `get` takes a damaged file for one without
    fields = table.dtype.names if isinstance(table, h5py.Dataset) else None
    if table is None or not fields or table.ndim != 1 or table.dtype[0].kind != "S":
        raise DatasetError(
            f"{file.filename}: has no table `{METADATA}` whose first field is the rows' tile ids, so it is no dataset "
            "of this layout. Name a file that `mmearth-core post` has written, or one made of such files."
        )
    return table


def metadata_rows(rows: Iterable[tuple[str, str | None]], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Lines of that table.

    Raises:
        DatasetError: when an id or a variant is too long, as it would be cut.
    """
    encoded = [(tile_id.encode(), (variant or "").encode()) for tile_id, variant in rows]
    for tile_id, variant in encoded:
        for text, most, what in ((tile_id, ID_BYTES, "tile id"), (variant, VARIANT_BYTES, "variant")):
            if len(text) > most:
                raise DatasetError(
                    f"{what} {text.decode()!r} has {counted(len(text), 'byte')}; the HDF5 table `{METADATA}` holds "
                    f"{most}. Use a shorter one."
                )
    return np.array(encoded, dtype=dtype)


def tile_ids(file: h5py.File) -> list[str]:
    """The tile of each row."""
    return [text.decode() for text in file[METADATA]["tile_id"]]


def rows_digest(ids: Sequence[str]) -> str:
    """A checksum of the order of rows, by which splits know the file that they were made for."""
    return hashlib.sha256("\n".join(ids).encode()).hexdigest()
