"""Splits: which rows are for training, validation and test. Equal seeds give equal splits."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from attrs import field, frozen
from numpy.typing import NDArray

from mmearth_core.errors import ConfigError, DatasetError
from mmearth_core.post.spatial import blocks_of, kept_apart, least_distance

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

Rows = NDArray[np.intp]


def _as_fractions(values: Iterable[float]) -> tuple[float, ...]:
    return tuple(float(value) for value in values)


@frozen
class Recipe:
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


def split(recipe: Recipe, lon: NDArray[np.float64], lat: NDArray[np.float64], column: Sequence[Any]) -> dict[str, Rows]:
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


def _groups(recipe: Recipe, column: Sequence[Any]) -> list[Rows]:
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


def _named(recipe: Recipe, column: Sequence[Any]) -> dict[str, Rows]:
    wrong = sorted({str(value) for value in column if value is not None and value not in PARTS})
    if wrong or all(value is None for value in column):
        found = f"holds {', '.join(map(repr, wrong[:5]))}" if wrong else "is empty or missing"
        raise DatasetError(
            f"Column {recipe.by!r} of the tiles {found}. It must hold train, val or test for each tile, or nothing for "
            "a tile that is in no split."
        )
    return {part: np.array([row for row, value in enumerate(column) if value == part], np.intp) for part in PARTS}


def _spatial(
    recipe: Recipe, lon: NDArray[np.float64], lat: NDArray[np.float64], random: np.random.Generator
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


def describe(recipe: Recipe, parts: Mapping[str, Rows], count: int, digest: str) -> dict[str, Any]:
    """How the splits were made, as JSON."""
    used = sum(len(rows) for rows in parts.values())
    how: dict[str, Any] = {"strategy": recipe.strategy, "fractions": list(recipe.fractions), "seed": recipe.seed}
    if recipe.by is not None:
        how["column"] = recipe.by
    if recipe.strategy == "spatial":
        how |= {"block_km": recipe.block_km, "distance_km": recipe.distance_km}
    counts = {part: len(rows) for part, rows in parts.items()}
    return {"made": how, "rows": count, "tiles": counts, "in_no_split": count - used, "rows_sha256": digest}
