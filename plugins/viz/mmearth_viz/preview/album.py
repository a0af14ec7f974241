"""A finished dataset as people look at it: its layers, its tiles' values, and what tile_info tells of them."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from attrs import evolve, frozen
from mmearth_curate.derive.files import DatasetFiles
from mmearth_curate.derive.tile_info import Entry, entries
from mmearth_curate.verify.described import open_subject
from mmearth_curate.verify.subject import Table, is_hdf5
from numpy.typing import NDArray

from mmearth_core.config.schema import load_config
from mmearth_core.errors import DatasetError
from mmearth_core.layers import LayerDescription
from mmearth_core.paths import DatasetPaths
from mmearth_core.registry import Registry
from mmearth_core.text import did_you_mean


@frozen(eq=False)
class Album:
    """A dataset whose HDF5 file is there.

    Attributes:
        files: the HDF5 file and its side files.
        folder: with its journals and its configuration; None when an HDF5 file alone was named.
        table: which tile each row is.
        layers: what is known of its layers: the anchor's first, and maps before vectors.
        unknown: datasets of which nothing is known, and which are left out.
    """

    files: DatasetFiles
    folder: DatasetPaths | None
    table: Table
    layers: Mapping[str, LayerDescription]
    unknown: tuple[str, ...]

    @property
    def name(self) -> str:
        """The dataset's name."""
        return self.files.name

    def __len__(self) -> int:
        return len(self.table)

    def ids(self) -> list[str]:
        """The tile of each row."""
        return [self.table.tile_id(row) for row in range(len(self))]

    def values(self, rows: Iterable[int], layers: Iterable[str]) -> Iterator[dict[str, NDArray[Any]]]:
        """Some layers' values of some rows, one row at a time."""
        names = list(layers)
        with self.files.open() as file:
            for row in rows:
                try:
                    yield {name: file[name][row] for name in names}
                except OSError as error:
                    raise DatasetError(
                        f"{self.files.hdf5}: row {row} (tile {self.table.tile_id(row)!r}) cannot be read: {error}. "
                        "`mmearth-core verify` says what else is damaged."
                    ) from error

    def entries(self, rows: Iterable[int]) -> dict[int, Entry]:
        """What tile_info tells of some rows; nothing of any where the file is not there."""
        row_of = {self.table.tile_id(row): row for row in rows}
        found: dict[int, Entry] = {}
        for tile_id, entry in entries(self.files.tile_info) if self.files.tile_info.exists() else ():
            if tile_id in row_of:
                found[row_of[tile_id]] = entry
                if len(found) == len(row_of):
                    break
        return {row: found.get(row, {}) for row in row_of.values()}


def open_album(target: Path, registry: Registry) -> Album:
    """Opens a dataset.

    Args:
        target: a configuration, a dataset's folder, or an HDF5 file.
        registry: the installed plugins; they describe the layers of a file that does not do so itself.

    Raises:
        DatasetError: when there is no such file, or nothing is known of any of its layers.
        ConfigError: when the configuration cannot be used.
    """
    files, folder = _find(target)
    subject = open_subject(files.hdf5, None, registry).subject
    with files.open() as file:
        anchor = str(file.attrs.get("anchor", ""))
    known = {name: _with_previews(layer, registry) for name, layer in subject.known.items()}
    if not known:
        raise DatasetError(
            f"{files.hdf5}: none of its layers says what it is, and no installed plugin declares one of that name. "
            "Install the plugins of the modalities in it, or write it again with `mmearth-core post`."
        )
    ordered = sorted(known.values(), key=lambda layer: (not layer.is_map, layer.modality != anchor))
    unknown = tuple(name for name in subject.layers if name not in known)
    return Album(files, folder, subject.table, {layer.name: layer for layer in ordered}, unknown)


def _find(target: Path) -> tuple[DatasetFiles, DatasetPaths | None]:
    if target.is_dir():
        folder = DatasetPaths(target)
        return DatasetFiles.find(target), folder if folder.config.exists() else None
    if not target.is_file():
        raise DatasetError(
            f"{target}: no such file or folder. Name a configuration, a dataset's folder, or its .h5 file."
        )
    if is_hdf5(target):
        return DatasetFiles.find(target), None
    config = load_config(target)
    files = DatasetFiles(config.root / f"{config.dataset.name}.h5")
    if not files.hdf5.is_file():
        raise DatasetError(
            f"{files.hdf5}: there is no such file yet. `mmearth-core run {target}` downloads the dataset, and "
            f"`mmearth-core post {target}` writes the file."
        )
    return files, DatasetPaths(config.root)


def _with_previews(layer: LayerDescription, registry: Registry) -> LayerDescription:
    """A layer of a file that does not say how it is drawn, with what an installed plugin says of it."""
    registered = registry.modalities.get(layer.modality)
    if layer.previews or registered is None:
        return layer
    for declared in registered.declared.layers:
        if declared.name == layer.name and tuple(band.name for band in declared.bands) == layer.bands:
            size = layer.shape[-1]
            return evolve(layer, previews=LayerDescription.of(declared, registered.make(), size, "").previews)
    return layer


def checked_layers(album: Album, names: Iterable[str]) -> list[LayerDescription]:
    """Some layers by name.

    Raises:
        DatasetError: when there is no such layer.
    """
    chosen = []
    for name in names:
        if name not in album.layers:
            raise DatasetError(
                f"{album.files.hdf5}: has no layer {name!r}.{did_you_mean(name, album.layers)} It has "
                f"{', '.join(album.layers)}."
            )
        chosen.append(album.layers[name])
    return chosen
