"""Conditions and functions of all values."""

import math
from collections.abc import Mapping
from typing import Any

from localearth.promote import is_number, type_name
from localearth.registry import function


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
    return type_name(value).removesuffix("<unknown bands>").removesuffix("<Object>")


@function("IsEqual")
def is_equal(left: Any, right: Any) -> bool:
    """Whether two plain values are equal."""
    return bool(left == right)
