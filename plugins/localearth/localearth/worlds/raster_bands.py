"""Bands of local rasters, read in windows by many threads at once."""

import math
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from attrs import define, field, frozen
from rasterio.crs import CRS
from rasterio.enums import MaskFlags
from rasterio.env import ensure_env
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.io import DatasetReader
from rasterio.windows import Window

from localearth.errors import EarthEngineError
from localearth.worlds.base import BandSource, GridBand, Mask, Pixels
from localearth.worlds.manifest import DTYPES, ConstantBand, FileBand
from localearth.worlds.tables import Table

_NEAR = 0.01
"""Parts of a pixel below this are rounding errors of a geotransform."""

DRIVERS = (
    *("GTiff", "JP2OpenJPEG", "HFA", "ENVI", "EHdr", "AAIGrid", "netCDF", "HDF5", "HDF5Image", "GRIB", "GPKG"),
    *("DTED", "SRTMHGT", "USGSDEM", "SAGA", "RST", "PCRaster", "XYZ", "PNG", "JPEG"),
)
"""GDAL's formats whose files have their pixels in them. Others, such as VRT, can also read from the network."""

IDLE_HANDLES = 64
"""Maximum of idle open datasets over all files; well below the usual limit of 1,024 open files."""


@ensure_env  # type: ignore[untyped-decorator]
def _open(path: Path) -> Any:
    return DatasetReader(str(path), driver=list(DRIVERS))  # rasterio.open takes only one driver


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
        dataset = self._take(path) or _open(path)
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


@frozen
class Columns:
    """Where a band's columns are in its file, of which the first may be in the middle.

    Attributes:
        left: the left edge of the first one, in the units of the CRS.
        number: how many the band has.
        first: the column of the file that is the first one.
        around: the number of columns once around the globe, after which they repeat; None for other rasters.
    """

    left: float
    number: int
    first: int = 0
    around: int | None = None

    def runs(self, col: int, cols: int) -> Iterator[tuple[int, int]]:
        """The file's columns for some of the band's: the first column and the number of each run."""
        start, end = self.first + col, self.first + col + cols
        while start < end:
            at = start if self.around is None else start % self.around
            number = end - start if self.around is None else min(end - start, self.around - at)
            yield at, number
            start += number


@define(eq=False)
class RasterBand(GridBand):
    """One band of a raster file. A pixel is valid if the file's mask says so and it is not NaN.

    `scaling` is the scale and the offset to apply, `tags` those that the file has, None if it has none.
    """

    path: Path
    number: int
    nodata: float | None
    all_valid: bool
    columns: Columns
    scaling: tuple[float, float] | None
    tags: tuple[float, float] | None
    pool: HandlePool = field(repr=False)

    def read(self, row: int, col: int, rows: int, cols: int) -> tuple[Pixels, Mask]:
        """Reads a window: values and mask, (rows, cols) each.

        Raises:
            EarthEngineError: when the file cannot be read there, for example because it is truncated.
        """
        self.check(row, col, rows, cols)
        windows = [Window(start, row, number, rows) for start, number in self.columns.runs(col, cols)]
        try:
            with self.pool.borrow(self.path) as dataset:
                parts = [self._read(dataset, window) for window in windows]
        except RasterioError as error:
            raise EarthEngineError(
                f"{self.path}: band {self.number} ({self.name!r}) cannot be read in rows {row} to {row + rows}: "
                f"{error.__cause__ or error}. The file is truncated, damaged or gone; replace it."
            ) from error
        values, mask = (np.concatenate(each, axis=1) if len(each) > 1 else each[0] for each in zip(*parts, strict=True))
        if values.dtype.kind == "f":
            mask &= ~np.isnan(values)
        if self.scaling is not None:
            scale, offset = self.scaling
            with np.errstate(over="ignore"):  # of no-data values, which may be as large as the type allows
                values = (values.astype("float64") * scale + offset).astype(self.dtype)
        return values, mask

    def _read(self, dataset: Any, window: Window) -> tuple[Pixels, Mask]:
        """The stored values of a window of the file, and the file's mask."""
        values = dataset.read(self.number, window=window)
        if self.all_valid:
            return values, np.ones(values.shape, bool)
        if self.nodata is not None:
            return values, values != self.nodata
        return values, dataset.read_masks(self.number, window=window) != 0


@define(eq=False)
class UniformBand(GridBand):
    """A band with one value everywhere."""

    value: float

    def read(self, row: int, col: int, rows: int, cols: int) -> tuple[Pixels, Mask]:
        """Creates a window: values and mask, (rows, cols) each."""
        self.check(row, col, rows, cols)
        return np.full((rows, cols), self.value, self.dtype), np.ones((rows, cols), bool)


def open_band(entry: FileBand, pool: HandlePool, table: Table) -> RasterBand:
    """Reads a band's type and grid from its file.

    Raises:
        InputError: when the file is not a raster, does not have the band or georeferencing, has pixels of a type
            that Earth Engine's assets do not have, or longitudes on both sides of 180 degrees.
    """
    where = f"band {entry.name!r}, file {entry.path}"
    with _opened(entry.path, table, where) as dataset:
        if not 1 <= entry.number <= dataset.count:
            raise table.error(f"{where}: there is no band {entry.number}; number of bands: {dataset.count}.")
        dtype = dataset.dtypes[entry.number - 1]
        flags = dataset.mask_flag_enums[entry.number - 1]
        crs = _crs(entry.crs, table, where) if entry.crs else dataset.crs
        transform, width, height = dataset.transform, dataset.width, dataset.height
        tags = dataset.scales[entry.number - 1], dataset.offsets[entry.number - 1]
    problem = _problem(dtype, crs, transform)
    if problem:
        raise table.error(f"{where}: {problem}.")
    columns = _columns(transform, width, height, table, where) if crs.is_geographic else Columns(transform.c, width)
    scaling = tags if entry.apply_scale and tags != (1.0, 0.0) else None
    if scaling is not None:
        dtype = "float32" if np.dtype(dtype).itemsize < 4 or dtype == "float32" else "float64"
    return RasterBand(
        name=entry.name,
        dtype=dtype,
        crs=crs.to_string(),
        transform=(transform.a, transform.b, columns.left, transform.d, transform.e, transform.f),
        width=columns.number,
        height=height,
        path=entry.path,
        number=entry.number,
        nodata=entry.nodata,
        all_valid=entry.nodata is None and MaskFlags.all_valid in flags,
        columns=columns,
        scaling=scaling,
        tags=None if tags == (1.0, 0.0) else tags,
        pool=pool,
    )


@contextmanager
def _opened(path: Path, table: Table, where: str) -> Iterator[Any]:
    """Opens a raster; an error of GDAL is one of the manifest."""
    try:
        with warnings.catch_warnings():
            # Refused later with a clearer message.
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            with _open(path) as dataset:
                yield dataset
    except RasterioError as error:
        raise table.error(
            f"{where}: the file cannot be opened as a raster: {error}. Formats: {', '.join(DRIVERS)}. Convert others, "
            f"such as a VRT, which could read from the network: `gdal_translate {path.name} copy.tif`."
        ) from error


def _problem(dtype: str, crs: CRS | None, transform: rasterio.Affine) -> str:
    """What prevents the use of a raster; empty if nothing does."""
    if dtype not in DTYPES:
        return f"unsupported pixel type {dtype}; Earth Engine's assets have {', '.join(DTYPES)}"
    if crs is None:
        return 'the file has no CRS; set one for the band, for example crs = "EPSG:4326"'
    if transform.is_identity:
        return "the file is not georeferenced; write a geotransform into it"
    return ""


def _columns(transform: rasterio.Affine, width: int, height: int, table: Table, where: str) -> Columns:
    """The columns of a geographic raster, from -180 to 180 degrees, where tiles look for them.

    Raises:
        InputError: when it has longitudes on both sides of 180 degrees, but not all around the globe.
    """
    step, start = transform.a, transform.c
    across, down = step * width, transform.b * height
    corners = [start, start + across, start + down, start + across + down]
    left, right, pixel = min(corners), max(corners), abs(step) + abs(transform.b)
    around = round(360 / pixel)
    is_global = step > 0 and transform.b == 0 and width >= around and abs(around * step - 360) < 0.1 * step
    if is_global and max(right - 180, -180 - left) > _NEAR * step:
        # Columns that are only in part beyond 180 degrees are on both sides.
        first = math.floor((-180 - left) / step + _NEAR)
        return Columns(left + first * step, math.ceil((180 - left) / step - _NEAR) - first, first, around)
    if -180 - pixel <= left and right <= 180 + pixel:
        return Columns(start, width)
    if left >= 180 - pixel or right <= -180 + pixel:
        return Columns(start + (360 if right < 0 else -360), width)
    raise table.error(
        f"{where}: its longitudes, {left:g} to {right:g}, are on both sides of 180 degrees, and are not once around "
        "the globe in whole pixels. Cut it at 180 degrees into two files (`gdal_translate -projwin W N E S`), and "
        "list each as an image."
    )


def _crs(text: str, table: Table, where: str) -> CRS:
    try:
        return CRS.from_user_input(text)
    except ValueError as error:
        raise table.error(f"{where}: unknown CRS {text!r}; write it as EPSG:32618 or as WKT.") from error


def uniform_band(entry: ConstantBand, like: BandSource, table: Table) -> UniformBand:
    """A constant band on the grid of another one.

    Raises:
        InputError: when the value does not fit its type.
    """
    kind = np.dtype(entry.dtype)
    if kind.kind in "iu":
        limits = np.iinfo(kind)
        if not limits.min <= entry.value <= limits.max or entry.value != int(entry.value):
            raise table.error(f"band {entry.name!r}: the constant {entry.value!r} does not fit {entry.dtype}.")
    return UniformBand(entry.name, entry.dtype, like.crs, like.transform, like.width, like.height, entry.value)
