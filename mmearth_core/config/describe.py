"""Describes the options of an attrs class in words: for error messages, listings and the documentation."""

import datetime as dt
import enum
import json
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple, Union, get_args, get_origin

import attrs

_NAMES: dict[Any, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
    Path: "a path",
    dt.date: "a date such as 2020-06-30, without quotes",
    dt.datetime: "a date and time such as 2020-06-30T12:00:00, without quotes",
    Any: "anything",
}


class Key(NamedTuple):
    """One allowed key of a table.

    Attributes:
        key: its name.
        type: what it takes, in words.
        default: its default as TOML writes it; None when the key is required.
        help: one line for people, from `field(metadata={"help": ...})`.
        field: the attribute that holds it, which differs from the key where attrs's alias does.
    """

    key: str
    type: str
    default: str | None
    help: str
    field: str


def describe(cls: type) -> list[Key]:
    """The keys that an attrs class takes, in the order of its fields."""
    attrs.resolve_types(cls)
    return [
        Key(a.alias or a.name, type_text(a.type), _default(a), str(a.metadata.get("help", "")), a.name)
        for a in attrs.fields(cls)
        if a.init
    ]


def key_list(cls: type) -> str:
    """The keys of a class in one line, each with its type and default."""
    listed = [
        f"{k.key} ({k.type}; {'required' if k.default is None else f'default {k.default}'})" for k in describe(cls)
    ]
    return ", ".join(listed) or "nothing, it has no options"


def _default(attribute: "attrs.Attribute[Any]") -> str | None:
    default: Any = attribute.default
    if default is attrs.NOTHING:
        return None
    if isinstance(default, attrs.Factory):  # type: ignore[arg-type]
        if default.takes_self:
            return "derived from the other keys"
        default = default.factory()
    return plain(default)


def plain(value: Any) -> str:
    """A value as TOML would write it; TOML knows no none, which stands for a key left out."""
    if value is None:
        return "none"
    if isinstance(value, enum.Enum):
        return plain(value.value)
    if isinstance(value, str | Path):
        return json.dumps(str(value), ensure_ascii=False)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, list | tuple):
        return f"[{', '.join(plain(item) for item in value)}]"
    if attrs.has(type(value)):
        value = {a.alias or a.name: getattr(value, a.name) for a in attrs.fields(type(value))}
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{key} = {plain(item)}' for key, item in value.items())}}}"
    return repr(value)


def type_text(wanted: Any) -> str:
    """What a type takes, in words that need no Python."""
    origin, inner = get_origin(wanted) or wanted, get_args(wanted)
    if wanted in _NAMES:
        return _NAMES[wanted]
    if origin is Literal:
        return f"one of {', '.join(plain(choice) for choice in inner)}"
    if isinstance(wanted, type) and issubclass(wanted, enum.Enum):
        return f"one of {', '.join(plain(member) for member in wanted)}"
    if origin in (Union, types.UnionType):
        return " or ".join(type_text(member) for member in inner if member is not types.NoneType)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return f"a table whose values are {type_text(inner[1])}" if inner else "a table"
    if isinstance(origin, type) and issubclass(origin, tuple) and inner and inner[-1] is not ...:
        return f"a list of {len(inner)}: {', '.join(type_text(item) for item in inner)}"
    if isinstance(origin, type) and hasattr(origin, "__iter__"):
        return f"a list, each {type_text(inner[0])}" if inner else "a list"
    if isinstance(wanted, type) and attrs.has(wanted):
        return f"a table with the keys {', '.join(key.key for key in describe(wanted))}"
    return str(getattr(wanted, "__name__", wanted))
