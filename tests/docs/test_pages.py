"""The pages: they lead somewhere, they are all in the navigation, and what the README shows runs."""

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from mmearth_core.cli import main
from mmearth_core.registry import discover, engine_of

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([ROOT / "README.md", *DOCS.glob("*.md"), *ROOT.glob("plugins/*/README.md")])
LINK = re.compile(r"\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)


def page_id(page: Path) -> str:
    return str(page.relative_to(ROOT))


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub and mkdocs make them."""
    heads = re.findall(r"^#+ (.+)$", FENCE.sub("", page.read_text()), re.MULTILINE)
    return {re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", head).strip().lower()) for head in heads}


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_links_lead_to_files_and_headings(page: Path) -> None:
    for target in LINK.findall(FENCE.sub("", page.read_text())):
        if "://" in target:
            continue
        place, _, anchor = target.partition("#")
        other = page.parent / place if place else page
        assert other.exists(), target
        assert not anchor or anchor in anchors(other), target


def test_every_page_is_in_the_navigation() -> None:
    listed = re.findall(r"^ +- (\S+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.MULTILINE)
    assert sorted(listed) == sorted(page.name for page in DOCS.glob("*.md"))


def test_every_picture_is_shown() -> None:
    text = "".join(page.read_text() for page in PAGES)
    assert [path.name for path in DOCS.glob("images/*") if f"images/{path.name}" not in text] == []


def test_the_readmes_configuration_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (config,) = re.findall(r"```toml\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    demo = engine_of(discover(), "local").demo()
    assert demo is not None
    (tmp_path / "mydata.toml").write_text(config)
    (tmp_path / "tiles.geojson").write_text(json.dumps(demo.tiles))
    monkeypatch.chdir(tmp_path)
    # As the README says, but answered by the engine that needs no account.
    done = CliRunner().invoke(main, ["run", "mydata.toml", "--engine", "local:virginia", "--limit", "2"])
    assert done.exit_code == 0, done.output
    assert len(list((tmp_path / "mydata" / "stacks" / "base" / "00000").glob("*.tif"))) == 2
