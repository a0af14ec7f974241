"""Prepares a run: checks configuration, plugins, tiles and dataset before anything is written.

What comes out is a `Job`: everything that the run needs, known to fit together.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import frozen

from mmearth_core.config.effective import Effective, plain_options
from mmearth_core.config.schema import Config
from mmearth_core.config.structure import structure
from mmearth_core.contract.engine import Engine
from mmearth_core.contract.modality import Modality
from mmearth_core.download.anew import joined, load_begun
from mmearth_core.download.group import Group, plan_groups
from mmearth_core.download.place import check_answer_size, check_place, unaccounted
from mmearth_core.errors import ConfigError
from mmearth_core.folder import DatasetFolder
from mmearth_core.registry import Registry
from mmearth_core.registry.engines import engine_of
from mmearth_core.tiles.index import default_partition_size

if TYPE_CHECKING:
    import geopandas as gpd


@frozen(eq=False)
class Job:
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
    folder: DatasetFolder
    engine: Engine
    groups: tuple[Group, ...]
    effective: Effective
    is_new: bool
    frame: "gpd.GeoDataFrame | None"


def prepare(config: Config, registry: Registry, engine: str | None = None, only: Sequence[str] | None = None) -> Job:
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
    folder = DatasetFolder(config.root)
    check_place(config, folder)
    # In this order: another process, starting as well, writes the configuration before it begins.
    begun = folder.is_begun
    recorded = load_begun(folder, wanted)
    if begun and recorded is None:
        raise unaccounted(folder)
    plan = plan_groups(recorded.groups if recorded else {}, wanted, anchor.name)
    groups = tuple(_group(config, name, members, modalities, anchor) for name, members in plan.items())
    check_answer_size(config, groups)
    frame, tiles = _tiles(config, folder, recorded)
    members = [name for group in plan.values() for name in group]
    effective = Effective(
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
        effective = joined(recorded, effective, folder, config)
    return Job(
        config=config,
        folder=folder,
        engine=chosen,
        groups=groups,
        effective=effective,
        is_new=effective != recorded,
        frame=frame,
    )


def make_modality(config: Config, registry: Registry, name: str) -> Modality:
    """A configured modality with its options.

    Raises:
        PluginError: when it is not installed.
        ConfigError: when an option is unknown or ill-typed.
    """
    registered = registry.modality(name)
    options = structure(
        config.modalities.get(name, {}),
        registered.options_class,
        f"modalities.{name}",
        str(config.source),
        defaults=registered.default_options,
    )
    return registered.make(options)


def make_engine(config: Config, registry: Registry, spec: str) -> Engine:
    """The engine that a run asks for, with the options of its table in the configuration."""
    return engine_of(registry, spec, config.engines, str(config.source))


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
    config: Config, folder: DatasetFolder, recorded: Effective | None
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


def _renewed(described: dict[str, Any], prefix: str, source: Path | None, folder: DatasetFolder) -> None:
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
