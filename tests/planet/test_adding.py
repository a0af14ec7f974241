"""A modality added later: only it is asked for, for exactly the located anchors, and nothing old is touched."""

import json
import shutil
from pathlib import Path
from typing import Any

import httplib2
import pytest
import rasterio

NAMES = ["congo", "siberia", "atlantic", "bangkok", "nebraska"]
LAND = [name for name in NAMES if name != "atlantic"]
NEW = ["sentinel1", "era5", "esa_worldcover"]
GROUP = "+".join(NEW)


def stacks(dataset: Path, group: str) -> dict[str, Path]:
    return {path.stem: path for path in dataset.glob(f"stacks/{group}/*/*.tif")}


def state(dataset: Path) -> dict[str, tuple[int, bytes]]:
    """Every file of a dataset that a further run must not touch: when it was written, and its bytes."""
    files = {str(path.relative_to(dataset)): path for path in dataset.rglob("*") if path.is_file()}
    own = ("mmearth.toml", "runs.jsonl", "budget/")
    return {name: (p.stat().st_mtime_ns, p.read_bytes()) for name, p in files.items() if not name.startswith(own)}


def old_part(now: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
    return {name: now[name] for name in now if name in before}


@pytest.fixture(scope="module")
def first(kit: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished dataset of Sentinel-2 alone."""
    folder = tmp_path_factory.mktemp("first")
    summary = kit.run(kit.project(folder, NAMES, ["sentinel2"]))
    assert (summary["done"], summary["skipped"]) == (4, 1)
    return folder


@pytest.fixture(scope="module")
def added(first: Path, kit: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """That dataset with three modalities added, and the answers that it took in `recording`."""
    folder = tmp_path_factory.mktemp("added") / "project"
    shutil.copytree(first, folder)
    before = state(folder / "planet")
    config = kit.config(folder, ["sentinel2", *NEW])
    with config.open("a") as file:
        file.write('[engines.record]\nof = "local:synthetic"\n')
    summary = kit.run(config, "--modalities", ",".join(NEW), "--engine", f"record:{folder / 'recording'}")
    assert summary["purposes"] == {"locate": 1, "projections": 1, "pixels": 4}, "no anchor is located again"
    assert (summary["done"], summary["skipped"], summary["left"]) == (4, 1, 0)
    now = state(folder / "planet")
    assert old_part(now, before) == before, "nothing old is rewritten"
    assert {name.split("/")[1] for name in now.keys() - before.keys()} == {GROUP}
    return folder


def test_no_request_names_an_old_asset(added: Path) -> None:
    # The first line of a recorded exchange is the question.
    asked = "".join(path.read_bytes().partition(b"\n")[0].decode() for path in added.rglob("*.exchange"))
    assert "COPERNICUS/S1_GRD" in asked
    assert "COPERNICUS/S2" not in asked


def test_new_stacks_are_on_the_old_grid_of_exactly_the_located_tiles(added: Path, kit: Any) -> None:
    old, new = stacks(added / "planet", "base"), stacks(added / "planet", GROUP)
    assert sorted(new) == sorted(old) == sorted(LAND)
    entries, base = kit.journal(added / "planet", GROUP), kit.journal(added / "planet", "base")
    for name in LAND:
        with rasterio.open(old[name]) as was, rasterio.open(new[name]) as now:
            assert (now.crs, now.transform, now.shape) == (was.crs, was.transform, was.shape)
            assert {band.partition("__")[0] for band in now.descriptions} == {"sentinel1", "esa_worldcover"}
        assert {key: entries[name][key] for key in ("anchor", "grid")} == {
            key: base[name][key] for key in ("anchor", "grid")
        }
        assert sorted(entries[name]["located"]) == sorted(NEW)
    assert (entries["atlantic"]["outcome"], entries["atlantic"]["reason"]) == ("skipped", base["atlantic"]["reason"])


def test_the_dataset_records_the_new_group(added: Path) -> None:
    text = (added / "planet" / "mmearth.toml").read_text()
    assert f'"{GROUP}" = [' in text
    assert text.count("mmearth-sentinel1 ") == 1


@pytest.mark.parametrize("only", [[], ["--modalities", ",".join(NEW)], ["--modalities", "era5"]])
def test_running_again_asks_for_nothing(only: list[str], added: Path, kit: Any) -> None:
    before = state(added / "planet")
    assert kit.run(added / "planet.toml", *only)["purposes"] == {}
    assert state(added / "planet") == before


def test_adding_one_by_one_makes_a_group_each_with_the_same_pixels(
    first: Path, added: Path, kit: Any, tmp_path: Path
) -> None:
    shutil.copytree(first, tmp_path / "project")
    config = kit.config(tmp_path / "project", ["sentinel2", *NEW])
    for name in ("sentinel1", "esa_worldcover"):
        assert kit.run(config, "--modalities", name)["purposes"]["pixels"] == 4
    for name in LAND:
        with rasterio.open(stacks(added / "planet", GROUP)[name]) as together:
            for layer in ("sentinel1", "esa_worldcover"):
                numbers = [n for n, band in enumerate(together.descriptions, 1) if band.startswith(f"{layer}__")]
                with rasterio.open(stacks(tmp_path / "project" / "planet", layer)[name]) as alone:
                    assert alone.read().tobytes() == together.read(numbers).tobytes()


def test_a_modality_of_values_alone_costs_one_request_a_batch(first: Path, kit: Any, tmp_path: Path) -> None:
    shutil.copytree(first, tmp_path / "project")
    summary = kit.run(kit.config(tmp_path / "project", ["sentinel2", "era5"]), "--modalities", "era5")
    assert summary["purposes"] == {"locate": 1}
    assert stacks(tmp_path / "project" / "planet", "era5") == {}
    assert summary["done"] == 4


@pytest.mark.slow
def test_added_before_the_first_run_is_complete(added: Path, kit: Any, tmp_path: Path) -> None:
    config = kit.project(tmp_path, NAMES, ["sentinel2"])
    assert kit.run(config, "--limit", "2", code=0)["done"] == 2
    kit.config(tmp_path, ["sentinel2", *NEW])
    summary = kit.run(config, "--modalities", ",".join(NEW), code=1)
    assert (summary["done"], summary["waiting"]) == (2, 3)
    assert summary["purposes"] == {"locate": 1, "projections": 1, "pixels": 2}
    text = kit.cli("run", config, "--modalities", "era5")
    assert "3 tiles wait for the modalities of the first run; run without --modalities." in text.stdout
    assert kit.run(config)["left"] == 0
    for group in ("base", GROUP):
        assert kit.journal(tmp_path / "planet", group) == kit.journal(added / "planet", group)
        mine, theirs = stacks(tmp_path / "planet", group), stacks(added / "planet", group)
        assert {name: path.read_bytes() for name, path in mine.items()} == {
            name: path.read_bytes() for name, path in theirs.items()
        }


def test_a_tile_that_failed_at_first_waits_until_it_is_done(
    kit: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from localearth.transport import LocalTransport

    config = kit.project(tmp_path, LAND[:2], ["sentinel2"])
    request = LocalTransport.request
    refused: list[str] = []

    def refuse_the_first(self: LocalTransport, uri: str, *arguments: Any, **options: Any) -> Any:
        if "computePixels" in uri and not refused:
            refused.append(uri)
            said = {"error": {"code": 400, "message": "Number of pixels is odd.", "status": "INVALID_ARGUMENT"}}
            return httplib2.Response({"status": "400", "content-type": "application/json"}), json.dumps(said).encode()
        return request(self, uri, *arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(LocalTransport, "request", refuse_the_first)
        summary = kit.run(config, code=1)
    assert (summary["done"], summary["failed"]) == (1, 1)
    kit.config(tmp_path, ["sentinel2", "esa_worldcover"])
    summary = kit.run(config, "--modalities", "esa_worldcover", code=1)
    assert (summary["done"], summary["failed"], summary["waiting"]) == (1, 0, 1)
    assert kit.run(config, "--retry-failed")["done"] == 4  # two groups of two tiles
    assert sorted(stacks(tmp_path / "planet", "esa_worldcover")) == sorted(LAND[:2])
