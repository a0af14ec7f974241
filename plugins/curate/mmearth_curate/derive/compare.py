"""Compares the layouts of datasets: rows can only be merged if the layouts are the same."""

from collections.abc import Iterator, Sequence
from itertools import chain

import h5py
from attrs import frozen

from mmearth_core.errors import DatasetError
from mmearth_core.layers import LayerDescription
from mmearth_core.product.hdf5 import METADATA
from mmearth_core.product.reader import DatasetReader
from mmearth_curate.derive.shared import anchor_of

_LISTED = 8
"""Maximum number of differences, or of members of a list, in an error."""

Facet = str | tuple[str, ...]


def require_same(readers: Sequence[DatasetReader]) -> None:
    """Refuses datasets with different layouts.

    Raises:
        DatasetError: with the differences of each layer.
    """
    layouts = [_layout(reader) for reader in readers]
    for other in layouts[1:]:
        found = list(_differences(layouts[0], other))
        if found:
            more = f"; and {len(found) - _LISTED} more" if len(found) > _LISTED else ""
            raise DatasetError(
                f"{layouts[0].path} and {other.path} cannot be merged because their layouts differ (shown as first / "
                f"second): {'; '.join(found[:_LISTED])}{more}. Build both with the same modalities, options, "
                "image_size, pixel_size, origin and plugins."
            )


@frozen
class _Layout:
    """What has to agree: of the file, and of each layer."""

    path: str
    facets: dict[str, Facet]
    layers: dict[str, dict[str, Facet]]


def _layout(reader: DatasetReader) -> _Layout:
    origin = reader.attributes.get("origin", (0, 0))
    with reader.file() as file:
        facets: dict[str, Facet] = {
            "the anchor": anchor_of(reader),
            "the pixel size in metres": f"{reader.pixel_size:g}",
            "the origin of the pixels in metres": ", ".join(f"{each % reader.pixel_size:g}" for each in origin),
            f"the table `{METADATA}`": str(file[METADATA].dtype),
        }
        layers = {name: _facets(layer, file[name]) for name, layer in reader.layers.items()}
    return _Layout(str(reader.paths.hdf5), facets, layers)


def _facets(layer: LayerDescription, dataset: h5py.Dataset) -> dict[str, Facet]:
    """What has to agree; descriptions for people, and the plugin's version, may differ."""
    return {
        "modality": layer.modality,
        "kind": str(layer.kind),
        "bands": layer.bands,
        "dtype": layer.dtype,
        "shape of a row": " x ".join(map(str, layer.shape)),
        "no-data": ", ".join(map(str, (layer.nodata, *layer.also_missing))),
        "units": tuple(f"{band}: {unit}" for band, unit in zip(layer.bands, layer.units, strict=False)),
        "variants": layer.variants,
        "classes": tuple(
            f"{band}: {each.value} = {each.name}"
            for band, labels in zip(layer.bands, layer.classes, strict=False)
            for each in labels
        ),
        "storage": _storage(dataset),
    }


def _storage(dataset: h5py.Dataset) -> str:
    """How rows are chunked and filtered. The level of a filter may differ, as it does not matter for reading."""
    properties = dataset.id.get_create_plist()
    filters = [properties.get_filter(number) for number in range(properties.get_nfilters())]
    names = [name.decode() or str(code) for code, _flags, _values, name in filters]
    chunks = "no chunks" if dataset.chunks is None else f"chunks of {' x '.join(map(str, dataset.chunks))}"
    return f"{chunks}, {' + '.join(names) or 'no filter'}, {dataset.dtype.byteorder.replace('=', '') or 'native'}"


def _differences(one: _Layout, other: _Layout) -> Iterator[str]:
    yield from _compare(one.facets, other.facets, "")
    for name in dict.fromkeys(chain(one.layers, other.layers)):
        if name in one.layers and name in other.layers:
            yield from _compare(one.layers[name], other.layers[name], f"layer {name!r}: ")
        else:
            yield f"layer {name!r} is only in the {'first' if name in one.layers else 'second'}"


def _compare(one: dict[str, Facet], other: dict[str, Facet], prefix: str) -> Iterator[str]:
    for what, first in one.items():
        second = other[what]
        if first == second:
            continue
        if isinstance(first, tuple) and isinstance(second, tuple):
            # A layer may have hundreds of bands: only those that differ are listed, unless only their order differs.
            more, less = [each for each in first if each not in second], [each for each in second if each not in first]
            first, second = (_list(more), _list(less)) if more or less else (_list(first), _list(second))
        yield f"{prefix}{what} {first} / {second}"


def _list(members: Sequence[str]) -> str:
    more = f" and {len(members) - _LISTED} more" if len(members) > _LISTED else ""
    return f"({', '.join(members[:_LISTED])}{more})"
