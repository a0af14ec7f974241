"""The reader of a finished dataset: everything in one object, and layers that only installed plugins describe."""

import json
from pathlib import Path

import h5py
import numpy as np
import pytest
from mmearth_curate.reading import DescribedReader, tile_info, tile_info_of

from mmearth_core.errors import DatasetError
from mmearth_core.paths import ProductPaths
from mmearth_core.product.reader import DatasetReader
from mmearth_core.registry import discover

NAME = "data_1M_v001"


def test_a_folder_is_opened_with_all_its_files(made: Path) -> None:
    reader = DatasetReader.open(made)
    with h5py.File(made / f"{NAME}.h5") as file:
        assert list(reader.layers) == [name for name in file if name != "metadata"]
        ids = [text.decode() for text in file["metadata"]["tile_id"]]
        rows = [7, 3]
        for row, values in zip(rows, reader.values(rows, ["heights", "weights"]), strict=True):
            assert list(values) == ["heights", "weights"]
            for name, own in values.items():
                np.testing.assert_array_equal(own, file[name][row])
    table = DescribedReader(reader.paths, discover()).table
    assert reader.tile_ids() == ids and [table.row_of(ids[4]), table.row_of("none")] == [4, None]
    assert (reader.tile(2), table.variant(2)) == ((ids[2], table.variant(2)), reader.tile(2)[1])
    info = json.loads((made / f"{NAME}_tile_info.json").read_text())
    assert dict(tile_info(reader)) == info
    assert list(tile_info_of(reader, [ids[5], ids[1]])) == [(tile, info[tile]) for tile in (ids[5], ids[1])]
    assert reader.band_stats() == json.loads((made / f"{NAME}_band_stats.json").read_text())
    splits = reader.splits()
    assert splits is not None and splits.made["strategy"] == "random"
    assert {part: rows.tolist() for part, rows in splits.parts.items()} == json.loads(
        (made / f"{NAME}_splits.json").read_text()
    )


def test_layers_without_attributes_are_described_by_installed_plugins(made: Path, tmp_path: Path) -> None:
    path = tmp_path / "bare.h5"
    path.write_bytes((made / f"{NAME}.h5").read_bytes())
    described = DatasetReader.open(path).layers["sentinel2"]
    with h5py.File(path, "r+") as file:
        for owner in (file, *(each for each in file.values() if "modality" in each.attrs)):
            for name in list(owner.attrs):
                del owner.attrs[name]
        file.move("heights", "unknown")
    with pytest.raises(
        DatasetError, match=r"layer 'unknown' has no attributes .*; nor does an installed plugin describe"
    ):
        DatasetReader.open(path)
    assert DatasetReader(ProductPaths(path)).layers["sentinel2"] == described
    reader = DescribedReader(ProductPaths(path), discover())
    assert reader.layers["sentinel2"] == described
    assert reader.problems["sentinel2"][-1].endswith(f"; the description of {described.plugin} is used.")
    assert "unknown" not in reader.layers
    assert reader.problems["unknown"][-1].endswith("; its values are not described.")
    with h5py.File(path) as file:
        (values,) = reader.values([1], ["sentinel2"])
        np.testing.assert_array_equal(values["sentinel2"], file["sentinel2"][1])
