"""The examples of docs/training.md do what the page says."""

import json
import re
from pathlib import Path
from typing import Any

import pandas
import pytest
from mmearth_devkit.testing.original_layout import write_original

PAGE = Path(__file__).parents[2] / "docs" / "training.md"
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)


def ran(word: str) -> dict[str, Any]:
    """The names that the page's example with this word defines, workers aside."""
    (block,) = [block for block in BLOCKS if word in block]
    names: dict[str, Any] = {}
    if "import Dataset" not in block and "torchgeo" not in block and "pandas" not in block:
        exec("from mmearth_core.torch import Dataset", names)
    exec(block.replace("num_workers=4", "num_workers=0"), names)
    return names


@pytest.fixture
def here(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A working folder with `mydata`, and a published name."""
    (tmp_path / "mydata").mkdir()
    for path in made.glob("data_1M_v001*"):
        (tmp_path / "mydata" / path.name.replace("data_1M_v001", "mydata")).symlink_to(path)
    (tmp_path / "data_100k_v001").symlink_to(made.parent / "data_100k_v001")
    monkeypatch.chdir(tmp_path)


EXAMPLES = {
    "batches": '["masks"]',
    "transform": "transform=",
    "torchgeo": "torchgeo",
    "classes": "cross_entropy(",
    "metadata": 'entry["lat"]',
    "several": "several",
    "pandas": "pandas",
    "published": '"data/data_100k_v001"',
}
"""A word of each example that no other one has."""


def test_every_example_is_run_here() -> None:
    assert {name: sum(word in block for block in BLOCKS) for name, word in EXAMPLES.items()} == dict.fromkeys(
        EXAMPLES, 1
    )
    assert len(BLOCKS) == len(EXAMPLES)


@pytest.mark.usefixtures("here")
def test_batches() -> None:
    names = ran(EXAMPLES["batches"])
    assert names["batch"]["values"]["sentinel2"].shape == (len(names["dataset"]), 13, 16, 16)
    assert names["dataset"].plain.rows.size == 3


@pytest.mark.usefixtures("here")
def test_class_indices() -> None:
    names = ran(EXAMPLES["classes"])
    assert (len(names["names"]), names["names"][0]) == (11, "tree cover")
    assert names["loss"].isfinite()


@pytest.mark.usefixtures("here")
def test_metadata() -> None:
    names = ran(EXAMPLES["metadata"])
    assert names["latitude"].tolist() == pytest.approx([-7.2])
    assert names["transforms"][0][::4] == [10, -10]


@pytest.mark.usefixtures("here")
def test_several_files_and_rows(tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    for path in (tmp_path / "mydata").iterdir():
        (tmp_path / "more" / path.name.replace("mydata", "more")).symlink_to(path)
    names = ran(EXAMPLES["several"])
    assert len(names["several"]) == 8
    assert names["several"][7]["file"] == str(tmp_path / "more" / "more.h5")
    assert {names["level_2a"][index]["variant"] for index in range(len(names["level_2a"]))} == {"l2a"}
    assert [names["first_rows"][index]["row"] for index in range(2)] == [0, 1]


@pytest.mark.usefixtures("here")
def test_pandas_keeps_tile_ids(tmp_path: Path) -> None:
    path = tmp_path / "mydata" / "mydata_tile_info.json"
    entries = json.loads(path.read_text())
    numbered = {f"{number:03d}": entry for number, entry in enumerate(entries.values())}
    path.unlink()
    path.write_text(json.dumps(numbered))
    info = ran(EXAMPLES["pandas"])["info"]
    assert list(info.index) == ["000", "001", "002", "003", "004"]
    assert [info.loc[tile_id, "S2_DATE"] for tile_id in numbered] == [entry["S2_DATE"] for entry in numbered.values()]
    assert info.loc["000", "lat"] == numbered["000"]["lat"]
    assert list(pandas.read_json(path, orient="index").index) == [0, 1, 2, 3, 4], "as the page warns"


@pytest.mark.usefixtures("here")
def test_published(tmp_path: Path) -> None:
    write_original(tmp_path / "data" / "data_100k_v001")
    dataset = ran(EXAMPLES["published"])["dataset"]
    assert [dataset[index]["variant"] for index in range(len(dataset))] == ["l2a"] * 3
    assert set(dataset[0]["values"]["esa_worldcover"].unique().tolist()) <= {-100, *range(11)}


@pytest.mark.usefixtures("here")
def test_layers_bands_and_a_transform() -> None:
    image, target = ran(EXAMPLES["transform"])["dataset"][0]
    assert image.shape == (3, 16, 16)
    assert target.shape == (16, 16)


@pytest.mark.usefixtures("here", "torchgeo")
def test_torchgeo() -> None:
    assert len(ran(EXAMPLES["torchgeo"])["dataset"]) == 1
