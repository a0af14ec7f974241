"""Checks vectors of sampled tiles against what their modality makes of the journal."""

from collections.abc import Iterator

import h5py
import numpy as np
from attrs import frozen

from mmearth_core.download.folder import DatasetRow, DownloadedDataset
from mmearth_core.download.locate import PluginCallError, call
from mmearth_curate.verify.findings import Finding, Severity
from mmearth_curate.verify.stacks import differences, expected


@frozen(eq=False)
class VectorsCheck:
    """Compares vectors.

    Attributes:
        source: journals and modalities.
        file: the HDF5 file.
    """

    source: DownloadedDataset
    file: h5py.File

    def findings(self, journal: DatasetRow, row: int) -> Iterator[Finding]:
        """What is wrong with a tile's vectors."""
        tile_id = journal.tile.tile_id
        for name, modality in self.source.modalities.items():
            layers = [layer for layer in self.source.layers if layer.modality == name and not layer.is_map]
            if not layers:
                continue
            try:
                given = call(modality, modality.values, self.source.located(journal, name))
            except PluginCallError as error:
                yield Finding(Severity.FAULT, "vectors", f"{error}.", "Repair the plugin.", row, tile_id)
                continue
            for layer in layers:
                numbers = np.array(
                    [np.nan if each is None else each for each in given.get(layer.name) or ()], np.float64
                )
                yield from differences(self.file, layer, expected(layer, numbers), row, tile_id)
