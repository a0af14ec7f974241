"""Checks where a dataset is to stand, before anything is read from it or written to it."""

import math
import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from mmearth_core.config.schema import Config
from mmearth_core.download.finish import stack_bands
from mmearth_core.download.group import Group
from mmearth_core.errors import ConfigError, DatasetError
from mmearth_core.folder import DatasetFolder

MAX_ANSWER = 48 * 2**20
"""Bytes of pixels that Earth Engine sends in one answer, uncompressed (EARTHENGINE.md)."""


def check_place(config: Config, folder: DatasetFolder) -> None:
    """Refuses a folder that cannot be one, or in which the user's own files would be overwritten.

    Raises:
        ConfigError: when the configuration or the tiles file stands where the dataset's own file belongs.
        DatasetError: when the folder is a file, or cannot be made.
    """
    if _same(config.source, folder.config):
        raise ConfigError(
            f"{config.source}: the dataset keeps a file of this very name in its folder, {folder.root}, so it would "
            "replace your configuration. Rename the configuration, or set another `path` in [dataset]."
        )
    if _same(config.tiles, folder.tiles):
        raise ConfigError(
            f"{config.source}: `tiles` in [dataset] is {folder.tiles}, which is the dataset's own copy and would be "
            "replaced. Name the file that the tiles come from, or copy it to another place first."
        )
    there = next(path for path in (folder.root, *folder.root.parents) if os.path.lexists(path))
    if not there.is_dir():
        raise DatasetError(
            f"{there} is no folder, so the dataset cannot stand at {folder.root}. Set another `path` in [dataset]."
        )
    if there != folder.root and not os.access(there, os.W_OK | os.X_OK):
        raise DatasetError(
            f"{folder.root} cannot be made, as {there} may not be written to. Grant access, or set another `path` in "
            "[dataset]."
        )


def unaccounted(folder: DatasetFolder) -> DatasetError:
    """The error for a folder with a dataset's journals but not its configuration."""
    return DatasetError(
        f"{folder.root} holds a dataset whose own configuration, {folder.config.name}, is missing; so nothing "
        "tells what its stacks are made of. Restore the file, or set another `path` in [dataset]."
    )


def check_answer_size(config: Config, groups: Iterable[Group]) -> None:
    """Refuses tiles so large that every request for pixels would be refused.

    Raises:
        ConfigError: says how large they may be.
    """
    for group in groups:
        pixel = sum(np.dtype(band.band.dtype).itemsize for band in stack_bands(group.modalities))
        size = config.dataset.image_size
        if pixel * size**2 > MAX_ANSWER:
            raise ConfigError(
                f"{config.source}: [dataset] image_size: {size} x {size} pixels of {pixel} bytes are "
                f"{pixel * size**2 / 2**20:.0f} MB a tile; Earth Engine sends at most {MAX_ANSWER / 2**20:.0f} MB at "
                f"once. Set at most {math.isqrt(MAX_ANSWER // pixel)}, or configure fewer modalities."
            )


def _same(one: Path, other: Path) -> bool:
    return one.resolve() == other.resolve()
