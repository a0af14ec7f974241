"""Files of tables that GDAL writes: KML, KMZ and zipped shapefiles, in longitude and latitude."""

import json
import zipfile
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from localearth.encode import encode
from localearth.errors import EarthEngineError
from localearth.values.geometry import valid

FORMATS = {
    "KML": "application/vnd.google-earth.kml+xml",
    "KMZ": "application/vnd.google-earth.kmz",
    "SHP": "application/zip",
}
"""The content types by format."""

_NAME_LENGTH = 10
"""Maximum length of the name of a column that GDAL writes to a shapefile; Google writes one more (`system:inde`)."""


def written(rows: Sequence[Any], columns: Sequence[str], file_format: str) -> bytes:
    """The file of rows: KML, a KMZ with `doc.kml`, or a zip of a shapefile.

    Raises:
        EarthEngineError: a shapefile cannot hold the geometries or the names.
    """
    import pyogrio

    shapes = [None if row.geometry is None else valid(row.geometry.vertices("EPSG:4326")) for row in rows]
    name, driver, kind, names = "doc.kml", "KML", "Unknown", list(columns)
    if file_format == "SHP":
        name, driver, kind = "table.shp", "ESRI Shapefile", _kind(shapes)
        names = [column.replace(":", "_")[:_NAME_LENGTH] for column in columns]
        if len(set(names)) < len(names):
            raise EarthEngineError(
                f"The first {_NAME_LENGTH} characters of the columns of a shapefile must differ: {', '.join(columns)}."
            )
    filled = [_column([row.properties.get(each) for row in rows]) for each in columns]
    with TemporaryDirectory() as folder:
        pyogrio.raw.write(
            Path(folder, name),
            np.asarray([None if shape is None else shapely.to_wkb(shape) for shape in shapes], object),
            [values for values, _ in filled],
            names,
            field_mask=[null for _, null in filled],
            layer=Path(name).stem,
            driver=driver,
            geometry_type=kind,
            promote_to_multi=kind.startswith("Multi"),
            crs="EPSG:4326",
            encoding="UTF-8",
        )
        return Path(folder, name).read_bytes() if file_format == "KML" else _zipped(Path(folder))


def _kind(shapes: Sequence[Any]) -> str:
    """The type of geometries in a shapefile, which has only one."""
    kinds = {shape.geom_type.replace("LinearRing", "LineString") for shape in shapes if shape is not None}
    single = {kind.removeprefix("Multi") for kind in kinds}
    if len(single) != 1 or "GeometryCollection" in single:
        raise EarthEngineError(
            f"A shapefile needs geometries of one type, not {', '.join(sorted(single)) or 'none'}; use another format."
        )
    return str(kinds.pop()) if len(kinds) == 1 else f"Multi{single.pop()}"


def _column(values: list[Any]) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """The values of a column as numbers, or else as text, and which of them are null."""
    null = np.asarray([value is None for value in values])
    kinds = {type(value) for value in values if value is not None}
    for kinds_of_numbers, dtype in (({int}, np.int64), ({int, float}, np.float64)):
        if kinds and kinds <= kinds_of_numbers:
            return np.asarray([0 if value is None else value for value in values], dtype), null
    texts = [value if isinstance(value, str) else json.dumps(encode(value)) for value in values]
    return np.asarray(texts, object), null


def _zipped(folder: Path) -> bytes:
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.iterdir()):
            # A fixed time, so that equal tables give equal files.
            archive.writestr(zipfile.ZipInfo(file.name), file.read_bytes())
    return packed.getvalue()
