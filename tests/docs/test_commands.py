"""Every command in the documentation is run here, or is listed with the reason why not."""

import json
import os
import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import geopandas as gpd
import pytest
from click.testing import CliRunner, Result

from mmearth_core.cli import main

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *ROOT.glob("docs/*.md"), *ROOT.glob("plugins/*/README.md")])
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)

NOT_RUN = {
    r"earthengine:my-project": "needs an Earth Engine account",
    r"engine check$": "needs an Earth Engine account",
    r"engine check --engine local$": "plugins/devkit/tests run it",
    r"fetch ": "downloads gigabytes; plugins/curate/tests run such commands against a server of its own",
    r"slurm submit (?!.*--dry-run)": "submits to a cluster; run here with --dry-run, and by tests/slurm",
    r"demo demo$": "takes seconds; tests/virginia runs it",
    r"landsat": "needs the example installed; tests/planet/test_landsat_anchor.py installs and runs it",
    r"plugin check snow_depth": "needs the plugin installed; plugins/devkit/tests install and check it",
    r"run example\.toml": "needs the plugin installed; plugins/devkit/tests install and run it",
    r" series\.toml": "tests/docs/test_series.py runs them",
    r"doctor$": "without a configuration it asks Google's servers; plugins/preflight/tests run it",
    r"demo/planet": "takes half a minute; tests/planet and tests/torch_data run it",
    r"tiles --number 1000 --engine local:synthetic": "slow; tests/cli/test_tiles.py runs it with fewer tiles",
    r"--source Ecoregions2017\.shp": "needs RESOLVE's shapefile; tests/tiles/test_polygon_file.py has its own",
}
"""What a command has that is not run: the reason."""

NOTHING_THERE = re.compile(r"--bbox -20|Mangroves|Tundra|--layer elevation|view \S+ 000017")
"""Commands that choose what this test's few tiles do not have: each has to say so, with status 2."""


def blocks(page: Path) -> str:
    """The lines of a page that are shown as commands: indented by four, or fenced as a shell's."""
    text = page.read_text()
    fenced = "".join(body for language, body in FENCE.findall(text) if language in {"bash", "console", "sh"})
    indented = re.findall(r"^ {4}(?:\$ )?(mmearth-core .*)$", FENCE.sub("", text), re.MULTILINE)
    return "\n".join([*indented, *re.findall(r"^(?:\$ )?(mmearth-core .*)$", fenced, re.MULTILINE)])


def shown() -> list[str]:
    lines = {line.partition(" #")[0].strip() for page in PAGES for line in blocks(page).splitlines()}
    return sorted(line for line in lines if line)


def mentioned() -> list[str]:
    """The commands that stand within the text, with or without their arguments."""
    found = {
        each for page in PAGES for each in re.findall(r"`(mmearth-core [a-z][^`\n]*)`", FENCE.sub("", page.read_text()))
    }
    return sorted(each for each in found if "..." not in each and "elevation" not in each)


def reason(command: str) -> str | None:
    return next((why for pattern, why in NOT_RUN.items() if re.search(pattern, command)), None)


RUN = [command for command in shown() if reason(command) is None]


def call(command: str) -> Result:
    return CliRunner().invoke(main, shlex.split(command)[1:])


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with all that the pages' commands name: eight tiles of a real scene, and what is made of them."""
    from mmearth_core.registry import discover, engine_of

    folder, before = tmp_path_factory.mktemp("shop"), Path.cwd()
    os.chdir(folder)
    demo = engine_of(discover(), "local").demo()
    assert demo is not None
    tiles = {**demo.tiles, "features": demo.tiles["features"][:8]}
    for place, feature in enumerate(tiles["features"]):
        feature["properties"] |= {"season": ["dry", "wet"][place % 2], "biome": "Tropical", "split": "train"}
    Path("tiles.geojson").write_text(json.dumps(tiles))
    Path("mydata.toml").write_text(
        '[dataset]\nname = "mydata"\ntiles = "tiles.geojson"\n[run]\nengine = "local"\n'
        '[engines.local]\nworld = "virginia"\n[engines.record]\nof = "local:virginia"\n[modalities.sentinel2]\n'
    )
    frame = gpd.read_file("tiles.geojson")
    frame.to_file("tiles.gpkg")
    frame.to_file("parks.gpkg")
    centres = frame.to_crs(32618).centroid.to_crs(4326)
    points = frame.assign(E=centres.x, N=centres.y, lon=centres.x, lat=centres.y, plot=frame["tile_id"])
    points.drop(columns=["geometry", "tile_id"]).to_csv("plots.csv", index=False)
    points[["tile_id", "lon", "lat"]].to_parquet("plots.parquet")
    for other in ("elsewhere/mydata.toml", "demo/demo.toml"):
        Path(other).parent.mkdir()
        Path(other).write_text(Path("mydata.toml").read_text())
        Path(other).with_name("tiles.geojson").write_text(json.dumps(tiles))
    ids = [feature["properties"]["tile_id"] for feature in tiles["features"]]
    parts = {
        "africa": ids[:3],
        "asia": ids[3:5],
        "europe": ids[5:],
        "old": ids[:5],
        "new": ids[3:],
        "data_1M_v001": ids,
    }
    for name, chosen in parts.items():
        Path(f"{name}.txt").write_text("\n".join(chosen))
    made = ["run mydata.toml --engine record:answers", "run demo/demo.toml", "post mydata.toml", "post demo/demo.toml"]
    for command in [*made, *(f"subset mydata {name} --tiles {name}.txt" for name in parts)]:
        done = call(f"mmearth-core {command}")
        assert done.exit_code == 0, (command, done.output)
    shutil.copy("tiles.geojson", "data_1M_tiles.geojson")
    shutil.copy("mydata/mydata_tile_info.json", "data_1M_tile_info.json")
    yield folder
    os.chdir(before)


def test_every_reason_is_needed() -> None:
    assert [pattern for pattern in NOT_RUN if not any(re.search(pattern, command) for command in shown())] == []


@pytest.mark.parametrize("command", sorted({*shown(), *mentioned()}))
def test_every_command_is_understood(command: str) -> None:
    # With --help nothing is done, but every command and option must exist.
    outcome = call(f"{command} --help")
    assert outcome.exit_code == 0, outcome.output


@pytest.mark.slow
@pytest.mark.parametrize("command", RUN)
def test_command_runs(command: str, shop: Path) -> None:
    done = call(command)
    if NOTHING_THERE.search(command):
        assert done.exit_code == 2, done.output
    else:
        assert done.exit_code == 0, done.output
