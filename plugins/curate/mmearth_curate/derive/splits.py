"""Splits of a derived dataset: every row that is kept stays in the split that it was in."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from mmearth_core.errors import DatasetError
from mmearth_core.json_files import write_json
from mmearth_core.post.splits import PARTS
from mmearth_core.product.hdf5 import rows_digest
from mmearth_curate.derive.files import DatasetFiles

Rows = NDArray[np.intp]


T = TypeVar("T")


@frozen(eq=False)
class Membership:
    """A dataset's splits.

    Attributes:
        name: the dataset.
        parts: the rows of each split.
        made: how they were made, as far as it is known.
    """

    name: str
    parts: dict[str, Rows]
    made: Any


def read_splits(files: DatasetFiles, ids: list[str]) -> Membership | None:
    """The splits of a dataset with these rows; None if it has none.

    Raises:
        DatasetError: when they are of other rows.
    """
    if not files.splits.exists():
        return None
    content = read_json(files.splits, dict)
    how = read_json(files.splits_made, dict) if files.splits_made.exists() else {}
    try:
        parts = {str(part): np.asarray(rows, np.intp) for part, rows in content.items()}
        fits = all(((rows >= 0) & (rows < len(ids))).all() for rows in parts.values())
    except (TypeError, ValueError):
        fits = False
    if not fits or how.get("rows_sha256", rows_digest(ids)) != rows_digest(ids):
        raise DatasetError(
            f"{files.splits}: is not of the rows of {files.hdf5}. Make the splits again with `mmearth-core post "
            "splits`, or delete them."
        )
    return Membership(files.name, parts, how.get("made"))


def kept_splits(members: Sequence[tuple[Membership, Rows]]) -> dict[str, list[int]]:
    """The splits after rows have moved.

    Args:
        members: for each dataset its splits, and each of its rows' new row, -1 for one that is not kept.
    """
    names = dict.fromkeys([*PARTS, *(part for member, _ in members for part in member.parts)])
    kept: dict[str, list[int]] = {}
    for name in names:
        rows = [moved[member.parts[name]] for member, moved in members if name in member.parts]
        new = np.concatenate([*rows, np.empty(0, np.intp)])
        kept[name] = np.sort(new[new >= 0]).astype(int).tolist()
    return kept


def write_splits(files: DatasetFiles, members: Sequence[tuple[Membership, Rows]], ids: list[str], by: str) -> None:
    """Writes the splits after rows have moved, and that they were kept.

    Args:
        files: where to.
        members: as `kept_splits` takes them.
        ids: the tile of each new row.
        by: the command that moved them.
    """
    kept = kept_splits(members)
    counts = {part: len(rows) for part, rows in kept.items()}
    write_json(
        files.splits_made,
        {
            "made": {"strategy": "kept", "by": by, "of": [{"name": m.name, "made": m.made} for m, _ in members]},
            "rows": len(ids),
            "tiles": counts,
            "in_no_split": len(ids) - len(set[int]().union(*kept.values())),
            "rows_sha256": rows_digest(ids),
        },
    )
    write_json(files.splits, kept)


def moved_rows(count: int, kept: Iterable[int] | Rows, start: int = 0) -> Rows:
    """The new row of each of `count` rows, of which some are kept and counted from `start`; -1 for the others."""
    rows = np.asarray(kept, np.intp)
    moved = np.full(count, -1, np.intp)
    moved[rows] = np.arange(start, start + len(rows))
    return moved


def read_json(path: Path, kind: type[T]) -> T:
    """A side file's content.

    Args:
        path: the file.
        kind: dict or list.

    Raises:
        DatasetError: when it is something else.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DatasetError(f"{path}: cannot be read as JSON ({error}). Make it again, or delete it.") from error
    if not isinstance(content, kind):
        raise DatasetError(f"{path}: holds a JSON {type(content).__name__}, no {kind.__name__}. Make it again.")
    return content
