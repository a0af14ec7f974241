"""The effective configuration inside a dataset: what it was built from, and its groups.

Written when the tiles are taken in and when a group is added. Every later run is compared
with it, so that one dataset is never filled from two configurations.
"""

import tomllib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import tomli_w
from attrs import evolve, field, frozen
from cattrs import Converter

from mmearth_core.errors import DatasetError
from mmearth_core.folder import written_aside

_HEAD = "# Written by mmearth-core: what this dataset is built from. Not to be edited.\n\n"

_converter = Converter()
_converter.register_unstructure_hook(Path, str)


@frozen
class Effective:
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

    def with_groups(self, other: "Effective") -> "Effective":
        """This one with the groups of `other` added, and their modalities."""
        return evolve(
            self,
            groups={**self.groups, **other.groups},
            modalities={**other.modalities, **self.modalities},
            plugins={**other.plugins, **self.plugins},
        )

    def without(self, groups: Collection[str]) -> "Effective":
        """This one as if these groups had never been added."""
        gone = {name for group in groups for name in self.groups[group]}
        return evolve(
            self,
            groups={name: members for name, members in self.groups.items() if name not in groups},
            modalities={name: options for name, options in self.modalities.items() if name not in gone},
            plugins={name: version for name, version in self.plugins.items() if name not in gone},
        )

    def differences(self, wanted: "Effective") -> list[str]:
        """What a run wants otherwise, a line each; empty when it may go on with this dataset."""
        found = _compare("dataset", self.dataset, wanted.dataset)
        keys = ("sha256", "partition_size", "tile_info_sha256")
        found += _compare("tiles", *({key: of.tiles.get(key) for key in keys} for of in (self, wanted)))
        for name in self.modalities.keys() & wanted.modalities.keys():
            found += _compare(f"modalities.{name}", self.modalities[name], wanted.modalities[name])
        return sorted(found)


def load_effective(path: Path) -> Effective | None:
    """Reads a dataset's effective configuration; None when there is none yet.

    Raises:
        DatasetError: when the file is there and cannot be understood.
    """
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
        return Effective(**raw)
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
