"""Conditions, functions of all values, and profiles of computations."""

import math
from collections.abc import Mapping
from typing import Any

from localearth.errors import EarthEngineError
from localearth.functions.support import refuse
from localearth.profile import profile_text
from localearth.promote import is_number, type_name
from localearth.registry import function
from localearth.values.compare import same
from localearth.values.pixel_type import Long


@function("If", note="Only the chosen branch is evaluated.")
def choose(condition: Any, true_case: Any, false_case: Any) -> Any:
    """One of two values: 0, NaN, null and empty strings, lists and dictionaries are false (documented)."""
    if is_number(condition) and math.isnan(condition):
        return false_case
    if condition is None or isinstance(condition, bool | int | float | str | list | Mapping):
        return true_case if condition else false_case
    return true_case


@function("ObjectType")
def object_type(value: Any) -> str:
    """The name of a value's type."""
    if is_number(value) and not isinstance(value, Long) and not abs(value) < 2**31:
        raise EarthEngineError(f"the local Earth Engine does not know the type of {value}.")
    return type_name(value).removesuffix("<unknown bands>").removesuffix("<Object>")


@function("IsEqual")
def is_equal(left: Any, right: Any) -> bool:
    """Whether two values are equal."""
    return same(left, right)


@function("Profile.getProfiles", note="`format` is text. The costs are invented: they follow from the size of answers.")
def get_profiles(ids: list[str], text_format: str, most: int | None) -> str:
    """The table of the profiles."""
    if text_format != "text":
        raise refuse("format", text_format, "use 'text'")
    return profile_text(ids)
