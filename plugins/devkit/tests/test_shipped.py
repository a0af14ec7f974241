"""Every modality of this tree passes the plugin kit, as its authors' would."""

import tomllib
from pathlib import Path

import pytest
from mmearth_devkit import check_modality, findings_of

from mmearth_core.registry import discover

ROOT = Path(__file__).parents[3]
OWN = {tomllib.loads(path.read_text())["project"]["name"] for path in ROOT.glob("plugins/*/pyproject.toml")}
SHIPPED = {
    name: entry for name, entry in discover().modalities.items() if entry.origin.distribution in OWN | {"mmearth-core"}
}


def test_all_are_there():
    assert len(OWN) >= 6
    assert len(SHIPPED) >= 9


@pytest.mark.parametrize("name", SHIPPED)
def test_nothing_is_wrong(name):
    check_modality(SHIPPED[name].make(), processes=False)


@pytest.mark.slow
@pytest.mark.parametrize("name", SHIPPED)
def test_other_processes_build_the_same_graphs(name):
    check_modality(SHIPPED[name].make())


@pytest.mark.parametrize("name", ["sentinel2", "tile", "file"])
def test_nothing_is_wrong_on_the_real_scene(name):
    check_modality(SHIPPED[name].make(), engine="local:virginia", processes=False)


def test_another_world_lacks_what_it_lacks():
    """On a world of one scene the radar's collection is missing, and nothing else is said."""
    (finding,) = findings_of(SHIPPED["sentinel1"].make(), engine="local:virginia", processes=False)
    assert (finding.check, finding.where) == ("assets", "'COPERNICUS/S1_GRD'")
