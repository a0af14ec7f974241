"""A rule: which fault, and which requests it strikes; read from a TOML table or from one line of text."""

import re
from typing import Any

import attrs
from attrs import field, frozen, validators

from mmearth_core.errors import ConfigError
from mmearth_localearth.faults.kinds import OF_PIXELS, Kind, Phase

_at_least_one = validators.optional(validators.ge(1))


@frozen
class FaultRule:
    """Which fault, and which requests it strikes: those that all given keys agree on.

    Attributes:
        kind: what happens.
        phase: only to requests of this phase.
        rate: with this probability.
        first: only to the first so many requests that the rule is about.
        after: only to those that come after so many.
        every: only to each so-manieth of them.
        times: at most so often to one and the same request, so that asking again succeeds.
        always: a request asked again meets the same chance again: what fails once, fails always.
        bounds: only to requests about a place within west, south, east, north, in degrees.
        tile: only to requests about the tile of this id, from the file `tiles`.
        tiles: a tiles file; without `tile`, the rule is about all of its tiles.
        seconds: how late a slow answer is.
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
            raise ValueError(f"kind {self.kind} happens to pixels only; leave `phase` out, or make it pixels")
        if (self.kind is Kind.SLOW) != (self.seconds is not None):
            raise ValueError("`seconds` says how late an answer of kind slow is: it goes with that kind, and only so")
        if self.tile is not None and self.tiles is None:
            raise ValueError("`tile` names a tile of a file: give that file as `tiles`")
        if self.bounds is not None and not (self.bounds[0] < self.bounds[2] and self.bounds[1] < self.bounds[3]):
            raise ValueError("`bounds` are west, south, east, north, in degrees, and must hold some area")

    @property
    def has_place(self) -> bool:
        """Whether it asks where a request is about."""
        return self.bounds is not None or self.tiles is not None

    def __str__(self) -> str:
        """As on a command line."""
        given = {a.name: getattr(self, a.name) for a in attrs.fields(type(self)) if getattr(self, a.name) != a.default}
        kind = given.pop("kind")
        return ":".join([kind, *(f"{key}={_shown(value)}" for key, value in given.items())])


def parse_rule(text: str, source: str = "--fault") -> FaultRule:
    """A rule from text such as `429:rate=0.1:phase=pixels`.

    Args:
        text: the kind, then `key=value` for keys of `FaultRule`, with colons between them.
        source: where the rule is defined, for messages.

    Raises:
        ConfigError: names the key, what was found and what is allowed.
    """
    from mmearth_core.config.schema import structure

    kind, *pairs = re.split(r":(?=\w+=)", text)  # a path may hold colons
    table: dict[str, Any] = {"kind": kind}
    for pair in pairs:
        key, _, value = pair.partition("=")
        if key in table:
            raise ConfigError(f"{source} {text!r}: {key} is given twice; give it once.")
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
