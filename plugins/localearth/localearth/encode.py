"""Encodes values as the JSON that `getInfo` receives."""

import math
from collections.abc import Mapping
from typing import Any

from localearth.errors import EarthEngineError
from localearth.values.array import Array
from localearth.values.collection import Collection
from localearth.values.confusion import ConfusionMatrix
from localearth.values.feature import Feature, index_of
from localearth.values.function import Function
from localearth.values.image import Image
from localearth.values.projection import whole

MAX_ELEMENTS = 5000
"""Maximum number of elements of a collection that Google returns."""


def encode(value: Any) -> Any:
    """A value as JSON in Google's form.

    Raises:
        EarthEngineError: for a function, or a collection that is too long.
    """
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, list | tuple):
        return [encode(each) for each in value]
    if isinstance(value, Image):
        return _image(value)
    if isinstance(value, Feature):
        return _feature(value)
    if isinstance(value, Collection):
        return _collection(value)
    if isinstance(value, Mapping):
        return {key: encode(each) for key, each in value.items()}
    if isinstance(value, Array | ConfusionMatrix):
        return encode(value.info())
    if isinstance(value, Function) or not hasattr(value, "info"):
        raise EarthEngineError(f"Result of type {type(value).__name__} cannot be returned to the client.")
    return value.info()


def _number(value: float) -> float | str:
    """Writes whole numbers without `.0`, as Google does, and infinite ones and NaN as text, because JSON has none."""
    if math.isfinite(value):
        return whole(value)
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _properties(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {name: encode(each) for name, each in properties.items() if each is not None}


def _image(image: Image) -> dict[str, Any]:
    return {"type": "Image", "bands": [band.info() for band in image.bands], **_metadata(image)}


def _metadata(element: Image | Collection) -> dict[str, Any]:
    """The id, the version and the properties, where there are any."""
    properties = _properties(element.properties)
    shown = {"id": element.id, "version": properties.pop("system:version", None), "properties": properties or None}
    return {key: value for key, value in shown.items() if value is not None}


def _feature(feature: Feature) -> dict[str, Any]:
    properties = _properties(feature.properties)
    properties.pop("system:index", None)
    geometry = None if feature.geometry is None else feature.geometry.info()
    shown: dict[str, Any] = {"type": "Feature", "geometry": geometry}
    if index_of(feature) is not None:
        shown["id"] = index_of(feature)
    return {**shown, "properties": properties}


def _collection(collection: Collection) -> dict[str, Any]:
    elements = collection.elements
    if len(elements) > MAX_ELEMENTS:
        raise EarthEngineError(f"Collection query aborted after accumulating over {MAX_ELEMENTS} elements.")
    images = collection.of_images and all(isinstance(each, Image) for each in elements)
    shown: dict[str, Any] = {"type": "ImageCollection", "bands": []} if images else _columns(elements)
    shown |= _metadata(collection)
    if images and not elements:
        # The server leaves an empty list out (the API sample ee_list_add).
        return shown
    return {**shown, "features": [encode(each) for each in elements]}


def _columns(elements: tuple[Any, ...]) -> dict[str, Any]:
    columns: dict[str, str] = {}
    for element in elements[:1]:
        for name, value in element.properties.items():
            columns[name] = {bool: "Boolean", int: "Integer", float: "Float", str: "String"}.get(type(value), "Object")
    return {"type": "FeatureCollection", "columns": columns}
