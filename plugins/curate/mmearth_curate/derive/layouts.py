"""What a dataset's HDF5 file looks like, and how two of them differ: rows fit together only where they do not."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain

import h5py
import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from mmearth_core.errors import DamagedFileError, DatasetError
from mmearth_core.layers import LayerDescription
from mmearth_core.product.hdf5 import METADATA, PROVENANCE, stored_layers
from mmearth_core.product.hdf5_rows import storage
from mmearth_core.text import counted
from mmearth_curate.derive.files import DatasetFiles

_SHOWN = 8
"""Differences, or members of a list, that an error names."""


Facet = str | tuple[str, ...]


@frozen(eq=False)
class Layout:
    """One file's rows and layers.

    Attributes:
        files: the dataset.
        table: `(tile id, variant)` of each row, as bytes.
        anchor: the modality that fixed dates and grids.
        layers: what it holds, by name.
        storage: how each layer's rows are chunked and filtered.
        provenance: of each layer, the checksum of what it was made of; empty without one.
    """

    files: DatasetFiles
    table: NDArray[np.void]
    anchor: str
    layers: Mapping[str, LayerDescription]
    storage: Mapping[str, str]
    provenance: Mapping[str, str]

    def ids(self, rows: NDArray[np.intp] | None = None) -> list[str]:
        """The tile of some rows, by default of each."""
        names = self.table["tile_id"]
        return [text.decode() for text in (names if rows is None else names[rows]).tolist()]

    @property
    def size(self) -> int:
        """Rows and columns of a tile; 1 if all layers are vectors."""
        return max((layer.shape[-1] for layer in self.layers.values() if layer.is_map), default=1)


def read_layout(files: DatasetFiles) -> Layout:
    """Reads it.

    Raises:
        DatasetError: when the file is no dataset, or its layers have different numbers of rows.
    """
    with files.open() as file:
        table = _read_table(files, file)
        layers = stored_layers(file)
        if not layers:
            raise DatasetError(f"{files.hdf5}: has no layer besides its table of tiles. Name another file.")
        for name, layer in layers.items():
            dataset = file[name]
            if dataset.shape[:1] != (len(table),) or dataset.chunks != (1, *layer.shape):
                raise DatasetError(
                    f"{files.hdf5}: layer {name!r} has shape {dataset.shape} in chunks of {dataset.chunks}; the file "
                    f"has {counted(len(table), 'tile')}, and a chunk holds one. Write it again with `mmearth-core post "
                    "hdf5`."
                )
        return Layout(
            files,
            table,
            str(file.attrs.get("anchor", "")),
            layers,
            {name: storage(file[name]) for name in layers},
            {name: str(file[name].attrs.get(PROVENANCE, "")) for name in layers},
        )


def _read_table(files: DatasetFiles, file: h5py.File) -> NDArray[np.void]:
    """The table of tiles, whose texts can be read."""
    table: NDArray[np.void] = file[METADATA][:]
    texts = [(name, table.dtype[name].kind) for name in table.dtype.names or ()]
    if len(texts) != 2 or texts[0] != ("tile_id", "S") or texts[1][1] != "S":
        raise DatasetError(
            f"{files.hdf5}: the table `{METADATA}` has the fields {table.dtype}; two are due, tile_id and the "
            "variant, both texts. Write the file again with `mmearth-core post`."
        )
    for row, (tile_id, variant) in enumerate(table.tolist()):
        try:
            tile_id.decode(), variant.decode()
        except UnicodeDecodeError as error:
            found = f"row {row} of the table `{METADATA}` holds {(tile_id, variant)}, which is no text"
            raise DamagedFileError(str(files.hdf5), found) from error
    return table


def require_same(layouts: Sequence[Layout]) -> None:
    """Refuses rows that do not fit together.

    Raises:
        DatasetError: says for each layer what differs.
    """
    first = layouts[0]
    for other in layouts[1:]:
        found = list(differences(first, other))
        if found:
            more = f"; and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
            raise DatasetError(
                f"{first.files.hdf5} and {other.files.hdf5} cannot be merged, as their layouts differ ('/' stands "
                f"between the first's and the second's): {'; '.join(found[:_SHOWN])}{more}. Build both with the same "
                "modalities, options, image_size and plugins."
            )


def differences(one: Layout, other: Layout) -> Iterator[str]:
    """What keeps the rows of two files apart, a line each."""
    yield from _differ("the anchor", one.anchor, other.anchor)
    yield from _differ(f"the table `{METADATA}`", str(one.table.dtype), str(other.table.dtype))
    for name in dict.fromkeys(chain(one.layers, other.layers)):
        if name not in one.layers or name not in other.layers:
            there = "first" if name in one.layers else "second"
            yield f"layer {name!r} is only in the {there}"
            continue
        theirs = _facets(other.layers[name], other.storage[name])
        for what, mine in _facets(one.layers[name], one.storage[name]).items():
            yield from _differ(f"layer {name!r}: {what}", mine, theirs[what])


def _facets(layer: LayerDescription, stored: str) -> dict[str, Facet]:
    """What has to agree; texts for people, and the plugin's version, have not."""
    return {
        "modality": layer.modality,
        "kind": str(layer.kind),
        "bands": layer.bands,
        "dtype": layer.dtype,
        "shape of a row": " x ".join(map(str, layer.shape)),
        "no-data": layer.nodata,
        "units": tuple(f"{band}: {unit}" for band, unit in zip(layer.bands, layer.units, strict=False)),
        "variants": layer.variants,
        "classes": tuple(
            f"{band}: {each.value} = {each.name}"
            for band, labels in zip(layer.bands, layer.classes, strict=False)
            for each in labels
        ),
        "storage": stored,
    }


def _differ(what: str, one: Facet, other: Facet) -> Iterator[str]:
    if one == other:
        return
    if isinstance(one, tuple) and isinstance(other, tuple):
        # A layer may have hundreds of bands: only what the other lacks is told, unless it is all about their order.
        mine, theirs = [each for each in one if each not in other], [each for each in other if each not in one]
        one, other = (_list(mine), _list(theirs)) if mine or theirs else (_list(one), _list(other))
    yield f"{what} {one} / {other}"


def _list(members: Sequence[str]) -> str:
    more = f" and {len(members) - _SHOWN} more" if len(members) > _SHOWN else ""
    return f"({', '.join(members[:_SHOWN])}{more})"
