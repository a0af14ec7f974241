"""Labels from the polygons of a GeoPackage, GeoJSON or FlatGeobuf."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np
import pyogrio
from attrs import frozen
from numpy.typing import NDArray
from pyogrio.errors import DataSourceError
from rasterio.features import rasterize

from mmearth_core import Grid, Layer
from mmearth_labels.options import LabelLayer
from mmearth_labels.source import LabelFile, states


@frozen(eq=False)
class VectorFile(LabelFile):
    """A layer of a vector file.

    Attributes:
        values: the number of each text of the column; None if the column has numbers, or if there is no column.
    """

    values: Mapping[str, int] | None = None

    @classmethod
    def open(cls, path: Path, options: LabelLayer, layer: Layer) -> Self:
        """Opens and checks a vector file, with all values of its column."""
        if not path.is_file():
            raise ValueError(f"file: {path}: there is no such file. The path is relative to the configuration file")
        try:
            names = [str(name) for name, _ in pyogrio.list_layers(path)]
            if options.source_layer not in (names if len(names) > 1 or options.source_layer else [None]):
                found = "is missing" if options.source_layer is None else f"found {options.source_layer!r}"
                raise ValueError(f"source_layer: {found}; {path} has {', '.join(names)}")
            info = pyogrio.read_info(path, layer=options.source_layer, force_total_bounds=True)
        except DataSourceError as error:
            raise ValueError(f"file: {path} cannot be read: {error}. Allowed are vector files") from error
        if info["crs"] is None:
            raise ValueError(f"file: {path} has no CRS. Give it one with ogr2ogr -a_srs, or set another file")
        if not info["features"]:
            raise ValueError(f"file: {path} has no polygon. Set another file, or delete the layer's table")
        values = _values(path, options, layer, [str(name) for name in info["fields"]])
        return cls(path, options, layer, info["crs"], tuple(info["total_bounds"]), states([path]), values)

    def burn(self, grid: Grid) -> NDArray[np.float64]:
        """The polygons on a grid: a pixel has the value of the last polygon that contains its centre."""
        self.require_unchanged()
        column = self.options.column
        frame = pyogrio.read_dataframe(
            self.path,
            layer=self.options.source_layer,
            columns=[] if column is None else [column],
            bbox=self.box(grid.crs, grid.bounds),
            fid_as_index=True,
        )
        if self.options.suffix in (".gpkg", ".fgb"):
            frame = frame.sort_index()  # a spatial index has another order than the file
        labels = np.ones(len(frame)) if column is None else _numbers(frame[column], self.values)
        frame = frame.to_crs(grid.crs)
        shapes = [
            (shape, label)
            for shape, label in zip(frame.geometry, labels, strict=True)
            if shape is not None and not shape.is_empty and not np.isnan(label)
        ]
        burnt = np.full((grid.size, grid.size), np.nan)
        if shapes:
            rasterize(shapes, out=burnt, transform=grid.affine, all_touched=self.options.all_touched)
        if self.options.background is not None:
            burnt[np.isnan(burnt)] = self.options.background
        return burnt


def _numbers(column: Any, values: Mapping[str, int] | None) -> NDArray[np.float64]:
    """The label of each polygon; NaN where it has none."""
    numbers: NDArray[np.float64] = (column if values is None else column.map(values)).to_numpy(
        np.float64, na_value=np.nan
    )
    return numbers


def _values(path: Path, options: LabelLayer, layer: Layer, fields: list[str]) -> dict[str, int] | None:
    """The number of each text of the column, None if it has numbers; refuses labels that cannot be stored."""
    column, band = options.column, layer.bands[0]
    names = {each.name: each.value for each in options.classes}
    labels = {1}
    values = None
    if column is not None:
        if column not in fields:
            raise ValueError(f"column: found {column!r}; {path} has {', '.join(fields) or 'no column'}")
        frame = pyogrio.read_dataframe(path, layer=options.source_layer, columns=[column], read_geometry=False)
        labels = set(frame[column].dropna().unique())
        strange = [label for label in labels if not isinstance(label, str | int | float | np.number | np.bool_)]
        if strange:
            raise ValueError(f"column: {column!r} of {path} has {strange[0]!r}. Use a column of numbers or of texts")
        if any(isinstance(label, str) for label in labels):
            values = names
            unknown = sorted(str(label) for label in labels if label not in names)
            if unknown:
                raise ValueError(
                    f"column: {path} has the text {unknown[0]!r} in {column!r}; `classes` has "
                    f"{', '.join(map(repr, names)) or 'no name'}. Add a class of this name with its value"
                )
            labels = set(names.values())
    if options.background is not None:
        labels.add(options.background)
    known = [each.value for each in band.classes]
    for label in sorted(labels):
        if known and label not in known:
            raise ValueError(
                f"classes: {path} or `background` has the value {label}, which is not in `classes`: "
                f"{', '.join(map(str, known))}. Add it"
            )
        if band.is_integer and not (np.iinfo(band.dtype).min <= label <= np.iinfo(band.dtype).max and label % 1 == 0):
            raise ValueError(f"dtype: {path} has the value {label}, which {band.dtype} cannot hold. Set another dtype")
        if label == band.nodata:
            raise ValueError(f"nodata: {path} has the value {label}, which means no data here. Set another `nodata`")
    return values
