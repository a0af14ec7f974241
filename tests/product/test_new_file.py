"""A disk that fills while an HDF5 file is written is an error, not a crash; and files in a newer format are named."""

import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from mmearth_core.errors import DamagedFileError, DatasetError
from mmearth_core.product.hdf5 import new_file, opened

WRITE = """
import os, sys
from pathlib import Path
from mmearth_core.product.hdf5 import new_file

path, moment = Path(sys.argv[1]), sys.argv[2]

def fill_disk():
    os.dup2(os.open("/dev/full", os.O_RDWR), file.id.get_vfd_handle())

try:
    with new_file(path) as file:
        layers = [file.create_dataset(f"layer{number}", (500, 4096), "u1", chunks=(1, 4096)) for number in range(9)]
        for row in range(500):
            if moment == str(row):
                fill_disk()
            for layer in layers:
                layer.id.write_direct_chunk((row, 0), os.urandom(64))
        if moment == "end":
            fill_disk()
except OSError as error:
    print(error.errno)
"""


@pytest.mark.parametrize("moment", ["0", "7", "499", "end"])
def test_a_disk_that_fills(moment: str, tmp_path: Path) -> None:
    command = [sys.executable, "-c", WRITE, str(tmp_path / "new.h5"), moment]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "28\n", "")


def test_what_is_written_is_there(tmp_path: Path) -> None:
    with new_file(tmp_path / "new.h5") as file:
        file["numbers"] = np.arange(5)
    with h5py.File(tmp_path / "new.h5") as file:
        assert file["numbers"][:].tolist() == [0, 1, 2, 3, 4]


def test_other_errors_pass_through(tmp_path: Path) -> None:
    with pytest.raises(KeyError), new_file(tmp_path / "new.h5") as file:
        file["numbers"] = np.arange(5)
        raise KeyError
    with new_file(tmp_path / "new.h5") as file:
        assert not list(file)


def test_a_file_in_a_newer_format_is_not_called_damaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "newer.h5"
    with h5py.File(path, "w", libver="earliest") as file:  # whose descriptions have no checksums
        file.create_dataset("layer", (2, 3), "u1", chunks=(1, 3), compression="gzip")
    content = bytearray(path.read_bytes())
    content[content.index(b"\x03\x02\x03")] = 9  # the version of the description of chunks
    path.write_bytes(content)
    monkeypatch.setattr("h5py.version.hdf5_version_tuple", (1, 14, 6))
    with pytest.raises(DatasetError, match=r"is in a format of HDF5 2\.0 .*`mmearth-core merge NEW OLD`"):
        read(path)
    monkeypatch.setattr("h5py.version.hdf5_version_tuple", (2, 0, 0))
    with pytest.raises(DamagedFileError, match=r"HDF5 cannot read on \(bad version number for layout message\)"):
        read(path)


def read(path: Path) -> None:
    with opened(path) as file:
        file["layer"][0]
