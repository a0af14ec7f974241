"""Decides which fault a request gets; depends on the seed but not on the order of threads.

Random decisions are a hash of the seed, the rule, the request and the number of earlier requests that were equal.
Only the keys that count requests (`first`, `after`, `every`) depend on the order of arrival.
"""

import hashlib
import threading
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import shapely
from shapely.geometry import box
from shapely.geometry.base import BaseGeometry

from localearth.errors import InputError
from localearth.faults.kinds import OF_PIXELS
from localearth.faults.request import Request
from localearth.faults.rules import FaultRule


class Decider:
    """Applies the rules; safe to call from many threads."""

    def __init__(self, rules: Sequence[FaultRule], seed: int) -> None:
        """Reads the tiles files of the rules; the first rule that applies to a request is used.

        Raises:
            InputError: when a tiles file is invalid, or a rule names a tile that is not in its file.
        """
        self._rules = tuple(rules)
        self._areas = tuple(_area(rule) for rule in rules)
        self._seed = seed
        self._lock = threading.Lock()
        self._seen: Counter[bytes] = Counter()
        self._about: Counter[int] = Counter()
        self._given: Counter[tuple[int, bytes]] = Counter()

    def decide(self, request: Request) -> FaultRule | None:
        """The rule that applies to this request; None when it gets no fault."""
        if not self._rules:
            return None
        about = [
            number
            for number, (rule, area) in enumerate(zip(self._rules, self._areas, strict=True))
            if _is_about(rule, area, request)
        ]
        with self._lock:
            before = self._seen[request.identity]
            self._seen[request.identity] += 1
            applicable = [number for number in about if self._applies(number, request, before)]
            if not applicable:
                return None
            self._given[applicable[0], request.identity] += 1
            return self._rules[applicable[0]]

    def _applies(self, number: int, request: Request, before: int) -> bool:
        rule = self._rules[number]
        self._about[number] += 1
        count = self._about[number]
        if rule.first is not None and count > rule.first + (rule.after or 0):
            return False
        if rule.after is not None and count <= rule.after:
            return False
        if rule.every is not None and (count - (rule.after or 0)) % rule.every:
            return False
        if rule.times is not None and self._given[number, request.identity] >= rule.times:
            return False
        return rule.rate >= 1 or self._chance(rule, request, 0 if rule.always else before) < rule.rate

    def _chance(self, rule: FaultRule, request: Request, before: int) -> float:
        text = f"{self._seed}\n{rule}\n{before}\n".encode()
        digest = hashlib.blake2b(text + request.identity, digest_size=8).digest()
        return int.from_bytes(digest) / 2**64


def _is_about(rule: FaultRule, area: BaseGeometry | None, request: Request) -> bool:
    if rule.phase is not None and rule.phase is not request.phase:
        return False
    if rule.kind in OF_PIXELS and not request.as_npy:
        return False
    return area is None or any(area.contains(place) for place in request.places)


def _area(rule: FaultRule) -> BaseGeometry | None:
    if not rule.has_place:
        return None
    parts = [] if rule.bounds is None else [box(*rule.bounds)]
    if rule.tiles is not None:
        outlines = _outlines(rule.tiles)
        if rule.tile is not None and rule.tile not in outlines:
            raise InputError(f"fault {rule}: {rule.tiles} has no tile {rule.tile!r}. Set `tile` to a tile_id in it.")
        parts.append(shapely.union_all([shape for key, shape in outlines.items() if rule.tile in (None, key)]))
    area = parts[0] if len(parts) == 1 else parts[0].intersection(parts[1])
    shapely.prepare(area)
    return area


def _outlines(path: str) -> dict[str, BaseGeometry]:
    """The polygons of a tiles file by tile id.

    Raises:
        InputError: when it cannot be read.
    """
    import pyogrio

    if not Path(path).is_file():
        raise InputError(f"{path}: no such tiles file. Correct `tiles` of the fault.")
    try:
        _, _, shapes, (ids,) = pyogrio.raw.read(path, columns=["tile_id"])
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, ValueError) as error:
        raise InputError(f"{path}: the tiles and their `tile_id` cannot be read: {error}.") from error
    # Whole numbers may be read as floats: 7.0 is tile 7, as for the dataset itself.
    names = (f"{tile_id:.0f}" if isinstance(tile_id, float) else str(tile_id) for tile_id in ids.tolist())
    return dict(zip(names, shapely.from_wkb(shapes), strict=True))
