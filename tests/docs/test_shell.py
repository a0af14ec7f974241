"""The program in a shell: what is completed, as docs/shell.md sets it up, and colours."""

import json
import os
import pty
import re
import shutil
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete
from click.testing import CliRunner

from mmearth_core import __version__
from mmearth_core.cli import main
from mmearth_core.registry import discover, engine_of

PAGE = (Path(__file__).parents[2] / "docs" / "shell.md").read_text()
COLOUR = re.compile(rb"\x1b\[(?:\d+;)*(?:3\d|4\d|9\d|10\d)(?:;\d+)*m")


def offered(*words: str) -> list[str]:
    """What is offered for the last word."""
    *before, incomplete = words
    return [item.value for item in ShellComplete(main, {}, "mmearth-core", "_X").get_completions(before, incomplete)]


@pytest.mark.parametrize(
    "command", [["run"], ["redownload"], ["tiles"], ["engine", "check"], ["demo"], ["plugin", "check"]], ids=" ".join
)
def test_engines_are_completed(command: list[str]) -> None:
    assert offered(*command, "--engine", "") == list(discover().engines)
    assert offered(*command, "--engine", "lo") == ["local"]


@pytest.mark.parametrize("command", ["run", "redownload"])
def test_modalities_are_completed_one_after_the_other(command: str) -> None:
    assert offered(command, "x.toml", "--modalities", "") == list(discover().modalities)
    assert offered(command, "x.toml", "--modalities", "sentinel2,sen") == [
        "sentinel2,sentinel1",
        "sentinel2,sentinel2_series",
    ]


def test_modalities_are_completed_for_the_kit() -> None:
    assert offered("plugin", "check", "aste") == ["aster"]


def test_commands_and_options_are_completed() -> None:
    assert offered("plu") == ["plugins", "plugin"]
    assert "localearth" in offered("")
    assert offered("run", "--ret") == ["--retry-failed"]


@pytest.mark.parametrize("command", ["run", "post", "verify", "view", "report", "slurm submit"])
def test_configurations_are_completed_as_files(command: str) -> None:
    items = ShellComplete(main, {}, "mmearth-core", "_X").get_completions(command.split(), "my")
    assert [(item.type, item.value) for item in items] == [("file", "my")]


def test_a_broken_plugin_does_not_disturb(install) -> None:
    install("mmearth-broken", "raise RuntimeError('no luck')")
    assert "earthengine" in offered("run", "--engine", "")


def test_a_share_that_is_refused_does_not_disturb(monkeypatch: pytest.MonkeyPatch) -> None:
    assert offered("run", "x.toml", "--shard", "9/4", "--ret") == ["--retry-failed"]
    monkeypatch.setenv("SLURM_ARRAY_TASK_ID", "3")  # alone it tells no share: `run` itself refuses it
    assert offered("redownload", "x.toml", "--ski") == ["--skipped"]


def test_bash_completes_as_the_page_sets_it_up() -> None:
    bash = shutil.which("bash")
    assert bash is not None
    (line,) = re.findall(r"^eval .*bash_source.*$", PAGE, re.MULTILINE)
    script = (
        f"{line}\nCOMP_WORDS=(mmearth-core run --engine lo)\nCOMP_CWORD=3\n"
        '_mmearth_core_completion mmearth-core lo --engine\necho "${COMPREPLY[@]}"'
    )
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [bash, "-c", script], env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False
    )
    assert done.stdout.split() == ["local"], done.stderr


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_the_page_names_what_the_program_answers_to(shell: str) -> None:
    assert f"_MMEARTH_CORE_COMPLETE={shell}_source mmearth-core" in PAGE
    done = CliRunner().invoke(main, [], prog_name="mmearth-core", env={"_MMEARTH_CORE_COMPLETE": f"{shell}_source"})
    assert f"_MMEARTH_CORE_COMPLETE={shell}_complete" in done.output


def test_version_names_the_core_and_every_distribution_with_plugins_or_commands() -> None:
    lines = CliRunner().invoke(main, ["--version"]).output.splitlines()
    assert lines[0] == f"mmearth-core {__version__}"
    offers = [*entry_points(group="mmearth"), *entry_points(group="mmearth.commands")]
    assert set(lines) == {f"{offer.dist.name} {offer.dist.version}" for offer in offers if offer.dist is not None}
    assert {"mmearth-curate", "mmearth-viz", "mmearth-preflight"} <= {line.split()[0] for line in lines}


def on_a_terminal(*words: str, **environment: str) -> bytes:
    """What a command writes to a terminal."""
    ours, theirs = pty.openpty()
    kept = {key: value for key, value in os.environ.items() if key not in {"NO_COLOR", "FORCE_COLOR", "COLORTERM"}}
    with subprocess.Popen(
        [sys.executable, "-m", "mmearth_core", *words],
        env={**kept, "TERM": "xterm-256color", **environment},
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
    ):
        os.close(theirs)
        heard = b""
        while piece := read(ours):
            heard += piece
    os.close(ours)
    return heard


def read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # how Linux tells that the other end is closed
        return b""


CONFIG = """
[dataset]
name = "mydata"
tiles = "tiles.geojson"
[run]
engine = "local"
[engines.local]
world = "virginia"
[modalities.sentinel2]
"""


@pytest.mark.slow
def test_colours_are_only_on_a_terminal_and_off_with_no_color(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    demo = engine_of(discover(), "local").demo()
    assert demo is not None
    monkeypatch.chdir(tmp_path)
    Path("tiles.geojson").write_text(json.dumps({**demo.tiles, "features": demo.tiles["features"][:2]}))
    Path("mydata.toml").write_text(CONFIG)
    words = ["run", "mydata.toml", "--limit"]
    assert COLOUR.search(on_a_terminal(*words, "1"))  # the bar
    assert COLOUR.search(on_a_terminal(*words, "2", NO_COLOR="1")) is None
    piped = subprocess.run([sys.executable, "-m", "mmearth_core", *words, "2"], capture_output=True, check=True)
    assert b"\x1b" not in piped.stdout + piped.stderr
