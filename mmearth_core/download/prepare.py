"""All checks before the first request."""

import hashlib
import math
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import frozen

from mmearth_core.config.schema import Config
from mmearth_core.contract.engine import Engine
from mmearth_core.contract.modality import Modality
from mmearth_core.download.stack import stack_bands
from mmearth_core.download.stored_config import (
    Group,
    StoredConfig,
    continue_dataset,
    load_started_config,
    plain_options,
    plan_groups,
)
from mmearth_core.errors import ConfigError, DatasetError
from mmearth_core.paths import DatasetPaths
from mmearth_core.registry import Registry
from mmearth_core.registry.configured import make_engine, make_modality
from mmearth_core.tiles.index import default_partition_size

if TYPE_CHECKING:
    import geopandas as gpd

MAX_ANSWER = 48 * 2**20
"""Bytes of pixels that Earth Engine sends in one answer, uncompressed (docs/fidelity.md, request-limits)."""


def check_folder(config: Config, folder: DatasetPaths) -> None:
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


def unaccounted(folder: DatasetPaths) -> DatasetError:
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


@frozen(eq=False)
class PreparedRun:
    """A run that may begin.

    Attributes:
        config: the user's configuration.
        folder: the dataset.
        engine: who answers.
        groups: what to work, in order.
        effective: what the dataset is built from, with this run's groups.
        is_new: whether `effective` has to be written first.
        frame: the tiles to take in; None when the dataset has them.
    """

    config: Config
    folder: DatasetPaths
    engine: Engine
    groups: tuple[Group, ...]
    effective: StoredConfig
    is_new: bool
    frame: "gpd.GeoDataFrame | None"


def prepare(
    config: Config, registry: Registry, engine: str | None = None, only: Sequence[str] | None = None
) -> PreparedRun:
    """Checks that a run may begin; writes nothing and sends nothing.

    Args:
        config: the user's configuration.
        registry: the installed plugins.
        engine: `NAME` or `NAME:TEXT`, instead of the configuration's.
        only: modalities to download, instead of all that are configured.

    Raises:
        MMEarthError: of the kind that fits; one paragraph with the remedy.
    """
    registry.require()
    modalities = {name: make_modality(config, registry, name) for name in config.modalities}
    wanted = _wanted(config, registry, only)
    anchor = _anchor(config, modalities)
    chosen = make_engine(config, registry, config.run.engine if engine is None else engine)
    folder = DatasetPaths(config.root)
    check_folder(config, folder)
    # In this order: another process, starting as well, writes the configuration before it begins.
    begun = folder.is_begun
    recorded = load_started_config(folder, wanted)
    if begun and recorded is None:
        raise unaccounted(folder)
    plan = plan_groups(recorded.groups if recorded else {}, wanted, anchor.name)
    groups = tuple(_group(config, name, members, modalities, anchor) for name, members in plan.items())
    check_answer_size(config, groups)
    frame, tiles = _tiles(config, folder, recorded)
    members = [name for group in plan.values() for name in group]
    effective = StoredConfig(
        dataset={
            "name": config.dataset.name,
            "anchor": anchor.name,
            "image_size": config.dataset.image_size,
            "source": chosen.source,
        },
        tiles=tiles,
        modalities={name: plain_options(modalities[name].options) for name in members if name in modalities},
        plugins={name: str(registry.modality(name).origin) for name in members},
        groups={name: list(group) for name, group in plan.items()},
    )
    if recorded is not None:
        effective = continue_dataset(recorded, effective, folder, config)
    return PreparedRun(
        config=config,
        folder=folder,
        engine=chosen,
        groups=groups,
        effective=effective,
        is_new=effective != recorded,
        frame=frame,
    )


def _wanted(config: Config, registry: Registry, only: Sequence[str] | None) -> list[str]:
    if only is None:
        return list(config.modalities)
    if not only:
        raise ConfigError(f"--modalities names none. Configured: {', '.join(config.modalities)}.")
    for name in only:
        registry.modality(name)
        if name not in config.modalities:
            raise ConfigError(
                f"{config.source}: modality {name!r} is installed but not configured. Add a table [modalities.{name}]. "
                f"Configured: {', '.join(config.modalities)}."
            )
    return list(dict.fromkeys(only))


def _anchor(config: Config, modalities: dict[str, Modality]) -> Modality:
    able = [name for name, modality in modalities.items() if modality.can_anchor()]
    name = config.dataset.anchor or (able[0] if len(able) == 1 else None)
    if name is None:
        found = f"several could be: {', '.join(able)}" if able else "none of the configured ones can be"
        remedy = (
            "Set `anchor` in [dataset]."
            if able
            else "Add one, e.g. [modalities.file], which takes dates from the tiles."
        )
        raise ConfigError(
            f"{config.source}: it is not said which modality fixes each tile's date and grid; {found}. {remedy}"
        )
    if name not in able:
        raise ConfigError(
            f"{config.source}: [dataset] anchor = {name!r} is not a configured modality that can be the anchor. "
            f"Of the configured ones these can: {', '.join(able) or 'none'}; it needs its table "
            f"[modalities.{name}] as well."
        )
    return modalities[name]


def _group(
    config: Config, name: str, members: Sequence[str], modalities: dict[str, Modality], anchor: Modality
) -> Group:
    missing = [member for member in members if member not in modalities]
    if missing:
        raise ConfigError(
            f"{config.source}: the dataset's group {name!r} also holds {', '.join(missing)}, which "
            "the configuration no longer "
            f"has. Put back {', '.join(f'[modalities.{member}]' for member in missing)}, or name "
            "others with --modalities."
        )
    return Group(name, tuple(modalities[member] for member in members), anchor)


def _tiles(
    config: Config, folder: DatasetPaths, recorded: StoredConfig | None
) -> tuple["gpd.GeoDataFrame | None", dict[str, Any]]:
    """The tiles to take in, if any, and the description of the files that they come from."""
    if recorded is not None and folder.tiles.exists():
        described = dict(recorded.tiles)
        if config.dataset.partition_size is not None:
            described["partition_size"] = config.dataset.partition_size
        _renewed(described, "", config.tiles, folder)
        _renewed(described, "tile_info_", config.tile_info, folder)
        return None, described
    # Only here: with geopandas they take half a second, which a dataset that has its tiles does not need.
    from mmearth_core.tiles.read import read_tiles
    from mmearth_core.tiles.tile_info import join_tile_info

    frame = read_tiles(config.tiles)
    described = {"file": config.dataset.tiles, **_fingerprint("", config.tiles)}
    if config.tile_info is not None:
        frame = join_tile_info(frame, config.tile_info)
        described |= {"tile_info_file": config.dataset.tile_info, **_fingerprint("tile_info_", config.tile_info)}
    described |= {
        "count": len(frame),
        "partition_size": config.dataset.partition_size or default_partition_size(len(frame)),
    }
    return frame, described


def _renewed(described: dict[str, Any], prefix: str, source: Path | None, folder: DatasetPaths) -> None:
    """Takes a source's fingerprint again, if it may have changed since the tiles were taken in."""
    size, sha256 = f"{prefix}size", f"{prefix}sha256"
    if source is None:
        described.pop(sha256, None)
    elif source.exists() and not (size in described and _untouched(source, folder.tiles, described[size])):
        described[sha256] = _sha256(source)


def _fingerprint(prefix: str, source: Path) -> dict[str, Any]:
    return {f"{prefix}size": source.stat().st_size, f"{prefix}sha256": _sha256(source)}


def _untouched(source: Path, taken_in: Path, size: int) -> bool:
    """Whether a tiles file need not be read again: same size, and older than what was taken in from it."""
    stat = source.stat()
    return stat.st_size == size and stat.st_mtime_ns < taken_in.stat().st_mtime_ns


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
