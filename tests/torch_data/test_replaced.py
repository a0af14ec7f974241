"""A file that is replaced while it is read, as by `mmearth-core post`: the same tiles go on, others are an error."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from mmearth_devkit.testing.original_layout import write_original
from torch.utils.data import DataLoader

from mmearth_core.dataset import Dataset as Plain
from mmearth_core.errors import DatasetError
from mmearth_core.torch import Dataset

NAME = "data_1M_v001"
LAYERS = ["sentinel2", "esa_worldcover"]
REPLACED = r"data_1M_v001\.h5: was replaced while it was in use: it has other tiles, or layers of other data\. Open the"

Change = Callable[[h5py.File], Any]


def replace(path: Path, change: Change = lambda file: None) -> None:
    """Writes a copy with a change beside the file, and moves it to its place, as `post` does."""
    new = path.with_name("new.h5.part")
    shutil.copyfile(path, new)
    with h5py.File(new, "r+") as file:
        change(file)
    new.replace(path)


def other_rows(file: h5py.File) -> None:
    """As after `post` with one more tile at the front: the same number of rows, and other tiles."""
    table = np.roll(file["metadata"][:], 1)
    file["metadata"][:] = table
    file.attrs.pop("rows_sha256", None)


def other_data(file: h5py.File) -> None:
    """As after a tile was downloaded again, from another image."""
    file["sentinel2"].attrs["provenance"] = "0" * 64


def more_layers(file: h5py.File) -> None:
    """As after `post` with a further modality."""
    file.copy(file["aster"], file, name="heights")


def written_again(file: h5py.File) -> None:
    """The same rows, without the attribute that files of earlier versions do not have."""
    file.attrs.pop("rows_sha256", None)


@pytest.fixture
def copy(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made, tmp_path / NAME)
    return tmp_path / NAME / f"{NAME}.h5"


@pytest.fixture
def original(tmp_path: Path) -> Path:
    """A published file: no attribute says what its rows or layers are."""
    return write_original(tmp_path / "original" / NAME)


def epoch(dataset: Dataset, method: str | None) -> list[str]:
    loader = DataLoader(dataset, batch_size=2, num_workers=1 if method else 0, multiprocessing_context=method)
    return [tile_id for batch in loader for tile_id in batch["tile_id"]]


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_new_workers_read_the_same_tiles_or_none(copy: Path) -> None:
    dataset = Dataset(copy, layers=LAYERS, split="train")
    first = epoch(dataset, "fork")
    assert first == ["brittany", "svalbard", "patagonia"]
    replace(copy, more_layers)
    assert epoch(dataset, "fork") == first
    replace(copy, other_rows)
    for method in ("fork", "spawn"):
        with pytest.raises(DatasetError, match=REPLACED):
            epoch(dataset, method)


@pytest.mark.parametrize("change", [more_layers, written_again, lambda file: None])
def test_the_same_tiles_and_layers_go_on(change: Change, copy: Path, original: Path) -> None:
    for path in (copy, original):
        dataset = Dataset(path, layers=LAYERS)
        before = dataset[1]["values"]["sentinel2"]
        dataset.plain.close()
        replace(path, change)
        np.testing.assert_array_equal(dataset[1]["values"]["sentinel2"], before)
        # What is open stays open: the old file is read on.
        replace(path, other_rows)
        np.testing.assert_array_equal(dataset[1]["values"]["sentinel2"], before)


@pytest.mark.parametrize("change", [other_rows, other_data, lambda file: file.pop("era5")])
def test_other_tiles_or_layers_are_an_error_in_every_reader(change: Change, copy: Path) -> None:
    datasets: list[Any] = [Dataset(copy), Plain(copy)]
    for dataset in datasets:
        assert dataset[0]
        getattr(dataset, "plain", dataset).close()
    replace(copy, change)
    for dataset in datasets:
        for _ in range(2):  # and again, not only once
            with pytest.raises(DatasetError, match=REPLACED):
                dataset[0]
    with pytest.raises(DatasetError, match=REPLACED):
        datasets[1].tile_ids  # noqa: B018 - it is read here
    assert Plain(copy)[0].values


def test_published_files_are_told_apart_by_their_table(original: Path) -> None:
    dataset = Plain(original, split="train")
    replace(original, other_rows)
    with pytest.raises(DatasetError, match=REPLACED):
        dataset[0]


def test_a_file_with_other_rows_between_its_splits_and_the_first_tile(copy: Path) -> None:
    dataset = Plain(copy, split="train")
    replace(copy, other_rows)
    with pytest.raises(DatasetError, match=REPLACED):
        dataset[0]


def test_post_writes_the_checksum_of_the_rows(made: Path) -> None:
    with h5py.File(made / f"{NAME}.h5") as file:
        own = file.attrs["rows_sha256"]
    assert own == json.loads((made / f"{NAME}_splits_made.json").read_text())["rows_sha256"]
