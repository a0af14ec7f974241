"""A downloaded dataset as post-processing reads it: its modalities, layers and tiles, group by group."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

from attrs import evolve, frozen

from mmearth_core.config.schema import Config, load_config
from mmearth_core.contract.modality import Modality
from mmearth_core.download.journal import Journal, Outcome, TileOutcome
from mmearth_core.download.stored_config import BASE, StoredConfig, load_stored_config, plain_options
from mmearth_core.errors import DatasetError
from mmearth_core.files import locked
from mmearth_core.layers import LayerDescription
from mmearth_core.paths import DatasetPaths
from mmearth_core.registry import Registry
from mmearth_core.registry.configured import make_modality
from mmearth_core.tiles.index import Tile, TileIndex


@frozen(eq=False)
class DatasetRow:
    """A tile that is done in every group, and so is a row.

    Attributes:
        tile: the tile.
        entries: its journal entry, by group.
    """

    tile: Tile
    entries: Mapping[str, TileOutcome]

    @property
    def variant(self) -> str | None:
        """The anchor's variant."""
        variant: str | None = self.entries[BASE].record["anchor"].get("variant")
        return variant

    @property
    def grid(self) -> Mapping[str, Any]:
        """CRS, transform and size of the tile's pixels."""
        grid: Mapping[str, Any] = self.entries[BASE].record["grid"]
        return grid

    def sha256(self, group: str) -> str | None:
        """The checksum of its stack; None in a group without pixels."""
        return self.entries[group].record.get("sha256")

    @property
    def masked(self) -> list[str]:
        """The layers that were downloaded and have not one valid pixel."""
        return [layer for entry in self.entries.values() for layer in entry.record.get("masked", ())]


@frozen(eq=False)
class DownloadedDataset:
    """A dataset that has been downloaded, whole or in part.

    Attributes:
        folder: where it is.
        effective: what it is built from.
        modalities: every modality of every group, by name, with the options that it was downloaded with.
        layers: what each of them stores, in the order of groups, modalities and declarations.
        lacking: modalities that the configuration names and that have never been downloaded.
        differing: what the configuration says otherwise than the dataset was downloaded with, a line each.
    """

    folder: DatasetPaths
    effective: StoredConfig
    modalities: Mapping[str, Modality]
    layers: tuple[LayerDescription, ...]
    lacking: tuple[str, ...] = ()
    differing: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The dataset's name."""
        return str(self.effective.dataset["name"])

    @property
    def warnings(self) -> list[tuple[str, str]]:
        """What the configuration promises and the dataset has not, and what to do about it."""
        told = []
        if self.lacking:
            told.append(
                (
                    f"The configuration names {', '.join(self.lacking)}, and nothing of that has been downloaded: the "
                    "dataset is made without.",
                    "Run it, or take these tables out of the configuration.",
                )
            )
        if self.differing:
            told.append(
                (
                    "The configuration is not what the dataset was downloaded with, which counts: "
                    f"{'; '.join(self.differing)}.",
                    "Put the configuration back, or build another dataset, of another name, with it.",
                )
            )
        return told

    @property
    def image_size(self) -> int:
        """Rows and columns of a tile."""
        return int(self.effective.dataset["image_size"])

    @property
    def anchor(self) -> Modality:
        """The modality that fixed dates and grids."""
        return self.modalities[self.effective.dataset["anchor"]]

    def file(self, suffix: str) -> Path:
        """A product of post-processing, e.g. of suffix `.h5` or `_splits.json`."""
        return self.folder.root / f"{self.name}{suffix}"

    def group_of(self, modality: str) -> str:
        """The group with which a modality was downloaded."""
        return self._group_of[modality]

    @cached_property
    def _group_of(self) -> dict[str, str]:
        groups = reversed(self.effective.groups.items())
        return {modality: group for group, members in groups for modality in members}

    def stacked(self) -> Mapping[str, tuple[LayerDescription, ...]]:
        """The layers with pixels, by group; groups without any are left out."""
        return self._stacked

    @cached_property
    def _stacked(self) -> dict[str, tuple[LayerDescription, ...]]:
        maps = {
            group: tuple(layer for layer in self.layers if layer.is_map and layer.modality in members)
            for group, members in self.effective.groups.items()
        }
        return {group: layers for group, layers in maps.items() if layers}

    def stacks(self, row: DatasetRow) -> dict[str, Path]:
        """A row's stack in each of those groups."""
        tile = row.tile
        return {group: self.folder.stack(group, tile.partition, tile.tile_id) for group in self._stacked}

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keeps runs, and other post-processing, off the dataset: its rows must not change while they are written.

        Raises:
            DatasetError: when another process is at work on it.
        """
        refusal = (
            f"Another process is at work on {self.folder.root}. Rows must not change while they are written, so "
            "post-processing needs the dataset to itself: wait until that process has ended."
        )
        with ExitStack() as locks:
            for group in self.effective.groups:
                locks.enter_context(locked(self.folder.lock(group), self.partitions(), refusal))
            yield

    def partitions(self) -> list[int]:
        """The units of work, in order."""
        return list(TileIndex(self.folder.tiles).sizes())

    def rows(self, partition: int) -> Iterator[DatasetRow]:
        """The tiles of a partition that are done in every group, by ordinal."""
        return (DatasetRow(tile, entries) for tile, entries in self.outcomes(partition) if self.is_row(entries))

    def is_row(self, entries: Mapping[str, TileOutcome]) -> bool:
        """Whether a tile that ended so is a row: done in every group, and in all of them on one day and grid."""
        if entries.keys() != self.effective.groups.keys():
            return False
        if any(entry.outcome is not Outcome.DONE for entry in entries.values()):
            return False
        # Those of a group that was added later differ while base has been downloaded again and they have not.
        anchor = entries[BASE].record["anchor"]
        return all(entry.record["anchor"] == anchor for entry in entries.values())

    def outcomes(self, partition: int) -> Iterator[tuple[Tile, dict[str, TileOutcome]]]:
        """Every tile of a partition, with how it ended in each group that has begun it."""
        journals = {group: Journal(self.folder.journal(group, partition)).read() for group in self.effective.groups}
        for tile in TileIndex(self.folder.tiles).read(partition):
            yield tile, {group: entries[tile.tile_id] for group, entries in journals.items() if tile.tile_id in entries}

    def located(self, row: DatasetRow, modality: str) -> Any:
        """What a modality located for a tile."""
        return row.entries[self.group_of(modality)].record["located"].get(modality)


def open_dataset(config_file: Path, registry: Registry) -> DownloadedDataset:
    """Opens the dataset of a configuration.

    Modalities, options and groups are those that it was downloaded with, whatever the configuration says now.

    Raises:
        DatasetError: when nothing has been downloaded, the dataset has another name, or two modalities store a layer
            of one name.
        MMEarthError: of the kind that fits, when the configuration or a plugin cannot be used.
    """
    registry.require()
    config = load_config(config_file)
    folder = DatasetPaths(config.root)
    effective = load_stored_config(folder.config)
    if effective is None or not folder.tiles.exists() or not folder.is_begun:
        raise DatasetError(
            f"{folder.root}: nothing has been downloaded there yet. Run `mmearth-core run {config_file}` first."
        )
    if config.dataset.name != effective.dataset["name"]:
        raise DatasetError(
            f"{folder.root} holds the dataset {effective.dataset['name']!r}, and {config_file} is of "
            f"{config.dataset.name!r}. A folder may be moved or copied as `path` in [dataset] says; the name stays."
        )
    recorded = evolve(config, modalities=effective.modalities, source=folder.config)
    names = [name for members in effective.groups.values() for name in members]
    modalities = {name: make_modality(recorded, registry, name) for name in names}
    size = int(effective.dataset["image_size"])
    layers = [
        LayerDescription.of(layer, modality, size, effective.plugins[name])
        for name, modality in modalities.items()
        for layer in modality.layers
    ]
    owners: dict[str, str] = {}
    for layer in layers:
        other = owners.setdefault(layer.name, layer.modality)
        if other != layer.modality:
            raise DatasetError(
                f"{folder.root}: the modalities {other!r} and {layer.modality!r} both store a layer {layer.name!r}; an "
                "HDF5 file holds one dataset of a name. Leave one of them out, in a dataset of its own."
            )
    lacking = tuple(name for name in config.modalities if name not in names)
    return DownloadedDataset(
        folder, effective, modalities, tuple(layers), lacking, _differing(config, registry, effective)
    )


def _differing(config: Config, registry: Registry, effective: StoredConfig) -> tuple[str, ...]:
    said = {
        name: plain_options(make_modality(config, registry, name).options)
        for name in config.modalities
        if name in effective.modalities
    }
    wanted = evolve(
        effective,
        dataset={**effective.dataset, "image_size": config.dataset.image_size},
        modalities={**effective.modalities, **said},
    )
    return tuple(effective.differences(wanted))
