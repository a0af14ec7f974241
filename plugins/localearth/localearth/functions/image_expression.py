"""`Image.expression`: arithmetic on images as text, parsed by operator precedence.

Operators, band references and `name = ...` are those of the API page and of the guide "Mathematical Operations"; their
precedence is JavaScript's (assumed).
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from attrs import define

from localearth.errors import EarthEngineError
from localearth.functions.image_bands import rename, select
from localearth.functions.support import refuse
from localearth.promote import constant
from localearth.registry import find, function
from localearth.values.function import Function
from localearth.values.image import Image

_TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|(?P<name>[A-Za-z_]\w*)|(?P<text>'[^']*'|\"[^\"]*\")"
    r"|(?P<sign>\*\*|&&|\|\||<=|>=|==|!=|<<|>>|[-+*/%^<>!?:()\[\],.=&|~]))"
)

_BINARY = {
    **{"||": (1, "or"), "&&": (2, "and"), "|": (3, "bitwiseOr"), "&": (4, "bitwiseAnd")},
    **{"==": (5, "eq"), "!=": (5, "neq"), "<": (6, "lt"), "<=": (6, "lte"), ">": (6, "gt"), ">=": (6, "gte")},
    **{"<<": (7, "leftShift"), ">>": (7, "rightShift"), "+": (8, "add"), "-": (8, "subtract")},
    **{"*": (9, "multiply"), "/": (9, "divide"), "%": (9, "mod"), "**": (11, "pow")},
}
"""The precedence of each operator, and the function of images that it calls."""

_PREFIX = {"!": "not", "~": "bitwiseNot"}
_SIGN = 10
"""Precedence of signs: above products, below powers."""

_PAIRED = ("min", "max", "pow", "atan2", "hypot", "mod")
_CONSTANTS = {"PI": 3.141592653589793, "E": 2.718281828459045}

Node = Callable[[Mapping[str, Image]], Image]
"""Computes a part of the expression from the images by name."""


def _call(name: str, *operands: Node) -> Node:
    run = find(f"Image.{name}").run
    return lambda images: run(*(operand(images) for operand in operands))


@define
class _Parser:
    """Reads an expression from left to right.

    Attributes:
        expression: the text.
        default: the name of the image that `b()` refers to.
        names: the names of all images.
        tokens: the tokens with their kinds; the last one is empty.
        at: position of the next one.
    """

    expression: str
    default: str
    names: list[str]
    tokens: list[tuple[str, str]]
    at: int = 0

    def error(self) -> EarthEngineError:
        if self.tokens[self.at] == ("sign", "^"):
            # The API sample of `Image.expression` lists it as a logical operator, without its level.
            return EarthEngineError("the local Earth Engine does not support '^'; use '**' for powers, '!=' for xor.")
        found = self.tokens[self.at][1] or "its end"
        return EarthEngineError(f"Unable to parse the expression '{self.expression}' at {found}.")

    def take(self, sign: str) -> bool:
        taken = self.tokens[self.at] == ("sign", sign)
        self.at += taken
        return taken

    def need(self, sign: str) -> None:
        if not self.take(sign):
            raise self.error()

    def whole(self) -> Node:
        label = None
        if self.tokens[0][0] == "name" and self.tokens[1] == ("sign", "="):
            label, self.at = self.tokens[0][1], 2
        value = self.choice()
        if self.tokens[self.at][0] != "end":
            raise self.error()
        return value if label is None else lambda images: rename(value(images), [str(label)])

    def choice(self) -> Node:
        test = self.binary(0)
        if not self.take("?"):
            return test
        yes = self.choice()
        self.need(":")
        no = self.choice()
        where, valid, masked = (find(f"Image.{name}").run for name in ("where", "mask", "updateMask"))

        def chosen(images: Mapping[str, Image]) -> Image:
            tested = test(images)
            result: Image = masked(where(no(images), tested, yes(images)), valid(tested, None))
            return result

        return chosen

    def binary(self, least: int) -> Node:
        left = self.unary()
        while True:
            kind, sign = self.tokens[self.at]
            level, name = _BINARY.get(sign, (-1, "")) if kind == "sign" else (-1, "")
            if level <= least:
                return left
            self.at += 1
            # Powers are grouped from the right.
            left = _call(name, left, self.binary(level - 1 if name == "pow" else level))

    def unary(self) -> Node:
        if self.take("+"):
            return self.binary(_SIGN)
        if self.take("-"):
            return _call("multiply", self.binary(_SIGN), lambda _images: constant(-1))
        for sign, name in _PREFIX.items():
            if self.take(sign):
                return _call(name, self.binary(_SIGN))
        return self.operand()

    def operand(self) -> Node:
        kind, text = self.tokens[self.at]
        if self.take("("):
            value = self.choice()
            self.need(")")
            return value
        if kind == "number":
            self.at += 1
            number = float(text)
            return lambda _images: constant(int(number) if number == int(number) else number)
        if kind != "name":
            raise self.error()
        self.at += 1
        if self.take("("):
            return self.called(text)
        if text in self.names:
            return self.bands(text)
        if text in ("Math", *_CONSTANTS):
            if text == "Math":
                self.need(".")
                return self.operand()
            return lambda _images: constant(_CONSTANTS[text])
        raise EarthEngineError(f"The expression '{self.expression}' uses '{text}', which is not one of its images.")

    def called(self, name: str) -> Node:
        if name == "b":
            return self.chosen(self.default, ")")
        arguments = [self.choice()]
        while self.take(","):
            arguments.append(self.choice())
        self.need(")")
        if name in _PAIRED and len(arguments) > 1:
            value = arguments[0]
            for each in arguments[1:]:
                value = _call(name, value, each)
            return value
        return _call(name, *arguments)

    def bands(self, name: str) -> Node:
        if self.take("["):
            return self.chosen(name, "]")
        if self.take("."):
            kind, band = self.tokens[self.at]
            if kind != "name":
                raise self.error()
            self.at += 1
            return lambda images: select(images[name], [band], None)
        return lambda images: images[name]

    def chosen(self, name: str, end: str) -> Node:
        """The bands of an image by name or number; all of them without any."""
        selectors: list[Any] = []
        while not self.take(end):
            if selectors:
                self.need(",")
            kind, text = self.tokens[self.at]
            if kind not in ("number", "text"):
                raise self.error()
            self.at += 1
            selectors.append(int(text) if kind == "number" else re.escape(text[1:-1]))
        return lambda images: select(images[name], selectors, None) if selectors else images[name]


def _tokens(expression: str) -> list[tuple[str, str]]:
    found, at = [], 0
    text = expression.rstrip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            raise EarthEngineError(f"Unable to parse the expression '{expression}' at {text[at:][:10]}.")
        found.append((match.lastgroup, match[match.lastgroup]))
        at = match.end()
    return [*found, ("end", "")]


@function(
    "Image.parseExpression",
    note="`mapFreeVarsToDefaultImageBands` false only. Operators have JavaScript's precedence; `a ? b : c` is "
    "`c.where(a, b)`, masked where `a` is (assumed).",
)
def parse_expression(expression: str, name: str, names: list[str], free: bool) -> Function:
    """The function of images that an arithmetic expression describes."""
    if free:
        raise refuse("mapFreeVarsToDefaultImageBands", free, "write b('name') for a band of the image")
    value = _Parser(expression, name, names, _tokens(expression)).whole()
    return Function(len(names), lambda *images: value(dict(zip(names, images, strict=True))), tuple(names))
