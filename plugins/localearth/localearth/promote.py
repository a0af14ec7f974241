"""Argument types: which values each of Google's types accepts, and how they are converted."""

import math
import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from localearth.errors import EarthEngineError
from localearth.values import array, date, geometry
from localearth.values.array import Array
from localearth.values.collection import Collection, Filter, of_elements, union
from localearth.values.confusion import ConfusionMatrix
from localearth.values.date import Date, DateRange
from localearth.values.feature import Feature
from localearth.values.filter_text import parse
from localearth.values.function import ErrorMargin, Function
from localearth.values.geometry import Geometry
from localearth.values.image import Image, constant_band, of_bands
from localearth.values.join import Join
from localearth.values.kernel import Kernel
from localearth.values.pixel_type import NAMED, Long, PixelType, of_number
from localearth.values.projection import Projection, canonical
from localearth.values.reducer import Reducer

Converter = Callable[[Any], Any]


class Mismatch(Exception):  # noqa: N818 - internal to the converters, never shown to a user
    """A type does not accept a value."""


def is_number(value: Any) -> bool:
    """Whether a value is a number; booleans are not."""
    return isinstance(value, int | float) and not isinstance(value, bool)


_NAMES: tuple[tuple[type | tuple[type, ...], str], ...] = (
    (bool, "Boolean"),
    (Long, "Long"),
    (int, "Integer"),
    (float, "Float"),
    (str, "String"),
    (list, "List<Object>"),
    (Image, "Image<unknown bands>"),
    (Feature, "Feature"),
    (Function, "Algorithm"),
)


def type_name(value: Any) -> str:
    """Google's name of a value's type, for messages and `ObjectType`."""
    if value is None:
        return "Null"
    if isinstance(value, Collection):
        return "ImageCollection" if value.of_images else "FeatureCollection"
    for kind, name in _NAMES:
        if isinstance(value, kind):
            return name
    return "Dictionary<Object>" if isinstance(value, Mapping) else type(value).__name__


def constant(value: Any) -> Image:
    """A constant image: one band for a number, or one band per number of a list or dictionary.

    Raises:
        Mismatch: for anything else.
    """
    named = list(value.items()) if isinstance(value, Mapping) else None
    if is_number(value) or isinstance(value, bool):
        named = [("constant", value)]
    elif isinstance(value, list) and value:
        named = [(f"constant_{i}" if len(value) > 1 else "constant", each) for i, each in enumerate(value)]
    if not named or not all(is_number(each) or isinstance(each, bool) for _, each in named):
        raise Mismatch
    return of_bands(constant_band(name, each, of_number(each)) for name, each in named)


def _image(value: Any) -> Image:
    if isinstance(value, Image):
        return value
    if is_number(value) or isinstance(value, list):
        return constant(value)
    raise Mismatch


def _number(value: Any) -> Any:
    if isinstance(value, bool):
        return int(value)
    if is_number(value):
        return value
    raise Mismatch


def _integer(value: Any) -> int:
    number = _number(value)
    if not math.isfinite(number) or number != int(number):
        raise Mismatch
    return int(number)


def _boolean(value: Any) -> bool:
    if isinstance(value, bool) or is_number(value):
        return bool(value)
    raise Mismatch


def _element(value: Any) -> Any:
    if isinstance(value, Image | Feature | Collection):
        return value
    if isinstance(value, Geometry):
        return Feature(value)
    raise Mismatch


def _feature(value: Any) -> Feature:
    found = _element(value)
    if isinstance(found, Feature):
        return found
    raise Mismatch


def _geometry(value: Any) -> Geometry:
    if isinstance(value, Geometry):
        return value
    if isinstance(value, Feature) and value.geometry is not None:
        return value.geometry
    if isinstance(value, Collection):
        return union(value)
    if isinstance(value, Mapping) and ("coordinates" in value or "geometries" in value):
        return geometry.from_geojson(dict(value))
    raise Mismatch


def _collection(value: Any) -> Collection:
    if isinstance(value, Collection):
        return value
    if isinstance(value, list):
        return of_elements([_element(each) for each in value])
    return of_elements([_element(value)])


def _image_collection(value: Any) -> Collection:
    if isinstance(value, Image):
        return of_elements([value])
    if isinstance(value, Collection):
        if value.of_images:
            return value
        if all(isinstance(each, Image) for each in value.elements):
            return value.derived(lambda: value.elements, True)
    if isinstance(value, list) and value and all(isinstance(each, Image) for each in value):
        return of_elements(value)
    raise Mismatch


def _projection(value: Any) -> Projection:
    if isinstance(value, str):
        return Projection(canonical(value))
    if isinstance(value, Mapping) and value.get("type") == "Projection" and ("crs" in value or "wkt" in value):
        crs = value["crs"] if "crs" in value else value["wkt"]
        return Projection(canonical(crs), value.get("transform", (1, 0, 0, 0, 1, 0)))
    return _is(Projection)(value)  # type: ignore[no-any-return]


def _date(value: Any) -> Date:
    if isinstance(value, Date | str) or is_number(value):
        return date.of(value)
    raise Mismatch


def _date_range(value: Any) -> DateRange:
    if isinstance(value, Date | str) or is_number(value):
        start = date.of(value).millis
        return DateRange(start, start + 1)
    return _is(DateRange)(value)  # type: ignore[no-any-return]


def _pixel_type(value: Any) -> PixelType:
    if isinstance(value, str) and value in NAMED:
        return NAMED[value]
    return _is(PixelType)(value)  # type: ignore[no-any-return]


def _margin(value: Any) -> ErrorMargin:
    if is_number(value):
        return ErrorMargin.of(float(value), "meters")
    if isinstance(value, Mapping):
        return ErrorMargin.of(value.get("value"), value.get("unit", "meters"))
    return _is(ErrorMargin)(value)  # type: ignore[no-any-return]


def _dictionary(value: Any) -> Mapping[str, Any]:
    if isinstance(value, Mapping):
        return value
    if isinstance(value, Image | Feature | Collection):
        return value.properties
    raise Mismatch


def _array(value: Any) -> Array:
    if isinstance(value, Array | list) or is_number(value):
        return array.make(value)
    raise Mismatch


def _filter(value: Any) -> Filter:
    return parse(value) if isinstance(value, str) else _is(Filter)(value)


def _is(kind: type) -> Converter:
    def convert(value: Any) -> Any:
        if isinstance(value, kind):
            return value
        raise Mismatch

    return convert


_SIMPLE: dict[str, Converter] = {
    "Image<unknown bands>": _image,
    "Array": _array,
    "Number": _number,
    "Float": lambda value: float(_number(value)),
    "Integer": _integer,
    "Long": _integer,
    "Boolean": _boolean,
    "String": _is(str),
    "Element": _element,
    "Feature": _feature,
    "Geometry": _geometry,
    "FeatureCollection": _collection,
    "ImageCollection": _image_collection,
    "Projection": _projection,
    "Date": _date,
    "DateRange": _date_range,
    "PixelType": _pixel_type,
    "ErrorMargin": _margin,
    "Filter": _filter,
    "Reducer": _is(Reducer),
    "Kernel": _is(Kernel),
    "Algorithm": _is(Function),
    "Join": _is(Join),
    "ConfusionMatrix": _is(ConfusionMatrix),
    "Object": lambda value: value,
    "<any>": lambda value: value,
}


@cache
def converter(type_: str) -> Converter | None:
    """The function that converts a value to a type; None for a type that is not supported."""
    if type_ in _SIMPLE:
        return _SIMPLE[type_]
    inner = re.fullmatch(r"(List|Dictionary)<(.*)>", type_)
    if inner is None:
        return None
    each = converter(inner[2])
    if each is None:
        return None
    if inner[1] == "Dictionary":
        return _dictionary
    if inner[2] == "Object":
        return _is(list)

    def convert(value: Any) -> list[Any]:
        if not isinstance(value, list):
            raise Mismatch
        return [each(item) for item in value]

    return convert


def promote(function: str, argument: str, type_: str, value: Any) -> Any:
    """Converts a value to an argument's type.

    Raises:
        EarthEngineError: in Earth Engine's form, when the type does not accept the value.
    """
    convert = converter(type_)
    if convert is None:
        raise EarthEngineError(
            f"{function}, argument '{argument}': the local Earth Engine does not support the type {type_}.", placed=True
        )
    try:
        return convert(value)
    except Mismatch:
        shown = f"\nActual value: {value}" if isinstance(value, bool | int | float | str) else ""
        raise EarthEngineError(
            f"{function}, argument '{argument}': Invalid type.\nExpected type: {type_}.\n"
            f"Actual type: {type_name(value)}.{shown}",
            placed=True,
        ) from None
    except EarthEngineError as error:
        raise error.at(f"{function}, argument '{argument}'") from None
