"""Draws the tiles of every region, with more attempts and from other regions where a region gives too few."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from mmearth_core.tiles.earth_source import EarthSource
from mmearth_core.tiles.polygon_source import PolygonSource, seeded
from mmearth_core.tiles.regions import Allocation, Region, allocate
from mmearth_core.tiles.spacing import Rules
from mmearth_core.tiles.squares import Places

Source = PolygonSource | EarthSource
"""Draws random places in regions."""

ATTEMPTS = 6
"""How often new places are requested for a region before it counts as exhausted."""

_GROWTH = 4
"""Factor by which more places are requested after an attempt in which the rules refused some."""

_HOPELESS = 1000
"""A region is full if the rules refuse this many places in one attempt and accept none."""

_MOST_DRAWN = 2_000_000
"""Maximum number of candidates of one region in one attempt; bounds the memory."""


@frozen
class Count:
    """The tiles of one region.

    Attributes:
        region: the region.
        asked: its share.
        made: its tiles; more than its share where it replaces tiles of others.
        reason: why it has fewer; empty otherwise.
    """

    region: Region
    asked: int
    made: int
    reason: str = ""

    def to_json(self) -> dict[str, Any]:
        """The row of the `--json` output."""
        region = {"eco_region": self.region.name, "biome": self.region.biome, "realm": self.region.realm}
        return {**region, "asked": self.asked, "made": self.made, **({"reason": self.reason} if self.reason else {})}


@frozen(eq=False)
class Sample:
    """The tiles, in a random order, so that the first n of them are a sample too.

    Attributes:
        places: the tiles.
        region: the region of each tile, as a position in `counts`.
        counts: the tiles of each region.
    """

    places: Places
    region: NDArray[np.intp]
    counts: Sequence[Count]

    def columns(self) -> dict[str, Any]:
        """The columns of the tiles file."""
        names = [(count.region.biome, count.region.name, count.region.realm) for count in self.counts]
        biome, eco_region, realm = np.asarray(names, dtype=object)[self.region].T
        tile_id = np.arange(len(self.places)).astype(str).astype(object)
        columns = {"tile_id": tile_id, "biome": biome, "eco_region": eco_region, "realm": realm}
        return {**columns, "lon": self.places.lon, "lat": self.places.lat}


def sample(
    source: Source,
    number: int,
    allocation: Allocation,
    rules: Rules,
    redistribute: bool = False,
    on_progress: Callable[[int, int], None] = lambda made, total: None,
) -> Sample:
    """Draws tiles.

    Args:
        source: where places come from.
        number: number of tiles.
        allocation: how they are allocated to regions.
        rules: which places are refused.
        redistribute: whether other regions replace the tiles of those that give too few.
        on_progress: called after every region with the number of tiles so far, and of how many.
    """
    draws = _Draws(source, rules, lambda made: on_progress(made, number))
    shares = allocate(number, source.regions, allocation)
    draws.take({position: share for position, share in enumerate(shares) if share})
    while redistribute and draws.made.total() < number:
        able = [position for position in range(len(shares)) if position not in draws.reasons]
        if not able:
            break
        more = allocate(number - draws.made.total(), [source.regions[position] for position in able], allocation)
        draws.take({position: share for position, share in zip(able, more, strict=True) if share})
    regions = enumerate(source.regions)
    counts = [Count(region, shares[i], draws.made[i], draws.reasons.get(i, "")) for i, region in regions]
    # Sorted by region first, so that the order does not depend on when a region was drawn again.
    parts = sorted(draws.parts, key=lambda part: part[0])
    places = Places.joined([part for _, part in parts])
    region = np.repeat(np.asarray([position for position, _ in parts], np.intp), [len(part) for _, part in parts])
    order = np.argsort(np.random.Generator(np.random.PCG64(seeded(source.seed))).random(len(places)), kind="stable")
    return Sample(places.take(order), region[order], counts)


class _Draws:
    """The tiles drawn so far, in parts of one region, and why regions gave too few."""

    def __init__(self, source: Source, rules: Rules, on_progress: Callable[[int], None]) -> None:
        self.parts: list[tuple[int, Places]] = []
        self.made: Counter[int] = Counter()
        self.reasons: dict[int, str] = {}
        self._source, self._rules, self._on_progress = source, rules, on_progress
        self._attempt = 0

    def take(self, wanted: Mapping[int, int]) -> None:
        """Adds tiles to regions; those that give too few get a reason."""
        # How many times the missing tiles are requested; 0 for a region that is full.
        missing, factor = dict(wanted), dict.fromkeys(wanted, 1)
        why = dict.fromkeys(wanted, "fewer places were returned than requested.")
        for _ in range(ATTEMPTS):
            request = {
                position: min(count * factor[position], max(_MOST_DRAWN, count))
                for position, count in missing.items()
                if factor[position]
            }
            if not request:
                break
            answered = False
            for position, candidates in self._source.draw(request, self._attempt):
                if isinstance(candidates, str):
                    why[position] = candidates
                    continue
                answered = True
                kept = candidates.take(self._rules.accept(candidates, missing[position]))
                self.parts.append((position, kept))
                self.made[position] += len(kept)
                missing[position] -= len(kept)
                if not missing[position]:
                    del missing[position]
                elif self._rules.can_refuse:
                    is_full = not len(kept) and len(candidates) >= _HOPELESS
                    factor[position] *= 0 if is_full else _GROWTH
                    found = f"only {len(kept)} of {len(candidates)} more places comply"
                    why[position] = f"{found} with the rules (distance, overlap, exclude)."
                self._on_progress(self.made.total())
            self._attempt += 1
            if not answered and not self.made.total() and len(request) > 1:
                break  # Nothing works at all, for example without access to the table: no hundreds of requests more.
        self.reasons.update({position: why[position] for position in missing})
