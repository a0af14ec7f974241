"""Splits of rows into training, validation and test."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
from attrs import field, frozen
from numpy.typing import NDArray

from mmearth_core.errors import ConfigError, DatasetError

RADIUS_KM = 6371.0088
"""Mean radius of the Earth (IUGG)."""


Floats = NDArray[np.float64]


Rows = NDArray[np.intp]


_PAIRS = 1 << 20
"""Pairs of tiles compared at once; they bound the memory."""


_LEAST_SIDE = 1e-4
"""Of a cube, in radii of the Earth: with smaller ones, their numbers would not fit 64 bits."""


def blocks_of(lon: Floats, lat: Floats, side_km: float) -> NDArray[np.int64]:
    """A number for each tile: equal within a block of about `side_km` by `side_km`.

    Bands of equal height from pole to pole, each cut into a whole number of blocks, so that the antimeridian cuts none.
    """
    bands = max(1, round(np.pi * RADIUS_KM / side_km))
    band = np.minimum(((lat + 90.0) / 180.0 * bands).astype(np.int64), bands - 1)
    middle = np.radians((band + 0.5) / bands * 180.0 - 90.0)
    columns = np.maximum(1, np.rint(2 * np.pi * RADIUS_KM * np.cos(middle) / side_km)).astype(np.int64)
    column = np.minimum((((lon + 180.0) % 360.0) / 360.0 * columns).astype(np.int64), columns - 1)
    return np.asarray(band * (2 * bands + 2) + column)


def kept_apart(rows: Rows, others: Rows, lon: Floats, lat: Floats, distance_km: float) -> Rows:
    """Those of `rows` that are at least so far, in kilometres along the globe, from all of `others`."""
    return rows[nearest(rows, others, lon, lat, distance_km) >= distance_km]


def least_distance(rows: Rows, others: Rows, lon: Floats, lat: Floats, horizon_km: float) -> float:
    """The least distance between two sets of tiles, kilometres; inf if it is beyond the horizon."""
    return float(np.min(nearest(rows, others, lon, lat, horizon_km), initial=np.inf))


def nearest(rows: Rows, others: Rows, lon: Floats, lat: Floats, horizon_km: float) -> Floats:
    """For each row the distance to the nearest of the others, kilometres; inf if it is beyond the horizon.

    Points lie in cubes whose side is the horizon, so that only those of a row's own cube and of the 26 around it are
    compared.
    """
    found = np.full(len(rows), np.inf)
    if not len(rows) or not len(others) or horizon_km <= 0:
        return found
    side = max(2 * np.sin(min(horizon_km / RADIUS_KM, np.pi) / 2) * (1 + 1e-9), _LEAST_SIDE)
    mine, theirs = _points(lon[rows], lat[rows]), _points(lon[others], lat[others])
    across = int(2 / side) + 4  # cubes along an axis, with one to spare at either end
    strides = np.array([across**2, across, 1])
    cubes = _cubes(theirs, side) @ strides
    order = np.argsort(cubes, kind="stable")
    cubes, theirs, own = cubes[order], theirs[order], _cubes(mine, side)
    squares = np.full(len(rows), np.inf)
    for x, y in product((-1, 0, 1), repeat=2):
        middle = (own + np.array([x, y, 0])) @ strides  # cubes that follow one another have numbers that do
        lows, highs = np.searchsorted(cubes, middle - 1), np.searchsorted(cubes, middle + 1, side="right")
        _compare(mine, theirs, lows, highs, squares)
    # By the chord, which unlike the cosine is exact for near points.
    distances = 2 * RADIUS_KM * np.arcsin(np.minimum(np.sqrt(squares) / 2, 1.0))
    near = distances <= horizon_km
    found[near] = distances[near]
    return found


def _compare(mine: Floats, theirs: Floats, lows: Rows, highs: Rows, squares: Floats) -> None:
    """Lowers each point's `squares` to the squared distance to the nearest of `theirs` from its low to its high."""
    (some,) = np.nonzero(highs > lows)
    ends = np.cumsum((highs - lows)[some])
    start = 0
    while start < len(some):
        before = ends[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, before + _PAIRS, side="right")))
        points = some[start:stop]
        counts = (highs - lows)[points]
        firsts = np.cumsum(counts) - counts
        pairs = np.arange(counts.sum()) + np.repeat(lows[points] - firsts, counts)
        apart = ((np.repeat(mine[points], counts, axis=0) - theirs[pairs]) ** 2).sum(axis=1)
        squares[points] = np.minimum(squares[points], np.minimum.reduceat(apart, firsts))
        start = stop


def _cubes(points: Floats, side: float) -> NDArray[np.int64]:
    """The place of each point's cube along the axes, from 1."""
    return np.floor((points + 1) / side).astype(np.int64) + 1


def _points(lon: Floats, lat: Floats) -> NDArray[np.float64]:
    a, b = np.radians(lon), np.radians(lat)
    return np.column_stack([np.cos(b) * np.cos(a), np.cos(b) * np.sin(a), np.sin(b)])


PARTS = ("train", "val", "test")
"""The splits, as both readers call them."""


STRATEGIES = ("random", "stratified", "spatial", "column")


USED_BY = {
    "fractions": ("random", "stratified", "spatial"),
    "column": ("stratified", "column"),
    "block_km": ("spatial",),
    "distance_km": ("spatial",),
}
"""The strategies that heed an option; one that is not named, all do."""


LEAST_BLOCK, GLOBE = 0.01, 20_000.0
"""Kilometres: the smallest block that makes sense, and the farthest that two places on the globe are apart."""


def _as_fractions(values: Iterable[float]) -> tuple[float, ...]:
    return tuple(float(value) for value in values)


@frozen
class SplitOptions:
    """How splits are made.

    Attributes:
        strategy: one of `STRATEGIES`.
        fractions: shares of train, val and test; they sum up to 1.
        seed: of the random draws.
        column: the tiles' column to stratify by, or that names each tile's split.
        block_km: spatial: side of the blocks that stay together, kilometres.
        distance_km: spatial: least distance of tiles in different splits, kilometres.
    """

    strategy: str = "random"
    fractions: tuple[float, ...] = field(default=(0.8, 0.1, 0.1), converter=_as_fractions)
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
                "and test that are not negative and sum up to 1, e.g. 0.8,0.1,0.1."
            )
        if not isinstance(self.seed, int) or self.seed < 0:
            raise ConfigError(f"seed {self.seed!r} is no whole number from 0 on.")
        if self.strategy == "column" and self.column is None:
            raise ConfigError("strategy 'column' needs the name of the tiles' column that holds train, val or test.")
        if not LEAST_BLOCK <= self.block_km <= GLOBE:
            raise ConfigError(f"--block-km {self.block_km:g}: {LEAST_BLOCK:g} to {GLOBE:g} are allowed.")
        if not 0 <= self.distance_km <= GLOBE:
            raise ConfigError(f"--distance-km {self.distance_km:g}: 0 to {GLOBE:g} are allowed.")

    @property
    def by(self) -> str | None:
        """The column in force."""
        return self.column or ("biome" if self.strategy == "stratified" else None)


def split(
    recipe: SplitOptions, lon: NDArray[np.float64], lat: NDArray[np.float64], column: Sequence[Any]
) -> dict[str, Rows]:
    """Shares the rows out.

    Args:
        recipe: how.
        lon: of each row's centroid, degrees.
        lat: likewise.
        column: each row's value in the recipe's column; may be empty if it has none.

    Returns:
        Sorted row numbers of train, val and test.

    Raises:
        DatasetError: when the column cannot be used.
    """
    random = np.random.default_rng(recipe.seed)
    if recipe.strategy == "column":
        parts = _named(recipe, column)
    elif recipe.strategy == "spatial":
        parts = _spatial(recipe, lon, lat, random)
    elif recipe.strategy == "stratified":
        groups = _groups(recipe, column)
        drawn = [_drawn(random.permutation(members), recipe.fractions, random) for members in groups]
        parts = {part: np.concatenate([each[part] for each in drawn]) for part in PARTS}
    else:
        parts = _drawn(random.permutation(len(lon)), recipe.fractions)
    return {part: np.sort(rows) for part, rows in parts.items()}


def shares(count: int, fractions: Sequence[float], random: np.random.Generator | None = None) -> list[int]:
    """Whole numbers that sum up to `count` and differ from its fractions by less than 1.

    What is left after rounding down goes to the largest remainders; with `random`, to parts drawn with the
    remainders as chances, so that over many small groups no part is favoured.
    """
    exact = [count * share for share in fractions]
    whole = [int(value + 1e-9) for value in exact]
    rests = np.maximum([value - floor for value, floor in zip(exact, whole, strict=True)], 0.0)
    left = count - sum(whole)
    if left and random is not None:
        chosen = random.choice(len(whole), size=left, replace=False, p=rests / rests.sum()).tolist()
    else:
        chosen = np.argsort(-rests, kind="stable")[:left].tolist()
    for part in chosen:
        whole[part] += 1
    return whole


def _drawn(rows: Rows, fractions: Sequence[float], random: np.random.Generator | None = None) -> dict[str, Rows]:
    ends = np.cumsum(shares(len(rows), fractions, random))[:-1]
    return dict(zip(PARTS, np.split(rows, ends), strict=True))


def _groups(recipe: SplitOptions, column: Sequence[Any]) -> list[Rows]:
    if all(value is None for value in column):
        raise DatasetError(
            f"No tile has anything in column {recipe.by!r}, so the splits cannot be stratified by it. Name another "
            "column of the tiles file, or choose another strategy."
        )
    names = ["" if value is None else f"={value}" for value in column]
    ranks = {name: rank for rank, name in enumerate(sorted(set(names)))}
    return _members(np.fromiter((ranks[name] for name in names), np.int64, len(names)))


def _members(numbers: NDArray[np.int64]) -> list[Rows]:
    """The rows of each number, by number: in one pass, as a million tiles may have fifty thousand."""
    order = np.argsort(numbers, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(numbers[order])) + 1)


def _named(recipe: SplitOptions, column: Sequence[Any]) -> dict[str, Rows]:
    wrong = sorted({str(value) for value in column if value is not None and value not in PARTS})
    if wrong or all(value is None for value in column):
        found = f"holds {', '.join(map(repr, wrong[:5]))}" if wrong else "is empty or missing"
        raise DatasetError(
            f"Column {recipe.by!r} of the tiles {found}. It must hold train, val or test for each tile, or nothing for "
            "a tile that is in no split."
        )
    return {part: np.array([row for row, value in enumerate(column) if value == part], np.intp) for part in PARTS}


def _spatial(
    recipe: SplitOptions, lon: NDArray[np.float64], lat: NDArray[np.float64], random: np.random.Generator
) -> dict[str, Rows]:
    """Whole blocks go to a split, in random order; then tiles too near to another split are left out."""
    members = _members(blocks_of(lon, lat, recipe.block_km))
    order = random.permutation(len(members))
    wanted = dict(zip(PARTS, shares(len(lon), recipe.fractions), strict=True))
    parts: dict[str, list[Rows]] = {part: [] for part in PARTS}
    filled = dict.fromkeys(PARTS, 0)
    for number in order.tolist():
        # Each block goes where the largest part of what is wanted is still to be filled.
        part = max(
            PARTS, key=lambda name: (wanted[name] - filled[name]) / max(wanted[name], 1) if wanted[name] else -1e9
        )
        parts[part].append(members[number])
        filled[part] += len(members[number])
    rows = {part: np.concatenate([*each, np.empty(0, np.intp)]).astype(np.intp) for part, each in parts.items()}
    # The test tiles stay; validation gives way to them, and training to both.
    rows["val"] = kept_apart(rows["val"], rows["test"], lon, lat, recipe.distance_km)
    held_out = np.concatenate([rows["val"], rows["test"]])
    rows["train"] = kept_apart(rows["train"], held_out, lon, lat, recipe.distance_km)
    for one, other in (("train", "val"), ("train", "test"), ("val", "test")):
        distance = least_distance(rows[one], rows[other], lon, lat, recipe.distance_km)
        if distance < recipe.distance_km:
            raise AssertionError(f"{one} and {other} are only {distance} km apart, not {recipe.distance_km} km")
    return rows


def describe(recipe: SplitOptions, parts: Mapping[str, Rows], count: int, digest: str) -> dict[str, Any]:
    """How the splits were made, as JSON."""
    used = sum(len(rows) for rows in parts.values())
    how: dict[str, Any] = {"strategy": recipe.strategy, "fractions": list(recipe.fractions), "seed": recipe.seed}
    if recipe.by is not None:
        how["column"] = recipe.by
    if recipe.strategy == "spatial":
        how |= {"block_km": recipe.block_km, "distance_km": recipe.distance_km}
    counts = {part: len(rows) for part, rows in parts.items()}
    return {"made": how, "rows": count, "tiles": counts, "in_no_split": count - used, "rows_sha256": digest}
