"""Rows read without HDF5's filters are those that HDF5 reads, however they are stored."""

import zlib
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmearth_core.errors import DamagedFileError
from mmearth_core.product.hdf5_rows import RowReader

STORAGES: dict[str, dict[str, Any]] = {
    "ours": {"chunks": (1, 3, 8, 8), "shuffle": True, "compression": "gzip", "compression_opts": 1},
    "deflated": {"chunks": (1, 3, 8, 8), "compression": "gzip"},
    "checked": {"chunks": (1, 3, 8, 8), "shuffle": True, "compression": "gzip", "fletcher32": True},
    "lzf": {"chunks": (1, 3, 8, 8), "compression": "lzf"},
    "two rows a chunk": {"chunks": (2, 3, 8, 8), "shuffle": True, "compression": "gzip"},
    "contiguous": {},
}


@given(
    storage=st.sampled_from(list(STORAGES)),
    dtype=st.sampled_from(["u1", "i1", "<u2", ">u2", "<i4", "<f4", "<f8"]),
    seed=st.integers(0, 99),
)
def test_rows_are_as_hdf5_reads_them(storage: str, dtype: str, seed: int) -> None:
    values = np.random.default_rng(seed).integers(0, 120, (4, 3, 8, 8)).astype(dtype)
    with h5py.File("memory.h5", "w", driver="core", backing_store=False) as file:
        dataset = file.create_dataset("layer", (5, 3, 8, 8), dtype, fillvalue=7, **STORAGES[storage])
        dataset[:4] = values
        reader = RowReader(dataset)
        for row in range(5):  # the last was never written
            read = reader.read(row)
            assert read.dtype == dtype and read.flags.writeable
            np.testing.assert_array_equal(read, dataset[row])


@pytest.fixture
def damaged(tmp_path: Path) -> Path:
    path = tmp_path / "damaged.h5"
    with h5py.File(path, "w") as file:
        dataset = file.create_dataset("layer", (2, 3, 8, 8), "<u2", **STORAGES["ours"])
        dataset.id.write_direct_chunk((0, 0, 0, 0), b"no deflate stream")
        dataset.id.write_direct_chunk((1, 0, 0, 0), zlib.compress(bytes(10)))
    return path


@pytest.mark.parametrize(
    ("row", "message"), [(0, "row 0 of layer 'layer' cannot be inflated"), (1, "has 10 bytes instead of 384")]
)
def test_a_damaged_chunk_is_named(damaged: Path, row: int, message: str) -> None:
    with h5py.File(damaged) as file, pytest.raises(DamagedFileError, match=message):
        RowReader(file["layer"]).read(row)
