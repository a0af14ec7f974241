"""A mistake that fails every tile: the run soon stops, says what to fix, and continues after the fix."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from mmearth_devkit.testing.command_line import cli, summary

from mmearth_core.download.run_log import read_runs

Contents = Callable[[Path], dict[str, Any]]

MISTYPED = 'l1c = "COPERNICUS/S2_HARMONISEDD"'

PLUGIN = """
from pathlib import Path
import ee
from attrs import field, frozen
from mmearth_core import Band, Layer, Modality, hookimpl

@frozen
class Options:
    image: str = field(default="", metadata={"help": "the image's id"})

class Odd(Modality):
    name = "odd"
    api_version = 1
    layers = (Layer("odd", [Band("B4", "uint16", 0)]),)
    Options = Options
    bad = Path(r"FOLDER") / "bad.txt"

    def locate(self, scene):
        return {"column": int(scene.tile_id)}

    def image(self, scene, located):
        bad = self.bad.read_text().split() if self.bad.exists() else []
        if scene.tile_id in bad:
            raise ValueError(f"column {located['column']} of '{scene.tile_id}'")
        return ee.Image(self.options.image or "COPERNICUS/S2_HARMONIZED/20171208T155631_20171208T155633_T18SVG")

@hookimpl
def mmearth_modalities():
    return [Odd]
"""


@pytest.fixture
def bad(install: Callable[..., Path], tmp_path: Path) -> Path:
    """A plugin `odd` is installed, and raises for the tiles that this file names."""
    install("mmearth-odd", PLUGIN.replace("FOLDER", str(tmp_path)))
    return tmp_path / "bad.txt"


def with_options(config: Path, modality: str = "", **run: Any) -> Path:
    """The configuration with these further keys of its last table and of [run]."""
    keys = {"batch_size": 4, "max_concurrent": 2, **run}
    text = config.read_text().replace("[run]", "[run]\n" + "".join(f"{key} = {keys[key]}\n" for key in keys), 1)
    path = config.with_name("with_options.toml")
    path.write_text(f"{text}\n{modality}\n")
    return path


def ids(config: Path, which: slice = slice(None)) -> list[str]:
    tiles = json.loads((config.parent / "tiles.geojson").read_text())["features"][which]
    return [tile["properties"]["tile_id"] for tile in tiles]


def said(done: Result) -> str:
    return " ".join(done.stderr.split())


def test_a_mistyped_asset(config: Path, undisturbed: Path, read_contents: Contents) -> None:
    dataset = config.parent / "virginia"
    wrong = with_options(config, MISTYPED, give_up_after=8)
    done = cli("run", wrong, "--json")
    assert done.exit_code == 2, done.output
    told = json.loads(done.stdout)
    # After the first batch two are located at once, and may end at once.
    text = "tiles failed for the same reason and none is done, so the run stopped: locate: "
    assert re.search(f"stopped: (8|12) {text}", said(done))
    assert "'COPERNICUS/S2_HARMONISEDD' not found" in said(done)
    assert f"Check the options of [modalities.sentinel2] in {wrong}, and the plugin that provides them." in said(done)
    assert (told["done"], told["stopped"] in said(done)) == (0, True)
    assert 8 <= told["failed"] == 40 - told["left"] <= 16
    # Each tile of each batch was asked for alone at last; of the three batches that were begun, no more.
    assert sum(told["requests"].values()) <= 3 * (2 * 4 - 1)
    (record,) = read_runs(dataset / "runs.jsonl")
    assert (record["exit"], record["why"], record["left"]) == (2, told["stopped"], told["left"])
    shown = json.loads(cli("status", wrong, "--json").stdout)
    assert (shown["failed"], shown["left"]) == (told["failed"], told["left"])

    # Mended, it is another dataset; but nothing is done, so it may be begun anew.
    refused = cli("run", config)
    assert refused.exit_code == 2
    assert (
        "l1c is 'COPERNICUS/S2_HARMONISEDD' in the dataset and 'COPERNICUS/S2_HARMONIZED' in the configuration."
        in said(refused)
    )
    assert f"No tile is done there yet: delete {dataset}, then rerun the command." in said(refused)
    shutil.rmtree(dataset)
    assert cli("run", config).exit_code == 0
    assert read_contents(dataset) == read_contents(undisturbed)


@pytest.mark.slow
def test_of_the_users_own_files_in_the_folder_none_is_to_be_deleted(config: Path) -> None:
    config.write_text(config.read_text().replace('name = "virginia"', 'name = "virginia"\npath = "."'))
    assert cli("run", with_options(config, MISTYPED, give_up_after=8)).exit_code == 2
    refused, root = cli("run", config), config.parent
    assert f"delete {root}/mmearth.toml, {root}/tiles.gpkg and {root}/journal, then rerun" in said(refused)
    for name in ("mmearth.toml", "tiles.gpkg"):
        (root / name).unlink()
    shutil.rmtree(root / "journal")
    assert summary("run", config)["done"] == 40


@pytest.mark.slow
@pytest.mark.parametrize(
    ("failing", "status", "failed"), [(slice(None), 2, 8), pytest.param(slice(1, None), 1, 39, marks=pytest.mark.slow)]
)
def test_a_plugin_that_raises(
    failing: slice, status: int, failed: int, bad: Path, config: Path, undisturbed: Path
) -> None:
    """For all tiles, or for all but the first: then one is done, and the others are at fault themselves."""
    bad.write_text("\n".join(ids(config, failing)))
    # One request at a time, so that tiles end in their order.
    odd = with_options(config, "[modalities.odd]", give_up_after=8, batch_size=1, max_concurrent=1)
    done = cli("run", odd, "--json")
    assert done.exit_code == status, done.output
    told = json.loads(done.stdout)
    assert (told["done"], told["failed"]) == (40 - len(ids(config, failing)), failed)
    assert [row["tiles"] for row in told["reasons"]] == [failed]
    if status == 2:
        assert "so the run stopped: pixels: odd.image raised ValueError: column 0 of '000'. Check" in said(done)
        assert "[modalities.sentinel2], [modalities.odd]" in said(done)
        # The next tiles are asked for, but once.
        assert cli("run", odd).exit_code == 2
        shown = json.loads(cli("status", odd, "--json").stdout)
        assert (shown["failed"], shown["left"]) == (16, 24)
    bad.unlink()
    assert f"mmearth-core run {odd} --retry-failed" in said(done) or status == 1
    again = summary("run", odd, "--retry-failed")
    assert (again["done"], again["failed"], again["left"]) == (40, 0, 0)


def test_it_need_not_give_up(bad: Path, config: Path) -> None:
    bad.write_text("\n".join(ids(config)))
    told = summary("run", with_options(config, "[modalities.odd]", give_up_after=0), code=1)
    assert (told["failed"], told["left"], told["stopped"]) == (40, 0, None)


def test_a_run_that_ends_by_itself_is_no_run_that_gave_up(bad: Path, config: Path) -> None:
    bad.write_text("\n".join(ids(config)))
    told = summary("run", with_options(config, "[modalities.odd]", give_up_after=40), code=1)
    assert (told["failed"], told["left"], told["stopped"]) == (40, 0, None)


@pytest.mark.slow
def test_a_modality_that_was_added(bad: Path, config: Path, undisturbed: Path, read_contents: Contents) -> None:
    """Earlier downloads are kept, and only the added modality starts again."""
    dataset = config.parent / "virginia"
    shutil.copytree(undisturbed, dataset)
    before = read_contents(dataset)
    mistyped = '[modalities.odd]\nimage = "COPERNICUS/S2_HARMONISEDD"'
    done = cli("run", with_options(config, mistyped, give_up_after=8), "--json")
    assert done.exit_code == 2, done.output
    # Two pixel requests may end at once.
    assert re.search(r"\b[89] tiles failed for the same reason", said(done))
    assert "[modalities.odd]" in said(done)
    assert "[modalities.sentinel2]" not in said(done)
    right = with_options(config, "[modalities.odd]", give_up_after=8)
    refused = cli("run", right)
    assert refused.exit_code == 2
    journals = dataset / "journal" / "odd"
    assert f"No tile has these modalities yet: delete {journals}, then rerun the command." in said(refused)
    shutil.rmtree(journals)
    assert summary("run", right)["done"] == 80
    assert 'image = ""' in (dataset / "mmearth.toml").read_text()
    after = read_contents(dataset)
    assert {key: entry for key, entry in after["journal"].items() if key.startswith("base/")} == before["journal"]
    # Now that it is done, it is bound to its options as ever.
    refused = cli("run", with_options(config, mistyped))
    assert refused.exit_code == 2
    assert "Choose another `name` or `path` in [dataset], or restore the old settings." in said(refused)


def test_a_change_of_two_groups_of_which_one_is_done(bad: Path, config: Path, undisturbed: Path) -> None:
    dataset = config.parent / "virginia"
    shutil.copytree(undisturbed, dataset)
    wrong = with_options(config, 'cloud_percentage = 5\n[modalities.odd]\nimage = "NONE"')
    refused = cli("run", wrong)
    assert refused.exit_code == 2
    assert "Choose another `name` or `path`" in said(refused)
