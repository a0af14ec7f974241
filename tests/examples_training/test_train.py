"""examples/train.py learns, honours the masks, and draws what it says."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import h5py
import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result
from PIL import Image

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "examples" / "train.py"
EPOCH = re.compile(r"^epoch \d+: loss ([\d.]+); validation loss ([\d.]+), accuracy ([\d.]+)$", re.MULTILINE)


def run(train: ModuleType, *words: str | Path) -> Result:
    return CliRunner().invoke(train.main, [str(word) for word in words])


def epochs(output: str) -> np.ndarray:
    """Loss, validation loss and accuracy, a row an epoch."""
    return np.array(EPOCH.findall(output), float)


@pytest.fixture
def own(planet: Path, tmp_path: Path) -> Path:
    """A copy that a test may spoil."""
    for path in planet.parent.glob("planet*.*"):
        shutil.copy(path, tmp_path)
    return tmp_path / planet.name


@pytest.mark.slow
def test_it_learns_and_tells_more_than_the_most_frequent_class(train: ModuleType, planet: Path) -> None:
    done = run(train, planet, "--epochs", "8", "--batch-size", "4")
    assert done.exit_code == 0, done.output
    told = epochs(done.output)
    assert len(told) == 8
    assert told[-1, 0] < 0.6 * told[0, 0]
    rival = float(re.search(r"always '.+': accuracy ([\d.]+)", done.output)[1])
    assert told[-1, 2] > rival


@pytest.mark.slow
def test_the_rival_is_the_most_frequent_class_of_the_training_tiles(train: ModuleType, planet: Path) -> None:
    splits = json.loads(planet.with_name("planet_splits.json").read_text())
    with h5py.File(planet) as file:
        maps = file["dynamic_world"][:]
        labels = {label["value"]: label["name"] for label in json.loads(file["dynamic_world"].attrs["classes"])[0]}
    values, counts = np.unique(maps[splits["train"]], return_counts=True)
    value = values[counts.argmax()]
    share = (maps[splits["val"]] == value).mean()
    output = run(train, planet, "--epochs", "1").output
    assert f"always {labels[value]!r}: accuracy {share:.3f}\n" in output


@pytest.mark.slow
def test_the_same_seed_gives_the_same_network(train: ModuleType, planet: Path) -> None:
    first, again, other = (run(train, planet, "--epochs", "1", "--seed", seed).output for seed in ("3", "3", "4"))
    assert first == again != other


def test_classes_become_numbers_and_what_is_missing_is_unknown(train: ModuleType, own: Path) -> None:
    row = json.loads(own.with_name("planet_splits.json").read_text())["train"][0]
    with h5py.File(own, "r+") as file:
        values = sorted(label["value"] for label in json.loads(file["dynamic_world"].attrs["classes"])[0])
        found = file["dynamic_world"][row, 0]
        found[:4] = file["dynamic_world"].attrs["nodata"]
        found[4:6] = 200  # of no class
        file["dynamic_world"][row, 0] = found
        image = file["sentinel2"][row]
        image[:, 10:14] = file["sentinel2"].attrs["nodata"]  # in every band
        image[1, 20:24] = file["sentinel2"].attrs["nodata"]  # in one
        file["sentinel2"][row] = image
    seen, numbers = train.LandCover(own, "train", "sentinel2", "dynamic_world")[0]
    expected = np.vectorize(lambda value: values.index(value) if value in values else train.UNKNOWN)(found)
    expected[10:14] = train.UNKNOWN
    assert np.array_equal(numbers.numpy(), expected)
    assert (seen[:, 10:14] == 0).all()
    assert (seen[1, 20:24] == 0).all()


def test_a_crop_is_a_square_of_the_tile_image_and_classes_alike(train: ModuleType, planet: Path) -> None:
    image, numbers = train.LandCover(planet, "train", "sentinel2", "dynamic_world")[2]
    torch.manual_seed(0)
    cropping = train.LandCover(planet, "train", "sentinel2", "dynamic_world", crop=9)
    places = set()
    for _ in range(8):
        part, own = cropping[2]
        assert part.shape == (13, 9, 9)
        (place,) = [
            (top, left)
            for top in range(24)
            for left in range(24)
            if torch.equal(part, image[:, top : top + 9, left : left + 9])
        ]
        places.add(place)
        assert torch.equal(own, numbers[place[0] : place[0] + 9, place[1] : place[1] + 9])
    assert len(places) > 1


def test_unknown_pixels_neither_teach_nor_count(train: ModuleType) -> None:
    torch.manual_seed(0)
    images, numbers = torch.randn(2, 4, 8, 8), torch.randint(3, (2, 8, 8))
    half, rest = numbers.clone(), numbers.clone()
    half[1], rest[:] = train.UNKNOWN, train.UNKNOWN

    def taught(batch: tuple[torch.Tensor, torch.Tensor]) -> tuple[train.Score, list[torch.Tensor]]:
        torch.manual_seed(1)
        model = train.network(4, 3)
        score = train.go_through(model, [batch], torch.optim.SGD(model.parameters(), lr=0.1))
        return score, [weights.detach() for weights in model.parameters()]

    (score, weights), (alone, own) = taught((images, half)), taught((images[:1], numbers[:1]))
    assert (score.loss, score.accuracy) == pytest.approx((alone.loss, alone.accuracy))
    assert all(torch.allclose(one, other, atol=1e-6) for one, other in zip(weights, own, strict=True))
    nothing, untouched = taught((images, rest))
    assert nothing == train.Score(0.0, 0.0)
    torch.manual_seed(1)
    assert all(map(torch.equal, untouched, train.network(4, 3).parameters()))


@pytest.mark.slow
def test_the_picture_has_the_classes_own_colours(train: ModuleType, planet: Path, tmp_path: Path) -> None:
    path = tmp_path / "predictions.png"
    done = run(train, planet, "--epochs", "1", "-o", path)
    assert done.exit_code == 0, done.output
    colours, counts = np.unique(np.asarray(Image.open(path).convert("RGB")).reshape(-1, 3), axis=0, return_counts=True)
    drawn = dict(zip(map(tuple, colours.tolist()), counts.tolist(), strict=True))
    splits = json.loads(planet.with_name("planet_splits.json").read_text())
    with h5py.File(planet) as file:
        labels = json.loads(file["dynamic_world"].attrs["classes"])[0]
        values, pixels = np.unique(file["dynamic_world"][splits["val"]], return_counts=True)
    for label in labels:
        count = drawn[tuple(bytes.fromhex(label["colour"][1:]))]  # in the legend, if nowhere else
        if label["value"] == values[pixels.argmax()]:
            assert count > 10_000


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--image", "sentinel9"], "has no layer 'sentinel9'"),
        (["--image", "dynamic_world"], "Layer 'dynamic_world' is not an image of quantities"),
        (["--target", "sentinel2"], "Layer 'sentinel2' is not a map of classes"),
    ],
)
def test_layers_that_do_not_fit(train: ModuleType, planet: Path, words: list[str], told: str) -> None:
    done = run(train, planet, *words)
    assert done.exit_code == 1
    assert told in done.output


def test_an_empty_split(train: ModuleType, own: Path) -> None:
    splits = own.with_name("planet_splits.json")
    splits.write_text(json.dumps({**json.loads(splits.read_text()), "val": []}))
    done = run(train, own)
    assert done.exit_code == 1
    assert "the split 'val' has no tile" in done.output


def test_commands_shown_are_understood(train: ModuleType) -> None:
    shown = [*(ROOT / "docs" / "training.md").read_text().splitlines(), *train.__doc__.splitlines()]
    shown += train.main.help.splitlines()
    commands = [words for line in shown if (words := line.split())[:2] == ["python", "examples/train.py"]]
    assert len(commands) == 5
    for _, _, *words in commands:
        # With --help nothing is done, but every option must exist.
        assert run(train, *words, "--help").exit_code == 0


@pytest.mark.slow
def test_help() -> None:
    done = subprocess.run([sys.executable, SCRIPT, "--help"], capture_output=True, text=True, check=True)
    assert "python examples/train.py demo/planet/planet/planet.h5" in done.stdout


@pytest.mark.slow
def test_it_runs_on_the_planets_demo_as_it_is(make_planet: Callable[[int], Path], tmp_path: Path) -> None:
    hdf5 = make_planet(20)
    for target in ("dynamic_world", "esa_worldcover"):
        path = tmp_path / f"{target}.png"
        words = [hdf5, "--target", target, "--epochs", "3", "--batch-size", "2", "--workers", "1", "-o", path]
        done = subprocess.run([sys.executable, SCRIPT, *words], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        told = epochs(done.stdout)
        assert told[-1, 0] < told[0, 0]
        assert path.stat().st_size > 10_000
