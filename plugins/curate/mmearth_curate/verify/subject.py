"""What is verified: an HDF5 file with its side files, and the stacks and journals behind it where they are known."""

from collections.abc import Mapping
from pathlib import Path

import h5py
import numpy as np
from attrs import field, frozen
from numpy.typing import NDArray

from mmearth_core.download.folder import DownloadedDataset, open_dataset
from mmearth_core.errors import DatasetError
from mmearth_core.layers import LayerDescription
from mmearth_core.post.products import HDF5, required
from mmearth_core.product.hdf5 import require_table
from mmearth_core.registry import Registry
from mmearth_curate.derive.files import DatasetFiles
from mmearth_curate.verify.findings import Finding, Severity

_SUFFIXES = {".h5", ".hdf5"}


@frozen(eq=False)
class Table:
    """The table `metadata`: which tile each row is.

    Attributes:
        ids: the tiles' ids, as bytes.
        variants: the tiles' variants, as bytes; all empty in a file without any.
        variant_key: what the variant is called; None without any.
    """

    ids: NDArray[np.bytes_]
    variants: NDArray[np.bytes_]
    variant_key: str | None
    _order: NDArray[np.intp] = field(init=False)

    @_order.default
    def _sorted(self) -> NDArray[np.intp]:
        return np.argsort(self.ids, kind="stable")

    def __len__(self) -> int:
        return len(self.ids)

    def tile_id(self, row: int) -> str:
        """The tile of a row."""
        return bytes(self.ids[row]).decode(errors="replace")

    def variant(self, row: int) -> str | None:
        """The variant of a row."""
        return bytes(self.variants[row]).decode(errors="replace") or None

    def row_of(self, tile_id: str) -> int | None:
        """The first row of a tile."""
        encoded = np.bytes_(tile_id.encode())
        place = int(np.searchsorted(self.ids, encoded, sorter=self._order))
        if place == len(self.ids) or self.ids[self._order[place]] != encoded:
            return None
        return int(self._order[place])

    def repeated(self) -> list[int]:
        """The rows whose tile an earlier row has already."""
        ordered = self.ids[self._order]
        return sorted(self._order[1:][ordered[1:] == ordered[:-1]].tolist())


@frozen(eq=False)
class Subject:
    """A dataset under examination.

    Attributes:
        path: the HDF5 file.
        table: which tile each row is.
        layers: every dataset with what is known of it; None where that is nothing.
        foreign: written by another program: its layers carry no description of their own.
        source: the stacks and journals behind it; None when only the file is known.
    """

    path: Path
    table: Table
    layers: Mapping[str, LayerDescription | None]
    foreign: bool
    source: DownloadedDataset | None = None

    @property
    def contract(self) -> Severity:
        """How bad it is to differ from what this package promises: another program has not promised it."""
        return Severity.WARNING if self.foreign else Severity.FAULT

    @property
    def known(self) -> dict[str, LayerDescription]:
        """The layers whose description is known."""
        return {name: layer for name, layer in self.layers.items() if layer is not None}

    @property
    def rewrite(self) -> str:
        """How a damaged HDF5 file is mended."""
        if self.source is not None:
            return f"Delete {self.path.name} and run `mmearth-core post` with this configuration."
        return "Copy or fetch the file again, or write it again from its stacks with `mmearth-core post`."

    def beside(self, what: str) -> Path:
        """A side file."""
        return self.path.with_name(f"{self.path.stem}_{what}.json")

    def finding(
        self,
        severity: Severity,
        check: str,
        message: str,
        remedy: str,
        row: int | None = None,
        layer: str | None = None,
    ) -> Finding:
        """A finding on a row, a layer or the whole file."""
        tile_id = self.table.tile_id(row) if row is not None else None
        return Finding(severity, check, message, remedy, row, tile_id, layer)


def is_hdf5(target: Path) -> bool:
    """Whether a target is an HDF5 file, or was one before it was damaged; otherwise it is a configuration."""
    return target.suffix in _SUFFIXES or bool(target.is_file() and h5py.is_hdf5(target))


def locate(target: Path, registry: Registry) -> tuple[Path, DownloadedDataset | None]:
    """The HDF5 file that a target means, and what is behind it.

    Args:
        target: an HDF5 file, the folder with it, or a configuration.
        registry: the installed plugins.

    Raises:
        DatasetError: when there is no such file, or the configuration has none yet.
    """
    if target.is_dir():
        return DatasetFiles.find(target).hdf5.absolute(), None
    if not target.is_file():
        raise DatasetError(
            f"{target}: no such file or folder. Name a dataset's configuration, its .h5 file, or the folder with that."
        )
    if is_hdf5(target):
        return target.absolute(), None
    source = open_dataset(target, registry)
    return required(source, HDF5), source


def read_table(file: h5py.File) -> Table:
    """Reads which tile each row is.

    Raises:
        DatasetError: when there is no such table.
    """
    table = require_table(file)
    fields, content = table.dtype.names, table[:]
    has_variant = len(fields) > 1 and table.dtype[1].kind == "S"
    variants = content[fields[1]] if has_variant else np.zeros(len(content), "S1")
    return Table(content[fields[0]], variants, fields[1] if has_variant else None)
