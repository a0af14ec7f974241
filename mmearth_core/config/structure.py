"""Strict reading of TOML tables into attrs classes, and the description of their options."""

import contextlib
import datetime as dt
import enum
import json
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeVar, Union, cast, get_args, get_origin

import attrs
from attrs import validators
from cattrs import Converter
from cattrs.errors import (
    AttributeValidationNote,
    BaseValidationError,
    ClassValidationError,
    ForbiddenExtraKeysError,
    IterableValidationNote,
)
from cattrs.gen import make_dict_structure_fn

from mmearth_core.errors import ConfigError
from mmearth_core.text import did_you_mean

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


T = TypeVar("T")


_SCALARS: dict[Any, tuple[type, ...]] = {
    bool: (bool,),
    int: (int,),
    float: (int, float),
    str: (str,),
    Path: (str, Path),
    dt.date: (dt.date,),
    dt.datetime: (dt.datetime,),
}
"""For each type of a field, the types of a TOML value that it takes."""


class _IllTypedError(ValueError):
    def __init__(self, value: Any, wanted: Any) -> None:
        super().__init__(f"found {plain(value)}, wanted {type_text(wanted)}")


def structure(table: Mapping[str, Any], cls: type[T], where: str, source: str, defaults: T | None = None) -> T:
    """Makes an instance of an attrs class from a configuration table.

    Args:
        table: the table, as `tomllib` gives it.
        cls: the attrs class; its fields are the allowed keys.
        where: the table's name in the configuration, e.g. `modalities.elevation`.
        source: the file, for messages.
        defaults: an instance that gives the keys which the table leaves out; by default the
            class's own defaults.

    Raises:
        ConfigError: for an unknown key, a value of another type, a missing key, or one that a
            validator of `cls` refuses; names the key, what was found and what is allowed.
    """
    where = where.strip("[]")
    if not isinstance(table, Mapping):
        raise ConfigError(f"{source}: `{where}` is {plain(table)}; it must be a table, [{where}].")
    try:
        made = _CONVERTER.structure(table, cls)
        if defaults is None:
            return made
        given = {a.alias: getattr(made, a.name) for a in attrs.fields(cast(Any, cls)) if a.alias in table}
        return cast(T, attrs.evolve(cast(Any, defaults), **given))
    except Exception as error:  # validators and converters are a plugin's code: they may raise anything
        leaves = list(_leaves(error))
        said = " ".join(_sentence(leaf, path, where) for leaf, path in leaves)
        if any(
            isinstance(leaf, ForbiddenExtraKeysError | KeyError) and not path.count(".") > 1 for leaf, path in leaves
        ):
            said += f" Allowed in [{where}]: {key_list(cls)}."
        raise ConfigError(f"{source}: {said}") from error


def _structure_scalar(value: Any, wanted: Any) -> Any:
    if _is_choice(wanted):  # cattrs dispatches a StrEnum as the str that it is
        return _structure_choice(value, wanted)
    # A bool is an int, and a datetime a date, to Python; not to the user who wrote it.
    exact = type(value) in _SCALARS[wanted] or (wanted is Path and isinstance(value, Path))
    if not exact:
        raise _IllTypedError(value, wanted)
    return wanted(value) if wanted in (float, Path) else value


def _is_choice(wanted: Any) -> bool:
    return get_origin(wanted) is Literal or (isinstance(wanted, type) and issubclass(wanted, enum.Enum))


def _structure_choice(value: Any, wanted: Any) -> Any:
    choices = (
        {member.value: member for member in cast(Any, wanted)}
        if isinstance(wanted, type)
        else {c: c for c in get_args(wanted)}
    )
    for plain_value, choice in choices.items():
        if type(value) in (type(plain_value), type(choice)) and value in (plain_value, choice):
            return choice
    raise _IllTypedError(value, wanted)


def _is_union(wanted: Any) -> bool:
    return get_origin(wanted) in (Union, types.UnionType)


def _structure_union(value: Any, wanted: Any) -> Any:
    members = get_args(wanted)
    if value is None and types.NoneType in members:
        return None
    members = tuple(member for member in members if member is not types.NoneType)
    if len(members) == 1:  # keeps the member's own, closer message
        return _CONVERTER.structure(value, members[0])
    for member in members:
        with contextlib.suppress(_IllTypedError, BaseValidationError):
            return _CONVERTER.structure(value, member)
    raise _IllTypedError(value, wanted)


def _is_sequence(wanted: Any) -> bool:
    return wanted in (list, tuple) or get_origin(wanted) in (list, tuple, Sequence)


def _structure_sequence(value: Any, wanted: Any) -> Any:
    if not isinstance(value, list | tuple):
        raise _IllTypedError(value, wanted)
    kind = get_origin(wanted) or wanted
    inner = get_args(wanted) or (Any, ...)
    if kind is tuple and inner[-1] is not ...:
        if len(inner) != len(value):
            raise _IllTypedError(value, wanted)
    else:
        inner = (inner[0],) * len(value)
    items = [_element(i, item, type_) for i, (item, type_) in enumerate(zip(value, inner, strict=True))]
    return items if kind is list else tuple(items)


def _is_mapping(wanted: Any) -> bool:
    return wanted is dict or get_origin(wanted) in (dict, Mapping)


def _structure_mapping(value: Any, wanted: Any) -> Any:
    if not isinstance(value, Mapping):
        raise _IllTypedError(value, wanted)
    key_type, value_type = get_args(wanted) or (Any, Any)
    return {_element(k, k, key_type): _element(k, item, value_type) for k, item in value.items()}


def _element(index: int | str, value: Any, wanted: Any) -> Any:
    try:
        return _CONVERTER.structure(value, wanted)
    except Exception as error:
        error.add_note(IterableValidationNote("", index, wanted))
        raise


def _class_hook(cls: type, converter: Converter) -> Callable[[Any, Any], Any]:
    build: Callable[[Any, Any], Any] = make_dict_structure_fn(
        cls, converter, _cattrs_forbid_extra_keys=True, _cattrs_detailed_validation=True, _cattrs_use_alias=True
    )

    def hook(value: Any, wanted: Any) -> Any:
        if isinstance(value, cls):
            return value
        if not isinstance(value, Mapping):
            raise _IllTypedError(value, cls)
        try:
            return build(value, wanted)
        except ClassValidationError as error:
            refused = _validate_one_by_one(lambda: build(value, wanted), cls)
            raise (ClassValidationError("", refused, cls) if refused else error) from error

    return hook


def _validate_one_by_one(build: Callable[[], Any], cls: Any) -> list[Exception]:
    """Finds out which fields' validators refuse; a validator's own error does not say so."""
    refused: list[Exception] = []
    try:
        with validators.disabled():
            made = build()
    except Exception:  # noqa: BLE001 - the caller holds the error that the user is to see
        return refused
    for attribute in attrs.fields(cls):
        try:
            if attribute.validator:
                attribute.validator(made, attribute, getattr(made, attribute.name))
        except Exception as error:  # noqa: BLE001 - validators are a plugin's code: they may raise anything
            error.add_note(AttributeValidationNote("", attribute.alias, attribute.type))
            refused.append(error)
    return refused


def _leaves(error: Exception, path: str = "") -> Iterator[tuple[Exception, str]]:
    """The single errors inside cattrs's groups, each with the key that it is about."""
    notes = reversed(getattr(error, "__notes__", []))
    for note in notes:
        if isinstance(note, AttributeValidationNote):
            path += f".{note.name}"
        elif isinstance(note, IterableValidationNote):
            path += f"[{note.index}]" if isinstance(note.index, int) else f".{note.index}"
    if isinstance(error, BaseValidationError):
        for inner in error.exceptions:
            yield from _leaves(inner, path)
    else:
        yield error, path


def _sentence(error: Exception, path: str, where: str) -> str:
    key = f"[{where}] {path.lstrip('.')}".rstrip()
    if isinstance(error, ForbiddenExtraKeysError):
        keys = [key for key, *_ in describe(error.cl)]
        inner = path.lstrip(".") + "." if path else ""
        within = f" (`{path.lstrip('.')}` takes: {key_list(error.cl)})" if path else ""
        return " ".join(
            f"[{where}] {inner}{extra} is no known key{within}.{did_you_mean(extra, keys)}"
            for extra in sorted(error.extra_fields)
        )
    if isinstance(error, KeyError) and path.endswith(f".{error.args[0]}"):
        return f"{key} is missing; it has no default."
    # attrs's own validators append the attribute and the value to the message's arguments.
    text = " ".join(str(error.args[0] if error.args else type(error).__name__).split()).rstrip(".")
    return f"{key}: {text}."


def _make_converter() -> Converter:
    converter = Converter(detailed_validation=True)
    hooks: list[tuple[Callable[[Any], bool], Callable[[Any, Any], Any]]] = [
        (_is_choice, _structure_choice),
        (_is_union, _structure_union),
        (_is_sequence, _structure_sequence),
        (_is_mapping, _structure_mapping),
    ]
    converter.register_structure_hook_factory(attrs.has, _class_hook)
    for scalar in _SCALARS:  # by type: cattrs looks at its own hooks for these before any predicate
        converter.register_structure_hook(scalar, _structure_scalar)
    for predicate, hook in hooks:
        converter.register_structure_hook_func(predicate, hook)
    return converter


_CONVERTER = _make_converter()
