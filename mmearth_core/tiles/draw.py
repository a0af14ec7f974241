"""Draws the tiles of every region: again where some are lacking, and from other regions if that is wished."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from mmearth_core.tiles.polygon_source import Source, seeded
from mmearth_core.tiles.regions import Allocation, Region, allocate
from mmearth_core.tiles.spacing import Rules
from mmearth_core.tiles.squares import Places

ATTEMPTS = 6
"""How often a region is asked, each time for other places, before it counts as one that has no more."""


_GROWTH = 4
"""A region whose places were refused by the rules is asked for this many times more the next time."""


_HOPELESS = 1000
"""A region of which the rules refuse this many places in one attempt, and accept none, is full."""


_MOST_DRAWN = 2_000_000
"""Candidates of one region in one attempt, at most."""


Progress = Callable[[int, int], None]
"""Is told how many tiles there are, of how many."""


@frozen
class Count:
    """What one region gave.

    Attributes:
        region: the region.
        asked: its share.
        made: its tiles; more than its share where it made up for others.
        reason: why it gave fewer; empty otherwise.
    """

    region: Region
    asked: int
    made: int
    reason: str = ""

    def as_data(self) -> dict[str, Any]:
        """As JSON shows it."""
        region = {"eco_region": self.region.name, "biome": self.region.biome, "realm": self.region.realm}
        return {**region, "asked": self.asked, "made": self.made, **({"reason": self.reason} if self.reason else {})}


@frozen(eq=False)
class Sample:
    """The tiles, in a random order, so that the first n of them are a sample too.

    Attributes:
        places: the tiles.
        region: each one's region, by its place in `counts`.
        counts: what each region gave.
    """

    places: Places
    region: NDArray[np.intp]
    counts: Sequence[Count]

    def columns(self) -> dict[str, Any]:
        """The columns of the tiles file."""
        regions = [count.region for count in self.counts]

        def of_tiles(values: Sequence[str | None]) -> NDArray[np.object_]:
            return np.asarray(values, dtype=object)[self.region]

        return {
            "tile_id": np.asarray([str(number) for number in range(len(self.places))], dtype=object),
            "biome": of_tiles([region.biome for region in regions]),
            "eco_region": of_tiles([region.name for region in regions]),
            "realm": of_tiles([region.realm for region in regions]),
            "lon": self.places.lon,
            "lat": self.places.lat,
        }


def sample(
    source: Source,
    number: int,
    way: Allocation,
    seed: int,
    rules: Rules,
    redistribute: bool = False,
    progress: Progress = lambda made, total: None,
) -> Sample:
    """Draws `number` tiles.

    Args:
        source: where places come from.
        number: tiles in all.
        way: how they are shared out.
        seed: of their order.
        rules: which places are refused.
        redistribute: whether other regions make up for those that give too few.
        progress: is told after every region.
    """
    draws = _Draws(source, rules, number, progress)
    shares = allocate(number, source.regions, way)
    draws.take({place: share for place, share in enumerate(shares) if share})
    while redistribute and draws.made < number:
        able = [place for place in range(len(shares)) if place not in draws.reasons]
        if not able:
            break
        more = allocate(number - draws.made, [source.regions[place] for place in able], way)
        draws.take({place: share for place, share in zip(able, more, strict=True) if share})
    counts = [
        Count(region, shares[place], draws.count(place), draws.reasons.get(place, ""))
        for place, region in enumerate(source.regions)
    ]
    by_region = sorted(draws.found.items())
    places = Places.joined([part for _, parts in by_region for part in parts])
    region = np.repeat([place for place, _ in by_region], [count.made for count in counts if count.made]).astype(
        np.intp
    )
    order = np.argsort(np.random.Generator(np.random.PCG64(seeded(seed))).random(len(places)), kind="stable")
    return Sample(places.take(order), region[order], counts)


class _Draws:
    """What has been drawn so far."""

    def __init__(self, source: Source, rules: Rules, total: int, progress: Progress) -> None:
        self.found: dict[int, list[Places]] = {}
        self.reasons: dict[int, str] = {}
        self.made = 0
        self._source, self._rules, self._total, self._progress = source, rules, total, progress
        self._attempt = 0

    def count(self, place: int) -> int:
        """The tiles of a region so far."""
        return sum(len(part) for part in self.found.get(place, ()))

    def take(self, wanted: Mapping[int, int]) -> None:
        """Adds tiles to regions; those that give too few get a reason."""
        missing, factor = dict(wanted), dict.fromkeys(wanted, 1)
        full: set[int] = set()
        why: dict[int, str] = {}
        for _ in range(ATTEMPTS):
            ask = {place: count * factor[place] for place, count in missing.items() if place not in full}
            if not ask:
                break
            most = max(_MOST_DRAWN, *missing.values())
            drawn = self._source.draw({place: min(count, most) for place, count in ask.items()}, self._attempt)
            self._attempt += 1
            answered = False
            for place, candidates in drawn:
                if isinstance(candidates, str):
                    why[place] = candidates
                    continue
                answered = True
                kept = candidates.take(self._rules.accept(candidates, missing[place]))
                if len(kept):
                    self.found.setdefault(place, []).append(kept)
                self.made += len(kept)
                missing[place] -= len(kept)
                if not missing[place]:
                    del missing[place]
                elif self._rules.can_refuse:
                    factor[place] *= _GROWTH
                    if not len(kept) and len(candidates) >= _HOPELESS:
                        full.add(place)
                    why[place] = (
                        f"of {len(candidates)} further places {len(kept)} kept the rules (distance, overlap, exclude)."
                    )
                self._progress(self.made, self._total)
            if not answered and not self.made and len(ask) > 1:
                break  # Nothing works at all, such as a table that may not be read: not a thousand requests more.
        self.reasons.update({place: why.get(place, "fewer places came back than were asked for.") for place in missing})
