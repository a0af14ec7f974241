"""What a sample can have besides values: class indices, tile_info, other files and rows; wrong arguments are errors."""

import json
import shutil
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch
from mmearth_devkit.testing.command_line import summary
from mmearth_devkit.testing.original_layout import WORLDCOVER, write_original
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader

from mmearth_core.dataset import Dataset as Plain
from mmearth_core.errors import DatasetError
from mmearth_core.torch import Dataset, Metadata

NAME = "data_1M_v001"
DYNAMIC_WORLD = tuple(range(1, 10))
CLASSES = {"esa_worldcover": (WORLDCOVER, 255), "dynamic_world": (DYNAMIC_WORLD, 0)}


def info(path: Path) -> Any:
    return json.loads(path.with_name(f"{path.stem}_tile_info.json").read_text())


@pytest.fixture(scope="module")
def path(made: Path) -> Path:
    return made / f"{NAME}.h5"


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Halves of one dataset of our layout, and the whole: derived from a small file of the original's layout."""
    folder = tmp_path_factory.mktemp("two")
    every = write_original(folder / "every", 6)
    for name, words in (
        ("a", ["--where", "S2_type=l2a"]),
        ("b", ["--where", "S2_type=l1c"]),
        ("whole", ["--sample", 6]),
    ):
        summary("subset", every, folder / name, *words, "--workers", "1")
    return [folder / name / f"{name}.h5" for name in ("a", "b", "whole")]


# Class indices


@pytest.mark.parametrize("layer", CLASSES)
def test_class_indices_are_the_positions_of_the_declared_classes(layer: str, path: Path, tmp_path: Path) -> None:
    values, nodata = CLASSES[layer]
    changed = tmp_path / path.name
    shutil.copyfile(path, changed)
    rows = np.random.default_rng(0).choice([*values, nodata, 77], (5, 1, 16, 16)).astype("u1")
    with h5py.File(changed, "r+") as file:
        file[layer][:] = rows
    dataset = Dataset(changed, layers=[layer, "sentinel2_cloudprod"], classes="index", normalize=None)
    table = np.full(256, -100)
    table[list(values)] = np.arange(len(values))
    for row in range(5):
        sample = dataset[row]
        assert sample["values"][layer].dtype == torch.int64
        np.testing.assert_array_equal(sample["values"][layer].numpy(), table[rows[row]])
        np.testing.assert_array_equal(sample["masks"][layer].numpy(), rows[row] != nodata)
    own = Dataset(changed, layers={layer: dataset.bands[layer]}, classes="index", ignore_index=255)
    np.testing.assert_array_equal(own[0]["values"][layer].numpy(), np.where(table[rows[0]] < 0, 255, table[rows[0]]))
    names = [label.name for label in dataset.layers[layer].classes[0]]
    assert (len(names), names[0]) == (len(values), {"esa_worldcover": "tree cover", "dynamic_world": "water"}[layer])
    # By default they are as before.
    np.testing.assert_array_equal(Dataset(changed, layers=[layer])[0]["values"][layer].numpy(), rows[0])


def test_a_layer_without_declared_classes_has_no_indices(path: Path, tmp_path: Path) -> None:
    shutil.copyfile(path, tmp_path / "own.h5")
    with h5py.File(tmp_path / "own.h5", "r+") as file:
        file["dynamic_world"].attrs["classes"] = "[[]]"
    assert Dataset(tmp_path / "own.h5", layers=["dynamic_world"])[0]
    with pytest.raises(DatasetError, match=r"layer 'dynamic_world' has a band that declares no classes, .*'value'"):
        Dataset(tmp_path / "own.h5", layers=["dynamic_world", "esa_worldcover"], classes="index")
    assert Dataset(tmp_path / "own.h5", layers=["esa_worldcover", "month"], classes="index", normalize=None)[0]


def test_cross_entropy_takes_them(path: Path) -> None:
    for layer, (values, _) in CLASSES.items():
        dataset = Dataset(path, layers=[layer], classes="index")
        batch = next(iter(DataLoader(dataset, batch_size=5)))
        target = batch["values"][layer][:, 0]
        scores = torch.zeros(5, len(values), 16, 16, requires_grad=True)
        loss = cross_entropy(scores, target)
        loss.backward()
        torch.testing.assert_close(loss, torch.log(torch.tensor(float(len(values)))))
        assert int((target >= 0).sum()) > 0


# tile_info


def test_metadata_is_the_entry_of_each_tile(path: Path) -> None:
    entries = info(path)
    dataset = Dataset(path, layers=["month"], split="train", metadata=True)
    for sample in (dataset[0], dataset[2]):
        assert type(sample["metadata"]) is Metadata
        assert sample["metadata"] == entries[sample["tile_id"]]
    (batch,) = DataLoader(dataset, batch_size=3)
    assert batch["metadata"] == [entries[tile_id] for tile_id in batch["tile_id"]]
    assert "metadata" not in Dataset(path, layers=["month"])[0]
    assert Plain(path, layers=["month"])[0].metadata is None
    chosen = Dataset(path, layers=["month"], metadata=["S2_DATE", "lat", "GRID"])[1]["metadata"]
    assert chosen == {key: entries["nebraska"][key] for key in ("S2_DATE", "lat", "GRID")}
    with pytest.raises(
        DatasetError, match=r"the entry of tile 'brittany' has no key 'S2_DATUM'\. Did you mean 'S2_DATE'"
    ):
        Dataset(path, layers=["month"], metadata=["S2_DATUM"])[0]


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_workers_read_metadata_too(path: Path) -> None:
    dataset = Dataset(path, layers=["month"], metadata=["CRS"])
    loader = DataLoader(dataset, batch_size=2, num_workers=1, multiprocessing_context="fork")
    found = [each["CRS"] for batch in loader for each in batch["metadata"]]
    assert found == [entry["CRS"] for entry in info(path).values()]


def test_metadata_in_another_layout_is_read_too(path: Path, tmp_path: Path) -> None:
    """On one line, in another order, with tiles that have no row: as the original writes it."""
    original = write_original(tmp_path / NAME)
    entries = info(original)
    dataset = Dataset(original, layers=["month"], metadata=True, rows=[4, 0])
    assert [dataset[index]["metadata"] for index in (0, 1)] == [entries["4"], entries["0"]]
    assert Plain(original, layers=["month"], metadata=["lat"])[3].metadata == {"lat": entries["3"]["lat"]}
    shutil.copyfile(path, tmp_path / "own.h5")
    side = tmp_path / "own_tile_info.json"
    own = info(path)
    for text in (json.dumps(dict(reversed(own.items()))), json.dumps(own, indent=1), json.dumps({**own, "z": {}})):
        side.write_text(text)
        plain = Plain(tmp_path / "own.h5", layers=["month"], metadata=True)
        assert [tile.metadata for tile in plain] == list(own.values())
    spread = "".join(f'"{tile_id}": {{\n"x": {row}}},\n' for row, tile_id in enumerate(own))
    side.write_text("{\n" + spread[:-2] + "}")  # one line of each entry begins as ours do
    assert [
        tile.metadata["x"] for tile in Plain(tmp_path / "own.h5", layers=["month"], metadata=True) if tile.metadata
    ] == [*range(5)]
    side.write_text(json.dumps({"brittany": {}}))
    plain = Plain(tmp_path / "own.h5", layers=["month"], metadata=True)
    assert plain[0].metadata == {}
    with pytest.raises(DatasetError, match=r"own_tile_info\.json: has no entry for tile 'nebraska'"):
        plain[1]
    side.unlink()
    with pytest.raises(DatasetError, match=r"own_tile_info\.json is missing\."):
        Plain(tmp_path / "own.h5", metadata=True)


def test_metadata_of_a_file_that_was_replaced_is_never_another_tile_s(path: Path, tmp_path: Path) -> None:
    shutil.copyfile(path, tmp_path / "own.h5")
    side = tmp_path / "own_tile_info.json"
    lines = path.with_name(f"{NAME}_tile_info.json").read_text().splitlines(keepends=True)
    side.write_text("".join(lines))
    dataset = Plain(tmp_path / "own.h5", layers=["month"], metadata=True)
    assert dataset[1].metadata == info(path)["nebraska"]
    side.write_text("".join([lines[0], *lines[2:]]))  # without the first tile
    with pytest.raises(DatasetError, match="has no entry for tile 'nebraska', or was replaced while it was in use"):
        dataset[1]


# Several files, splits, rows, variants


def test_several_files_are_one_dataset(two: list[Path]) -> None:
    *halves, whole = two
    joined, single = Dataset(halves), Dataset(whole)
    assert (len(joined), joined.plain.tile_ids) == (6, ["0", "2", "4", "1", "3", "5"])
    by_id = {single[index]["tile_id"]: single[index] for index in range(6)}
    for index in range(6):
        own = joined[index]
        other = by_id[own["tile_id"]]
        assert own["file"] == str(halves[index // 3]) and own["row"] == index % 3
        assert own.keys() - {"file"} == other.keys()
        for layer, tensor in own["values"].items():
            torch.testing.assert_close(tensor, other["values"][layer], rtol=1e-6, atol=1e-6)
            assert torch.equal(own["masks"][layer], other["masks"][layer])
    assert joined[-1]["tile_id"] == "5"
    (batch,) = DataLoader(joined, batch_size=6)
    assert batch["file"] == [str(halves[0])] * 3 + [str(halves[1])] * 3
    assert "file" not in single[0]


def test_statistics_of_several_files_are_those_of_all_rows(two: list[Path]) -> None:
    *halves, whole = two
    joined, single = Plain(halves).band_stats(), Plain(whole).band_stats()
    assert joined.keys() == single.keys()
    for key, entry in single.items():
        assert joined[key].keys() == entry.keys()
        for what, numbers in entry.items():
            if what == "classes":
                assert joined[key][what] == numbers
            else:
                np.testing.assert_allclose(joined[key][what], numbers, rtol=1e-9, atol=1e-12, err_msg=f"{key} {what}")


def test_files_that_differ_are_refused_with_the_difference(two: list[Path], path: Path, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"dtype of layer 'aster' is int16 and float32\. Choose other layers"):
        Plain([two[0], path], layers=["aster"])
    assert len(Plain([two[0], path], layers=["dynamic_world", "lat"])) == 8
    for attribute, content, found in (("units", "K", "units"), ("bands", "other", "bands")):
        shutil.copyfile(two[1], tmp_path / "changed.h5")
        with h5py.File(tmp_path / "changed.h5", "r+") as file:
            texts = [content, *file["month"].attrs[attribute][1:]]
            del file["month"].attrs[attribute]
            file["month"].attrs[attribute] = texts
        with pytest.raises(DatasetError, match=rf"a\.h5 and .*changed\.h5 cannot be .* {found} of layer 'month' is \("):
            Plain([two[0], tmp_path / "changed.h5"])
    with h5py.File(tmp_path / "changed.h5", "r+") as file:
        del file["month"]
    with pytest.raises(DatasetError, match=r"changed\.h5: has no layer 'month'"):
        Plain([two[0], tmp_path / "changed.h5"])


def test_statistics_without_counts_cannot_be_joined(tmp_path: Path) -> None:
    paths = [write_original(tmp_path / name, 2, seed=seed) for seed, name in enumerate("xy")]
    assert len(Dataset(paths, normalize=None)) == 4
    with pytest.raises(
        DatasetError, match=r"cannot be joined, as not all of them have counts .*`mmearth-core merge` makes"
    ):
        Dataset(paths)


def test_splits_rows_and_variants(path: Path, two: list[Path]) -> None:
    splits = json.loads(path.with_name(f"{NAME}_splits.json").read_text())
    dataset = Dataset(path, layers=["month"], split=["val", "train"])
    assert dataset.plain.rows.tolist() == splits["val"] + splits["train"]
    halves = Plain(two[:2], layers=["month"], split=["train", "test"])
    assert sorted(halves.tile_ids) == list("012345")
    for rows, expected in (
        ([3, 0], [3, 0]),
        (np.array([1, 1]), [1, 1]),
        (slice(1, 4), [1, 2, 3]),
        (slice(None, None, -2), [4, 2, 0]),
        ((), []),
        (range(2), [0, 1]),
        ([-1], [4]),
        (np.arange(5) > 2, [3, 4]),
    ):
        assert Plain(path, layers=["month"], rows=rows).rows.tolist() == expected
    with h5py.File(path) as file:
        levels = [level.decode() for level in file["metadata"]["S2_type"]]
    for level in ("l2a", "l1c"):
        dataset = Dataset(path, layers=["month"], variant=level)
        assert dataset.plain.rows.tolist() == [row for row in range(5) if levels[row] == level]
        assert {dataset[index]["variant"] for index in range(len(dataset))} == {level}
    assert len(Plain(path, layers=["month"], variant=["l2a", "l1c"])) == 5
    train = Plain(path, layers=["month"], split="train", variant="l2a").rows.tolist()
    assert train == [row for row in splits["train"] if levels[row] == "l2a"]


# Wrong arguments


@pytest.mark.parametrize(
    ("arguments", "error", "found"),
    [
        ({"path": None}, TypeError, "path=None is neither a path nor a list of such"),
        ({"path": [None]}, TypeError, r"path=\[None\] is neither a path"),
        ({"path": 3}, TypeError, "path=3 is neither a path"),
        ({"path": []}, DatasetError, r"path=\[\], .*: an empty list chooses nothing"),
        ({"split": 3}, TypeError, "split=3 is neither a split's name nor a list of such"),
        ({"split": ["train", 3]}, TypeError, "is neither a split's name"),
        ({"split": []}, DatasetError, "an empty list chooses nothing"),
        ({"layers": 3}, TypeError, "layers=3 is neither a layer's name"),
        ({"layers": [3]}, TypeError, r"layers=\[3\] is neither"),
        ({"layers": {"month": [1]}}, DatasetError, "layer 'month' has no band 1"),
        ({"layers": {"month": 3}}, DatasetError, "3 is not a list of bands"),
        ({"layers": {"month": b"sin"}}, DatasetError, "is not a list of bands"),
        ({"rows": [0, 5]}, IndexError, r"rows=\[0, 5\]: index 5 is out of bounds .*h5 has 5 rows; give a slice"),
        ({"rows": [0.5]}, IndexError, r"rows=\[0.5\]: only integers, slices .*; give a slice"),
        ({"rows": 3}, TypeError, "rows=3: 'int' object is not iterable"),
        ({"rows": "12"}, IndexError, "rows='12'"),
        ({"rows": [0], "split": "train"}, ValueError, "`rows` are those of one file: give neither `split` nor"),
        ({"variant": 3}, TypeError, "variant=3 is neither a variant's name"),
        ({"variant": "l2b"}, DatasetError, r"has no variant 'l2b'\. Did you mean"),
        ({"metadata": 3}, TypeError, "metadata=3 is neither a key"),
        ({"missing": None}, TypeError, "missing=None must be a number"),
        ({"missing": "0"}, TypeError, "missing='0' must be a number"),
        ({"ignore_index": 0.5}, TypeError, "ignore_index=0.5 a whole one"),
        ({"classes": "names"}, ValueError, "classes='names' is not one of value, index"),
        ({"classes": None}, ValueError, "classes=None is not one of value, index"),
        ({"normalize": 3}, ValueError, "normalize=3 is not one of z-score, min-max, or None"),
        ({"transform": 3}, TypeError, "transform=3 is not a function"),
    ],
    ids=str,
)
def test_wrong_arguments_are_errors_before_a_tile_is_read(
    arguments: dict[str, Any], error: type[Exception], found: str, path: Path
) -> None:
    with pytest.raises(error, match=found):
        Dataset(**{"path": path, **arguments})
    if arguments.keys() <= {"path", "split", "rows", "variant", "metadata"}:
        with pytest.raises(error, match=found):
            Plain(**{"path": path, **arguments})
