"""The values of vector layers, made of the journal by each modality's `values`."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmearth_core.download.plugin_calls import call
from mmearth_core.errors import DatasetError
from mmearth_core.hdf5.layout import StoredLayer
from mmearth_core.post.source import Row, Source
from mmearth_core.words import counted


def vector_rows(source: Source, layers: Sequence[StoredLayer], rows: Sequence[Row]) -> dict[str, NDArray[Any]]:
    """The values of vector layers for some rows.

    Returns:
        For each layer, (rows, bands) of its dtype; whole numbers are rounded and clamped, None is no-data.

    Raises:
        DatasetError: when a modality gives no values for a layer, or too many or too few.
        PluginCallError: when it raises.
    """
    numbers = {layer.name: np.empty((len(rows), *layer.shape)) for layer in layers}
    for name in dict.fromkeys(layer.modality for layer in layers):
        modality = source.modalities[name]
        own = [layer for layer in layers if layer.modality == name]
        for place, row in enumerate(rows):
            given = call(modality, modality.values, source.located(row, name))
            for layer in own:
                numbers[layer.name][place] = _checked(layer, given.get(layer.name), row)  # None becomes nan
    return {layer.name: _stored(layer, numbers[layer.name]) for layer in layers}


def _checked(layer: StoredLayer, given: Any, row: Row) -> Any:
    count = len(layer.bands)
    if given is None or len(given) != count:
        found = "nothing" if given is None else counted(len(given), "number")
        raise DatasetError(
            f"modality {layer.modality!r}: values() gives {found} for layer {layer.name!r} of tile "
            f"{row.tile.tile_id!r}; it declares {counted(count, 'band')}. Repair the plugin ({layer.plugin})."
        )
    return given


def _stored(layer: StoredLayer, numbers: NDArray[np.float64]) -> NDArray[Any]:
    """All rows at once: numpy's calls cost more than these numbers do."""
    dtype = np.dtype(layer.dtype)
    if dtype.kind == "f":
        values = numbers.astype(dtype)
        if layer.nodata != "nan":
            values[np.isnan(numbers)] = layer.fill
        return values
    limits = np.iinfo(dtype)
    missing = np.isnan(numbers)
    whole = np.clip(np.rint(np.where(missing, 0, numbers)), limits.min, limits.max).astype(dtype)
    whole[missing] = layer.fill
    return whole
