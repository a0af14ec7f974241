"""Only the plugins that a configuration uses can stop its run, and a missing one is named by what is known of it."""

import json
from pathlib import Path

import pytest
from mmearth_devkit.testing.command_line import cli
from mmearth_devkit.testing.few_tiles import write_few
from mmearth_devkit.testing.place import PLACE

from mmearth_core.registry import discover
from tests.registry.probe import ENGINE, HOOK, PROBE

MODALITY = PLACE + "\n@hookimpl\ndef mmearth_modalities():\n    return [Place]\n"

ONE = PROBE + HOOK

CLASHES = {
    "modalities": ({"source": ONE}, {"source": ONE.replace('layer("probe")', 'layer("other")')}),
    "layers": ({"source": ONE}, {"source": ONE.replace('name = "probe"', 'name = "other"')}),
    "engines": ({"source": ENGINE}, {"source": ENGINE}),
    "entry points": (
        {"source": ONE, "entry_points": {"probe": "mmearth_one"}},
        {"source": ONE.replace('"probe"', '"other"'), "entry_points": {"probe": "mmearth_two"}},
    ),
    "commands": (
        {"source": ONE, "commands": {"tool": "mmearth_one:tool"}},
        {"source": "", "entry_points": {}, "commands": {"tool": "mmearth_two:tool"}},
    ),
    "broken": ({"source": "raise ValueError('no')"}, {"source": ONE.replace("@hookimpl", "")}),
}
"""Two distributions that cannot be used together, or at all."""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return write_few(tmp_path / "data", 1, "some", size=32, partition=10)


def heard(*words: object) -> tuple[int, str]:
    done = cli(*words, columns=200)
    return done.exit_code, " ".join(done.output.split())


@pytest.mark.parametrize("case", CLASHES)
def test_plugins_that_are_not_used_stop_nothing(case, install, config):
    for name, offers in zip(("one", "two"), CLASHES[case], strict=True):
        install(f"mmearth-{name}", **offers)
    assert {fault.distribution for fault in discover().faults} == {"mmearth-one", "mmearth-two"}
    for words in (("run", config), ("post", config, "--workers", "1")):
        status, text = heard(*words)
        assert status == 0, text


def test_what_is_used_and_clashes_is_refused_before_anything_is_written(install, config):
    for name in ("one", "two"):
        install(f"mmearth-{name}", ONE)
    with config.open("a") as file:
        file.write("\n[modalities.probe]\n")
    status, text = heard("run", config)
    assert status == 2
    assert "error: The modality 'probe' cannot be used. mmearth-one 1.0 (entry point 'one')" in text
    assert "or `pip uninstall mmearth-one` or `pip uninstall mmearth-two`." in text
    assert not (config.parent / "some").exists()


def test_an_engine_of_a_broken_plugin_is_refused_with_its_fault(install, config):
    install("mmearth-nowhere", ENGINE.replace("def connect", "def conect"))
    status, text = heard("run", config, "--engine", "nowhere")
    assert status == 2
    assert "The engine 'nowhere' cannot be used. mmearth-nowhere 1.0" in text
    assert "does not define connect()" in text


@pytest.mark.parametrize("command", ["run", "post"])
def test_a_missing_modality_is_named_by_the_datasets_own_record(command, install, hide, config):
    install("mmearth-where-it-was", MODALITY, version="2.5")
    with config.open("a") as file:
        file.write("\n[modalities.place]\n")
    assert heard("run", config)[0] == 0
    assert "mmearth-where-it-was 2.5" in (config.parent / "some" / "mmearth.toml").read_text()
    hide("mmearth-where-it-was")
    status, text = heard(command, config)
    assert status == 2
    assert "No modality 'place' is installed." in text
    assert "The dataset was made with mmearth-where-it-was 2.5: install that version again" in text
    assert "pip install mmearth-where-it-was" not in text


@pytest.mark.parametrize(
    ("words", "table"), [(["--engine", "mars"], ""), ([], "[modalities.snow_depth]"), ([], "[modalities.local]")]
)
def test_no_distribution_is_guessed_from_a_name(words, table, config):
    with config.open("a") as file:
        file.write(f"\n{table}\n")
    status, text = heard("run", config, *words)
    assert status == 2
    assert (
        "Correct the name, or install the plugin that has it; `pip install 'mmearth-core[all]'` has the plugins" in text
    )
    assert text.count("mmearth-") == text.count("mmearth-core")


def test_plugin_faults_are_in_the_list_for_people_and_programs(install):
    install("mmearth-one", ONE)
    install("mmearth-two", ONE)
    broken = json.loads(cli("plugins", "--json").stdout)["broken"]
    assert [fault["hides"] for fault in broken] == ["probe", "probe"]
    assert "pip uninstall mmearth-core" not in cli("plugins", columns=300).stdout
