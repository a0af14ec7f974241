"""What a dataset was built from (mmearth.toml), and how it is continued."""

import tomllib
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import tomli_w
from attrs import evolve, field, frozen
from cattrs import Converter

from mmearth_core.config.schema import Config
from mmearth_core.contract.modality import Modality
from mmearth_core.download.journal import Journal, Outcome
from mmearth_core.errors import DatasetError
from mmearth_core.files import written_aside
from mmearth_core.paths import DatasetPaths

_HEAD = "# Written by mmearth-core: what this dataset is built from. Not to be edited.\n\n"


_converter = Converter()


_converter.register_unstructure_hook(Path, str)


@frozen
class StoredConfig:
    """What a dataset is built from.

    Attributes:
        dataset: name, anchor, image_size, source of the pixels.
        tiles: file, size, sha256, count, partition_size; for a tile_info.json its file, size and sha256.
        modalities: the options in force of every modality in a group.
        plugins: `{modality: distribution and version}` when it was first downloaded.
        groups: `{group: its modalities}`.
    """

    dataset: dict[str, Any]
    tiles: dict[str, Any]
    modalities: dict[str, dict[str, Any]] = field(factory=dict)
    plugins: dict[str, str] = field(factory=dict)
    groups: dict[str, list[str]] = field(factory=dict)

    def write(self, path: Path) -> None:
        """Writes it as TOML, aside and renamed."""
        text = _HEAD + tomli_w.dumps(_without_none(_converter.unstructure(self)))
        with written_aside(path, shared=True) as aside:
            aside.write_text(text, encoding="utf-8")

    def with_groups(self, other: "StoredConfig") -> "StoredConfig":
        """This one with the groups of `other` added, and their modalities."""
        return evolve(
            self,
            groups={**self.groups, **other.groups},
            modalities={**other.modalities, **self.modalities},
            plugins={**other.plugins, **self.plugins},
        )

    def without(self, groups: Collection[str]) -> "StoredConfig":
        """This one as if these groups had never been added."""
        gone = {name for group in groups for name in self.groups[group]}
        return evolve(
            self,
            groups={name: members for name, members in self.groups.items() if name not in groups},
            modalities={name: options for name, options in self.modalities.items() if name not in gone},
            plugins={name: version for name, version in self.plugins.items() if name not in gone},
        )

    def differences(self, wanted: "StoredConfig") -> list[str]:
        """What a run wants otherwise, a line each; empty when it may go on with this dataset."""
        found = _compare("dataset", self.dataset, wanted.dataset)
        keys = ("sha256", "partition_size", "tile_info_sha256")
        found += _compare("tiles", *({key: of.tiles.get(key) for key in keys} for of in (self, wanted)))
        for name in self.modalities.keys() & wanted.modalities.keys():
            found += _compare(f"modalities.{name}", self.modalities[name], wanted.modalities[name])
        return sorted(found)


def load_stored_config(path: Path) -> StoredConfig | None:
    """Reads a dataset's effective configuration; None when there is none yet.

    Raises:
        DatasetError: when the file is there and cannot be understood.
    """
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
        return StoredConfig(**raw)
    except FileNotFoundError:
        return None
    except (tomllib.TOMLDecodeError, TypeError, UnicodeDecodeError) as error:
        raise DatasetError(
            f"{path}: this dataset's own configuration cannot be understood ({error}). "
            "Restore the file, or choose another `path` in [dataset]."
        ) from error


def plain_options(options: Any) -> dict[str, Any]:
    """A plugin's options as TOML values."""
    return dict(_without_none(_converter.unstructure(options)))


def _compare(table: str, mine: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    return [
        f"[{table}] {key} is {mine.get(key)!r} there and {other.get(key)!r} here"
        for key in sorted(mine.keys() | other.keys())
        if mine.get(key) != other.get(key)
    ]


def _without_none(value: Any) -> Any:
    # TOML has no null: an option that is not set is not written.
    if isinstance(value, Mapping):
        return {key: _without_none(item) for key, item in value.items() if item is not None}
    if isinstance(value, tuple | list | set | frozenset):
        return [_without_none(item) for item in value]
    return value


BASE = "base"


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


def plan_groups(
    recorded: Mapping[str, Sequence[str]], wanted: Sequence[str], anchor: str
) -> dict[str, tuple[str, ...]]:
    """Decides which groups a run works.

    Args:
        recorded: the dataset's groups so far, `{group: modalities}`.
        wanted: modalities to download.
        anchor: the anchor's name; always part of `base`.

    Returns:
        `{group: modalities}`, in the order to be worked; a new group is the last.
    """
    if not recorded:
        return {BASE: tuple(dict.fromkeys([anchor, *wanted]))}
    work = {name: tuple(members) for name, members in recorded.items() if set(members) & set(wanted)}
    known = {member for members in recorded.values() for member in members}
    new = tuple(name for name in wanted if name not in known)
    if new:
        work["+".join(new)] = new
    return work


def load_started_config(folder: DatasetPaths, wanted: Collection[str]) -> StoredConfig | None:
    """A dataset's effective configuration; None when there is none yet.

    A group that was added, and whose journals are not there, was never begun, or somebody has deleted them to begin
    it anew. It does not bind a run that wants its modalities.

    Args:
        folder: the dataset.
        wanted: the run's modalities.

    Raises:
        DatasetError: when the file is there and cannot be understood.
    """
    effective = load_stored_config(folder.config)
    if effective is None:
        return None
    return effective.without(
        [
            name
            for name, members in effective.groups.items()
            if name != BASE and set(members) & set(wanted) and not folder.journal(name, 0).parent.is_dir()
        ]
    )


def continue_dataset(
    recorded: StoredConfig, wanted: StoredConfig, folder: DatasetPaths, config: Config
) -> StoredConfig:
    """What is recorded, with the groups that a run adds.

    Raises:
        DatasetError: when the run wants something otherwise; says what can be done.
    """
    differences = recorded.differences(wanted)
    if differences:
        raise DatasetError(
            f"{folder.root} holds a dataset built from something else than {config.source} says: "
            f"{'; '.join(differences)}. {_remedy(recorded, wanted, folder, config)}"
        )
    return recorded.with_groups(wanted)


def _remedy(recorded: StoredConfig, wanted: StoredConfig, folder: DatasetPaths, config: Config) -> str:
    done = {group for group in recorded.groups if _is_done(folder, group)}
    if not done:
        where = str(folder.root)
        if any(source.is_relative_to(folder.root) for source in (config.source, config.tiles)):
            # Nothing of the user's own is to go with it.
            where = f"{folder.config}, {folder.tiles} and {folder.root / 'journal'}"
        return f"No tile is done there yet: delete {where}, and the same command begins anew."
    changed = [group for group, members in recorded.groups.items() if _differ(recorded, wanted, members)]
    if not done.intersection(changed) and not recorded.without(changed).differences(wanted):
        journals = " and ".join(str(folder.journal(group, 0).parent) for group in changed)
        return f"No tile has these modalities yet: delete {journals}, and the same command begins them anew."
    return "Give this one another `name` or `path` in [dataset], or put the configuration back."


def _differ(recorded: StoredConfig, wanted: StoredConfig, members: Collection[str]) -> bool:
    both = [name for name in members if name in recorded.modalities and name in wanted.modalities]
    return any(recorded.modalities[name] != wanted.modalities[name] for name in both)


def _is_done(folder: DatasetPaths, group: str) -> bool:
    """Whether some tile of a group is done."""
    return any(
        entry.outcome is Outcome.DONE
        for path in sorted(folder.journal(group, 0).parent.glob("*.jsonl"))
        for entry in Journal(path).read(heads_only=True).values()
    )
