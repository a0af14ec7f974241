"""What a worker checks before the rows are decided; it imports little, as every worker starts with it."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from mmearth_core.post.stack_reader import StackError, check_stack

Question = tuple[Sequence[tuple[str, Mapping[str, Path]]], Mapping[str, Sequence[str]], int]
"""Each tile's id and its stacks by group, the bands of each group's stacks, and the tiles' size."""


def check_stacks(question: Question) -> list[tuple[int, str, str]]:
    """Checks the stacks of some tiles; returns `(place among the tiles, group, reason)` of those that are bad."""
    tiles, names, size = question
    faults = []
    for place, (tile_id, stacks) in enumerate(tiles):
        for group, path in stacks.items():
            try:
                check_stack(path, names[group], size, tile_id)
            except StackError as error:
                faults.append((place, group, str(error)))
    return faults
