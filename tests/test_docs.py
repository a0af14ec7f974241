"""The documentation: what the README shows is run, and links lead somewhere."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from mmearth_core.cli import main

ROOT = Path(__file__).parent.parent
PAGES = sorted([ROOT / "README.md", *ROOT.glob("docs/*.md"), *ROOT.glob("plugins/*/README.md")])
COMMAND = re.compile(r"^(?:    |\$ |`)?(mmearth-core [^`#\n]*)", re.MULTILINE)

FOREIGN = {"elevation"}
"""Commands of the plugin that docs/plugins.md has as its example."""


def page_id(page: Path) -> str:
    return str(page.relative_to(ROOT))


def shown_commands() -> list[str]:
    found = {command.strip() for page in PAGES for command in COMMAND.findall(page.read_text())}
    return sorted(command for command in found if "..." not in command and command.split()[1] not in FOREIGN)


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_links_lead_to_files(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if "://" not in target:
            assert (page.parent / target.partition("#")[0]).exists(), target


def test_every_page_of_docs_is_linked_from_the_readme() -> None:
    text = (ROOT / "README.md").read_text()
    assert [page.name for page in ROOT.glob("docs/*.md") if f"docs/{page.name}" not in text] == []


@pytest.mark.parametrize("command", shown_commands())
def test_every_command_shown_is_understood(command: str) -> None:
    _, *words = shlex.split(command)
    # With --help nothing is done, but every command and option must exist.
    outcome = CliRunner().invoke(main, [*words, "--help"])
    assert outcome.exit_code == 0, outcome.output


def test_the_readmes_configuration_runs(tmp_path: Path) -> None:
    (config,) = re.findall(r"```toml\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    (tmp_path / "mydata.toml").write_text(config)

    def mmearth(*words: str) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "mmearth_core", *words], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr

    mmearth("demo", "demo")
    (tmp_path / "demo" / "tiles.geojson").rename(tmp_path / "tiles.geojson")
    # As the README says, but answered by the engine that needs no account.
    mmearth("run", "mydata.toml", "--engine", "local:virginia", "--limit", "2")
    assert len(list((tmp_path / "mydata" / "stacks" / "base" / "00000").glob("*.tif"))) == 2
