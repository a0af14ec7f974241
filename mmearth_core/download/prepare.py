"""All checks before the first request."""

import hashlib
import logging
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import field, frozen

from mmearth_core.config.schema import Config
from mmearth_core.contract.engine import Engine
from mmearth_core.contract.grid import PIXEL
from mmearth_core.contract.modality import Modality
from mmearth_core.download.folder import layers_of
from mmearth_core.download.stack import MOST_PIXELS, stack_bands
from mmearth_core.download.stored_config import (
    Group,
    StoredConfig,
    chosen_grid,
    continue_dataset,
    load_started_config,
    plain_options,
    plan_groups,
)
from mmearth_core.errors import ConfigError, DatasetError, TilesError
from mmearth_core.paths import DatasetPaths
from mmearth_core.registry import Registry, engine_of, make_modality
from mmearth_core.tiles.index import default_partition_size
from mmearth_core.tiles.squares import half_sides

if TYPE_CHECKING:
    import geopandas as gpd

_log = logging.getLogger(__name__)


@frozen(eq=False)
class PreparedRun:
    """A run that can start.

    Attributes:
        config: the user's configuration.
        folder: the dataset.
        engine: the engine that answers the requests.
        groups: the groups to download, in order.
        stored: the configuration to store, with this run's groups.
        frame: the tiles to import; None when the dataset has its tiles already.
        modalities: all configured modalities, by name.
    """

    config: Config
    folder: DatasetPaths
    engine: Engine
    groups: tuple[Group, ...]
    stored: StoredConfig
    frame: "gpd.GeoDataFrame | None"
    modalities: Mapping[str, Modality] = field(factory=dict)


def prepare(
    config: Config, registry: Registry, engine: str | None = None, only: Sequence[str] | None = None
) -> PreparedRun:
    """Checks that a run can start; writes nothing and sends no request.

    Args:
        config: the user's configuration.
        registry: the installed plugins.
        engine: `NAME` or `NAME:TEXT`; overrides the configured engine.
        only: modalities to download; by default all that are configured.

    Raises:
        MMEarthError: of the kind that fits; one paragraph with the remedy.
    """
    wanted = _wanted(config, registry, only)
    folder = DatasetPaths(config.root)
    _check_folder(config, folder)
    stored = load_started_config(folder, wanted)
    recorded = stored.plugins if stored else {}
    modalities = {name: make_modality(config, registry, name, recorded.get(name, "")) for name in config.modalities}
    anchor = _choose_anchor(config, modalities)
    chosen = engine_of(registry, config.run.engine if engine is None else engine, config.engines, str(config.source))
    plan = plan_groups(stored.groups if stored else {}, wanted, anchor.name)
    _check_members(config, plan)
    members = [name for group in plan.values() for name in group]
    modalities |= {name: _prepared(config, modalities[name]) for name in members}
    anchor = modalities[anchor.name]
    groups = tuple(Group(name, tuple(modalities[each] for each in members), anchor) for name, members in plan.items())
    frame, tiles = _tiles(config, folder, stored, modalities.values())
    own = anchor if stored is None else stored
    grid = chosen_grid(config.dataset, own.pixel_size, own.origin)
    head = {"name": config.dataset.name, "anchor": anchor.name, "image_size": config.dataset.image_size}
    to_store = StoredConfig(
        dataset={**head, **grid, "source": chosen.source},
        tiles=tiles,
        modalities={name: plain_options(modalities[name].options) for name in members},
        plugins={name: str(registry.modality(name).origin) for name in members},
        groups={name: list(group) for name, group in plan.items()},
    )
    if stored is not None:
        defaults = {name: plain_options(registry.modality(name).default_options) for name in modalities}
        to_store = continue_dataset(stored.completed(defaults), to_store, folder, config)
    _check_pixel_sizes(config, groups, to_store.pixel_size)
    layers_of(folder, to_store, {name: modalities[name] for name in members})  # options may add layers
    if frame is not None:
        _warn_of_small_polygons(config, frame, to_store.pixel_size)
    return PreparedRun(config, folder, chosen, groups, to_store, frame, modalities)


def _wanted(config: Config, registry: Registry, only: Sequence[str] | None) -> list[str]:
    if only is None:
        return list(config.modalities)
    if not only:
        raise ConfigError(f"--modalities is empty. Configured modalities: {', '.join(config.modalities)}.")
    for name in only:
        registry.modality(name)
        if name not in config.modalities:
            raise ConfigError(
                f"{config.source}: modality {name!r} is installed but not configured. Add a table [modalities.{name}]. "
                f"Configured: {', '.join(config.modalities)}."
            )
    return list(dict.fromkeys(only))


def _choose_anchor(config: Config, modalities: Mapping[str, Modality]) -> Modality:
    able = [name for name, modality in modalities.items() if modality.can_anchor()]
    name = config.dataset.anchor
    if name is None and len(able) == 1:
        name = able[0]
    if name in able:
        return modalities[name]
    problem = "no anchor is set" if name is None else f"{name!r}, the `anchor` in [dataset], cannot be the anchor"
    remedy = (
        f"Set `anchor` in [dataset] to one of the configured modalities that can: {', '.join(able)}."
        if able
        else "No configured modality can. Add one, e.g. [modalities.file], which takes the dates from the tiles file."
    )
    raise ConfigError(
        f"{config.source}: {problem}, the modality that determines the date and the grid of each tile. {remedy}"
    )


def _prepared(config: Config, modality: Modality) -> Modality:
    try:
        return modality.prepared(config.source.parent)
    except (ValueError, OSError) as error:
        raise ConfigError(f"{config.source}: [modalities.{modality.name}] {error}.") from error


def _check_folder(config: Config, folder: DatasetPaths) -> None:
    """Refuses a folder that cannot be created, or in which the user's own files would be overwritten."""
    if config.source.resolve() == folder.config.resolve():
        raise ConfigError(
            f"{config.source}: the dataset keeps a file of this name in its folder, {folder.root}, so it would replace "
            "your configuration. Rename the configuration, or set another `path` in [dataset]."
        )
    if config.tiles.resolve() == folder.tiles.resolve():
        raise ConfigError(
            f"{config.source}: `tiles` in [dataset] is {folder.tiles}, the dataset's own copy, which would be "
            "replaced. Set it to the file that the tiles come from, or copy the file to another folder first."
        )
    existing = next(path for path in (folder.root, *folder.root.parents) if os.path.lexists(path))
    if not existing.is_dir():
        raise DatasetError(
            f"{existing} is not a folder, so {folder.root} cannot be in it. Set another `path` in [dataset]."
        )
    if existing != folder.root and not os.access(existing, os.W_OK | os.X_OK):
        raise DatasetError(
            f"{folder.root} cannot be created: {existing} is not writable. Set another `path` in [dataset]."
        )


def _check_members(config: Config, plan: Mapping[str, Sequence[str]]) -> None:
    """Refuses a configuration that has only some of the modalities of a group."""
    for name, members in plan.items():
        removed = [f"[modalities.{member}]" for member in members if member not in config.modalities]
        if removed:
            raise ConfigError(
                f"{config.source}: {', '.join(removed)} was removed, but the dataset downloads it together with "
                f"others, in the group {name!r}. Restore it, or leave this group's modalities out with --modalities."
            )


def _check_pixel_sizes(config: Config, groups: Iterable[Group], pixel_size: float) -> None:
    """Refuses bands of images whose own pixel size is unknown, or too small to be combined to that of the dataset."""
    modalities = [each for group in groups for each in group.modalities if type(each).image is not Modality.image]
    for each in stack_bands(modalities):
        own, most = each.band.pixel_size, math.isqrt(MOST_PIXELS)
        if own is None and pixel_size > PIXEL:
            problem = f"does not state its own pixel size, so it cannot be resampled to {pixel_size:g} m"
            remedy = f"Set `pixel_size` of the Band in its plugin, or leave the modality out, or set at most {PIXEL}"
        elif own is not None and each.resampling(pixel_size).is_of_area and pixel_size > most * own:
            problem = f"has pixels of {own:g} m, of which Earth Engine cannot combine more than {most} x {most}"
            remedy = f"Set at most {most * own:g}, or leave the modality out"
        else:
            continue
        raise ConfigError(
            f"{config.source}: [dataset] pixel_size: modality {each.modality!r}, band {each.band.name!r} {problem}. "
            f"{remedy}."
        )


def _tiles(
    config: Config, folder: DatasetPaths, stored: StoredConfig | None, modalities: Iterable[Modality]
) -> tuple["gpd.GeoDataFrame | None", dict[str, Any]]:
    """The tiles to import, if any, and the description of the file that they come from."""
    source, partition_size = config.tiles, config.dataset.partition_size
    if stored is not None and folder.tiles.exists():
        facts = stored.tiles | ({} if partition_size is None else {"partition_size": partition_size})
        imported = folder.tiles.stat().st_mtime_ns
        # A file of the same size that is older than the imported tiles need not be read again.
        if source.exists() and (source.stat().st_size != facts.get("size") or source.stat().st_mtime_ns >= imported):
            facts["sha256"] = _sha256(source)
        return None, facts
    # Imported only here: geopandas takes half a second, which a dataset that has its tiles does not need.
    from mmearth_core.tiles.read import read_tiles

    frame = read_tiles(source)
    _check_tiles(frame, source, modalities)
    return frame, {
        "file": config.dataset.tiles,
        "size": source.stat().st_size,
        "sha256": _sha256(source),
        "count": len(frame),
        "partition_size": partition_size or default_partition_size(len(frame)),
    }


def _warn_of_small_polygons(config: Config, frame: "gpd.GeoDataFrame", pixel_size: float) -> None:
    """Warns of polygons, by which images are found, that are much smaller than the windows of the tiles."""
    size = config.dataset.image_size
    west, south, east, north = frame.bounds.to_numpy().T
    width, height = half_sides((south + north) / 2, size * pixel_size)
    # 1.6: less than 80 % of a side, of which these are the halves.
    small = int(np.count_nonzero((east - west < 1.6 * width) | (north - south < 1.6 * height)))
    if small:
        _log.warning(
            f"{config.tiles}: {small:,} of {len(frame):,} polygons are much smaller than the windows of their tiles, "
            f"{size} pixels of {pixel_size:g} m. Images are found by the polygon, so they may cover only a part of the "
            f"window. Make the tiles with `mmearth-core tiles --image-size {size} --pixel-size {pixel_size:g}`, or set "
            "a smaller image_size in [dataset]."
        )


def _check_tiles(frame: "gpd.GeoDataFrame", path: Path, modalities: Iterable[Modality]) -> None:
    """Refuses tiles with columns that a modality cannot use."""
    columns = frame.columns.drop("geometry")
    for modality in (each for each in modalities if type(each).check_tile is not Modality.check_tile):
        for row, values in enumerate(frame[columns].itertuples(index=False, name=None), start=1):
            attributes = dict(zip(columns, values, strict=True))
            try:
                modality.check_tile(attributes)
            except ValueError as error:
                raise TilesError(f"{path}: row {row} (tile {attributes['tile_id']!r}): {error}") from error


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
