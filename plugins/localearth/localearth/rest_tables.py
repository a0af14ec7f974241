"""Tables: `table:computeFeatures`, and downloads."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

from attrs import frozen
from shapely.geometry import mapping

from localearth import table_files
from localearth.answer import JSON
from localearth.encode import encode
from localearth.errors import EarthEngineError
from localearth.expression import evaluate
from localearth.promote import promote
from localearth.values.collection import Collection
from localearth.values.feature import index_of
from localearth.values.geometry import valid
from localearth.worlds.base import World

PAGE = 1000
"""Features per page by default and at most (documentation of `computeFeatures`)."""
_NOTHING = {"type": "MultiPoint", "coordinates": []}
"""The geometry in the file of a row that has none (assumed, from exported tables)."""


def collection_of(world: World, method: str, body: Mapping[str, Any]) -> Collection:
    """The collection of a request's expression."""
    value = evaluate(world, body.get("expression", {}))
    found: Collection = promote(method, "expression", "FeatureCollection", value)
    return found


def page(elements: Sequence[Any], given: Mapping[str, Any]) -> tuple[Sequence[Any], dict[str, str]]:
    """One page of a list, and the `nextPageToken` if there is one; `given` may have `pageSize` and `pageToken`.

    Raises:
        EarthEngineError: the token or the size is wrong.
    """
    size, token = given.get("pageSize") or PAGE, given.get("pageToken") or "0"
    try:
        start, length = int(token), int(size)
    except (TypeError, ValueError):
        raise EarthEngineError(f"Invalid pageToken {token!r} or pageSize {size!r}.") from None
    if start < 0 or length < 1:
        raise EarthEngineError(f"Invalid pageToken {token!r} or pageSize {size!r}.")
    end = start + min(length, PAGE)
    return elements[start:end], {"nextPageToken": str(end)} if end < len(elements) else {}


def geojson(element: Any) -> dict[str, Any]:
    """An element as a GeoJSON feature in EPSG:4326."""
    properties = {name: encode(value) for name, value in element.properties.items() if not name.startswith("system:")}
    geometry = None if element.geometry is None else mapping(valid(element.geometry.vertices("EPSG:4326")))
    shown = {"type": "Feature", "geometry": geometry, "properties": properties}
    index = index_of(element)
    return shown if index is None else {**shown, "id": index}


def compute_features(world: World, body: Mapping[str, Any]) -> dict[str, Any]:
    """One page of a computed table."""
    collection = collection_of(world, "table:computeFeatures", body)
    elements, token = page(collection.elements, body)
    return {"type": "FeatureCollection", "features": [geojson(each) for each in elements], **token}


@frozen(eq=False)
class Table:
    """A table that can be downloaded.

    Attributes:
        collection: its rows.
        file_format: CSV, GEO_JSON, JSON, KML, KMZ or SHP.
        columns: the names of its columns; None for those of the first row.
    """

    collection: Collection
    file_format: str
    columns: tuple[str, ...] | None

    def content(self) -> tuple[bytes, str]:
        """The file and its content type."""
        if self.file_format == "CSV":
            return self._csv().encode(), "text/csv; charset=UTF-8"
        if self.file_format in table_files.FORMATS:
            columns = [name for name in self.columns or self._default_columns() if name != ".geo"]
            content = table_files.written(self.collection.elements, columns, self.file_format)
            return content, table_files.FORMATS[self.file_format]
        features = [geojson(each) for each in self.collection.elements]
        if self.columns is not None:
            for each in features:
                each["properties"] = {name: each["properties"].get(name) for name in self.columns if name != ".geo"}
        text = json.dumps({"type": "FeatureCollection", "features": features}, separators=(",", ":"))
        return text.encode(), JSON

    def _default_columns(self) -> list[str]:
        """The properties of the first row, in alphabetical order, after the index."""
        rows = self.collection.elements
        own = sorted(name for name in (rows[0].properties if rows else {}) if not name.startswith("system:"))
        return ["system:index", *own]

    def _csv(self) -> str:
        rows = self.collection.elements
        columns = self.columns or (*self._default_columns(), ".geo")
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(columns)
        for row in rows:
            writer.writerow([_cell(row, name) for name in columns])
        return text.getvalue()


def _cell(row: Any, name: str) -> Any:
    if name == ".geo":
        shape = _NOTHING if row.geometry is None else mapping(valid(row.geometry.vertices("EPSG:4326")))
        return json.dumps(shape, separators=(",", ":"))
    value = encode(row.properties.get(name))
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value) if isinstance(value, list | dict) else value


def table_of(world: World, body: Mapping[str, Any]) -> Table:
    """Prepares the download of a table.

    Raises:
        EarthEngineError: when it cannot be computed, or the format is not supported.
    """
    file_format = body.get("fileFormat") or "CSV"
    known = ("CSV", "GEO_JSON", "JSON", *table_files.FORMATS)
    if file_format not in known:
        raise EarthEngineError(
            f"The local Earth Engine does not support the table format {file_format}; it supports {', '.join(known)}."
        )
    return Table(collection_of(world, "tables", body), file_format, tuple(body.get("selectors") or ()) or None)
