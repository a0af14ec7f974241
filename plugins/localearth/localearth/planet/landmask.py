"""The land mask: real coasts of the package global-land-mask, one bit per cell of 1/120 degree.

The package's own file unpacks to 933 MB. It is streamed once into 117 MB of bits and a coarse grid. Both are stored in
the user's cache folder and memory-mapped, so that a second process starts at once.
"""

import os
import zipfile
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import IO

import numpy as np
from attrs import frozen
from numpy.typing import NDArray
from shapely.geometry import Polygon

from localearth.errors import SetupError

ROWS, COLS = 21600, 43200
"""Numbers of cells of 1/120 degree, from 90 N and 180 W."""

BLOCK = 15
"""Cells along each side of a coarse cell (1/8 degree)."""

FORM = "v1"
"""Part of the cache's name; must be increased when its format changes."""


@frozen(eq=False)
class LandMask:
    """Land and ocean of the world.

    Attributes:
        bits: (21600, 5400) uint8; one bit per cell, 1 = land, the western cell first.
        coarse: (1440, 2880) uint8; number of land cells among the 225 cells of each coarse cell.
    """

    bits: NDArray[np.uint8]
    coarse: NDArray[np.uint8]

    def window(self, row: int, col: int, rows: int, cols: int) -> NDArray[np.bool_]:
        """Whether (rows, cols) cells are land; columns wrap around the world, rows repeat at the poles."""
        lines = np.clip(np.arange(row, row + rows), 0, ROWS - 1)
        columns = np.arange(col, col + cols) % COLS
        packed = self.bits[lines[:, None], columns[None, :] >> 3]
        result: NDArray[np.bool_] = (packed >> (7 - (columns & 7)).astype(np.uint8) & 1).astype(bool)
        return result

    def has_land(self, outline: Polygon) -> bool:
        """Whether there is land in the bounds of a footprint in EPSG:4326, to a coarse cell."""
        west, south, east, north = outline.bounds
        rows = slice(int((90.0 - north) * 8), int((90.0 - south) * 8) + 1)
        cols = slice(int((west + 180.0) * 8), int((east + 180.0) * 8) + 1)
        return bool(self.coarse[rows, cols].any())


def open_land_mask() -> LandMask:
    """Opens the land mask, and creates its cache if there is none yet (some seconds).

    Raises:
        SetupError: when the package is not installed.
    """
    spec = find_spec("global_land_mask")
    if spec is None or spec.origin is None:
        raise SetupError(
            "the coasts of the world 'synthetic' are in the package 'global-land-mask', which is "
            'not installed. Install it with `pip install "mmearth-localearth[planet]"`.'
        )
    # The package is not imported, because importing it takes 933 MB of memory.
    source = Path(spec.origin).with_name("globe_combined_mask_compressed.npz")
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mmearth" / "localearth"
    bits, coarse = folder / f"land-{FORM}-bits.npy", folder / f"land-{FORM}-coarse.npy"
    if not (bits.is_file() and coarse.is_file()):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            _make(source, bits, coarse)
        except OSError as error:
            raise SetupError(
                f"the land mask of the world 'synthetic' (117 MB) cannot be stored in {folder}: "
                f"{error}. Free disk space, or set XDG_CACHE_HOME to a writable folder."
            ) from error
    return _load(bits, coarse)


@lru_cache(maxsize=2)
def _load(bits: Path, coarse: Path) -> LandMask:
    """The mask in two files; one for all planets of the process."""
    return LandMask(np.load(bits, mmap_mode="r"), np.load(coarse))


def _make(source: Path, bits: Path, coarse: Path) -> None:
    """Streams the package's mask into the two cache files, which are renamed when complete."""
    counts = np.zeros((ROWS // BLOCK, COLS // BLOCK), np.uint8)
    aside = bits.with_name(f"{bits.name}.{os.getpid()}")
    with zipfile.ZipFile(source) as archive, archive.open("mask.npy") as stream, aside.open("wb") as out:
        _check_header(stream)
        np.lib.format.write_array_header_1_0(out, {"descr": "|u1", "fortran_order": False, "shape": (ROWS, COLS // 8)})
        for strip in range(ROWS // BLOCK):
            ocean = np.frombuffer(_read(stream, BLOCK * COLS), np.uint8).reshape(BLOCK, COLS)
            land = ocean == 0
            out.write(np.packbits(land, axis=1).tobytes())
            counts[strip] = land.reshape(BLOCK, COLS // BLOCK, BLOCK).sum(axis=(0, 2))
    aside.replace(bits)
    small = coarse.with_name(f"{coarse.name}.{os.getpid()}")
    with small.open("wb") as out:
        np.save(out, counts)
    small.replace(coarse)


def _read(stream: IO[bytes], size: int) -> bytes:
    content = stream.read(size)
    if len(content) < size:
        raise SetupError("the file of global-land-mask is truncated; reinstall the package.")
    return content


def _check_header(stream: IO[bytes]) -> None:
    version = np.lib.format.read_magic(stream)
    shape, _, dtype = np.lib.format.read_array_header_1_0(stream)
    if version != (1, 0) or shape != (ROWS, COLS) or dtype != np.dtype(bool):
        raise SetupError(f"global-land-mask has {shape} {dtype}, not ({ROWS}, {COLS}) bool; install version 1.0.0.")
