"""The run as users and clusters meet it: resumed, sharded, limited, killed, counted."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mmearth_devkit.testing.command_line import cli

from mmearth_core.budget import live_members
from mmearth_core.earthengine.client import EarthClient

Run = Callable[..., "subprocess.CompletedProcess[str]"]
Contents = Callable[[Path], dict[str, Any]]


def summary_of(done: "subprocess.CompletedProcess[str]", code: int = 0) -> dict[str, Any]:
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout)


@pytest.mark.slow
def test_requests_are_one_a_tile_two_a_batch_and_one_a_process_at_most(
    run_cli: Run, demo: Path, tmp_path: Path
) -> None:
    for name in ("demo.toml", "tiles.geojson"):
        shutil.copy(demo / name, tmp_path)
    summary = summary_of(run_cli("run", tmp_path / "demo.toml", "--limit", "100", "--json"))
    assert summary["done"] == 100
    assert sum(summary["requests"].values()) <= 100 * (1 + 2 / 25) + 1
    assert summary["purposes"]["projections"] == 1
    assert summary["requests"]["image:computePixels"] == 100


def written(folder: Path) -> dict[Path, int]:
    """When each file was written, but for those that tell of runs themselves."""
    own = {folder / "virginia" / "runs.jsonl", *(folder / "virginia" / "budget").glob("*")}
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file() and path not in own}


def test_running_again_asks_for_nothing_and_writes_nothing(run_cli: Run, config: Path) -> None:
    first = summary_of(run_cli("run", config, "--limit", "10", "--json"))
    before = written(config.parent)
    again = summary_of(run_cli("run", config, "--limit", "10", "--json"))
    assert written(config.parent) == before
    assert (first["done"], again["done"]) == (10, 10)
    assert again["requests"] == {}
    assert again["ended_in_this_run"] == 0


@pytest.mark.slow
def test_two_shards_at_once_make_what_one_process_makes(
    run_cli: Run, config: Path, undisturbed: Path, read_contents: Contents
) -> None:
    command = [sys.executable, "-m", "mmearth_core", "run", str(config), "--shard"]
    shards = [subprocess.Popen([*command, f"{index}/2"], stderr=subprocess.PIPE, text=True) for index in range(2)]
    for shard in shards:
        _, errors = shard.communicate(timeout=240)
        assert shard.returncode == 0, errors
    assert read_contents(config.parent / "virginia") == read_contents(undisturbed)


@pytest.mark.slow
def test_two_processes_never_work_on_the_same_tiles(
    run_cli: Run, config: Path, undisturbed: Path, read_contents: Contents
) -> None:
    from mmearth_core.files import locked
    from mmearth_core.paths import DatasetPaths

    dataset = config.parent / "virginia"
    # As on a file system of a cluster: the other process has made the lock, and its configuration.
    DatasetPaths(dataset).lock("base").parent.mkdir(parents=True)
    with locked(DatasetPaths(dataset).lock("base"), [2]):
        shutil.copy(undisturbed / "mmearth.toml", dataset)
        shutil.copy(undisturbed / "tiles.gpkg", dataset)
        refused = run_cli("run", config, env=dict(os.environ))  # a lock is open to the process that holds it
        assert refused.returncode == 2
        assert "Another process is running on partition 2" in refused.stderr.replace("\n", " ")
        assert summary_of(run_cli("run", config, "--shard", "1/4", "--json"))["done"] == 10
    summary_of(run_cli("run", config, "--json"))
    assert read_contents(dataset) == read_contents(undisturbed)


@pytest.mark.slow
def test_the_number_of_shards_may_change_between_runs(
    run_cli: Run, config: Path, undisturbed: Path, read_contents: Contents
) -> None:
    summary_of(run_cli("run", config, "--shard", "1/4", "--json"))
    slurm = {"SLURM_ARRAY_TASK_MIN": "5", "SLURM_ARRAY_TASK_MAX": "7", "SLURM_ARRAY_TASK_COUNT": "3"}
    for task in ("7", "5", "6"):
        summary = summary_of(run_cli("run", config, "--json", env={**os.environ, **slurm, "SLURM_ARRAY_TASK_ID": task}))
        assert summary["shard"] == f"{int(task) - 5}/3"
    assert read_contents(config.parent / "virginia") == read_contents(undisturbed)


KILL = """
import os, signal, sys
from pathlib import Path
from mmearth_core.cli import main
from mmearth_core.download import journal, pixels

moment, count = sys.argv.pop(1), int(sys.argv.pop(1))
calls = 0

def due():
    global calls
    calls += 1
    return calls == count

def die():
    os.kill(os.getpid(), signal.SIGKILL)

write_stack, append = pixels.write_stack, journal.Journal.append

def stack(path, content):
    if moment == "half a stack" and due():
        path.parent.mkdir(parents=True, exist_ok=True)
        (path.parent / f".{path.stem}#.part.tif").write_bytes(content[: len(content) // 2])
        die()
    written = write_stack(path, content)
    if moment == "stack without line" and due():
        die()
    return written

def line(self, entries):
    entries = list(entries)
    if moment == "half a line" and due():
        whole = entries[0].to_line()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("ab") as file:
            file.write(whole[: len(whole) // 2])
            file.flush()
            die()
    append(self, entries)
    if moment == "after a line" and due():
        die()

pixels.write_stack, journal.Journal.append = stack, line
main()
"""


@pytest.mark.parametrize(
    "moment",
    [
        "half a stack",
        pytest.param("half a line", marks=pytest.mark.slow),
        pytest.param("stack without line", marks=pytest.mark.slow),
        pytest.param("after a line", marks=pytest.mark.slow),
    ],
)
def test_killed_at_any_moment_and_run_again_nothing_differs(
    moment: str, run_cli: Run, config: Path, undisturbed: Path, read_contents: Contents
) -> None:
    command = [sys.executable, "-c", KILL, moment, "23", "run", str(config)]
    killed = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert killed.returncode == -9, killed.stderr
    summary = summary_of(run_cli("run", config, "--json"))
    assert summary["done"] == 40
    assert 0 < summary["ended_in_this_run"] < 40
    assert read_contents(config.parent / "virginia") == read_contents(undisturbed)
    assert not list((config.parent / "virginia").rglob(".*")), "a torn file was left behind"


@pytest.mark.slow
def test_the_bare_exit_code_and_summary_tell_of_skipped_tiles(run_cli: Run, config: Path) -> None:
    tiles = config.parent / "tiles.geojson"
    features = json.loads(tiles.read_text())
    sea = {
        "type": "Polygon",
        "coordinates": [[[-60.0, 30.0], [-59.99, 30.0], [-59.99, 30.01], [-60.0, 30.01], [-60.0, 30.0]]],
    }
    for name in ("sea 1", "sea/2"):
        properties = {"tile_id": name, "lon": -59.995, "lat": 30.005}
        features["features"].insert(1, {"type": "Feature", "geometry": sea, "properties": properties})
    tiles.write_text(json.dumps(features))
    done = run_cli("run", config, "--limit", "5")
    assert done.returncode == 0, done.stderr
    assert "3 done, 2 skipped, 0 failed, 0 left" in done.stdout
    assert "skipped 2: no" in done.stdout


@pytest.mark.slow
def test_centroids_that_are_missing_are_asked_for_once_and_kept(run_cli: Run, config: Path) -> None:
    tiles = config.parent / "tiles.geojson"
    given = json.loads(tiles.read_text())
    expected = {
        f["properties"]["tile_id"]: (f["properties"].pop("lon"), f["properties"].pop("lat")) for f in given["features"]
    }
    tiles.write_text(json.dumps(given))
    summary = summary_of(run_cli("run", config, "--limit", "20", "--json"))
    assert summary["purposes"] == {"centroids": 1, "locate anchor": 1, "projections": 1, "pixels": 20}
    import geopandas as gpd

    kept = gpd.read_file(config.parent / "virginia" / "tiles.gpkg").set_index("tile_id")
    for tile_id, (lon, lat) in expected.items():
        assert kept.loc[tile_id, "lon"] == pytest.approx(lon, abs=1e-6)
        assert kept.loc[tile_id, "lat"] == pytest.approx(lat, abs=1e-6)
    assert summary_of(run_cli("run", config, "--limit", "40", "--json"))["purposes"] == {
        "locate anchor": 1,
        "projections": 1,
        "pixels": 20,
    }


def test_centroids_are_asked_for_out_of_the_budget_of_all_tasks(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tiles = config.parent / "tiles.geojson"
    tiles.write_text(re.sub(r'"(lon|lat)": [-\d.]+', r'"\1": null', tiles.read_text()))
    held, compute = {}, EarthClient.compute

    def watched(self: EarthClient, value: Any, purpose: str) -> Any:
        held[purpose] = sum(member.slots for member, _ in live_members(config.parent / "virginia" / "budget"))
        return compute(self, value, purpose)

    monkeypatch.setattr(EarthClient, "compute", watched)
    assert cli("run", config, "--limit", "1").exit_code == 0
    assert held["centroids"] == 40


@pytest.mark.slow
def test_geopackage_and_flatgeobuf_make_the_same_dataset(run_cli: Run, config: Path, read_contents: Contents) -> None:
    import geopandas as gpd

    frame = gpd.read_file(config.parent / "tiles.geojson").head(5)
    text = config.read_text()
    made = []
    for suffix in ("gpkg", "fgb", "geojson"):
        frame.to_file(config.parent / f"five.{suffix}", index=False)
        config.write_text(
            text.replace("tiles.geojson", f"five.{suffix}").replace('name = "virginia"', f'name = "{suffix}"')
        )
        assert summary_of(run_cli("run", config, "--json"))["done"] == 5
        made.append(read_contents(config.parent / suffix))
    # FlatGeobuf orders features by place, so ordinals may differ; the pixels may not.
    by_tile = [{Path(name).name: content for name, content in one["stacks"].items()} for one in made]
    assert by_tile[0] == by_tile[1] == by_tile[2]
    assert len(by_tile[0]) == 5
