"""`mmearth-core plugin check`: the findings as a table and as JSON, and the exit status."""

import json

import pytest
from mmearth_devkit.testing.command_line import cli
from mmearth_devkit.testing.place import PLACE

PROBE = f"""{PLACE}
class Bare(Place):
    name = "bare"
    layers = (Layer("bare", [Band("lon", "uint8", 255)], "vector", "where"),)

    def values(self, located):
        return {{"bare": [located["lon"]]}}

@hookimpl
def mmearth_modalities():
    return [Place, Bare]
"""


def check(*words):
    return cli("plugin", "check", *words, columns=220)


def test_a_sound_modality(install):
    install("mmearth-probe", PROBE)
    done = check("place")
    assert (done.exit_code, done.stdout) == (0, "place: nothing is wrong.\n")


def test_a_table_of_what_is_wrong(install):
    install("mmearth-probe", PROBE)
    done = check("bare", "--quick")
    assert done.exit_code == 1
    rows = [line for line in done.stdout.splitlines() if "bare.lon" in line]
    assert [row.split()[1] for row in rows] == ["descriptions", "units", "range", "fractions"]


def test_json_of_a_whole_distribution(install):
    install("mmearth-probe", PROBE)
    done = check("mmearth-probe", "--json", "--quick", "--ignore", "range", "--ignore", "fractions")
    assert done.exit_code == 1
    found = json.loads(done.stdout)
    assert found["place"] == []
    assert [finding["check"] for finding in found["bare"]] == ["descriptions", "units"]
    assert all(set(finding) == {"check", "where", "problem", "remedy"} for finding in found["bare"])


def test_an_unknown_name_is_refused():
    done = check("astre")
    assert done.exit_code == 2
    assert "Did you mean 'aster'?" in done.stderr


def test_a_broken_distribution_says_why(install):
    install("mmearth-broken", "raise ValueError('no')")
    done = check("mmearth-broken")
    assert done.exit_code == 2
    assert "ValueError: no" in done.stderr


def test_a_broken_plugin_asked_for_by_its_modality_says_why(install):
    source = PROBE.replace("uint8", "uint7")
    install("mmearth-snow-depth", source, entry_points={"snow_depth": "mmearth_snow_depth"})
    done = check("snow_depth")
    assert done.exit_code == 2
    assert "uint7" in done.stderr and "mmearth-snow-depth" in done.stderr


def test_without_the_engine_it_says_what_to_install(monkeypatch):
    from mmearth_core.registry import Registry, discover

    real = discover()
    monkeypatch.setattr("mmearth_core.registry.discover", lambda: Registry(real.modalities, {}))
    done = check("aster")
    assert done.exit_code == 2
    assert 'pip install "mmearth-localearth[planet]"' in " ".join(done.stderr.split())


@pytest.mark.parametrize("name", ["new", "check"])
def test_help_has_examples(name):
    done = cli("plugin", name, "--help")
    assert done.exit_code == 0
    assert f"mmearth-core plugin {name} " in done.output
