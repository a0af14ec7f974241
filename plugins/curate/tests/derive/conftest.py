"""Small datasets with every kind of layer, written by plain h5py, and the command line in this process."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from mmearth_devkit.testing.command_line import cli, summary

from mmearth_core.contract.bands import ClassLabel
from mmearth_core.layers import LayerDescription
from mmearth_core.product.hdf5 import LIBVER, create_layer, layer_names

SIZE = 7
CLASSES = (ClassLabel(0, "no"), ClassLabel(1, "yes"))


def layers(size: int = SIZE) -> list[LayerDescription]:
    """Integers by variant, floats with a large mean, classes, and vectors with missing values."""
    return [
        LayerDescription(
            "heights", "a", "regression", "int16", "-32768.0", ["low", "high"], ["m", "m"], ["", ""], (2, size, size),
            variants=("one", "two"), plugin="mmearth-a 1.0",
        ),
        LayerDescription("warmth", "a", "regression", "float32", "-inf", ["t"], ["K"], [""], (1, size, size)),
        LayerDescription(
            "kinds", "b", "classes", "uint8", "255.0", ["kind"], [""], [""], (1, size, size), classes=(CLASSES,)
        ),
        LayerDescription("weights", "b", "vector", "float64", "nan", ["x", "y", "z"], [""] * 3, [""] * 3, (3,)),
    ]  # fmt: skip


def values(layer: LayerDescription, random: np.random.Generator) -> np.ndarray:
    """One row, a fifth of it missing."""
    if layer.kind == "classes":
        drawn = random.integers(0, 2, layer.shape)
    else:
        drawn = random.normal(1e4 if layer.dtype == "float32" else 50, 7, layer.shape)
    row = drawn.astype(layer.dtype)
    row[random.random(layer.shape) < 0.2] = layer.fill
    return row


def write(
    path: Path,
    ids: Sequence[str],
    seed: int = 0,
    *,
    size: int = SIZE,
    own: Sequence[LayerDescription] | None = None,
    splits: bool = True,
    last_split: str = "test",
) -> Path:
    """Writes a dataset without band statistics; returns the HDF5 file."""
    random = np.random.default_rng(seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    info = {}
    with h5py.File(path, "w", libver=LIBVER) as file:
        file.attrs.update({"layout": 2, "name": path.stem, "anchor": "a", "written_by": "a test"})
        variants = ["one" if random.random() < 0.5 else "two" for _ in ids]
        table = np.array(list(zip(ids, variants, strict=True)), [("tile_id", "S100"), ("kind", "S10")])
        file["metadata"] = table
        for layer in own or layers(size):
            dataset = create_layer(file, layer, len(ids))
            dataset.attrs["provenance"] = f"{path.stem} {layer.name}"
            for row in range(len(ids)):
                dataset[row] = values(layer, random)
    for row, (tile_id, variant) in enumerate(zip(ids, variants, strict=True)):
        info[tile_id] = {
            "kind": variant, "lon": float(-179 + 10 * row), "lat": float(-40 + 5 * row), "biome": row % 3,
            "GRID": {"transform": [10, 0, 500000 + row, 0, -10, 4000000], "size": size},
            "TILE": {"season": ["dry", "wet"][row % 2], "order": row}, "from": path.stem,
        }  # fmt: skip
    beside(path, "tile_info").write_text(json.dumps(info, indent=2))
    if splits:
        parts: dict[str, list[int]] = {"train": [], "val": [], last_split: []}
        for row in range(len(ids)):
            parts[["train", "val", last_split][row % 3]].append(row)
        beside(path, "splits").write_text(json.dumps(parts))
    return path


def beside(path: Path, what: str) -> Path:
    """A side file."""
    return path.with_name(f"{path.stem}_{what}.json")


def side(path: Path, what: str) -> Any:
    """A side file's content, which is strict JSON."""

    def refuse(constant: str) -> float:
        raise AssertionError(f"{constant} is no strict JSON")

    return json.loads(beside(path, what).read_text(), parse_constant=refuse)


def contents(path: Path) -> dict[str, np.ndarray]:
    """Everything in an HDF5 file, by plain h5py."""
    with h5py.File(path) as file:
        return {name: file[name][:] for name in ("metadata", *layer_names(file))}


def reference(path: Path) -> dict[str, dict[str, list[float]]]:
    """The band statistics by numpy, from all values at once."""
    found = {}
    with h5py.File(path) as file:
        variants = np.char.decode(file["metadata"]["kind"])
        for name in layer_names(file):
            dataset = file[name]
            for variant in list(dataset.attrs.get("variants", ())) or [None]:
                rows = dataset[:][variants == variant] if variant else dataset[:]
                bands = np.moveaxis(rows, 1, 0).reshape(rows.shape[1], -1)
                good = [band[(band != dataset.attrs["nodata"]) & np.isfinite(band)].astype("float64") for band in bands]
                low = [band.min() if band.size else 0 for band in good]
                high = [band.max() if band.size else 1 for band in good]
                std = [(band.std() if np.ptp(band) else 0) if band.size else 1 for band in good]
                found[f"{name}_{variant}" if variant else name] = {
                    "mean": [band.mean() if band.size else 0 for band in good],
                    "std": [true or 1 for true in std],
                    "true_std": std,
                    "min": low,
                    "max": [max(top, bottom + (top == bottom)) for bottom, top in zip(low, high, strict=True)],
                    "true_max": high,
                    "count": [band.size for band in good],
                    "nodata": [bands.shape[1] - band.size for band in good],
                }
    return found


def check_stats(path: Path) -> None:
    """Compares the file of band statistics with numpy's."""
    stats, expected = side(path, "band_stats"), reference(path)
    assert stats.keys() == expected.keys()
    for name, entry in expected.items():
        for what, numbers in entry.items():
            np.testing.assert_allclose(stats[name][what], numbers, rtol=1e-9, err_msg=f"{name} {what}")


def told(*arguments: str | Path, code: int = 0) -> dict[str, Any]:
    """What `mmearth-core ARGUMENTS --workers 1 --json` prints."""
    return summary(*arguments, "--workers", "1", code=code)


class Kit:
    """What tests of this folder use, as pytest's importlib mode lets them import nothing from here."""

    size = SIZE
    layers = staticmethod(layers)
    write: Callable[..., Path] = staticmethod(write)
    side = staticmethod(side)
    contents = staticmethod(contents)
    check_stats = staticmethod(check_stats)
    cli = staticmethod(cli)
    told: Callable[..., dict[str, Any]] = staticmethod(told)


@pytest.fixture(scope="session")
def kit() -> type[Kit]:
    return Kit


@pytest.fixture
def refused(tmp_path: Path) -> Callable[..., str]:
    """Runs a command that must be refused, and leave the folder as it is; returns what it says."""

    def run(*arguments: str | Path, code: int = 2) -> str:
        before = sorted((path, path.read_bytes()) for path in tmp_path.rglob("*") if path.is_file())
        folders = sorted(path for path in tmp_path.rglob("*") if path.is_dir())
        done = cli(*arguments)
        assert done.exit_code == code, done.output
        assert sorted((path, path.read_bytes()) for path in tmp_path.rglob("*") if path.is_file()) == before
        assert sorted(path for path in tmp_path.rglob("*") if path.is_dir()) == folders
        return " ".join(done.stderr.split())

    return run


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset of 12 tiles with all side files; not to be changed."""
    path = write(tmp_path_factory.mktemp("whole") / "whole" / "whole.h5", [f"t{number:02d}" for number in range(12)])
    beside(path, "band_stats").write_text(json.dumps(_with_classes(path)))
    beside(path, "splits_made").write_text(json.dumps({"made": {"strategy": "random", "seed": 3}}))
    beside(path, "left_out").write_text(json.dumps([{"tile_id": "gone", "reason": "truncated"}]))
    return path


def _with_classes(path: Path) -> dict[str, Any]:
    """As `mmearth-core post` writes it; the numbers are numpy's."""
    stats: dict[str, Any] = reference(path)
    with h5py.File(path) as file:
        counts = np.bincount(file["kinds"][:].ravel(), minlength=256)
    stats["kinds"]["classes"] = [{"0": int(counts[0]), "1": int(counts[1])}]
    return json.loads(json.dumps(stats, default=lambda number: number.item()))
