"""Fault rules: which fault occurs in which requests; read from a TOML table or from one line of text."""

import re
from typing import Any

import attrs
from attrs import field, frozen, validators

from localearth.faults.kinds import OF_PIXELS, Kind, Phase
from mmearth_core.errors import ConfigError

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
        ConfigError: with the key, its value and the allowed values.
    """
    from mmearth_core.config.schema import structure

    kind, *pairs = re.split(r":(?=\w+=)", text)  # a path may contain colons
    table: dict[str, Any] = {"kind": kind}
    for pair in pairs:
        key, _, value = pair.partition("=")
        if key in table:
            raise ConfigError(f"{source} {text!r}: {key} is duplicated; write it once.")
        table[key] = _value(key, value)
    return structure(table, FaultRule, "faults", f"{source} {text!r}")


def _value(key: str, text: str) -> Any:
    if key in ("phase", "tile", "tiles"):
        return text
    if key == "bounds":
        return [_number(part) for part in text.split(",")]
    return {"true": True, "false": False}.get(text, _number(text))


def _number(text: str) -> Any:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _shown(value: Any) -> str:
    if isinstance(value, tuple):
        return ",".join(_shown(part) for part in value)
    if isinstance(value, bool):
        return str(value).lower()
    return repr(value).removesuffix(".0") if isinstance(value, float) else str(value)
