"""Strict reading of TOML tables into attrs classes, and the description of their options."""

import contextlib
import datetime as dt
import enum
import json
import math
import types
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeVar, Union, cast, get_args, get_origin

import attrs
from attrs import validators

from mmearth_core.errors import ConfigError
from mmearth_core.text import did_you_mean

T = TypeVar("T")

_SCALARS: dict[Any, tuple[str, tuple[type, ...]]] = {
    bool: ("true or false", (bool,)),
    int: ("a whole number", (int,)),
    float: ("a number", (int, float)),
    str: ("text", (str,)),
    Path: ("a path", (str, type(Path()))),
    dt.date: ("a date such as 2020-06-30, without quotes", (dt.date,)),
    dt.datetime: ("a date and time such as 2020-06-30T12:00:00, without quotes", (dt.datetime,)),
}
"""For each type of a field, its name for users, and the exact types of a TOML value that it accepts.

Subclasses are refused: to Python a bool is an int, and a datetime a date, but not to the user who wrote it.
"""


class Key(NamedTuple):
    """One allowed key of a table.

    Attributes:
        key: its name.
        type: which values it accepts, in words.
        default: its default as TOML writes it; None when the key is required.
        help: one line for users, from `field(metadata={"help": ...})`.
    """

    key: str
    type: str
    default: str | None
    help: str


def describe(cls: type, defaults: Any = None) -> list[Key]:
    """The keys of a table that is read into an attrs class, in the order of its fields.

    Args:
        cls: the attrs class.
        defaults: an instance whose values are the defaults, instead of those of the class.
    """
    fields = _fields(cls).items()
    return [Key(key, type_text(a.type), _default(a, defaults), str(a.metadata.get("help", ""))) for key, a in fields]


def _fields(cls: type) -> "dict[str, attrs.Attribute[Any]]":
    """The fields of an attrs class by their key in a table, with resolved types."""
    attrs.resolve_types(cls)
    return {str(field.alias): field for field in attrs.fields(cls) if field.init}


def key_list(cls: type) -> str:
    """The keys of a class in one line, each with its type and default."""
    defaults = [(key, "required" if key.default is None else f"default {key.default}") for key in describe(cls)]
    return ", ".join(f"{key.key} ({key.type}; {text})" for key, text in defaults) or "nothing, it has no options"


def _default(attribute: "attrs.Attribute[Any]", defaults: Any) -> str | None:
    default: Any = attribute.default if defaults is None else getattr(defaults, attribute.name)
    if default is attrs.NOTHING:
        return None
    if isinstance(default, attrs.Factory):  # type: ignore[arg-type]
        if default.takes_self:
            return "derived from the other keys"
        default = default.factory()
    return plain(default)


def plain(value: Any) -> str:
    """A value as TOML would write it; `none` for a key that is left out, as TOML has no null."""
    if value is None:
        return "none"
    if isinstance(value, enum.Enum):
        return plain(value.value)
    if isinstance(value, str | Path | bool):
        return json.dumps(value, ensure_ascii=False, default=str)
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, list | tuple):
        return f"[{', '.join(plain(item) for item in value)}]"
    if attrs.has(type(value)):
        value = {a.alias: getattr(value, a.name) for a in attrs.fields(type(value))}
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{key} = {plain(item)}' for key, item in value.items())}}}"
    return repr(value)


def type_text(wanted: Any) -> str:
    """The values that a type accepts, in words that need no Python."""
    origin, inner = get_origin(wanted) or wanted, get_args(wanted)
    choices = _choices(wanted)
    if wanted is Any:
        return "anything"
    if wanted in _SCALARS:
        return _SCALARS[wanted][0]
    if choices is not None:
        return f"one of {', '.join(plain(choice) for choice in choices)}"
    if origin in (Union, types.UnionType):
        return " or ".join(type_text(member) for member in inner if member is not types.NoneType)
    if _is(origin, Mapping):
        return f"a table whose values are {type_text(inner[1])}" if inner else "a table"
    if _is(origin, tuple) and inner and inner[-1] is not ...:
        return f"a list of {len(inner)}: {', '.join(type_text(item) for item in inner)}"
    if _is(origin, Iterable):
        return f"a list, each {type_text(inner[0])}" if inner else "a list"
    if attrs.has(origin):
        return f"a table with the keys {', '.join(key.key for key in describe(wanted))}"
    return str(getattr(wanted, "__name__", wanted))


def _is(origin: Any, base: type) -> bool:
    return isinstance(origin, type) and issubclass(origin, base)


def _choices(wanted: Any) -> list[Any] | None:
    """The allowed values of an enumeration or a Literal; None for other types."""
    if get_origin(wanted) is Literal:
        return list(get_args(wanted))
    return list(wanted) if isinstance(wanted, enum.EnumType) else None


def structure(table: Mapping[str, Any], cls: type[T], where: str, source: str, defaults: T | None = None) -> T:
    """Makes an instance of an attrs class from a configuration table.

    Args:
        table: the table, as `tomllib` returns it.
        cls: the attrs class; its fields are the allowed keys.
        where: the table's name in the configuration, e.g. `modalities.elevation`.
        source: the file, for messages.
        defaults: an instance with the values of the keys that the table leaves out; by default the
            class's own defaults.

    Raises:
        ConfigError: for an unknown key, a value of another type, a missing key, or a value that a
            validator of `cls` refuses; names every such key, what was found and what is allowed.
    """
    where = where.strip("[]")
    if not isinstance(table, Mapping):
        raise ConfigError(f"{source}: `{where}` is {plain(table)}; it must be a table, [{where}].")
    reader = _Reader(where)
    made = reader.table(table, cls, "", defaults)
    if reader.problems:
        raise ConfigError(f"{source}: {' '.join(reader.problems)}")
    return cast(T, made)


class _Reader:
    """Converts the values of one table, and collects a sentence for each value that is refused.

    Attributes:
        where: the table's name.
        problems: the sentences. A value that led to one is returned as None, which no caller uses.
    """

    def __init__(self, where: str) -> None:
        self.where = where
        self.problems: list[str] = []

    def table(self, table: Mapping[str, Any], cls: Any, path: str, defaults: Any = None) -> Any:
        """An instance of an attrs class; `path` is the table's place within `where`, e.g. `rules[0]`."""
        fields = _fields(cls)
        before = len(self.problems)
        known = [key for key in table if key in fields]
        values = {key: self.value(table[key], fields[key].type or Any, f"{path}.{key}") for key in known}
        required = {key for key, a in fields.items() if a.default is attrs.NOTHING and defaults is None}
        missing, unknown = required - table.keys(), sorted(table.keys() - fields.keys())
        self.problems += [f"{self._name(path, key)} is missing; it has no default." for key in fields if key in missing]
        self.problems += [f"{self._name(path, key)}: unknown key.{did_you_mean(key, fields)}" for key in unknown]
        if missing or unknown:
            self.problems.append(f"Allowed in {self._name(path)}: {key_list(cls)}.")
        if len(self.problems) > before:
            return None
        if defaults is not None:
            values = {key: getattr(defaults, field.name) for key, field in fields.items()} | values
        try:
            return cls(**values)
        except Exception as error:  # noqa: BLE001 - validators and converters are a plugin's code: they may raise anything
            for name, cause in _refusals(cls, values).items() or [("", error)]:
                # attrs's own validators append the attribute and the value to the message's arguments.
                text = str(cause.args[0] if cause.args else type(cause).__name__)
                problem = " ".join(text.split()).rstrip(".")
                self.problems.append(f"{self._name(path, name)}: {problem}.")
            return None

    def value(self, value: Any, wanted: Any, path: str) -> Any:
        """The value as the type wants it. Numbers, texts and dates are not converted into each other."""
        origin, inner = get_origin(wanted) or wanted, get_args(wanted)
        choices = _choices(wanted)
        if wanted is Any or (attrs.has(origin) and isinstance(value, origin)):
            return value
        if origin in (Union, types.UnionType):
            members = [member for member in inner if member is not types.NoneType]
            if value is None and len(members) < len(inner):
                return None
            if len(members) == 1:
                return self.value(value, members[0], path)  # the message of a single member says more
            for member in members:
                trial = _Reader(self.where)
                converted = trial.value(value, member, path)
                if not trial.problems:
                    return converted
        elif choices is not None:
            for choice in choices:
                bare = choice.value if isinstance(choice, enum.Enum) else choice
                if type(value) in (type(bare), type(choice)) and value in (bare, choice):
                    return choice
        elif wanted in _SCALARS:
            if type(value) in _SCALARS[wanted][1]:
                with contextlib.suppress(OverflowError):  # a whole number that is too large for a float
                    converted = wanted(value) if wanted in (float, Path) else value
                    if not isinstance(converted, float) or math.isfinite(converted):
                        return converted
        elif attrs.has(origin) and isinstance(value, Mapping):
            return self.table(value, wanted, path)
        elif _is(origin, Mapping):
            if isinstance(value, Mapping):
                of_values = inner[1] if inner else Any  # keys of a TOML table are texts
                return {key: self.value(item, of_values, f"{path}.{key}") for key, item in value.items()}
        elif _is(origin, Iterable) and isinstance(value, list | tuple):
            fixed = origin is tuple and inner and inner[-1] is not ...
            types_ = inner if fixed else (inner or (Any,))[:1] * len(value)
            if len(types_) == len(value):
                items = [self.value(item, types_[i], f"{path}[{i}]") for i, item in enumerate(value)]
                return (origin if origin in (list, set, frozenset) else tuple)(items)
        self.problems.append(f"{self._name(path)}: found {plain(value)}, expected {type_text(wanted)}.")
        return None

    def _name(self, *path: str) -> str:
        return f"[{self.where}] {'.'.join(path).strip('.')}".rstrip()


def _refusals(cls: Any, values: Mapping[str, Any]) -> dict[str, Exception]:
    """The errors of all validators that refuse, by key; a validator's own error does not name the key."""
    refused: dict[str, Exception] = {}
    with contextlib.suppress(Exception):  # of the class: the caller has the error to show
        with validators.disabled():
            made = cls(**values)
        for key, attribute in _fields(cls).items():
            try:
                if attribute.validator:
                    attribute.validator(made, attribute, getattr(made, attribute.name))
            except Exception as error:  # noqa: BLE001 - validators are a plugin's code: they may raise anything
                refused[key] = error
    return refused
