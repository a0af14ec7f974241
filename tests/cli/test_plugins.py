"""The command line itself, and `mmearth-core plugins`."""

import importlib
import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import click
import pytest
from mmearth_devkit.testing import command_line

from mmearth_core import cli
from mmearth_core.errors import ConfigError, ExitCode, RunStoppedError

PROBE = """
    import attrs
    import math
    from mmearth_core import Band, ClassLabel, Connection, Engine, Kind, Layer, Modality, hookimpl

    @attrs.frozen
    class Options:
        depth: int = attrs.field(default=3, metadata={"help": "how deep"})

    class Probe(Modality):
        name = "probe"
        api_version = 1
        variants = ("day", "night")
        layers = (
            Layer("probe_heat", [Band("heat", "float32", -math.inf, unit="K"), Band("error", "float32", -math.inf)]),
            Layer("probe_kind", [Band("kind", "uint8", 255, classes=[ClassLabel(1, "hot")])], Kind.CLASSES),
        )
        Options = Options

        def anchor(self, scene, located):
            raise NotImplementedError

    class Nowhere(Engine):
        name = "nowhere"
        api_version = 1
        Options = Options
        shorthand = "depth"
        def connect(self, limits):
            return Connection("p", None)

    @hookimpl
    def mmearth_modalities():
        return [Probe(Options(depth=8))]

    @hookimpl
    def mmearth_engines():
        return [Nowhere]
"""


def call(*args: str):
    return command_line.cli(*args, columns=200)


@pytest.fixture
def command(monkeypatch):
    """Puts a function in the place of the command `run`."""

    def put(function):
        module = SimpleNamespace(command=click.Command("run", callback=function))
        monkeypatch.setitem(sys.modules, "mmearth_core.cli.run", module)

    return put


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_lists_the_commands(flag):
    result = call(flag)
    assert result.exit_code == 0
    for name, line in cli.COMMANDS.items():
        assert f"{name} " in result.output
        assert line in result.output
    assert "Examples:\n    mmearth-core demo" in result.output


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_listed_command_is_there_and_has_examples(name):
    result = call(name, "--help")
    assert result.exit_code == 0
    assert f"Usage: main {name} " in result.output
    assert f"mmearth-core {name} " in result.output


def test_every_command_module_is_listed():
    folder = Path(cli.__file__).parent
    names = {path.parent.name for path in folder.glob("*/__init__.py")} | {path.stem for path in folder.glob("*.py")}
    modules = {name: importlib.import_module(f"mmearth_core.cli.{name}") for name in names - {"__init__"}}
    # Others hold what several commands share.
    assert {name for name, module in modules.items() if hasattr(module, "command")} == set(cli.COMMANDS)


def test_help_of_plugins_has_examples():
    assert "mmearth-core plugins --json | jq" in call("plugins", "-h").output


def test_version_names_core_and_plugins_without_importing_them(install):
    install("mmearth-broken", "raise RuntimeError", version="4.2")
    result = call("--version")
    assert result.exit_code == 0
    assert result.output.splitlines()[0] == f"mmearth-core {cli.importlib.import_module('mmearth_core').__version__}"
    assert "mmearth-broken 4.2" in result.output.splitlines()
    assert result.output.count("mmearth-core") == 1


def test_unknown_command():
    result = call("rum")
    assert result.exit_code == 2
    assert "No such command 'rum'" in result.output


@pytest.mark.parametrize(
    ("typed", "hint"),
    [("stauts", " Did you mean 'status'?"), ("verfy", " Did you mean 'verify'?"), ("qqqq", "")],
)
def test_a_mistyped_command_gets_a_suggestion(typed, hint):
    result = call(typed)
    assert result.exit_code == 2
    assert result.output.rstrip().endswith(f"No such command '{typed}'.{hint}")


@pytest.mark.parametrize("args", [[], ["--help"], ["--version"]])
def test_nothing_heavy_is_imported_before_a_command_runs(args):
    heavy = ["ee", "geopandas", "rasterio", "h5py", "pandas", "googleapiclient", "matplotlib"]
    code = (
        "import sys\nfrom mmearth_core.cli import main\n"
        f"try:\n    {args!r} and main({args!r})\nexcept SystemExit as end:\n    assert not end.code\n"
        f"print('heavy:', [name for name in {heavy!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "heavy: []"


def test_importing_all_plugins_imports_nothing_heavy():
    heavy = ["ee", "geopandas", "pyogrio", "rasterio", "h5py", "pandas", "matplotlib", "torch"]
    code = (
        "import sys\nfrom mmearth_core.registry import discover\nmodalities = discover().modalities\n"
        f"print(len(modalities) > 8, [name for name in {heavy!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "True []"


def test_module_runs_as_a_program():
    done = command_line.own_process("--version")
    assert done.returncode == 0
    assert done.stdout.startswith("mmearth-core ")


@pytest.mark.parametrize("error", [ConfigError, RunStoppedError])
def test_deliberate_error_is_a_paragraph_and_its_exit_code(command, error):
    def fail():
        raise error("conf.toml: " + "word " * 40 + "/a/long-path/that-stays-together")

    command(fail)
    result = call("run")
    assert result.exit_code == error.exit_code
    assert result.stdout == ""
    lines = result.stderr.splitlines()
    assert lines[0].startswith("error: conf.toml: word")
    assert len(lines) > 1 and max(map(len, lines)) <= 100
    assert "/a/long-path/that-stays-together" in result.stderr
    assert "Traceback" not in result.stderr


def test_defect_keeps_its_traceback(command):
    def fail():
        raise ZeroDivisionError("ours")

    command(fail)
    assert isinstance(call("run").exception, ZeroDivisionError)


def test_control_c_exits_with_130(command):
    def fail():
        raise KeyboardInterrupt

    command(fail)
    result = call("run")
    assert result.exit_code == 130
    assert "interrupted" in result.stderr


def test_a_command_returns_its_exit_code(command):
    command(lambda: ExitCode.TILES_FAILED)
    assert call("run").exit_code == 1


def test_callers_may_take_exceptions_themselves(command):
    def fail():
        raise ConfigError("told")

    command(fail)
    with pytest.raises(ConfigError, match="told"):
        cli.main(["run"], standalone_mode=False)


def test_table_shows_sound_and_broken_plugins(install):
    install("mmearth-probe", PROBE)
    install("mmearth-broken", "raise ValueError('[bold]unclosed')")
    result = call("plugins")
    assert result.exit_code == 0
    (row,) = [line for line in result.output.splitlines() if "probe_heat" in line]
    for words in ("probe_heat, probe_kind", "yes", "mmearth-probe 1.0"):
        assert words in row
    assert "nowhere:DEPTH" in result.output
    assert "mmearth-broken 1.0" in result.output
    assert "[bold]unclosed" in result.output
    assert "refuses a configuration that uses one of them" in result.output


def test_table_without_any_plugin(monkeypatch):
    from mmearth_core.cli import plugins
    from mmearth_core.registry import Registry

    monkeypatch.setattr(plugins, "discover", lambda: Registry({}, {}))
    result = call("plugins")
    assert result.exit_code == 0
    assert "No modality is installed" in result.output
    assert "Broken" not in result.output


def test_json_holds_everything(install):
    install("mmearth-probe", PROBE)
    install("mmearth-broken", "raise ValueError('no')")
    result = call("plugins", "--json")
    assert result.exit_code == 0
    data = json.loads(result.output)
    (probe,) = [entry for entry in data["modalities"] if entry["name"] == "probe"]
    assert (probe["distribution"], probe["version"], probe["entry_point"]) == ("mmearth-probe", "1.0", "probe")
    assert probe["can_anchor"] is True
    assert probe["variants"] == ["day", "night"]
    assert probe["options"] == [{"key": "depth", "type": "a whole number", "default": "8", "help": "how deep"}]
    heat, kind = probe["layers"]
    assert (heat["kind"], heat["dtype"], heat["nodata"]) == ("regression", "float32", "-inf")
    assert [(band["name"], band["unit"]) for band in heat["bands"]] == [("heat", "K"), ("error", "1")]
    assert (kind["kind"], kind["dtype"], kind["nodata"]) == ("classes", "uint8", 255)
    assert kind["bands"][0]["classes"] == [{"value": 1, "name": "hot", "colour": "#808080"}]
    (engine,) = [entry for entry in data["engines"] if entry["name"] == "nowhere"]
    assert engine["shorthand"] == "depth"
    assert engine["options"][0]["default"] == "3"
    (broken,) = [fault for fault in data["broken"] if fault["distribution"] == "mmearth-broken"]
    assert "ValueError: no" in broken["problem"]
    assert "pip install --force-reinstall mmearth-broken" in broken["remedy"]
    assert broken["hides"] == "broken"
