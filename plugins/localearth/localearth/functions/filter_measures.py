"""Filters of types, distances and differences, and filters as text."""

from typing import Any

from localearth.errors import EarthEngineError
from localearth.functions import geometry as shapes
from localearth.functions.filter import fields, sides
from localearth.promote import is_number, promote
from localearth.registry import function
from localearth.values.collection import Filter
from localearth.values.compare import field_of, of_two
from localearth.values.filter_text import parse
from localearth.values.geometry import Geometry

_GEOMETRIES = (
    "Point",
    "MultiPoint",
    "LineString",
    "MultiLineString",
    "LinearRing",
    "Polygon",
    "MultiPolygon",
    "GeometryCollection",
)


@function(
    "Filter.expression",
    note="What is missing does not pass ==, < and > (assumed); with <=, >= and != it is refused.",
)
def expression(text: str) -> Filter:
    """A filter as text."""
    return parse(text)


@function("Filter.maxDifference")
def max_difference(limit: float, left_field: str | None, right: Any, right_field: str | None, left: Any) -> Filter:
    """Whether two numbers differ by no more than a limit."""
    both = fields(left_field, right_field, lambda a, b: is_number(a) and is_number(b) and abs(a - b) <= limit)
    if both is not None:
        return of_two(
            both,
            "Filter.maxDifference",
            lambda a, b: abs(field_of(a, str(left_field)) - field_of(b, str(right_field))),
        )
    field, target, _ = sides(left_field, right, right_field, left)
    if not is_number(target):
        raise EarthEngineError("The value must be a number or a date.")

    def passes(element: Any) -> bool:
        found = field_of(element, field)
        return is_number(found) and abs(found - target) <= limit

    return Filter(passes, text="Filter.maxDifference")


@function("Filter.withinDistance", note="Distances are measured on the ellipsoid, as by Geometry.distance.")
def within_distance(
    limit: float, left_field: str | None, right: Any, right_field: str | None, left: Any, _margin: Any
) -> Filter:
    """Whether two geometries are within a distance, in metres."""

    def near(a: Any, b: Any) -> bool:
        # An empty geometry is near to nothing, as it is contained in nothing (documented for Filter.contains).
        near = (isinstance(each, Geometry) and not each.shape.is_empty for each in (a, b))
        return all(near) and shapes.distance(a, b) <= limit

    both = fields(left_field, right_field, near)
    if both is not None:
        return of_two(
            both,
            "Filter.withinDistance",
            lambda a, b: shapes.distance(field_of(a, str(left_field)), field_of(b, str(right_field))),
        )
    field, value, field_first = sides(left_field, right, right_field, left)
    target = promote("Filter.withinDistance", "rightValue" if field_first else "leftValue", "Geometry", value)
    return Filter(lambda element: near(field_of(element, field), target), text="Filter.withinDistance")


def _types(value: Any) -> tuple[str, ...]:
    if isinstance(value, Geometry):
        return str(value.info()["type"]), "Geometry"
    for kinds, names in (((int, float), ("Number",)), (str, ("String",)), (list, ("List",)), (dict, ("Dictionary",))):
        if isinstance(value, kinds) and not isinstance(value, bool):
            return names
    return ()


@function("Filter.hasType", note="`leftField` with `rightValue` Number, String, List, Dictionary or a geometry's type.")
def has_type(left_field: str | None, right: Any, right_field: str | None, left: Any) -> Filter:
    """Whether a property has a type."""
    allowed = ("Number", "String", "List", "Dictionary", "Geometry", *_GEOMETRIES)
    if left_field is None or right not in allowed:
        raise EarthEngineError(
            f"the local Earth Engine supports 'leftField' with a 'rightValue' of {', '.join(allowed)}, not {right!r}."
        )
    return Filter(lambda element: right in _types(field_of(element, left_field)), text="Filter.hasType")
