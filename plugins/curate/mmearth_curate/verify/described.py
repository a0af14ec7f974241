"""Checks each dataset's description: attributes, shape, type, chunks and filters, against what is declared."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import h5py
import numpy as np
from attrs import evolve, fields, frozen

from mmearth_core.contract.bands import holds
from mmearth_core.download.folder import DownloadedDataset
from mmearth_core.errors import DatasetError
from mmearth_core.layers import DESCRIBED, LayerDescription
from mmearth_core.product.hdf5 import METADATA, PROVENANCE, VERSION, opened, read_layer
from mmearth_core.registry import Registry
from mmearth_core.text import counted
from mmearth_curate.verify.findings import Finding, Severity
from mmearth_curate.verify.subject import Subject, Table, read_table

CHECK = "description"


_HEAD = ("layout", "name", "anchor", "written_by")


_SAME = tuple(each.name for each in fields(LayerDescription) if each.eq and each.name not in ("name", "plugin"))


_WRITE_AGAIN = "Write the HDF5 file again with `mmearth-core post`."


_FOREIGN = (
    "Nothing needs to be done if the file is another program's; otherwise write it again with `mmearth-core post`."
)


@frozen
class Opened:
    """A subject, and what was found while it was opened."""

    subject: Subject
    findings: tuple[Finding, ...]


def open_subject(path: Path, source: DownloadedDataset | None, registry: Registry) -> Opened:
    """Reads the descriptions of a file's layers, and checks them.

    A layer without a description of its own is taken to be what the dataset's source or an installed plugin
    declares under its name.

    Raises:
        DatasetError: when the file cannot be read at all.
    """
    with opened(path) as file:
        table = read_table(file)
        names = [name for name in file if name != METADATA]
        foreign = "layout" not in file.attrs and not any("modality" in file[name].attrs for name in names)
        declared = {layer.name: layer for layer in source.layers} if source else _installed(registry, file)
        reader = _Reader(foreign, declared if foreign or source else {}, source is not None)
        findings = list(reader.head(file))
        layers: dict[str, LayerDescription | None] = {}
        for name in names:
            if not isinstance(file[name], h5py.Dataset):
                findings.append(reader.finding(f"{name!r} is a group; a dataset a layer is due.", layer=name))
                continue
            layers[name], found = reader.layer(file[name], table)
            findings += found
        if source is not None:
            findings += reader.against(declared, layers)
    return Opened(Subject(path, table, layers, foreign, source), tuple(findings))


def _installed(registry: Registry, file: h5py.File) -> dict[str, LayerDescription]:
    """What installed plugins declare of the layers of a file, in the types and sizes that the file has."""
    found = {}
    for registered in registry.modalities.values():
        for layer in registered.declared.layers:
            dataset = file.get(layer.name)
            if not isinstance(dataset, h5py.Dataset) or dataset.ndim < 2 or dataset.shape[1] != len(layer.bands):
                continue
            if dataset.dtype.kind in "iuf" and holds(dataset.dtype.name, layer.nodata):
                own = LayerDescription.of(layer, registered.make(), dataset.shape[-1], str(registered.origin))
                found[layer.name] = evolve(own, dtype=dataset.dtype.name, shape=dataset.shape[1:])
    return found


@frozen
class _Reader:
    """Reads descriptions.

    Attributes:
        foreign: the file is another program's.
        fallback: what a layer without a description is taken to be.
        has_source: the file's stacks are known too.
    """

    foreign: bool
    fallback: Mapping[str, LayerDescription]
    has_source: bool

    def finding(self, message: str, layer: str | None = None, severity: Severity | None = None) -> Finding:
        mine = severity or (Severity.WARNING if self.foreign else Severity.FAULT)
        return Finding(mine, CHECK, message, _FOREIGN if self.foreign else _WRITE_AGAIN, layer=layer)

    def head(self, file: h5py.File) -> Iterator[Finding]:
        missing = [name for name in _HEAD if name not in file.attrs]
        if missing:
            yield self.finding(f"The file lacks the attributes {', '.join(missing)}.")
        version = file.attrs.get("layout", VERSION)
        if version not in range(1, VERSION + 1):
            yield self.finding(f"The file's layout is {version!r}; this mmearth-core knows 1 to {VERSION}.")

    def layer(self, dataset: h5py.Dataset, table: Table) -> tuple[LayerDescription | None, list[Finding]]:
        """What is known of a dataset, and what is wrong with it."""
        name = dataset.name.lstrip("/")
        findings = list(self._stored(dataset, name, len(table)))
        missing = [each for each in DESCRIBED if each not in dataset.attrs]
        if self.has_source and PROVENANCE not in dataset.attrs:
            findings.append(self.finding("Lacks the attribute provenance: its writing was broken off.", name))
        layer: LayerDescription | None = None
        if missing:
            layer = self._taken(dataset, name)
            taken = f"taken to be what {layer.plugin} declares" if layer else "and nothing is known of its values"
            findings.append(self.finding(f"Lacks the attributes {', '.join(missing)}; {taken}.", name))
        else:
            try:
                layer = read_layer(dataset)
            except DatasetError as error:
                findings.append(self.finding(f"Its attributes cannot be understood: {error.__cause__}.", name))
        if layer is not None:
            wrong = list(self._consistent(dataset, layer))
            findings += wrong
            layer = None if wrong else layer
        if dataset.shape[:1] != (len(table),):
            layer = None  # which row is whose is not known
        return layer, findings

    def _taken(self, dataset: h5py.Dataset, name: str) -> LayerDescription | None:
        layer = self.fallback.get(name)
        fits = layer is not None and (layer.dtype, layer.shape) == (dataset.dtype.name, dataset.shape[1:])
        return layer if fits else None

    def _stored(self, dataset: h5py.Dataset, name: str, rows: int) -> Iterator[Finding]:
        """Rows, chunks and filters."""
        if dataset.shape[:1] != (rows,):
            message = f"Has shape {dataset.shape}; the table `{METADATA}` has {counted(rows, 'row')}."
            yield self.finding(message, name, Severity.FAULT)
        wanted = (1, *dataset.shape[1:])
        if dataset.chunks != wanted:
            yield self.finding(f"Its chunks are {dataset.chunks}; one chunk a tile is {wanted}.", name)
        pipeline = dataset.id.get_create_plist()
        filters = {pipeline.get_filter(number)[0] for number in range(pipeline.get_nfilters())}
        due = {h5py.h5z.FILTER_DEFLATE} | ({h5py.h5z.FILTER_SHUFFLE} if dataset.dtype.itemsize > 1 else set())
        if filters != due:
            yield self.finding(f"Its HDF5 filters are {_named(filters)}; they should be {_named(due)}.", name)

    def _consistent(self, dataset: h5py.Dataset, layer: LayerDescription) -> Iterator[Finding]:
        """Attributes against each other and against the dataset."""
        bands = len(layer.bands)
        dimensions = 3 if layer.is_map else 1
        if len(layer.shape) != dimensions or layer.shape[:1] != (bands,):
            kind = f"a {layer.kind} layer of {counted(bands, 'band')}"
            yield self.finding(f"A row has shape {layer.shape}, which is not that of {kind}.", layer.name)
        for attribute in ("units", "descriptions", "classes"):
            count = len(getattr(layer, attribute))
            if count != bands:
                yield self.finding(f"Has {counted(bands, 'band')}, and {attribute} for {count}.", layer.name)
        if dataset.dtype.kind not in "iuf" or not holds(layer.dtype, float(layer.nodata)):
            yield self.finding(f"Its type {layer.dtype} cannot hold its no-data {layer.nodata}.", layer.name)
        elif not self.foreign and not np.array_equal(dataset.fillvalue, layer.fill, equal_nan=True):
            yield self.finding(f"Its HDF5 fill value is {dataset.fillvalue}, its no-data {layer.nodata}.", layer.name)

    def against(
        self, declared: Mapping[str, LayerDescription], found: Mapping[str, LayerDescription | None]
    ) -> Iterator[Finding]:
        """The file's layers against those that the dataset's modalities declare."""
        for name in sorted(declared.keys() - found.keys()):
            yield self.finding("Is declared, and not in the file: it was added since.", name)
        for name in sorted(found.keys() - declared.keys()):
            yield self.finding("No modality of the dataset declares it.", name, Severity.WARNING)
        for name in (name for name in declared if found.get(name) is not None):
            for attribute in _SAME:
                here, due = getattr(found[name], attribute), getattr(declared[name], attribute)
                if here != due:
                    yield self.finding(f"Its {attribute} is {_short(here)}; declared is {_short(due)}.", name)


def _named(filters: set[int]) -> str:
    names = {h5py.h5z.FILTER_DEFLATE: "deflate", h5py.h5z.FILTER_SHUFFLE: "shuffle"}
    return " + ".join(names.get(each, f"filter {each}") for each in sorted(filters)) or "none"


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
