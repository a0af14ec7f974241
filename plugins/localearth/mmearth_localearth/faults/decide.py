"""Which fault strikes a request. Seeded, and the same whatever order threads come in.

Chance is a hash of the seed, the rule, the request and how often that very request was asked before. Only the keys
that count requests (`first`, `after`, `every`) go by the order of arrival, as they must.
"""

import hashlib
import threading
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import shapely
from shapely.geometry import box
from shapely.geometry.base import BaseGeometry

from mmearth_core.errors import ConfigError, TilesError
from mmearth_localearth.faults.asked import Asked
from mmearth_localearth.faults.kinds import OF_PIXELS
from mmearth_localearth.faults.rules import FaultRule


class Decider:
    """Goes through the rules; safe to call from many threads."""

    def __init__(self, rules: Sequence[FaultRule], seed: int) -> None:
        """Takes the rules; the first that strikes wins.

        Raises:
            ConfigError: when a rule names a tile that is not in its file.
            TilesError: when a tiles file is none.
        """
        self._rules = tuple(rules)
        self._areas = tuple(_area(rule) for rule in rules)
        self._seed = seed
        self._lock = threading.Lock()
        self._asked: Counter[bytes] = Counter()
        self._about: Counter[int] = Counter()
        self._given: Counter[tuple[int, bytes]] = Counter()

    def decide(self, asked: Asked) -> FaultRule | None:
        """The rule whose fault strikes this request; None when it goes through."""
        if not self._rules:
            return None
        about = [
            number
            for number, (rule, area) in enumerate(zip(self._rules, self._areas, strict=True))
            if _is_about(rule, area, asked)
        ]
        with self._lock:
            before = self._asked[asked.identity]
            self._asked[asked.identity] += 1
            struck = [number for number in about if self._strikes(number, asked, before)]
            if not struck:
                return None
            self._given[struck[0], asked.identity] += 1
            return self._rules[struck[0]]

    def _strikes(self, number: int, asked: Asked, before: int) -> bool:
        rule = self._rules[number]
        self._about[number] += 1
        count = self._about[number]
        if rule.first is not None and count > rule.first + (rule.after or 0):
            return False
        if rule.after is not None and count <= rule.after:
            return False
        if rule.every is not None and (count - (rule.after or 0)) % rule.every:
            return False
        if rule.times is not None and self._given[number, asked.identity] >= rule.times:
            return False
        return rule.rate >= 1 or self._chance(rule, asked, 0 if rule.always else before) < rule.rate

    def _chance(self, rule: FaultRule, asked: Asked, before: int) -> float:
        text = f"{self._seed}\n{rule}\n{before}\n".encode()
        digest = hashlib.blake2b(text + asked.identity, digest_size=8).digest()
        return int.from_bytes(digest) / 2**64


def _is_about(rule: FaultRule, area: BaseGeometry | None, asked: Asked) -> bool:
    if rule.phase is not None and rule.phase is not asked.phase:
        return False
    if rule.kind in OF_PIXELS and not asked.as_npy:
        return False
    return area is None or any(area.contains(place) for place in asked.places)


def _area(rule: FaultRule) -> BaseGeometry | None:
    if not rule.has_place:
        return None
    parts = [] if rule.bounds is None else [box(*rule.bounds)]
    if rule.tiles is not None:
        outlines = _outlines(rule.tiles)
        if rule.tile is not None and rule.tile not in outlines:
            raise ConfigError(f"fault {rule}: {rule.tiles} holds no tile {rule.tile!r}. Give the `tile_id` of one.")
        parts.append(shapely.union_all([shape for key, shape in outlines.items() if rule.tile in (None, key)]))
    area = parts[0] if len(parts) == 1 else parts[0].intersection(parts[1])
    shapely.prepare(area)
    return area


def _outlines(path: str) -> dict[str, BaseGeometry]:
    """The polygons of a tiles file by tile id.

    Raises:
        TilesError: when it cannot be read.
    """
    import pyogrio

    if not Path(path).is_file():
        raise TilesError(f"{path}: no such tiles file. Correct `tiles` of the fault.")
    try:
        _, _, shapes, (ids,) = pyogrio.raw.read(path, columns=["tile_id"])
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, ValueError) as error:
        raise TilesError(f"{path}: the tiles and their `tile_id` cannot be read: {error}.") from error
    # Whole numbers may be read as floats: 7.0 is tile 7, as for the dataset itself.
    names = (f"{tile_id:.0f}" if isinstance(tile_id, float) else str(tile_id) for tile_id in ids.tolist())
    return dict(zip(names, shapely.from_wkb(shapes), strict=True))
