"""The reference of the classes that plugins use: arguments, members and methods, from signatures and docstrings."""

import inspect
import re
import textwrap
import typing
from collections.abc import Iterator
from enum import Enum
from typing import Any

import attrs
from configuration_page import table

import mmearth_core
from mmearth_core import Modality

PLACE = "contract.md"
"""The page, under docs/, whose sections begin with these texts."""

CLASSES = {
    name: cls
    for name, cls in vars(mmearth_core).items()
    if inspect.isclass(cls) and cls.__module__ != "mmearth_core.contract.engine"
}
"""The public classes of bands and modalities, by name."""

_SECTION = re.compile(r"^(Args|Attributes|Returns|Raises):\n((?:(?: {4}.*)?(?:\n|$))+)", re.MULTILINE)
_MODULE = re.compile(r"(?<![\w.])(?:\w+\.)+(?=\w)")
_ITEM = re.compile(r"^(\w+): (.+(?:\n +.+)*)", re.MULTILINE)


def with_references(markdown: str) -> str:
    """The page, with the reference of each class after its heading."""
    for name, cls in CLASSES.items():
        heading = f"\n## {name}\n"
        if markdown.count(heading) != 1:
            raise ValueError(f"docs/{PLACE} has {markdown.count(heading)} headings `## {name}` instead of one.")
        markdown = markdown.replace(heading, "\n".join([heading, *_reference(cls), ""]))
    return markdown


def arguments(cls: type) -> dict[str, tuple[str, str]]:
    """The type and the default of each argument of a class, or of each attribute that a modality may set."""
    if issubclass(cls, Enum):
        return {name: ("", f"`{str(member.value)!r}`") for name, member in cls.__members__.items()}
    if attrs.has(cls):
        return {each.name: (_type(each.type), _default(each.default)) for each in attrs.fields(cls)}
    hints: dict[str, Any] = {}
    for each in reversed(cls.__mro__):
        hints |= vars(each).get("__annotations__", {})
    return {name: (_type(hint), _default(getattr(cls, name, attrs.NOTHING))) for name, hint in hints.items()}


def described(cls: type) -> dict[str, str]:
    """What the docstring of a class says of each of these."""
    found = dict(_SECTION.findall(inspect.getdoc(cls) or "")).get("Attributes", "")
    return {name: " ".join(text.split()) for name, text in _ITEM.findall(textwrap.dedent(found))}


def _reference(cls: type) -> Iterator[str]:
    yield from _text(cls, "\n".join(_table(cls)))
    members = [(name, each) for name, each in vars(cls).items() if not name.startswith("_")]
    properties = [(name, each.fget) for name, each in members if isinstance(each, property)]
    if properties:
        types = [_type(inspect.signature(each).return_annotation) for _, each in properties]
        rows = [(f"`{name}`", kind, _summary(each)) for (name, each), kind in zip(properties, types, strict=True)]
        yield from table(("property", "type", "meaning"), *rows)
    for name, method in members:
        function = getattr(method, "__func__", method)
        if inspect.isfunction(function):
            names = [each for each in inspect.signature(function).parameters if each not in ("self", "cls")]
            yield from (f"### {cls.__name__}.{name}({', '.join(names)})", "", *_text(function))


def _table(cls: type) -> list[str]:
    facts, texts = arguments(cls), described(cls)
    if issubclass(cls, Enum):
        values = ((f"`{cls.__name__}.{name}`", value, texts[name]) for name, (_, value) in facts.items())
        return table(("member", "value", "meaning"), *values)
    rows = ((f"`{name}`", *facts.get(name, ("", "")), text) for name, text in texts.items())
    return table(("attribute" if cls is Modality else "argument", "type", "default", "meaning"), *rows)


def _text(member: Any, attributes: str = "") -> list[str]:
    """A docstring as Markdown, with a table in place of its section of attributes."""

    def section(found: re.Match[str]) -> str:
        title, body = found[1], textwrap.dedent(found[2])
        if title == "Attributes":
            return f"\n{attributes}\n"
        if title == "Returns":
            return f"Returns: {body[:1].lower()}{body[1:]}\n"
        before = "raises " if title == "Raises" else ""
        items = ((name, " ".join(text.split())) for name, text in _ITEM.findall(body))
        return "".join(f"- {before}`{name}`: {text}\n" for name, text in items) + "\n"

    text = _SECTION.sub(section, inspect.getdoc(member) or "")
    return [re.sub(r"\n{3,}", "\n\n", text).strip(), ""]


def _summary(member: Any) -> str:
    return (inspect.getdoc(member) or "").partition("\n\n")[0]


def _type(hint: Any) -> str:
    if typing.get_origin(hint) is typing.ClassVar:
        (hint,) = typing.get_args(hint)
    text = hint if isinstance(hint, str) else inspect.formatannotation(hint)
    return f"`{_MODULE.sub('', text)}`"


def _default(value: Any) -> str:
    if value is attrs.NOTHING:
        return "required"
    if isinstance(value, attrs.Factory):  # type: ignore[arg-type]  # attrs declares a function
        value = value.factory()
    text = getattr(value, "__name__", repr(value))
    return f"`{type(value).__name__}.{value.name}`" if isinstance(value, Enum) else f"`{text}`"
