"""The numpy reader: what the file says, in any process."""

import json
import multiprocessing
import pickle
import shutil
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from mmearth_core.dataset import Dataset
from mmearth_core.errors import DatasetError

FILE = "data_1M_v001.h5"


def test_tiles_have_values_masks_and_names(made: Path, kit: Any) -> None:
    dataset = Dataset(made / FILE)
    assert len(dataset) == kit.tiles
    assert dataset.tile_ids == [tile.tile_id for tile in dataset]
    tile = dataset[3]
    with h5py.File(made / FILE) as file:
        for name, layer in dataset.layers.items():
            np.testing.assert_array_equal(tile.values[name], file[name][3])
            assert tile.masks[name].shape == tile.values[name].shape == layer.shape
    assert (tile.row, tile.tile_id, tile.variant) == (3, "003", "l1c")
    high = dataset.layers["heights"].bands.index("high")
    np.testing.assert_array_equal(tile.masks["heights"][high], tile.values["heights"][high] != -32768)
    assert tile.masks["sentinel2_scl"].sum() == 0, "level 1C has none"
    assert tile.masks["weights"].tolist() == [True, False, True]
    assert dataset.layers["kinds"].classes[0][2].name == "kind 2"


def test_splits_layers_and_statistics(made: Path) -> None:
    splits = json.loads((made / "data_1M_v001_splits.json").read_text())
    dataset = Dataset(made / FILE, layers=["weights", "sentinel2"], split="val")
    assert list(dataset.layers) == ["weights", "sentinel2"]
    assert [tile.row for tile in dataset] == splits["val"]
    assert dataset[-1].row == splits["val"][-1]
    assert len(dataset.band_stats()["sentinel2_l1c"]["mean"]) == len(dataset.layers["sentinel2"].bands)
    with pytest.raises(IndexError):
        dataset[len(dataset)]


def _read(dataset: Dataset, row: int) -> Any:
    return dataset[row].values["sentinel2"]


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_other_processes_read_the_same(method: str, made: Path, kit: Any) -> None:
    dataset = Dataset(made / FILE)
    here = [_read(dataset, row) for row in range(kit.tiles)]  # the file is open now
    handle = dataset.reader.row_readers()
    with multiprocessing.get_context(method).Pool(2) as pool:
        there = pool.starmap(np.sum, [(values,) for values in here])
        assert there == [values.sum() for values in here]
        if method == "fork":
            there = pool.starmap(_forked, [(pickle.dumps(dataset), row) for row in range(kit.tiles)])
            assert there == [int(values.sum(dtype=np.int64)) for values in here]
    assert dataset.reader.row_readers() is handle
    dataset.close()
    np.testing.assert_array_equal(_read(dataset, 0), here[0])


def _forked(pickled: bytes, row: int) -> int:
    return int(_read(pickle.loads(pickled), row).sum(dtype=np.int64))


def test_an_open_file_is_opened_anew_after_a_fork(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = Dataset(made / FILE)
    first = dataset.reader.row_readers()
    assert dataset.reader.row_readers() is first
    monkeypatch.setattr("os.getpid", lambda: -1)
    assert dataset.reader.row_readers() is not first


def test_the_folder_with_the_file_is_opened_too(made: Path) -> None:
    assert Dataset(made).path == made / FILE


def test_what_is_not_there_is_refused(made: Path, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no layer 'nosuch'"):
        Dataset(made / FILE, layers=["nosuch"])
    with pytest.raises(DatasetError, match="no split 'training'"):
        Dataset(made / FILE, split="training")
    with pytest.raises(DatasetError, match=r"give a list of names, \['heights'\]"):
        Dataset(made / FILE, layers="heights")
    with pytest.raises(DatasetError, match=r"one \.h5 file, this one has 0 \(none\)"):
        Dataset(tmp_path)
    with pytest.raises(DatasetError, match="no such file"):
        Dataset(made / "nothing.h5")
    with pytest.raises(TypeError, match="slice"):
        Dataset(made / FILE)[0:2]  # type: ignore[index]
    with pytest.raises(DatasetError, match="cannot be read as HDF5"):
        Dataset(made / "data_1M_v001_splits.json")
    with h5py.File(tmp_path / "foreign.h5", "w") as file:
        file["x"] = [1, 2]
    with pytest.raises(DatasetError, match="has no table `metadata`"):
        Dataset(tmp_path / "foreign.h5")


def test_a_choice_of_layers_that_cannot_be_is_refused_with_what_is_allowed(made: Path) -> None:
    every = ", ".join(Dataset(made / FILE).layers)
    for none in ([], (), {}):
        with pytest.raises(DatasetError) as told:
            Dataset(made / FILE, layers=none)
        assert f"layers={none!r} chooses none. It has {every}; omit `layers` for all" in str(told.value)
    with pytest.raises(DatasetError) as told:
        Dataset(made / FILE, layers=["weights", "height"])
    assert str(told.value) == f"{made / FILE}: has no layer 'height'. Did you mean 'heights'? It has {every}."
    with pytest.raises(DatasetError, match="has no layer 'metadata'"):
        Dataset(made / FILE, layers=["metadata"])


def test_a_split_that_cannot_be_is_refused_with_what_is_allowed(made: Path, tmp_path: Path) -> None:
    with pytest.raises(DatasetError) as told:
        Dataset(made / FILE, split="trian")
    assert str(told.value) == f"{made / FILE}: has no split 'trian'. Did you mean 'train'? It has train, val, test."
    path, splits = tmp_path / "few.h5", tmp_path / "few_splits.json"
    path.write_bytes((made / FILE).read_bytes())
    with pytest.raises(DatasetError, match=r"few_splits\.json is missing\. Make it with `mmearth-core post splits`"):
        Dataset(path, split="train")
    remedy = "Make them again with `mmearth-core post splits`."
    for content, found in (
        ({"train": [0, 20]}, "train has row 20; few.h5 has 20 rows, counted from 0. The splits are of another file."),
        ({"train": [3, -1]}, "train has row -1; few.h5 has 20 rows, counted from 0. The splits are of another file."),
        ({"train": [0.5]}, "train is not a list of row numbers."),
        ({"train": "0"}, "train is not a list of row numbers."),
    ):
        splits.write_text(json.dumps(content))
        with pytest.raises(DatasetError) as told:
            Dataset(path, split="train")
        assert str(told.value) == f"{splits}: {found} {remedy}"
    splits.write_text("[]")
    with pytest.raises(DatasetError, match="holds a JSON list, not a dict"):
        Dataset(path, split="train")
    splits.write_text('{"train": [0')
    with pytest.raises(DatasetError, match=r"cannot be read as JSON: .* Write it again with `mmearth-core post`"):
        Dataset(path, split="train")


@pytest.mark.parametrize("index", [20, -21, 10**20])
def test_an_index_beyond_the_tiles_says_what_is_allowed(index: int, made: Path) -> None:
    with pytest.raises(IndexError) as told:
        Dataset(made / FILE)[index]
    assert str(told.value) == f"{made / FILE}: no tile {index}: 20 tiles here, indices go from -20 to 19."


def test_an_empty_split_has_no_tile(made: Path, tmp_path: Path) -> None:
    (tmp_path / "few.h5").write_bytes((made / FILE).read_bytes())
    (tmp_path / "few_splits.json").write_text('{"train": [7], "val": []}')
    empty, one = (Dataset(tmp_path / "few.h5", split=split) for split in ("val", "train"))
    assert (len(empty), list(empty), empty.tile_ids) == (0, [], [])
    with pytest.raises(IndexError, match="no tile 0: 0 tiles here, so there is none to read"):
        empty[0]
    assert repr(one).startswith("<Dataset few.h5: 1 tile, ")
    assert one[0].row == one[-1].row == 7


def test_a_damaged_row_is_named(made: Path, tmp_path: Path) -> None:
    path = tmp_path / "few.h5"
    path.write_bytes((made / FILE).read_bytes())
    with h5py.File(path, "r+") as file:
        file["heights"].id.write_direct_chunk((3, 0, 0, 0), b"no deflate stream")
    dataset = Dataset(path)
    assert dataset[2].row == 2
    with pytest.raises(
        DatasetError, match=r"few\.h5: row 3 of layer 'heights' cannot be inflated .*The file is damaged"
    ):
        dataset[3]
    dataset.close()
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DatasetError, match=r"few\.h5: cannot be read as HDF5: it is cut short"):
        Dataset(path)


def test_splits_that_were_made_for_other_rows_are_refused(made: Path, tmp_path: Path) -> None:
    shutil.copytree(made, tmp_path / "made")
    assert len(Dataset(tmp_path / "made" / FILE, split="train"))
    with h5py.File(tmp_path / "made" / FILE, "r+") as file:
        file["metadata"][:2] = file["metadata"][:2][::-1]
    with pytest.raises(DatasetError, match=r"splits were made for other rows\. .*mmearth-core post splits"):
        Dataset(tmp_path / "made" / FILE, split="train")
    Dataset(tmp_path / "made" / FILE)
