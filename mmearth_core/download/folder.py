"""The folder of a downloaded dataset, as post-processing reads it: modalities, layers and tiles of every group."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import Any

from attrs import evolve, frozen

from mmearth_core.config.schema import Config, load_config
from mmearth_core.contract.modality import Modality
from mmearth_core.download.journal import BadStack, Journal, Outcome, TileOutcome, mark_failed
from mmearth_core.download.locate import LocatedTile, PluginCallError, call, images_of, split_on_refusal
from mmearth_core.download.outcomes import OutcomeCounts
from mmearth_core.download.stored_config import (
    BASE,
    GRID,
    Group,
    StoredConfig,
    chosen_grid,
    load_stored_config,
    plain_options,
)
from mmearth_core.errors import DatasetError
from mmearth_core.files import locked, writable
from mmearth_core.layers import LayerDescription
from mmearth_core.paths import DatasetPaths, ProductPaths
from mmearth_core.registry import Registry, make_modality
from mmearth_core.tiles.index import Tile, TileIndex

# What other distributions need of a dataset folder.
__all__ = [
    "BASE", "GRID", "BadStack", "DatasetRow", "DownloadedDataset", "Group", "Journal", "LocatedTile", "Outcome",
    "OutcomeCounts", "PluginCallError", "Provenance", "StoredConfig", "Tile", "TileIndex", "TileOutcome", "call",
    "chosen_grid", "images_of", "load_stored_config", "mark_failed", "plain_options", "split_on_refusal",
]  # fmt: skip

_sorted_json = json.JSONEncoder(sort_keys=True).encode
"""Made once, as `json.dumps` would make it again for every tile."""


@frozen(eq=False)
class DatasetRow:
    """A tile that is done in every group, and so becomes a row.

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
        return dict(self.entries[BASE].record["grid"])

    @property
    def checksums(self) -> dict[str, str]:
        """The SHA-256 of its stack in every group that has pixels."""
        return {group: entry.record["sha256"] for group, entry in self.entries.items() if entry.record.get("sha256")}

    @property
    def masked(self) -> list[str]:
        """The layers that were downloaded and have not one valid pixel."""
        return [layer for entry in self.entries.values() for layer in entry.record.get("masked", ())]


@frozen(eq=False)
class DownloadedDataset:
    """A dataset that has been downloaded, completely or in part.

    Attributes:
        folder: its paths.
        stored: the stored configuration.
        modalities: every modality of every group, by name, with the options that it was downloaded with.
        layers: what they store, in the order of groups, modalities and declarations.
        warnings: how the configuration differs from what was downloaded, each with a remedy.
    """

    folder: DatasetPaths
    stored: StoredConfig
    modalities: Mapping[str, Modality]
    layers: tuple[LayerDescription, ...]
    warnings: tuple[tuple[str, str], ...] = ()

    @classmethod
    def open(cls, config_file: Path, registry: Registry) -> "DownloadedDataset":
        """Opens the dataset of a configuration.

        Modalities, options and groups are those that it was downloaded with, whatever the configuration says now.

        Raises:
            DatasetError: when nothing has been downloaded, a file of the dataset is missing or damaged, it has another
                name, or two modalities store a layer of the same name.
            MMEarthError: when the configuration or a plugin cannot be used.
        """
        config = load_config(config_file)
        folder = DatasetPaths(config.root)
        stored = begun_config(folder, config_file)
        if config.dataset.name != stored.dataset["name"]:
            raise DatasetError(
                f"{folder.root} holds the dataset {stored.dataset['name']!r}, and {config_file} is of "
                f"{config.dataset.name!r}. A folder may be moved or copied as `path` in [dataset] says; the name stays."
            )
        TileIndex(folder.tiles).sizes()  # refused now, and not after hours of work
        downloaded = evolve(config, modalities=stored.modalities, source=folder.config)
        names = [name for members in stored.groups.values() for name in members]
        modalities = {name: make_modality(downloaded, registry, name, stored.plugins[name]) for name in names}
        layers = layers_of(folder, stored, modalities)
        return cls(folder, stored, modalities, layers, tuple(_warnings(config, registry, stored)))

    @property
    def name(self) -> str:
        """The dataset's name."""
        return str(self.stored.dataset["name"])

    @property
    def image_size(self) -> int:
        """Rows and columns of a tile."""
        return int(self.stored.dataset["image_size"])

    @property
    def grid(self) -> dict[str, Any]:
        """Its `pixel_size` and `origin`, as far as they are not those of `GRID`."""
        return {key: value for key, value in self.stored.dataset.items() if key in GRID}

    @property
    def anchor(self) -> Modality:
        """The modality that fixed dates and grids."""
        return self.modalities[self.stored.dataset["anchor"]]

    @property
    def products(self) -> ProductPaths:
        """The files that post-processing writes."""
        return self.folder.products(self.name)

    @cached_property
    def group_of(self) -> Mapping[str, str]:
        """The group with which each modality was downloaded."""
        return {modality: group for group, members in self.stored.groups.items() for modality in members}

    @cached_property
    def stacked(self) -> Mapping[str, tuple[LayerDescription, ...]]:
        """The layers with pixels, by group; groups without any are left out."""
        maps = (layer for layer in self.layers if layer.is_map)
        return {group: tuple(own) for group, own in groupby(maps, lambda layer: self.group_of[layer.modality])}

    def stacks(self, row: DatasetRow) -> dict[str, Path]:
        """A row's stack in each of those groups."""
        return {group: self.folder.stack(group, row.tile.partition, row.tile.tile_id) for group in self.stacked}

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Excludes runs, and other post-processing: rows must not change while they are written.

        Raises:
            DatasetError: when another process works on the dataset.
            RunStoppedError: when the folder cannot be written meanwhile.
        """
        refusal = (
            f"Another process is working on {self.folder.root}, and rows must not change while they are written. Wait "
            "until it has finished."
        )
        with ExitStack() as locks:
            locks.enter_context(writable(self.folder.root))
            for group in self.stored.groups:
                self.folder.make_folder(self.folder.lock(group))
                locks.enter_context(locked(self.folder.lock(group), self.partitions(), refusal))
            yield

    def partitions(self) -> list[int]:
        """The units of work, in order."""
        return list(TileIndex(self.folder.tiles).sizes())

    def rows(self, partition: int) -> Iterator[DatasetRow]:
        """The tiles of a partition that become rows, by ordinal."""
        return (DatasetRow(tile, entries) for tile, entries in self.outcomes(partition) if self.is_row(entries))

    def is_row(self, entries: Mapping[str, TileOutcome]) -> bool:
        """Whether a tile with these outcomes becomes a row: done in every group, and in all on one day and grid."""
        done = [entry for entry in entries.values() if entry.outcome is Outcome.DONE]
        # A group that was added later differs while only the base group has been downloaded again.
        is_same = all(entry.record["anchor"] == done[0].record["anchor"] for entry in done)
        return is_same and len(done) == len(self.stored.groups)

    def outcomes(self, partition: int) -> Iterator[tuple[Tile, dict[str, TileOutcome]]]:
        """Every tile of a partition, with its outcome in each group that has worked on it."""
        journals = {group: Journal(self.folder.journal(group, partition)).read() for group in self.stored.groups}
        for tile in TileIndex(self.folder.tiles).read(partition):
            yield tile, {group: entries[tile.tile_id] for group, entries in journals.items() if tile.tile_id in entries}

    def located(self, row: DatasetRow, modality: str) -> Any:
        """What a modality located for a tile."""
        return row.entries[self.group_of[modality]].record["located"].get(modality)

    def values(self, row: DatasetRow, modality: str) -> Mapping[str, Any]:
        """A tile's values of a modality's vector layers, by layer, as the plugin returns them.

        Raises:
            PluginCallError: when the plugin raises.
        """
        plugin = self.modalities[modality]
        return call(plugin, "values", plugin.values, self.located(row, modality))

    def require_hdf5(self) -> Path:
        """The HDF5 file.

        Raises:
            DatasetError: when it does not exist yet.
        """
        path = self.products.hdf5
        if not path.exists():
            raise DatasetError(f"{path}: there is no such file yet. `mmearth-core post hdf5` writes it.")
        return path


class Provenance:
    """For each group, a checksum over the stacks and scenes of all rows, and so over the order of rows."""

    def __init__(self, source: DownloadedDataset) -> None:
        self._source = source
        self._sums = {group: hashlib.sha256() for group in source.stored.groups}

    def add(self, tile_id: str, variant: str | None, entries: Mapping[str, TileOutcome]) -> None:
        """Adds the next row, to the groups whose entry is known.

        Args:
            tile_id: the tile.
            variant: the anchor's.
            entries: its journal entries, by group.
        """
        for group, entry in entries.items():
            made_of = [tile_id, variant, entry.record.get("sha256"), entry.record["located"]]
            self._sums[group].update(hashlib.sha256(_sorted_json(made_of).encode()).digest())

    def of(self, modality: str) -> str:
        """The checksum of a modality's layers over the rows so far."""
        return self._sums[self._source.group_of[modality]].hexdigest()


def begun_config(folder: DatasetPaths, source: Path) -> StoredConfig:
    """What a dataset is built from that was downloaded, completely or in part, with a configuration.

    Raises:
        DatasetError: when nothing has been downloaded, or the dataset is damaged.
    """
    stored = load_stored_config(folder.config)
    if stored is None or not folder.is_begun:
        raise DatasetError(f"{folder.root}: nothing has been downloaded there yet. Run `mmearth-core run {source}`.")
    return stored


def layers_of(
    folder: DatasetPaths, stored: StoredConfig, modalities: Mapping[str, Modality]
) -> tuple[LayerDescription, ...]:
    """Describes the layers of a dataset's modalities.

    Raises:
        DatasetError: when two of them store a layer of the same name.
    """
    size = int(stored.dataset["image_size"])
    layers: dict[str, LayerDescription] = {}
    for name, modality in modalities.items():
        for layer in modality.layers:
            if layer.name in layers:
                raise DatasetError(
                    f"{folder.root}: the modalities {layers[layer.name].modality!r} and {name!r} both store a layer "
                    f"{layer.name!r}; an HDF5 file holds one of a name. Put one of them into a dataset of its own."
                )
            layers[layer.name] = LayerDescription.of(layer, modality, size, stored.plugins[name])
    return tuple(layers.values())


def _warnings(config: Config, registry: Registry, stored: StoredConfig) -> Iterator[tuple[str, str]]:
    """Where the configuration differs from the downloaded dataset, and what to do about it."""
    missing = [name for name in config.modalities if name not in stored.modalities]
    if missing:
        yield (
            f"The configuration names {', '.join(missing)}, of which nothing was downloaded: it is left out.",
            "Run it, or remove these tables from the configuration.",
        )
    known = [name for name in config.modalities if name not in missing]
    options = {
        # Those that the configuration leaves out may have been completed by `Modality.prepared`.
        name: stored.modalities[name] | plain_options(make_modality(config, registry, name).options)
        for name in known
    }
    kept = {key: value for key, value in stored.dataset.items() if key not in GRID}
    grid = chosen_grid(config.dataset, stored.pixel_size, stored.origin)
    dataset = {**kept, **grid, "image_size": config.dataset.image_size}
    defaults = {name: plain_options(registry.modality(name).default_options) for name in options}
    differences = stored.completed(defaults).differences(evolve(stored, dataset=dataset, modalities=options))
    if differences:
        yield (
            "The configuration differs from the one that the dataset was downloaded with, which is used: "
            f"{'; '.join(differences)}.",
            "Restore the configuration, or build another dataset, with another name, with it.",
        )
