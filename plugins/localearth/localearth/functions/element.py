"""Properties of elements: images, features and collections."""

from collections.abc import Mapping
from typing import Any

from localearth.errors import EarthEngineError
from localearth.functions.geometry import transformed
from localearth.functions.regex import compiled
from localearth.promote import is_number
from localearth.registry import function
from localearth.values import feature as features
from localearth.values.date import Date, of
from localearth.values.feature import Feature
from localearth.values.geometry import UNBOUNDED, Geometry
from localearth.values.image import Image
from localearth.values.projection import Projection

_VIRTUAL = ("system:id", "system:band_names")


def default_names(element: Any) -> list[str]:
    """The names of all properties that are not system properties."""
    return [name for name in element.properties if not name.startswith("system:")]


@function("Element.get")
def get(element: Any, name: str) -> Any:
    """A property; null when it is missing."""
    return features.get(element, name)


@function("Element.getNumber")
def get_number(element: Any, name: str) -> Any:
    """A property that is a number."""
    value = features.get(element, name)
    if value is not None and not is_number(value):
        raise EarthEngineError(f"Property '{name}' is not a number.")
    return value


@function("Element.getString")
def get_string(element: Any, name: str) -> Any:
    """A property that is a string."""
    value = features.get(element, name)
    if value is not None and not isinstance(value, str):
        raise EarthEngineError(f"Property '{name}' is not a string.")
    return value


@function("Element.set")
def set_one(element: Any, name: str, value: Any) -> Any:
    """The element with one property set; a null value removes it."""
    return set_many(element, {name: value})


@function("Element.setMulti")
def set_many(element: Any, properties: Mapping[str, Any]) -> Any:
    """The element with several properties set; null values remove them."""
    return features.with_values(element, {**element.properties, **properties})


@function("Element.propertyNames")
def property_names(element: Any) -> list[str]:
    """The names of its properties; for an image also the derived system properties."""
    names = list(element.properties)
    return [*names, *(name for name in _VIRTUAL if name not in names)] if isinstance(element, Image) else names


@function("Element.toDictionary", note="Named properties that are missing are null (assumed, as for `Element.get`).")
def to_dictionary(element: Any, names: list[str] | None) -> dict[str, Any]:
    """The named properties as a dictionary; all non-system properties without names."""
    if names is None:
        return {name: element.properties[name] for name in default_names(element)}
    # Not an error: geeViz asks every image for `system:time_end` (`gee2Pandas.py`), which computed ones do not have.
    return {name: features.get(element, name) for name in names}


@function("Element.copyProperties", "Image.copyProperties")
def copy_properties(target: Any, source: Any, names: list[str] | None, exclude: list[str] | None) -> Any:
    """The target with the named properties of another element; all non-system properties without names."""
    if target is None or source is None:
        return target
    if names is not None and exclude is not None:
        raise EarthEngineError("Arguments 'properties' and 'exclude' may not both be specified.")
    chosen = default_names(source) if names is None else names
    found = {name: features.get(source, name) for name in chosen if name not in set(exclude or ())}
    copied = {name: value for name, value in found.items() if value is not None}
    return features.with_values(target, {**target.properties, **copied})


@function("Element.replaceProperties")
def replace_properties(target: Any, source: Any) -> Any:
    """The target with its non-system properties replaced by another element's."""
    kept = {name: value for name, value in target.properties.items() if name.startswith("system:")}
    taken = {} if source is None else {name: source.properties[name] for name in default_names(source)}
    return target.with_properties({**kept, **taken})


@function("Image.id", "Feature.id")
def id_of(element: Any) -> str | None:
    """The element's id within its collection (`system:index`); null when it has none."""
    return features.index_of(element)


@function("Image.date")
def date_of(image: Image) -> Date:
    """The date of `system:time_start`."""
    value = image.properties.get("system:time_start")
    if value is None:
        raise EarthEngineError("Date: Parameter 'value' is required and may not be null.", placed=True)
    return of(value)


@function("Element.geometry", "Feature.geometry", "Image.geometry")
def geometry_of(element: Any, _margin: Any, projection: Projection | None, geodesics: bool | None) -> Geometry:
    """The geometry, or an image's footprint; unbounded images cover the world."""
    found: Geometry | None = element.geometry
    if found is None:
        if isinstance(element, Image):
            return UNBOUNDED
        raise EarthEngineError("The element has no geometry.")
    if projection is None:
        return found
    # Without `geodesics` the edges are those of the original geometry (documented).
    return transformed(found, projection, found.geodesic if geodesics is None else geodesics)


@function("Feature", note="`geometryKey` has no effect (documented).")
def make_feature(geometry: Geometry | None, properties: Mapping[str, Any], _key: str | None) -> Feature:
    """A feature of a geometry and properties."""
    return Feature(geometry, {name: value for name, value in properties.items() if value is not None})


@function("Feature.setGeometry")
def set_geometry(feature: Any, geometry: Geometry | None) -> Feature:
    """The feature with another geometry."""
    return Feature(geometry, feature.properties)


@function("Feature.select", note="Names and regular expressions.")
def select(feature: Any, selectors: list[str], names: list[str] | None, keep_geometry: bool) -> Feature:
    """The feature with chosen properties, renamed if new names are given."""
    given = feature.properties
    chosen = [name for each in selectors for name in given if name == each or compiled(each).fullmatch(name)]
    labels = chosen if names is None else names
    if len(labels) != len(chosen):
        raise EarthEngineError(f"Can't rename {len(chosen)} properties to {len(labels)} names.")
    kept = {"system:index": feature.properties["system:index"]} if "system:index" in feature.properties else {}
    kept |= {label: feature.properties[name] for label, name in zip(labels, chosen, strict=True)}
    return Feature(feature.geometry if keep_geometry else None, kept)
