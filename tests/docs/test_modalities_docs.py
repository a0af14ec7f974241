"""The documentation of the modalities and the plugins' READMEs: every key and default that they show is true."""

import re
import textwrap
import tomllib
from pathlib import Path

import pytest

from mmearth_core.config.structure import structure
from mmearth_core.registry import discover

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "modalities.md").read_text()
MODALITIES = discover().modalities
READMES = [
    path
    for path in sorted(ROOT.glob("plugins/*/README.md"))
    if any(entry.origin.distribution == f"mmearth-{path.parent.name}" for entry in MODALITIES.values())
]


def fenced(text):
    return [tomllib.loads(block)["modalities"] for block in re.findall(r"```toml\n(.*?)```", text, re.DOTALL)]


def indented(text):
    blocks = re.findall(r"^ {4}\[modalities\..*\n(?:^ {4}.*\n|^\n(?= {4}))*", text, re.MULTILINE)
    return [tomllib.loads(textwrap.dedent(block))["modalities"] for block in blocks]


def options(name, table):
    return structure(table, MODALITIES[name].options_class, f"modalities.{name}", "docs")


def test_defaults_are_as_shown():
    defaults, *_ = fenced(PAGE)
    for name, table in defaults.items():
        assert options(name, table) == MODALITIES[name].default_options, name


def test_every_modality_of_this_tree_stands_in_the_table():
    own = {name for name, entry in MODALITIES.items() if (ROOT / "plugins" / entry.origin.entry_point).is_dir()}
    listed = set(re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE))
    assert len(own) == 11
    assert listed == own | {"file"}


@pytest.mark.parametrize("path", READMES, ids=lambda path: path.parent.name)
def test_readme_shows_keys_that_exist(path):
    shown = indented(path.read_text())
    assert shown
    for tables in shown:
        for name, table in tables.items():
            options(name, table)


def test_other_years_and_newer_assets_are_taken():
    _, years, newer, tiles, _ = fenced(PAGE)
    assert set(options("sentinel2", years["sentinel2"]).windows) == {"2021", "2022"}
    assert options("sentinel1", years["sentinel1"]).window[0].year == 2020
    assert options("esa_worldcover", newer["esa_worldcover"]).collection == "ESA/WorldCover/v200"
    assert options("aster", newer["aster"]).band == "elevation"
    assert options("aster", tiles["aster"]).model == "COPERNICUS/DEM/GLO30_2024_1"


def test_an_earlier_builds_keys_are_taken():
    *_, earlier = fenced(PAGE)
    assert options("file", earlier["file"]).date == "S2_DATE"
