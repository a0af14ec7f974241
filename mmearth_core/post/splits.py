"""Splits of rows into training, validation and test."""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from attrs import field, frozen
from numpy.typing import NDArray

from mmearth_core.errors import ConfigError, DatasetError

RADIUS_KM = 6371.0088
"""Mean radius of the Earth (IUGG)."""


Floats = NDArray[np.float64]
Rows = NDArray[np.intp]

_LEAST_SIDE = 1e-4
"""Smallest side of a cube, in radii of the Earth: numbers of smaller ones would not fit 64 bits."""


def blocks_of(lon: Floats, lat: Floats, side_km: float) -> NDArray[np.int64]:
    """A number for each tile: equal within a block of about `side_km` by `side_km`.

    Belts of equal height from pole to pole are each divided into a whole number of blocks; the antimeridian cuts none.
    """
    belts = max(1, round(np.pi * RADIUS_KM / side_km))
    belt = np.minimum(((lat + 90.0) / 180.0 * belts).astype(np.int64), belts - 1)
    middle = np.radians((belt + 0.5) / belts * 180.0 - 90.0)
    columns = np.maximum(1, np.rint(2 * np.pi * RADIUS_KM * np.cos(middle) / side_km)).astype(np.int64)
    column = np.minimum((((lon + 180.0) % 360.0) / 360.0 * columns).astype(np.int64), columns - 1)
    # A belt has at most 2 * belts columns (at the equator), so no two blocks share a number.
    return np.asarray(belt * (2 * belts + 2) + column)


def distances_to_nearest(rows: Rows, others: Rows, lon: Floats, lat: Floats, horizon_km: float) -> Floats:
    """For each row the distance to the nearest of the others, kilometres; inf if it is beyond the horizon.

    Space is divided into cubes with the horizon as their side, so that a row is only compared with the points of its
    own cube and of the 26 around it.
    """
    squared = np.full(len(rows), np.inf)
    if not len(rows) or not len(others) or horizon_km <= 0:
        return squared
    side = max(2 * np.sin(min(horizon_km / RADIUS_KM, np.pi) / 2) * (1 + 1e-9), _LEAST_SIDE)
    own, points = _points(lon[rows], lat[rows]), _points(lon[others], lat[others])
    across = int(2 / side) + 4  # cubes along an axis, with a spare one at either end
    strides = np.array([across**2, across, 1])
    cubes = _cubes(points, side) @ strides
    order = np.argsort(cubes, kind="stable")
    cubes, points, own_cubes = cubes[order], points[order], _cubes(own, side)
    for x, y in itertools.product((-1, 0, 1), repeat=2):
        middle = (own_cubes + np.array([x, y, 0])) @ strides  # neighbours along z have consecutive numbers
        lows, highs = np.searchsorted(cubes, middle - 1), np.searchsorted(cubes, middle + 1, side="right")
        _compare(own, points, lows, highs, squared)
    # By the chord, which unlike the cosine is precise for near points.
    distances = 2 * RADIUS_KM * np.arcsin(np.minimum(np.sqrt(squared) / 2, 1.0))
    return np.where(distances <= horizon_km, distances, np.inf)


def _compare(own: Floats, points: Floats, lows: Rows, highs: Rows, squared: Floats) -> None:
    """Lowers `squared` of each own point to the squared distance to the nearest of `points[low:high]`."""
    positions = lows
    rows = np.flatnonzero(positions < highs)
    # One point of each at a time: all pairs at once could need far more memory than the points.
    while len(rows):
        apart = ((own[rows] - points[positions[rows]]) ** 2).sum(axis=1)
        squared[rows] = np.minimum(squared[rows], apart)
        positions = positions + 1
        rows = rows[positions[rows] < highs[rows]]


def _cubes(points: Floats, side: float) -> NDArray[np.int64]:
    """The number of each point's cube along each axis, from 1."""
    return np.floor((points + 1) / side).astype(np.int64) + 1


def _points(lon: Floats, lat: Floats) -> Floats:
    a, b = np.radians(lon), np.radians(lat)
    return np.column_stack([np.cos(b) * np.cos(a), np.cos(b) * np.sin(a), np.sin(b)])


PARTS = ("train", "val", "test")
"""The splits, named as the readers of the published MMEarth expect."""

STRATEGIES = ("random", "stratified", "spatial", "column")

USED_BY = {
    "fractions": ("random", "stratified", "spatial"),
    "column": ("stratified", "column"),
    "block_km": ("spatial",),
    "distance_km": ("spatial",),
}
"""Options that only some strategies use, with these strategies; any other option is allowed with all."""

LEAST_BLOCK, GLOBE = 0.01, 20_000.0
"""Kilometres: the smallest useful block, and the greatest distance of two places on the globe."""


@frozen
class SplitOptions:
    """How splits are made.

    Attributes:
        strategy: one of `STRATEGIES`.
        fractions: shares of train, val and test; they add up to 1.
        seed: of the random draws.
        column: the tiles' column to stratify by, or that names each tile's split.
        block_km: spatial: side of the blocks that stay together, kilometres.
        distance_km: spatial: minimum distance between tiles of different splits, kilometres.
    """

    strategy: str = "random"
    fractions: tuple[float, ...] = field(default=(0.8, 0.1, 0.1), converter=tuple)
    seed: int = 0
    column: str | None = None
    block_km: float = 50.0
    distance_km: float = 5.0

    def __attrs_post_init__(self) -> None:
        if self.strategy not in STRATEGIES:
            raise ConfigError(f"strategy {self.strategy!r} is not one of {', '.join(STRATEGIES)}.")
        if len(self.fractions) != 3 or not (min(self.fractions) >= 0 and abs(sum(self.fractions) - 1) <= 1e-9):
            raise ConfigError(
                f"fractions {', '.join(f'{share:g}' for share in self.fractions)}: give three numbers for train, val "
                "and test that are not negative and add up to 1, e.g. 0.8,0.1,0.1."
            )
        if not isinstance(self.seed, int) or self.seed < 0:
            raise ConfigError(f"seed {self.seed!r} is not a whole number from 0 on.")
        if self.strategy == "column" and self.column is None:
            raise ConfigError("strategy 'column' needs the name of the tiles' column that holds train, val or test.")
        if not LEAST_BLOCK <= self.block_km <= GLOBE:
            raise ConfigError(f"--block-km {self.block_km:g}: {LEAST_BLOCK:g} to {GLOBE:g} are allowed.")
        if not 0 <= self.distance_km <= GLOBE:
            raise ConfigError(f"--distance-km {self.distance_km:g}: 0 to {GLOBE:g} are allowed.")

    @property
    def by(self) -> str | None:
        """The column that is used."""
        return self.column or ("biome" if self.strategy == "stratified" else None)


def split(options: SplitOptions, lon: Floats, lat: Floats, column: Sequence[Any]) -> dict[str, Rows]:
    """Divides the rows.

    Args:
        options: how.
        lon: of each row's centroid, degrees.
        lat: of each row's centroid, degrees.
        column: each row's value in the column; may be empty without one.

    Returns:
        Sorted row numbers of train, val and test.

    Raises:
        DatasetError: when the column cannot be used.
    """
    random = np.random.default_rng(options.seed)
    if options.strategy == "column":
        parts = _named(options, column)
    elif options.strategy == "spatial":
        parts = _spatial(options, lon, lat, random)
    elif options.strategy == "stratified":
        groups = _groups(options, column)
        drawn = [_drawn(random.permutation(members), options.fractions, random) for members in groups]
        parts = {part: np.concatenate([each[part] for each in drawn]) for part in PARTS}
    else:
        parts = _drawn(random.permutation(len(lon)), options.fractions)
    return {part: np.sort(rows) for part, rows in parts.items()}


def shares(count: int, fractions: Sequence[float], random: np.random.Generator | None = None) -> list[int]:
    """Whole numbers that add up to `count` and differ from its fractions by less than 1.

    What remains after rounding down goes to the largest remainders. With `random`, it goes to different parts drawn
    with the remainders as weights, so that many small groups do not all round in favour of the same part. If two
    units remain, these draws favour small remainders a little: of remainders 0.8, 0.6, 0.6 the parts get 0.74, 0.63,
    0.63 on average. They stay as they are, since other draws would change the splits of existing datasets.
    """
    exact = [count * share for share in fractions]
    numbers = [int(value + 1e-9) for value in exact]
    remainders = np.maximum([value - floor for value, floor in zip(exact, numbers, strict=True)], 0.0)
    left = count - sum(numbers)
    if left and random is not None:
        chosen = random.choice(len(numbers), size=left, replace=False, p=remainders / remainders.sum()).tolist()
    else:
        chosen = np.argsort(-remainders, kind="stable")[:left].tolist()
    for part in chosen:
        numbers[part] += 1
    return numbers


def _drawn(rows: Rows, fractions: Sequence[float], random: np.random.Generator | None = None) -> dict[str, Rows]:
    ends = np.cumsum(shares(len(rows), fractions, random))[:-1]
    return dict(zip(PARTS, np.split(rows, ends), strict=True))


def _groups(options: SplitOptions, column: Sequence[Any]) -> list[Rows]:
    if all(value is None for value in column):
        raise DatasetError(
            f"No tile has anything in column {options.by!r}, so the splits cannot be stratified by it. Name another "
            "column of the tiles file, or choose another strategy."
        )
    names = ["" if value is None else f"={value}" for value in column]
    ranks = {name: rank for rank, name in enumerate(sorted(set(names)))}
    return _members(np.fromiter((ranks[name] for name in names), np.int64, len(names)))


def _members(numbers: NDArray[np.int64]) -> list[Rows]:
    """The rows of each number, by number; in one pass, as a million tiles may have fifty thousand numbers."""
    order = np.argsort(numbers, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(numbers[order])) + 1)


def _named(options: SplitOptions, column: Sequence[Any]) -> dict[str, Rows]:
    wrong = sorted({str(value) for value in column if value is not None and value not in PARTS})
    if wrong or all(value is None for value in column):
        found = f"holds {', '.join(map(repr, wrong[:5]))}" if wrong else "is empty or missing"
        raise DatasetError(
            f"Column {options.by!r} of the tiles {found}. It must hold train, val or test for each tile, or nothing "
            "for a tile that is in no split."
        )
    return {part: np.array([row for row, value in enumerate(column) if value == part], np.intp) for part in PARTS}


def _spatial(options: SplitOptions, lon: Floats, lat: Floats, random: np.random.Generator) -> dict[str, Rows]:
    """Blocks go to splits in random order; then tiles too near to another split are left out."""
    members = _members(blocks_of(lon, lat, options.block_km))
    order = random.permutation(len(members))
    wanted = dict(zip(PARTS, shares(len(lon), options.fractions), strict=True))
    parts: dict[str, list[Rows]] = {part: [] for part in PARTS}
    filled = dict.fromkeys(PARTS, 0)
    for number in order.tolist():
        # Each block goes to the split that still needs the largest part of its size; a split of size 0 gets none.
        part = max(
            PARTS, key=lambda name: (wanted[name] - filled[name]) / max(wanted[name], 1) if wanted[name] else -1e9
        )
        parts[part].append(members[number])
        filled[part] += len(members[number])
    rows = {part: np.concatenate([*each, np.empty(0, np.intp)]).astype(np.intp) for part, each in parts.items()}
    # The test tiles stay; validation tiles too near to them are left out, and training tiles too near to either.
    minimum = options.distance_km
    for part, others in (("val", ("test",)), ("train", ("val", "test"))):
        other_rows = np.concatenate([rows[other] for other in others])
        rows[part] = rows[part][distances_to_nearest(rows[part], other_rows, lon, lat, minimum) >= minimum]
    return rows


def describe(options: SplitOptions, parts: Mapping[str, Rows], count: int, digest: str) -> dict[str, Any]:
    """How the splits were made, as JSON."""
    counts = {part: len(rows) for part, rows in parts.items()}
    made: dict[str, Any] = {"strategy": options.strategy, "fractions": list(options.fractions), "seed": options.seed}
    if options.by is not None:
        made["column"] = options.by
    if options.strategy == "spatial":
        made |= {"block_km": options.block_km, "distance_km": options.distance_km}
    in_none = count - sum(counts.values())
    return {"made": made, "rows": count, "tiles": counts, "in_no_split": in_none, "rows_sha256": digest}
