"""Files in the original system's layout: merged, cut down and cropped to full datasets, with numpy's statistics."""

import importlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from mmearth_devkit.testing.original_layout import CANOPY_MISSING, LAYERS, VECTORS, write_original

NAME, TILES, SIZE = "data_1M_v001", 6, 16

PAGE = Path(__file__).parents[4] / "docs" / "derived.md"

MISSING: dict[str, tuple[float, ...]] = {
    "sentinel2": (0,), "sentinel2_cloudmask": (65535,), "sentinel2_cloudprod": (65535,), "sentinel2_scl": (255,),
    "sentinel1": (-np.inf,), "aster": (-32768,), "era5": (), "dynamic_world": (0,), "lat": (), "lon": (),
    "canopy_height_eth": CANOPY_MISSING, "biome": (255,), "eco_region": (65535,), "month": (),
    "esa_worldcover": (255, 0),
}  # fmt: skip
"""The values that are no data, from what the original writes, not from any declaration of ours."""


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of such a dataset, with the name that torchgeo looks for; not to be changed."""
    return write_original(tmp_path_factory.mktemp("original") / NAME, TILES, SIZE).parent


def check(path: Path, expected: dict[str, np.ndarray], kit: Any) -> None:
    """Compares values, types, descriptions and statistics with what numpy says of the expected values."""
    stats, table = kit.side(path, "band_stats"), expected.pop("metadata")
    with h5py.File(path) as file:
        assert {"layout", "name", "anchor", "written_by", "derived", "rows_sha256"} <= file.attrs.keys()
        assert file.attrs["anchor"] == "sentinel2"
        np.testing.assert_array_equal(file["metadata"][:], table)
        for name, (dtype, bands) in LAYERS.items():
            layer, values = file[name], expected[name]
            assert (layer.dtype, len(layer.attrs["bands"])) == (dtype, bands)
            assert {"modality", "kind", "units", "nodata", "plugin", "provenance"} <= layer.attrs.keys()
            missing = [layer.attrs["nodata"], *layer.attrs.get("also_missing", ())]
            assert {float(each) for each in missing if np.isfinite(each)} >= {
                m for m in MISSING[name] if np.isfinite(m)
            }
            np.testing.assert_array_equal(layer[:], values)
            for level in ("l2a", "l1c") if name.startswith("sentinel2") else (None,):
                rows = values if level is None else values[table["S2_type"] == level.encode()]
                entry = stats[name if level is None else f"{name}_{level}"]
                for band in range(bands):
                    own = rows[:, band].astype(np.float64).ravel()
                    good = own[np.isfinite(own) & ~np.isin(own, MISSING[name])]
                    assert (entry["count"][band], entry["nodata"][band]) == (good.size, own.size - good.size)
                    if good.size:
                        np.testing.assert_allclose(entry["mean"][band], good.mean(), rtol=1e-9, atol=1e-12)
                        assert entry["min"][band] == good.min()
                    if np.ptp(good) if good.size else False:
                        assert entry["max"][band] == good.max()
                        np.testing.assert_allclose(entry["std"][band], good.std(), rtol=1e-9)
    found = kit.cli("verify", path, "--workers", "1", "--json")
    faults = [each for each in json.loads(found.stdout)["findings"] if each["severity"] == "fault"]
    assert [
        each for each in faults if each["check"] in ("description", "statistics", "classes", "rows", "values")
    ] == []


def test_the_command_of_the_docs(original: Path, kit: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command = "resize data_1M_v001 data_1M_v001_64 --size 64"
    assert f"mmearth-core {command}" in PAGE.read_text()
    shutil.copytree(original, tmp_path / NAME)
    monkeypatch.chdir(tmp_path)
    kit.told(*command.replace("64 --size 64", "64 --size 8").split())
    path = tmp_path / "data_1M_v001_64" / "data_1M_v001_64.h5"
    before = kit.contents(tmp_path / NAME / f"{NAME}.h5")
    check(path, {name: one[:, :, 4:12, 4:12] if one.ndim == 4 else one for name, one in before.items()}, kit)
    own = kit.side(path, "tile_info")
    assert list(own) == [str(row) for row in range(TILES)]
    for tile_id, entry in json.loads((original / f"{NAME}_tile_info.json").read_text()).items():
        assert own.get(tile_id, entry) == entry
    assert kit.side(path, "splits") == json.loads((original / f"{NAME}_splits.json").read_text())


def test_rows_are_chosen_by_everything_that_it_has(original: Path, kit: Any, tmp_path: Path) -> None:
    every = kit.contents(original / f"{NAME}.h5")
    for number, (words, rows) in enumerate(
        [
            (["--split", "train"], [0, 1, 2, 3, 4, 5]),
            (["--where", "S2_type=l1c"], [1, 3, 5]),
            (["--biome", "2", "--biome", "4"], [2, 4]),
            (["--bbox", "-121,10,-107,13"], [0, 1, 2]),
        ]
    ):
        path = tmp_path / f"part{number}" / f"part{number}.h5"
        kit.told("subset", original, path.parent, *words)
        check(path, {name: one[rows] for name, one in every.items()}, kit)
        assert list(kit.side(path, "tile_info")) == [str(row) for row in rows]
        assert sorted(kit.side(path, "splits")["train"]) == list(range(len(rows)))


def test_two_of_them_are_merged(original: Path, kit: Any, tmp_path: Path) -> None:
    other = write_original(tmp_path / "other", 3, SIZE, seed=1, prefix="x")
    both = tmp_path / "both" / "both.h5"
    told = kit.told("merge", both.parent, original, other)
    assert told["rows"] == TILES + 3
    parts = [kit.contents(original / f"{NAME}.h5"), kit.contents(other)]
    check(both, {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}, kit)
    # What was made of them can be merged again, with one of them.
    again = tmp_path / "again" / "again.h5"
    third = write_original(tmp_path / "third", 2, SIZE, seed=2, prefix="y")
    kit.told("merge", again.parent, both, third)
    parts.append(kit.contents(third))
    check(again, {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}, kit)


def test_a_layer_that_no_plugin_describes_is_named(original: Path, refused: Callable[..., str], tmp_path: Path) -> None:
    shutil.copytree(original, tmp_path / "own")
    with h5py.File(tmp_path / "own" / f"{NAME}.h5", "r+") as file:
        file["depth"] = np.zeros((TILES, 3), "f4")
    for words in (["subset", tmp_path / "own", tmp_path / "out", "--split", "train"],
                  ["resize", tmp_path / "own", tmp_path / "out", "--size", "3"],
                  ["merge", tmp_path / "out", original, tmp_path / "own", "--duplicates", "first"]):  # fmt: skip
        text = refused(*words)
        assert f"own/{NAME}.h5: layer 'depth' has no attributes modality, " in text
        assert "nor does an installed plugin describe it. Install the plugin that declares it; or" in text


@pytest.mark.parametrize("command", ["subset", "resize", "merge"])
def test_an_input_that_is_replaced_meanwhile_is_not_mixed(
    command: str, original: Path, kit: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As by `mmearth-core post` while the command copies rows: the old and the new file have other tiles."""
    shutil.copytree(original, tmp_path / "own")
    path, module = tmp_path / "own" / f"{NAME}.h5", importlib.import_module(f"mmearth_curate.derive.{command}")
    other = write_original(tmp_path / "new" / NAME, TILES, SIZE, seed=5, prefix="new")
    written = module.write_tile_info

    def write(*arguments: Any) -> None:
        written(*arguments)
        other.replace(path)

    monkeypatch.setattr(module, "write_tile_info", write)
    out = tmp_path / "out"
    words = {"subset": [path, out, "--split", "train"], "resize": [path, out, "--size", "8"], "merge": [out, path]}
    done = kit.cli(command, *words[command], "--workers", "1")
    assert done.exit_code == 2
    assert f"{NAME}.h5: was replaced while it was in use" in " ".join(done.stderr.split())
    assert not out.exists()


def test_the_vectors_and_maps_are_those_of_the_original() -> None:
    assert set(VECTORS) | set(MISSING) == set(LAYERS)
