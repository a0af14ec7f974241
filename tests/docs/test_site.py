"""The site is built with every link checked, has a page for whatever is installed, and needs nothing from elsewhere."""

import os
import re
import subprocess
import sys
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pytest
from mmearth_devkit.command_tree import walk

from mmearth_core.cli import main
from mmearth_core.config.schema import DatasetOptions, RunOptions
from mmearth_core.config.structure import describe
from mmearth_core.registry import discover

ROOT = Path(__file__).parents[2]
MODALITIES = discover().modalities


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
        cwd=ROOT,
        env={
            **os.environ,
            "NO_MKDOCS_2_WARNING": "1",
            "http_proxy": "http://127.0.0.1:9",
            "https_proxy": "http://127.0.0.1:9",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder


def plain(page: Path) -> str:
    """A page's text, its tags taken out."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page.read_text())).split())


def closed_up(text: str) -> str:
    """A text without the spaces around punctuation that `plain` leaves where code ends."""
    return re.sub(r" ([,:;.)])", r"\1", text).replace("( ", "(")


class Loaded(HTMLParser):
    """Collects the resources that a page loads, without the links."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.found += [given["src"] or ""] if "src" in given else []
        if tag == "link" and given.get("rel") != "canonical":
            self.found.append(given.get("href") or "")


def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    for page in site.rglob("*.html"):
        loaded = Loaded()
        loaded.feed(page.read_text())
        assert loaded.found
        assert [target for target in loaded.found if re.match(r"(https?:)?//", target)] == []


@pytest.mark.parametrize("name", MODALITIES)
def test_page_of_a_modality_tells_all_that_it_declares(name: str, site: Path) -> None:
    text, entry = plain(site / "modalities" / f"{name}.html"), MODALITIES[name]
    for layer in entry.declared.layers:
        assert f"no-data {layer.nodata}" in text
        few = layer.bands if len(layer.bands) <= 40 else layer.bands[:3]
        told = [" ".join((band.name, "" if band.classes else band.unit, band.description)) for band in few]
        assert [words for words in told if " ".join(words.split()) not in text] == []
        assert [label for band in few for label in band.classes if f"{label.value} {label.name}" not in text] == []
    for key in describe(entry.options_class):
        assert f"{key.key} {key.type}" in text
        assert " ".join(key.help.replace("`", "").split()) in closed_up(text)
    for words in (entry.origin.distribution, *entry.declared.assets, entry.declared.licence, entry.declared.citation):
        assert words in text


def test_the_configuration_page_has_every_key_with_its_default_and_help(site: Path) -> None:
    text = plain(site / "configuration.html")
    registry = discover()
    keys = [*describe(DatasetOptions), *describe(RunOptions)]
    for entry in (*registry.modalities.values(), *registry.engines.values()):
        keys += describe(entry.options_class, entry.default_options)
    assert {"image_size", "give_up_after", "cloud_percentage", "project"} <= {key.key for key in keys}
    for key in keys:
        assert key.help, f"{key.key} has no help"
        row = f"{key.key} {key.type} {'required' if key.default is None else key.default} {key.help.replace('`', '')}"
        assert closed_up(" ".join(row.split())) in closed_up(text)


def test_assets_that_are_declared_are_those_of_the_default_options() -> None:
    for entry in MODALITIES.values():
        defaults = [key.default for key in describe(entry.options_class, entry.default_options)]
        assert [asset for asset in entry.declared.assets if f'"{asset}"' not in defaults] == []


def test_shipped_modalities_with_assets_state_licence_and_citation() -> None:
    stated = {name: entry for name, entry in MODALITIES.items() if entry.declared.assets}
    assert {"aster", "era5", "sentinel1", "sentinel2"} < set(stated)
    assert [name for name, e in stated.items() if not (e.declared.licence and e.declared.citation)] == []


def test_reference_has_every_command_and_option(site: Path) -> None:
    for ctx in walk(main):
        words = ctx.command_path.split()
        text = plain(site / "commands" / f"{words[1] if len(words) > 1 else 'mmearth-core'}.html")
        assert ctx.command_path in text
        for option in (each for each in ctx.command.params if not getattr(each, "hidden", False)):
            names = [name for name in option.opts if name.startswith("--")]
            assert [name for name in names if name not in text] == []


def test_what_makes_the_pages_is_not_part_of_the_site(site: Path) -> None:
    assert not (site / "generate").exists()
