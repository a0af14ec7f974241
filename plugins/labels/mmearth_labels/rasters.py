"""Labels from a band of a GeoTIFF, COG or VRT."""

import math
import warnings
from pathlib import Path
from typing import Any, Self

import numpy as np
import rasterio
from attrs import frozen
from numpy.typing import NDArray
from rasterio.enums import Resampling as Method
from rasterio.errors import NotGeoreferencedWarning, RasterioIOError
from rasterio.transform import Affine
from rasterio.warp import reproject, transform
from rasterio.windows import Window

from mmearth_core import Grid, Kind, Layer, Resampling
from mmearth_labels.options import LabelLayer
from mmearth_labels.source import Bounds, LabelFile, states

_METHODS = {
    Resampling.NEAREST: Method.nearest,
    Resampling.BILINEAR: Method.bilinear,
    Resampling.MEAN: Method.average,
    Resampling.MODE: Method.mode,
}

_LARGER = 1.001
"""A pixel of the grid is larger than one of the file from this ratio on: CRS of one place differ by less."""

_MARGIN = 2
"""Pixels of the file beyond the tile that interpolation needs."""


@frozen(eq=False)
class RasterFile(LabelFile):
    """A band of a raster."""

    @classmethod
    def open(cls, path: Path, options: LabelLayer, layer: Layer) -> Self:
        """Opens and checks a raster."""
        try:
            with warnings.catch_warnings(), rasterio.open(path) as source:
                warnings.simplefilter("ignore", NotGeoreferencedWarning)  # it is an error below
                if options.band > source.count:
                    raise ValueError(f"band: found {options.band}; {path} has {source.count}")
                if source.crs is None:
                    raise ValueError(f"file: {path} has no CRS. Give it one with gdal_edit.py -a_srs, or another file")
                is_complex = np.dtype(source.dtypes[options.band - 1]).kind == "c"
                if is_complex:
                    raise ValueError(f"band: band {options.band} of {path} has complex numbers. Use another band")
                # A VRT has its pixels in other files.
                made_of = [Path(name) for name in source.files] if options.suffix == ".vrt" else [path]
                return cls(path, options, layer, source.crs.to_wkt(), _bounds(source), states(made_of))
        except RasterioIOError as error:
            raise ValueError(f"file: {path} cannot be read: {error}. Allowed are GeoTIFF, COG and VRT") from error

    def burn(self, grid: Grid) -> NDArray[np.float64]:
        """The band on a grid: interpolated or nearest, or mean or mode where the grid's pixels are larger."""
        self.require_unchanged()
        burnt = np.full((grid.size, grid.size), np.nan)
        with rasterio.open(self.path) as source:
            columns, rows, ratio = _place(grid, self.crs, source.transform)
            left, right = max(0, math.floor(columns.min()) - _MARGIN), math.ceil(columns.max()) + _MARGIN
            top, bottom = max(0, math.floor(rows.min()) - _MARGIN), math.ceil(rows.max()) + _MARGIN
            width, height = min(right, source.width) - left, min(bottom, source.height) - top
            if width <= 0 or height <= 0:
                return burnt
            window = Window(left, top, width, height)
            a, b, c, d, e, f = source.transform[:6]
            pixels = source.read(self.options.band, window=window, masked=True).astype(np.float64).filled(np.nan)
            pixels[pixels == self.options.source_nodata] = np.nan
            band = self.layer.bands[0]
            reproject(
                pixels,
                burnt,
                src_transform=Affine(a, b, a * left + b * top + c, d, e, d * left + e * top + f),
                src_crs=self.crs,
                src_nodata=np.nan,
                dst_transform=grid.affine,
                dst_crs=grid.crs,
                dst_nodata=np.nan,
                resampling=_METHODS[self.layer.coarser(band) if ratio > _LARGER else band.resampling],
                tolerance=0,  # the position of each pixel is exact, not interpolated
            )
        if self.layer.kind is Kind.CLASSES:
            self._require_classes(burnt)
        return np.rint(burnt) if band.is_integer and self.layer.kind is not Kind.CLASSES else burnt

    def _require_classes(self, burnt: NDArray[np.float64]) -> None:
        known = [each.value for each in self.layer.bands[0].classes]
        found = burnt[~np.isnan(burnt) & ~np.isin(burnt, [*known, self.layer.nodata])] if known else burnt[:0]
        if found.size:
            raise ValueError(
                f"{self.path} has the value {found.flat[0]:g}, which is not in `classes` of layer {self.layer.name!r}: "
                f"{', '.join(map(str, known))}. Add it, or set `source_nodata` if it means that there is no label"
            )


def _bounds(source: Any) -> Bounds:
    """The extent of a raster, which may be rotated, or have its south on top."""
    a, b, c, d, e, f = source.transform[:6]
    corners = [(column, row) for column in (0, source.width) for row in (0, source.height)]
    x = [a * column + b * row + c for column, row in corners]
    y = [d * column + e * row + f for column, row in corners]
    return min(x), min(y), max(x), max(y)


def _place(grid: Grid, crs: str, affine: Affine) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """Where the edges of a grid are in a raster, and how many of its pixels are as long as one of the grid.

    Returns:
        Columns and rows of points on the edges, and the ratio of lengths at the centre.
    """
    west, south, east, north = grid.bounds
    along = np.linspace(0, 1, 21)
    x, y = west + (east - west) * along, south + (north - south) * along
    edges_x = np.concatenate([x, x, np.full_like(y, west), np.full_like(y, east)])
    edges_y = np.concatenate([np.full_like(x, south), np.full_like(x, north), y, y])
    half, middle_x, middle_y = grid.pixel_size / 2, (west + east) / 2, (south + north) / 2
    steps_x = middle_x + np.array([-half, half, 0, 0])
    steps_y = middle_y + np.array([0, 0, -half, half])
    x, y = np.array(transform(grid.crs, crs, [*edges_x, *steps_x], [*edges_y, *steps_y]))
    inverse = ~affine
    columns, rows = inverse.a * x + inverse.b * y + inverse.c, inverse.d * x + inverse.e * y + inverse.f
    c, r = columns[-4:], rows[-4:]
    area = (c[1] - c[0]) * (r[3] - r[2]) - (r[1] - r[0]) * (c[3] - c[2])
    return columns[:-4], rows[:-4], math.sqrt(abs(area))
