"""What a dataset was built from (mmearth.toml), and how it is continued."""

import re
import tomllib
from collections.abc import Collection, Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Any

import attr
import tomli_w
from attrs import asdict, evolve, field, frozen

from mmearth_core.config.schema import Config, DatasetOptions
from mmearth_core.contract.grid import PIXEL
from mmearth_core.contract.modality import Modality
from mmearth_core.download.journal import Journal, Outcome
from mmearth_core.errors import DatasetError
from mmearth_core.files import written_aside
from mmearth_core.paths import DatasetPaths
from mmearth_core.text import whole

BASE = "base"
"""The group that the first run makes."""

_HEAD = "# Written by mmearth-core: what this dataset is built from. Do not edit.\n\n"


def _check_groups(_instance: object, _attribute: object, groups: object) -> None:
    """Refuses names that are not plain: groups have folders of their names, which must not lead out of the dataset."""
    if not isinstance(groups, dict):
        raise ValueError("[groups] is not a table")
    for name, members in groups.items():
        if not re.fullmatch(r"[A-Za-z0-9_+]+", name):
            raise ValueError(f"{name!r} in [groups] is not a group's name, such as {BASE!r} or 'one+another'")
        if not isinstance(members, list) or not all(isinstance(member, str) for member in members):
            raise ValueError(f"{name!r} in [groups] is {members!r}, not a list of modalities")


GRID: dict[str, Any] = {"pixel_size": PIXEL, "origin": [0, 0]}
"""The pixel size and origin of a dataset that states none, as those of earlier versions."""


def chosen_grid(config: DatasetOptions, pixel_size: float | None, origin: float | Sequence[float]) -> dict[str, Any]:
    """The pixel size and origin of a dataset, without those that are as in `GRID`.

    Args:
        config: `[dataset]`, which has precedence.
        pixel_size: that of the dataset so far; if there is none, that of the anchor.
        origin: the origin of that grid.
    """
    proposed = pixel_size or PIXEL
    size = config.pixel_size or proposed
    if config.origin is not None:
        origin = config.origin
    elif size != proposed:
        origin = 0
    pair = origin if isinstance(origin, Sequence) else (origin, origin)
    grid = {"pixel_size": whole(size), "origin": [whole(each) for each in pair]}
    return {key: value for key, value in grid.items() if value != GRID[key]}


@frozen
class StoredConfig:
    """What a dataset is built from.

    Attributes:
        dataset: name, anchor, image_size, source of the pixels; pixel_size and origin unless they are those of `GRID`.
        tiles: file, size, sha256, count, partition_size, and imported_sha256, the digest of the imported tiles, which
            older datasets do not have. Those have tile_info_file, tile_info_size and tile_info_sha256, which nothing
            reads any more.
        modalities: the options of every modality in a group, with their defaults.
        plugins: `{modality: distribution and version}` of its first download.
        groups: `{group: its modalities}`.
    """

    dataset: dict[str, Any]
    tiles: dict[str, Any]
    modalities: dict[str, dict[str, Any]] = field(factory=dict)
    plugins: dict[str, str] = field(factory=dict)
    groups: dict[str, list[str]] = field(factory=dict, validator=_check_groups)

    @property
    def pixel_size(self) -> float:
        """The size of a pixel, metres."""
        size: float = self.dataset.get("pixel_size", PIXEL)
        return size

    @property
    def origin(self) -> tuple[float, float]:
        """A corner of a pixel, metres."""
        x, y = self.dataset.get("origin", GRID["origin"])
        return x, y

    def write(self, path: Path) -> None:
        """Writes it as TOML, to another file that is then renamed."""
        with written_aside(path, shared=True) as aside:
            aside.write_text(_HEAD + tomli_w.dumps(asdict(self)), encoding="utf-8")

    def with_groups(self, other: "StoredConfig") -> "StoredConfig":
        """A copy with the groups of `other` added, and their modalities."""
        modalities, plugins = other.modalities | self.modalities, other.plugins | self.plugins
        return evolve(self, modalities=modalities, plugins=plugins, groups=self.groups | other.groups)

    def completed(self, defaults: Mapping[str, Mapping[str, Any]]) -> "StoredConfig":
        """A copy with the default values of options that a plugin did not have yet when the dataset was started."""
        completed = {name: {**defaults.get(name, {}), **own} for name, own in self.modalities.items()}
        return evolve(self, modalities=completed)

    def without(self, groups: Collection[str]) -> "StoredConfig":
        """A copy as if these groups had never been added."""
        removed = {name for group in groups for name in self.groups[group]}
        modalities = {name: options for name, options in self.modalities.items() if name not in removed}
        plugins = {name: version for name, version in self.plugins.items() if name not in removed}
        kept = {name: members for name, members in self.groups.items() if name not in groups}
        return evolve(self, modalities=modalities, plugins=plugins, groups=kept)

    def _fixed(self) -> dict[str, dict[str, Any]]:
        """The tables that every run of this dataset must repeat."""
        tiles = {key: self.tiles.get(key) for key in ("sha256", "partition_size")}
        return {
            "dataset": GRID | self.dataset,
            "tiles": tiles,
            **{f"modalities.{m}": o for m, o in self.modalities.items()},
        }

    def differences(self, wanted: "StoredConfig") -> list[str]:
        """What differs in the configuration of a run, one line each; empty when the run can continue this dataset."""
        # Tables that only one of them has are modalities that a run leaves out or adds; both are allowed.
        fixed, other_fixed = self._fixed(), wanted._fixed()
        pairs = [(table, fixed[table], other_fixed[table]) for table in fixed.keys() & other_fixed.keys()]
        return sorted(
            f"[{table}] {key} is {own.get(key)!r} in the dataset and {other.get(key)!r} in the configuration"
            for table, own, other in pairs
            for key in own.keys() | other.keys()
            if own.get(key) != other.get(key)
        )


def load_stored_config(path: Path) -> StoredConfig | None:
    """Reads what a dataset is built from; None when the file does not exist yet.

    Raises:
        DatasetError: when the file cannot be read, or is missing although tiles have been worked on.
    """
    folder, stored = DatasetPaths(path.parent), None
    # In this order: a process that starts at the same time writes the configuration, then journals, then stacks.
    has_stacks, has_journals = folder.has_stacks, folder.is_begun
    try:
        stored = StoredConfig(**tomllib.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        # Asked again, as the folder itself may have vanished in between.
        missing = f"own configuration, {path.name}, is" if has_journals and folder.is_begun else ""
    except (TypeError, ValueError) as error:  # of TOML, of the text's encoding, and of what is checked above
        raise DatasetError(
            f"{path}: this dataset's own configuration cannot be read ({error}). "
            "Restore the file, or choose another `path` in [dataset]."
        ) from error
    else:
        missing = "journals are" if has_stacks and not folder.is_begun else ""
    if missing:
        raise DatasetError(
            f"{folder.root} contains a dataset whose {missing} missing, so it is unknown what was downloaded. Restore "
            "what is missing from a copy, or set another `path` in [dataset]."
        )
    return stored


def plain_options(options: Any) -> dict[str, Any]:
    """A plugin's options as TOML values; options that are None are left out, as TOML has no null."""
    # Not `attrs.asdict`, which keeps tuples: they would differ from the lists that are read from TOML.
    return attr.asdict(options, filter=lambda _, value: value is not None, value_serializer=_plain)


def _plain(_options: object, _option: object, value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    return str(value) if isinstance(value, Path) else value


@frozen
class Group:
    """Modalities downloaded together.

    Attributes:
        name: `base`, or the names of the modalities added later.
        modalities: in the order of the configuration.
        anchor: the dataset's anchor; located here only if the group is `base`.
    """

    name: str
    modalities: tuple[Modality, ...]
    anchor: Modality

    @property
    def is_base(self) -> bool:
        """Whether this group locates the anchors."""
        return self.name == BASE


def plan_groups(stored: Mapping[str, Sequence[str]], wanted: Sequence[str], anchor: str) -> dict[str, Sequence[str]]:
    """Decides which groups a run downloads.

    Args:
        stored: the dataset's groups so far, `{group: modalities}`.
        wanted: modalities to download.
        anchor: the anchor's name; always part of `base`.

    Returns:
        `{group: modalities}`, in the order of the download; a new group is the last.
    """
    if not stored:
        return {BASE: tuple(dict.fromkeys([anchor, *wanted]))}
    groups = {name: tuple(members) for name, members in stored.items() if set(members) & set(wanted)}
    # A group never changes, as each of its stacks has the bands of all its modalities: new ones make another group.
    new = tuple(name for name in wanted if not any(name in members for members in stored.values()))
    return {**groups, "+".join(new): new} if new else dict(groups)


def load_started_config(folder: DatasetPaths, wanted: Collection[str]) -> StoredConfig | None:
    """What a dataset is built from, without the groups whose download has not started; None when there is none yet.

    A later group without journals has never started, or the user has deleted its journals to start it again with
    other options. It does not bind a run that downloads its modalities.

    Args:
        folder: the dataset.
        wanted: the run's modalities.

    Raises:
        DatasetError: when mmearth.toml exists and cannot be read.
    """
    stored = load_stored_config(folder.config)
    if stored is None:
        return None
    later = [name for name, members in stored.groups.items() if name != BASE and set(members) & set(wanted)]
    return stored.without([name for name in later if not folder.journal(name, 0).parent.is_dir()])


def continue_dataset(stored: StoredConfig, wanted: StoredConfig, folder: DatasetPaths, config: Config) -> StoredConfig:
    """The stored configuration, with the groups that a run adds.

    Raises:
        DatasetError: when the run's configuration differs from the stored one; says what can be done.
    """
    differences = stored.differences(wanted)
    if differences:
        raise DatasetError(
            f"{folder.root} contains a dataset that was built with other settings than {config.source}: "
            f"{'; '.join(differences)}. {_remedy(stored, wanted, folder, config)}"
        )
    return stored.with_groups(wanted)


def _remedy(stored: StoredConfig, wanted: StoredConfig, folder: DatasetPaths, config: Config) -> str:
    done = {group for group in stored.groups if _is_done(folder, group)}
    if not done:
        delete = str(folder.root)
        if any(source.is_relative_to(folder.root) for source in (config.source, config.tiles)):
            # The folder also has files of the user's own, which must not be deleted.
            delete = f"{folder.config}, {folder.tiles} and {folder.root / 'journal'}"
        return f"No tile is done there yet: delete {delete}, then rerun the command."
    differing = {name for name, own in stored.modalities.items() if own != wanted.modalities.get(name, own)}
    changed = [group for group, members in stored.groups.items() if differing.intersection(members)]
    if not done.intersection(changed) and not stored.without(changed).differences(wanted):
        journals = " and ".join(str(folder.journal(group, 0).parent) for group in changed)
        return f"No tile has these modalities yet: delete {journals}, then rerun the command."
    return "Choose another `name` or `path` in [dataset], or restore the old settings."


def _is_done(folder: DatasetPaths, group: str) -> bool:
    """Whether a tile of the group is done."""
    return any(
        entry.outcome is Outcome.DONE
        for path in sorted(folder.journal(group, 0).parent.glob("*.jsonl"))
        for entry in Journal(path).read(heads_only=True).values()
    )
