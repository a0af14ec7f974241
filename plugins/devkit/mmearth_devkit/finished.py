"""Finished pixels: what a run gets, compared with an independent computation by GDAL and numpy.

The core has the server interpolate or average, round, clamp, cast and fill. Here a band's pixels are requested as they
are, on their own grid, and all of this is done locally.
"""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from affine import Affine
from attrs import frozen
from numpy.typing import NDArray
from pyproj import Transformer
from rasterio.enums import Resampling as GdalResampling
from rasterio.warp import reproject

from mmearth_core import Grid, Resampling
from mmearth_core.download.stack import StackBand, finish_bands
from mmearth_core.earthengine.client import EarthClient
from mmearth_devkit.trial_record import WrongPixels

MASKED = -1e300
"""The value of masked pixels in requests for raw values; NPY has no mask."""


_LARGEST = 1000
"""Maximum side of a window of a band's own pixels; bands that need a larger one are not compared."""


_LARGEST_REQUEST = 4_000_000
"""Maximum number of values in a request for raw values: 32 MB, of the 48 MB that Earth Engine sends."""


_SAMPLES = 1024
"""Points along a side of a tile at which the pixels that its pixels cover are counted."""


_MOST_CLASSES = 64
"""Bands with more different values have no mode that is worth comparing."""


def raw_pixels(
    client: EarthClient, image: Any, names: Sequence[str], grid: Mapping[str, Any]
) -> dict[str, NDArray[np.float64]]:
    """The values of bands on a grid as they are, NaN where masked."""
    doubles = image.toDouble().unmask(MASKED, False)
    size = grid["dimensions"]
    most = max(1, _LARGEST_REQUEST // (size["width"] * size["height"]))
    raw: dict[str, NDArray[np.float64]] = {}
    for part in (list(names[start : start + most]) for start in range(0, len(names), most)):
        pixels = client.pixels(doubles.select(part), dict(grid))
        raw |= {name: np.where(pixels[name] == MASKED, np.nan, pixels[name]) for name in part}
    return raw


@frozen(eq=False)
class Expected:
    """A band on a tile's grid, computed locally, before it is rounded and filled.

    Attributes:
        values: (rows, columns), float64.
        is_known: where every pixel that counts is valid.
        is_masked: where none is.
        tolerance: how exact each value is.
    """

    values: NDArray[np.float64]
    is_known: NDArray[np.bool_]
    is_masked: NDArray[np.bool_]
    tolerance: NDArray[np.float64]


def wrong_pixels(
    client: EarthClient, image: Any, bands: Sequence[StackBand], projections: Mapping[str, Any], grid: Grid
) -> list[WrongPixels]:
    """Downloads a tile as a run would, and returns the bands that have other pixels than they should.

    Args:
        client: a session with the engine.
        image: the modality's image.
        bands: those of its bands to judge; none of a composite that the core would interpolate or average.
        projections: the value of `projection()` of each band.
        grid: the tile.
    """
    import ee

    finished = client.pixels(ee.Image.cat(finish_bands(image, bands, grid)), grid.request())
    plain = [band.band.name for band in bands if band.resampling(grid.pixel_size) is Resampling.NEAREST]
    raw = raw_pixels(client, image, plain, grid.request()) if plain else {}
    expected = {name: _as_they_are(values) for name, values in raw.items()}
    by_grid: dict[str, list[StackBand]] = {}
    for band in bands:
        if band.band.name not in plain:
            by_grid.setdefault(json.dumps(_own_grid(band, projections[band.band.name], grid)), []).append(band)
    for projection, members in by_grid.items():
        expected |= _resampled(client, image, members, json.loads(projection), grid)
    found = [
        _compared(band, np.asarray(finished[band.name], np.float64), expected.get(band.band.name)) for band in bands
    ]
    return [each for each in found if each is not None]


def _as_they_are(values: NDArray[np.float64]) -> Expected:
    is_known = np.isfinite(values)
    return Expected(values, is_known, np.isnan(values), 1e-6 * np.abs(np.where(is_known, values, 0.0)))


def _own_grid(band: StackBand, projection: Mapping[str, Any], grid: Grid) -> Mapping[str, Any]:
    """The grid of a band; a composite that its modality has resampled has pixels of the stated size."""
    size = band.band.pixel_size
    if not band.is_resampled or size is None:
        return projection
    return {"crs": grid.crs, "transform": [size, 0, 0, 0, -size, 0]}


def _resampled(
    client: EarthClient, image: Any, bands: Sequence[StackBand], projection: Mapping[str, Any], grid: Grid
) -> dict[str, Expected]:
    """Bands of one grid, interpolated by GDAL or reduced by numpy; empty if their window would be too large."""
    crs = projection.get("crs") or projection["wkt"]
    transform = Affine(*projection["transform"])
    column, row = _positions(np.arange(grid.size + 1), grid, crs, transform)
    if not (np.isfinite(column).all() and np.isfinite(row).all()):
        return {}
    left, top = math.floor(column.min()) - 2, math.floor(row.min()) - 2
    width, height = math.floor(column.max()) + 3 - left, math.floor(row.max()) + 3 - top
    if max(width, height) > _LARGEST:
        return {}
    a, b, _, d, e, _ = transform[:6]
    corner_x, corner_y = _apply(transform, np.float64(left), np.float64(top))
    window = Affine(a, b, corner_x, d, e, corner_y)
    terms = zip(("scaleX", "shearX", "translateX", "shearY", "scaleY", "translateY"), window[:6], strict=True)
    native = raw_pixels(
        client,
        image,
        [band.band.name for band in bands],
        {
            "dimensions": {"width": width, "height": height},
            "affineTransform": dict(terms),
            "crsCode" if "crs" in projection else "crsWkt": crs,
        },
    )
    return {band.band.name: _by_method(native[band.band.name], band, window, crs, grid) for band in bands}


def _positions(
    along: NDArray[Any], grid: Grid, crs: str, transform: Affine
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Columns and rows of another grid at points of the tile's grid, given in its columns and rows."""
    x, y = _apply(grid.affine, *np.meshgrid(along, along))
    if crs != grid.crs:
        x, y = Transformer.from_crs(grid.crs, crs, always_xy=True).transform(x, y)
    return _apply(~transform, np.asarray(x), np.asarray(y))


def _by_method(values: NDArray[np.float64], band: StackBand, window: Affine, crs: str, grid: Grid) -> Expected:
    method = band.resampling(grid.pixel_size)
    if method is not Resampling.BILINEAR:
        return _by_counting(values, method, band.band.unit, *_samples(window, crs, grid), grid.size)
    # In units of pixels from the first one's centre.
    column, row = (part - 0.5 for part in _positions(np.arange(grid.size) + 0.5, grid, crs, window))
    return _by_gdal(values, window, crs, grid, row, column)


def _samples(window: Affine, crs: str, grid: Grid) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The row and column of the pixel at many points of a tile: the same number in each of its pixels."""
    within = _SAMPLES // grid.size
    column, row = _positions((np.arange(grid.size * within) + 0.5) / within, grid, crs, window)
    return np.floor(row).astype(int), np.floor(column).astype(int)


def _by_counting(
    values: NDArray[np.float64],
    method: Resampling,
    unit: str,
    rows: NDArray[np.intp],
    columns: NDArray[np.intp],
    size: int,
) -> Expected:
    """The mean or the mode of the pixels that each pixel of a tile covers, by the share of points that fall on them."""
    within = len(rows) // size
    if unit == "dB" and method is Resampling.MEAN:
        values = 10 ** (values / 10)

    def blocks(pixels: NDArray[Any]) -> NDArray[Any]:
        return pixels[rows, columns].reshape(size, within, size, within).swapaxes(1, 2).reshape(size, size, -1)

    # A sliver of the next pixel may be covered that no point falls on.
    around = np.stack([np.roll(values, shift, (0, 1)) for shift in np.ndindex(3, 3)])
    around = np.roll(around, (-1, -1), (1, 2))
    is_known = np.all(blocks(np.isfinite(values)), axis=2)
    is_masked = ~np.any(blocks(np.any(np.isfinite(around), axis=0)), axis=2)
    known = np.where(is_known[..., None], blocks(values), 0.0)
    if method is Resampling.MODE:
        kinds = np.unique(known)
        shares = np.stack([(known == kind).mean(axis=2) for kind in kinds[:_MOST_CLASSES]])
        ordered = np.sort(np.concatenate([np.zeros((1, size, size)), shares]), axis=0)
        is_known &= (ordered[-1] - ordered[-2] > 4 / within) & (len(kinds) <= _MOST_CLASSES)
        most = kinds[shares.argmax(axis=0)]
        return Expected(most, is_known, is_masked, 1e-6 * np.abs(most))
    mean = known.mean(axis=2)
    high, low = blocks(np.nan_to_num(np.fmax.reduce(around))), blocks(np.nan_to_num(np.fmin.reduce(around)))
    # Each point is the centre of a small square. Squares on the edge of a pixel belong to two pixels: the error.
    tolerance = 4 / within * (high.max(axis=2) - low.min(axis=2)) + 1e-6 * np.abs(mean)
    if unit == "dB":
        with np.errstate(divide="ignore", invalid="ignore"):  # where nothing is known
            return Expected(10 * np.log10(mean), is_known, is_masked, 10 * np.log1p(tolerance / mean))
    return Expected(mean, is_known, is_masked, tolerance)


def _apply(transform: Affine, x: Any, y: Any) -> tuple[Any, Any]:
    a, b, c, d, e, f = transform[:6]
    return a * x + b * y + c, d * x + e * y + f


def _by_gdal(
    values: NDArray[np.float64],
    window: Affine,
    crs: str,
    grid: Grid,
    row: NDArray[np.float64],
    column: NDArray[np.float64],
) -> Expected:
    """Interpolated pixels; `row` and `column` are their positions, in units of pixels from the first one's centre."""
    is_valid = np.isfinite(values)
    result = np.zeros((grid.size, grid.size))
    reproject(
        np.where(is_valid, values, 0.0),
        result,
        src_transform=window,
        src_crs=crs,
        dst_transform=grid.affine,
        dst_crs=grid.crs,
        resampling=GdalResampling.bilinear,
        tolerance=0,
        # Otherwise GDAL averages pixels that are smaller than those of the tile.
        XSCALE=1,
        YSCALE=1,
    )
    # Positions of GDAL and of the server agree to a thousandth of a pixel or two, more in large tiles.
    inexact = 1e-3 * max(2, grid.size * grid.pixel_size / 400)

    def neighbours(pixels: NDArray[Any], *off: float) -> NDArray[Any]:
        rows, columns = ([np.floor(part + each).astype(int) for each in off] for part in (row, column))
        return np.array(
            [pixels[i + down, j + right] for i in rows for j in columns for down, right in np.ndindex(2, 2)]
        )

    around, near = neighbours(is_valid, 0), neighbours(np.where(is_valid, values, 0.0), -inexact, inexact)
    # The server may interpolate in float32.
    tolerance = inexact * np.ptp(near, axis=0) + 1e-6 * np.abs(near).max(axis=0)
    return Expected(result, np.all(around, axis=0), ~np.any(around, axis=0), tolerance)


def _compared(band: StackBand, finished: NDArray[np.float64], expected: Expected | None) -> WrongPixels | None:
    if expected is None:
        return None
    wanted, tolerance = expected.values, expected.tolerance
    if band.band.is_integer:
        limits = np.iinfo(band.band.dtype)
        wanted, tolerance = np.clip(wanted, limits.min, limits.max), tolerance + 0.5
    with np.errstate(invalid="ignore"):  # infinite values, which the check `range` finds
        is_wrong = expected.is_known & ~(np.abs(finished - wanted) <= tolerance)
    is_wrong |= expected.is_masked & (finished != np.asarray(band.nodata, band.band.dtype))
    if not is_wrong.any():
        return None
    row, column = (int(index[0]) for index in is_wrong.nonzero())
    example = math.nan if expected.is_masked[row, column] else float(wanted[row, column])
    judged = int((expected.is_known | expected.is_masked).sum())
    return WrongPixels(band, int(is_wrong.sum()), judged, float(finished[row, column]), example)
