"""Bands of local rasters, read in windows by many threads at once."""

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from attrs import define, field
from rasterio.crs import CRS
from rasterio.enums import MaskFlags
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.windows import Window

from mmearth_localearth.worlds.base import BandSource, Mask, Pixels
from mmearth_localearth.worlds.manifest import DTYPES, ConstantBand, FileBand
from mmearth_localearth.worlds.tables import Table

Affine6 = tuple[float, float, float, float, float, float]

IDLE_HANDLES = 64
"""Maximum of idle open datasets over all files; well below the usual limit of 1,024 open files."""


class HandlePool:
    """A pool of open datasets; each is used by one thread at a time.

    A rasterio dataset must not be read by two threads at once, and a lock would let only one of them work. Therefore
    each reader borrows its own dataset. Returned datasets stay open for the next reader; the least recently used one
    is closed first. GDAL's block cache, which all of them share, bounds the memory.
    """

    def __init__(self, idle: int = IDLE_HANDLES) -> None:
        self._limit = idle
        self._idle: list[tuple[Path, Any]] = []
        self._lock = threading.Lock()

    @contextmanager
    def borrow(self, path: Path) -> Iterator[Any]:
        """Lends a dataset of that file; it is closed instead of kept if an error is raised."""
        dataset = self._take(path) or rasterio.open(path)
        try:
            yield dataset
        except BaseException:
            dataset.close()
            raise
        self._give_back(path, dataset)

    def close(self) -> None:
        """Closes every dataset that is not lent."""
        with self._lock:
            idle, self._idle = self._idle, []
        for _, dataset in idle:
            dataset.close()

    def _take(self, path: Path) -> Any:
        with self._lock:
            for position in range(len(self._idle) - 1, -1, -1):
                if self._idle[position][0] == path:
                    return self._idle.pop(position)[1]
        return None

    def _give_back(self, path: Path, dataset: Any) -> None:
        with self._lock:
            self._idle.append((path, dataset))
            oldest = self._idle.pop(0)[1] if len(self._idle) > self._limit else None
        if oldest is not None:
            oldest.close()


def _check_window(band: BandSource, row: int, col: int, rows: int, cols: int) -> None:
    if row < 0 or col < 0 or row + rows > band.height or col + cols > band.width:
        raise IndexError(
            f"Band {band.name!r}: the window {rows} x {cols} at row {row}, column {col} is not inside its "
            f"{band.height} x {band.width} pixels."
        )


@define(eq=False)
class RasterBand:
    """One band of a raster file. A pixel is valid if the file's mask says so and it is not NaN."""

    name: str
    dtype: str
    crs: str
    transform: Affine6
    width: int
    height: int
    path: Path
    number: int
    nodata: float | None
    all_valid: bool
    pool: HandlePool = field(repr=False)

    def read(self, row: int, col: int, rows: int, cols: int) -> tuple[Pixels, Mask]:
        """Reads a window: values and mask, (rows, cols) each."""
        _check_window(self, row, col, rows, cols)
        window = Window(col, row, cols, rows)
        with self.pool.borrow(self.path) as dataset:
            values = dataset.read(self.number, window=window)
            if self.all_valid:
                mask = np.ones(values.shape, bool)
            elif self.nodata is not None:
                mask = values != self.nodata
            else:
                mask = dataset.read_masks(self.number, window=window) != 0
        if values.dtype.kind == "f":
            mask &= ~np.isnan(values)
        return values, mask


@define(eq=False)
class UniformBand:
    """A band with one value everywhere."""

    name: str
    dtype: str
    crs: str
    transform: Affine6
    width: int
    height: int
    value: float

    def read(self, row: int, col: int, rows: int, cols: int) -> tuple[Pixels, Mask]:
        """Creates a window: values and mask, (rows, cols) each."""
        _check_window(self, row, col, rows, cols)
        return np.full((rows, cols), self.value, self.dtype), np.ones((rows, cols), bool)


def open_band(entry: FileBand, pool: HandlePool, table: Table) -> RasterBand:
    """Reads a band's type and grid from its file.

    Raises:
        ConfigError: when the file is not a raster, does not have the band or georeferencing, or has pixels of a type
            that Earth Engine's assets do not have.
    """
    where = f"band {entry.name!r}, file {entry.path}"
    try:
        with warnings.catch_warnings():
            # Refused below with a clearer message.
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            with rasterio.open(entry.path) as dataset:
                if not 1 <= entry.number <= dataset.count:
                    raise table.error(f"{where}: there is no band {entry.number}; number of bands: {dataset.count}.")
                dtype = dataset.dtypes[entry.number - 1]
                flags = dataset.mask_flag_enums[entry.number - 1]
                crs = _crs(entry.crs, table, where) if entry.crs else dataset.crs
                transform, width, height = dataset.transform, dataset.width, dataset.height
    except RasterioError as error:
        raise table.error(f"{where}: the file cannot be opened as a raster: {error}.") from error
    if dtype not in DTYPES:
        raise table.error(f"{where}: unsupported pixel type {dtype}; Earth Engine's assets have {', '.join(DTYPES)}.")
    if crs is None:
        raise table.error(f'{where}: the file has no CRS; set one for the band, for example crs = "EPSG:4326".')
    if transform.is_identity:
        raise table.error(f"{where}: the file is not georeferenced; write a geotransform into it.")
    return RasterBand(
        name=entry.name,
        dtype=dtype,
        crs=crs.to_string(),
        transform=(transform.a, transform.b, transform.c, transform.d, transform.e, transform.f),
        width=width,
        height=height,
        path=entry.path,
        number=entry.number,
        nodata=entry.nodata,
        all_valid=entry.nodata is None and MaskFlags.all_valid in flags,
        pool=pool,
    )


def _crs(text: str, table: Table, where: str) -> CRS:
    try:
        return CRS.from_user_input(text)
    except ValueError as error:
        raise table.error(f"{where}: unknown CRS {text!r}; write it as EPSG:32618 or as WKT.") from error


def uniform_band(entry: ConstantBand, like: BandSource, table: Table) -> UniformBand:
    """A constant band on the grid of another one.

    Raises:
        ConfigError: when the value does not fit its type.
    """
    kind = np.dtype(entry.dtype)
    if kind.kind in "iu":
        limits = np.iinfo(kind)
        if not limits.min <= entry.value <= limits.max or entry.value != int(entry.value):
            raise table.error(f"band {entry.name!r}: the constant {entry.value!r} does not fit {entry.dtype}.")
    return UniformBand(entry.name, entry.dtype, like.crs, like.transform, like.width, like.height, entry.value)
