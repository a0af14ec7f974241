"""Opens the dataset to verify, and checks the description of every layer: attributes, shape, type, chunks, filters."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import h5py
import numpy as np
from attrs import fields

from mmearth_core import ClassLabel
from mmearth_core.download.folder import DownloadedDataset
from mmearth_core.layers import LayerDescription
from mmearth_core.paths import ProductPaths
from mmearth_core.product.hdf5 import PROVENANCE, VERSION, layer_names
from mmearth_core.product.reader import find_products
from mmearth_core.registry import Registry
from mmearth_curate.reading import DescribedReader
from mmearth_curate.verify.findings import Finding, Report, Severity

CHECK = "description"

_SUFFIXES = {".h5", ".hdf5"}
_HEAD = ("layout", "name", "anchor", "written_by")
_COMPARED = tuple(
    each.name for each in fields(LayerDescription) if each.eq and each.name not in ("name", "plugin", "also_missing")
)
_WRITE_AGAIN = "Write the HDF5 file again with `mmearth-core post`."
_FOREIGN = (
    "Nothing needs to be done if the file is another program's; otherwise write it again with `mmearth-core post`."
)


def is_hdf5(target: Path) -> bool:
    """Whether a target is an HDF5 file, possibly damaged; otherwise it is a configuration."""
    return target.suffix in _SUFFIXES or bool(target.is_file() and h5py.is_hdf5(target))


def open_target(target: Path, registry: Registry) -> Report:
    """Opens the dataset of a target; the report is still empty.

    For a layer that the file does not describe, the declaration of an installed plugin with the same name is used.

    Args:
        target: an HDF5 file, the folder with it, or a configuration.
        registry: the installed plugins.

    Raises:
        DatasetError: when the file does not exist or cannot be read at all.
    """
    source = None
    if not target.is_file() or is_hdf5(target):
        paths = find_products(target.absolute())
    else:
        source = DownloadedDataset.open(target, registry)
        paths = ProductPaths(source.require_hdf5())
    reader = DescribedReader(paths, registry)
    with reader.file() as file:
        names = layer_names(file)
        is_foreign = "layout" not in file.attrs and not any("modality" in file[name].attrs for name in names)
        layers = {name: reader.layers.get(name) for name in names if isinstance(file[name], h5py.Dataset)}
    stored = source.stored.plugins if source is not None else {}
    is_other = any(str(registry.modality(name).origin) != plugin for name, plugin in stored.items())
    return Report(reader, source, is_foreign, layers, Severity.WARNING if is_other else Severity.FAULT)


def check_descriptions(report: Report) -> Iterator[Finding]:
    """All findings about the descriptions."""
    reader = report.reader
    missing = [name for name in _HEAD if name not in reader.attributes]
    if missing:
        yield _finding(report, f"The file has no attributes {', '.join(missing)}.")
    version = reader.attributes.get("layout", VERSION)
    if version not in range(1, VERSION + 1):
        yield _finding(report, f"The file's layout is {version!r}; this mmearth-core supports 1 to {VERSION}.")
    with reader.file() as file:
        for name in layer_names(file):
            yield from _check_layer(report, name, file[name])
    if report.source is not None:
        grid = report.source.stored.pixel_size, list(report.source.stored.origin)
        stored = reader.pixel_size, list(reader.attributes.get("origin", (0, 0)))
        if stored != grid:
            text = f"Its pixel_size and origin are {stored[0]:g} and {stored[1]}; "
            yield _finding(report, f"{text}the dataset's are {grid[0]:g} and {grid[1]}.")
        yield from _against_declared(report, {layer.name: layer for layer in report.source.layers})


def _finding(report: Report, message: str, layer: str | None = None, severity: Severity | None = None) -> Finding:
    remedy = _FOREIGN if report.is_foreign else _WRITE_AGAIN
    return Finding(severity or report.contract, CHECK, message, remedy, layer=layer)


def _check_layer(report: Report, name: str, dataset: h5py.Dataset) -> Iterator[Finding]:
    is_dataset = isinstance(dataset, h5py.Dataset)
    # With another number of rows, the tile of each row is unknown.
    severity = Severity.FAULT if is_dataset and dataset.shape[:1] != (len(report.reader),) else None
    for problem in report.reader.problems.get(name, ()):
        yield _finding(report, problem, name, severity)
    if not is_dataset:
        return
    expected = (1, *dataset.shape[1:])
    if dataset.chunks != expected:
        yield _finding(report, f"Its chunks are {dataset.chunks}; with one chunk per tile they are {expected}.", name)
    pipeline = dataset.id.get_create_plist()
    filters = {pipeline.get_filter(number)[0] for number in range(pipeline.get_nfilters())}
    usual = {h5py.h5z.FILTER_DEFLATE} | ({h5py.h5z.FILTER_SHUFFLE} if dataset.dtype.itemsize > 1 else set())
    # The published files are not shuffled, and rows copied from them neither.
    if not {h5py.h5z.FILTER_DEFLATE} <= filters <= usual:
        yield _finding(report, f"Its HDF5 filters are {_named(filters)}; they should be {_named(usual)}.", name)
    if report.source is not None and PROVENANCE not in dataset.attrs:
        yield _finding(report, "Has no attribute provenance: it was not written completely.", name)
    layer = report.layers.get(name)
    if layer and not report.is_foreign and not np.array_equal(dataset.fillvalue, layer.fill, equal_nan=True):
        yield _finding(report, f"Its HDF5 fill value is {dataset.fillvalue}, its no-data {layer.nodata}.", name)


def _against_declared(report: Report, declared: Mapping[str, LayerDescription]) -> Iterator[Finding]:
    """Compares the file's layers with those that the dataset's modalities declare."""
    found = report.layers
    for name in sorted(declared.keys() - found.keys()):
        yield _finding(report, "Is declared but not in the file: it was added later.", name)
    for name in sorted(found.keys() - declared.keys()):
        yield _finding(report, "No modality of the dataset declares it.", name, Severity.WARNING)
    for name in (name for name in declared if found.get(name) is not None):
        for attribute in _COMPARED:
            stored, wanted = getattr(found[name], attribute), getattr(declared[name], attribute)
            if stored != wanted:
                # An earlier version of a plugin may have had other names for the same classes.
                are_renamed = attribute == "classes" and _values(stored) == _values(wanted)
                severity = Severity.WARNING if are_renamed else None
                text = f"Its {attribute} is {_short(stored)}; declared is {_short(wanted)}."
                yield _finding(report, text, name, severity)


def _values(classes: tuple[tuple[ClassLabel, ...], ...]) -> list[list[int]]:
    return [[label.value for label in labels] for labels in classes]


def _named(filters: set[int]) -> str:
    names = {h5py.h5z.FILTER_DEFLATE: "deflate", h5py.h5z.FILTER_SHUFFLE: "shuffle"}
    return " + ".join(names.get(each, f"filter {each}") for each in sorted(filters)) or "none"


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
