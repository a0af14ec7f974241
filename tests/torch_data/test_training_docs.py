"""The examples of docs/training.md do what the page says."""

import re
from pathlib import Path
from typing import Any

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "training.md"
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)


def ran(word: str) -> dict[str, Any]:
    """The names that the page's example with this word defines, workers aside."""
    (block,) = [block for block in BLOCKS if word in block]
    names: dict[str, Any] = {}
    if "import Dataset" not in block and "torchgeo" not in block:
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


def test_every_example_is_run_here() -> None:
    assert [sum(word in block for block in BLOCKS) for word in ("DataLoader", "transform=", "torchgeo")] == [1, 1, 1]
    assert len(BLOCKS) == 3


@pytest.mark.usefixtures("here")
def test_batches() -> None:
    names = ran("DataLoader")
    assert names["batch"]["values"]["sentinel2"].shape == (len(names["dataset"]), 13, 16, 16)
    assert names["dataset"].plain.rows.size == 3


@pytest.mark.usefixtures("here")
def test_layers_bands_and_a_transform() -> None:
    image, target = ran("transform=")["dataset"][0]
    assert image.shape == (3, 16, 16)
    assert target.shape == (16, 16)


@pytest.mark.usefixtures("here", "torchgeo")
def test_torchgeo() -> None:
    assert len(ran("torchgeo")["dataset"]) == 1
