"""Fault rules: which fault occurs in which requests; read from a TOML table or from one line of text."""

import difflib
import math
import re
from collections.abc import Callable
from typing import Any

import attrs
from attrs import field, frozen, validators

from localearth.errors import InputError
from localearth.faults.kinds import OF_PIXELS, Kind, Phase

_at_least_one = validators.optional(validators.ge(1))


@frozen
class FaultRule:
    """A fault and the requests that get it: those that match all given keys.

    Matching requests are those of the `phase`, in the area of `bounds`, `tile` and `tiles`.

    Attributes:
        kind: the fault.
        phase: only requests of this phase.
        rate: probability of the fault.
        first: only the first N matching requests.
        after: not the first N matching requests.
        every: only every Nth matching request.
        times: at most N times for equal requests, so that a later retry succeeds.
        always: equal requests get the same random decision: a request that fails once always fails.
        bounds: only requests about a location within west, south, east, north, in degrees.
        tile: only requests about the tile with this id, from the file `tiles`.
        tiles: a tiles file; without `tile`, the rule covers all of its tiles.
        seconds: delay of an answer of kind slow.
    """

    kind: Kind
    phase: Phase | None = None
    rate: float = field(default=1.0, validator=[validators.gt(0), validators.le(1)])
    first: int | None = field(default=None, validator=_at_least_one)
    after: int | None = field(default=None, validator=_at_least_one)
    every: int | None = field(default=None, validator=_at_least_one)
    times: int | None = field(default=None, validator=_at_least_one)
    always: bool = False
    bounds: tuple[float, float, float, float] | None = None
    tile: str | None = None
    tiles: str | None = None
    seconds: float | None = field(default=None, validator=validators.optional(validators.gt(0)))

    def __attrs_post_init__(self) -> None:
        if self.kind in OF_PIXELS and self.phase not in (None, Phase.PIXELS):
            raise ValueError(f"kind {self.kind} occurs in pixels only; omit `phase`, or set it to pixels")
        if (self.kind is Kind.SLOW) != (self.seconds is not None):
            raise ValueError("`seconds` is the delay of kind slow: set it with that kind, and only with that kind")
        if self.tile is not None and self.tiles is None:
            raise ValueError("`tile` is the id of a tile in a file: set `tiles` to that file")
        if self.bounds is not None and not (self.bounds[0] < self.bounds[2] and self.bounds[1] < self.bounds[3]):
            raise ValueError("`bounds` are west, south, east, north in degrees, and must have an area")

    @property
    def has_place(self) -> bool:
        """Whether the rule depends on the location of a request."""
        return self.bounds is not None or self.tiles is not None

    def __str__(self) -> str:
        """The rule as it is written on a command line."""
        given = {a.name: getattr(self, a.name) for a in attrs.fields(type(self)) if getattr(self, a.name) != a.default}
        kind = given.pop("kind")
        return ":".join([kind, *(f"{key}={_shown(value)}" for key, value in given.items())])


def parse_rule(text: str, source: str = "--fault") -> FaultRule:
    """Parses a rule such as `429:rate=0.1:phase=pixels`.

    Args:
        text: the kind, then `key=value` for keys of `FaultRule`, separated by colons.
        source: where the rule is defined, for messages.

    Raises:
        InputError: with each wrong key, its value and the allowed values.
    """
    kind, *pairs = re.split(r":(?=\w+=)", text)  # a path may contain colons
    values: dict[str, Any] = {}
    problems = []
    for key, _, value in [("kind", "", kind), *(pair.partition("=") for pair in pairs)]:
        try:
            if key in values:
                raise ValueError(f"{key} is duplicated; write it once")
            values[key] = _value(key, value)
        except ValueError as error:
            problems.append(f"{error}.")
    if not problems:
        try:
            return FaultRule(**values)
        except ValueError as error:  # attrs's own validators append the attribute and the value to the message
            problems.append(f"{error.args[0]}.")
    raise InputError(f"{source} {text!r}: {' '.join(problems)}")


def _value(key: str, text: str) -> Any:
    """The value of a key.

    Raises:
        ValueError: for an unknown key, or a value of another kind; with what is allowed.
    """
    if key not in _KEYS:
        near = difflib.get_close_matches(key, _KEYS, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"{key}: unknown key.{hint} Allowed: {', '.join(_KEYS)}")
    read, expected = _KEYS[key]
    try:
        return read(text)
    except (ValueError, KeyError):
        raise ValueError(f"{key}: found {text!r}, expected {expected}") from None


def _number(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError
    return number


def _bounds(text: str) -> tuple[float, float, float, float]:
    west, south, east, north = map(_number, text.split(","))
    return west, south, east, north


_COUNT = (int, "a whole number")
_KEYS: dict[str, tuple[Callable[[str], Any], str]] = {
    "kind": (Kind, f"one of {', '.join(Kind)}"),
    "phase": (Phase, f"one of {', '.join(Phase)}"),
    "rate": (_number, "a number"),
    **dict.fromkeys(("first", "after", "every", "times"), _COUNT),
    "always": ({"true": True, "false": False}.__getitem__, "true or false"),
    "bounds": (_bounds, "4 numbers: west,south,east,north"),
    "tile": (str, "text"),
    "tiles": (str, "text"),
    "seconds": (_number, "a number"),
}
"""How the value of each key of `FaultRule` is read, and what it may be."""


def _shown(value: Any) -> str:
    if isinstance(value, tuple):
        return ",".join(_shown(part) for part in value)
    if isinstance(value, bool):
        return str(value).lower()
    return repr(value).removesuffix(".0") if isinstance(value, float) else str(value)
