"""Filters as text: `CLOUDY_PIXEL_PERCENTAGE < 10 && !(MGRS_TILE == "32TPT")`.

The operators are those that Google documents for `ee.Filter.expression`: > >= < <= == != ( ) ! && ||.
`&&` binds more tightly than `||`, as in every language that has both.
"""

import re
from collections.abc import Callable
from typing import Any

from localearth.errors import EarthEngineError
from localearth.values.collection import Filter
from localearth.values.compare import COMPARISONS, Match, field_of

_TOKEN = re.compile(
    r"""\s*(?:(?P<number>[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)(?![\w:.])
    |(?P<string>"[^"\\]*"|'[^'\\]*')
    |(?P<operator>&&|\|\||[<>=!]=|[<>!()])
    |(?P<name>[A-Za-z_.][\w:.]*))""",
    re.VERBOSE,
)
_NAMES = {
    "==": "Filter.equals",
    "!=": "Filter.notEquals",
    "<": "Filter.lessThan",
    "<=": "Filter.lessThanOrEquals",
    ">": "Filter.greaterThan",
    ">=": "Filter.greaterThanOrEquals",
}
_TESTS: dict[str, Match] = {
    sign: test for sign, n in _NAMES.items() for names, test in COMPARISONS.items() if n in names
}
_UNKNOWN = ("<=", ">=", "!=")
"""The client sends these as negations, which pass what is absent; how the server reads them in a text is not known."""
_RESERVED = ("true", "false", "null", "and", "or", "not", "AND", "OR", "NOT")
Test = Callable[[Any], bool]


def _tokens(text: str) -> list[tuple[str, str]]:
    found, at = [], 0
    while text[at:].strip():
        token = _TOKEN.match(text, at)
        if token is None or token["name"] in _RESERVED:
            raise EarthEngineError(
                f"Filter.expression: the local Earth Engine can't read '{text}' at '{text[at:].strip()}': comparisons "
                "of properties with numbers and quoted strings are allowed, joined by &&, ||, ! and brackets.",
                placed=True,
            )
        kind = str(token.lastgroup)
        found.append((kind, token[kind]))
        at = token.end()
    return found


class _Parser:
    def __init__(self, text: str) -> None:
        self._text, self._rest = text, _tokens(text)

    def _next(self) -> tuple[str, str]:
        if not self._rest:
            raise EarthEngineError(f"Filter.expression: '{self._text}' ends too early.", placed=True)
        return self._rest.pop(0)

    def _take(self, sign: str) -> bool:
        if self._rest and self._rest[0] == ("operator", sign):
            self._rest.pop(0)
            return True
        return False

    def _chain(self, sign: str, part: Callable[[], Test], combine: Callable[[list[Test]], Test]) -> Test:
        parts = [part()]
        while self._take(sign):
            parts.append(part())
        return parts[0] if len(parts) == 1 else combine(parts)

    def either(self) -> Test:
        return self._chain("||", self._both, lambda parts: lambda element: any(test(element) for test in parts))

    def _both(self) -> Test:
        return self._chain("&&", self._single, lambda parts: lambda element: all(test(element) for test in parts))

    def _single(self) -> Test:
        if self._take("!"):
            inner = self._single()
            return lambda element: not inner(element)
        if self._take("("):
            inside = self.either()
            if not self._take(")"):
                raise EarthEngineError(f"Filter.expression: a bracket of '{self._text}' is not closed.", placed=True)
            return inside
        left, sign, right = self._next(), self._next(), self._next()
        names = [kind for kind, _ in (left, right)]
        if sign[1] not in _TESTS or "operator" in names or "name" not in names:
            raise EarthEngineError(
                f"Filter.expression: '{left[1]} {sign[1]} {right[1]}' is not a comparison of a property.", placed=True
            )
        compare, one, two = _TESTS[sign[1]], _value(*left), _value(*right)

        def test(element: Any) -> bool:
            a, b = one(element), two(element)
            if (a is None or b is None) and sign[1] in _UNKNOWN:
                raise EarthEngineError(
                    f"Filter.expression: an element has no value for '{left[1]} {sign[1]} {right[1]}', and the local "
                    "Earth Engine does not know whether it passes. Add a filter notNull before it.",
                    placed=True,
                )
            return a is not None and b is not None and compare(a, b)

        return test

    def whole(self) -> Test:
        test = self.either()
        if self._rest:
            raise EarthEngineError(
                f"Filter.expression: '{self._rest[0][1]}' is unexpected in '{self._text}'.", placed=True
            )
        return test


def _value(kind: str, text: str) -> Callable[[Any], Any]:
    if kind == "name":
        return lambda element: field_of(element, text)
    constant: Any = text[1:-1] if kind == "string" else float(text)
    return lambda _element: constant


def parse(text: str) -> Filter:
    """The filter that a text describes.

    Raises:
        EarthEngineError: when the text is not a filter.
    """
    return Filter(_Parser(text).whole(), text="Filter.expression")
