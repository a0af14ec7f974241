"""Makes pages while mkdocs builds the site, from what is installed: modalities, commands, options and classes."""

from functools import cache
from typing import Any

import contract_page
from command_pages import command_pages
from configuration_page import PLACE, configuration_tables
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from modality_pages import modality_pages


@cache
def pages() -> dict[str, str]:
    """The Markdown of every generated page, by its path under docs/."""
    return {**modality_pages(), **command_pages()}


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Replaces FOLDER/* in the navigation by the pages of that folder."""
    config.nav = _expanded(config.nav)
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the pages to the site."""
    for place, text in pages().items():
        files.append(File.generated(config, place, content=text))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Adds the tables of all options to the page of the configuration file, and the classes to that of the contract."""
    if page.file.src_uri == contract_page.PLACE:
        return contract_page.with_references(markdown)
    return f"{markdown}\n{configuration_tables()}" if page.file.src_uri == PLACE else markdown


def _expanded(entry: Any) -> Any:
    if isinstance(entry, dict):
        return {title: _expanded(inside) for title, inside in entry.items()}
    if not isinstance(entry, list):
        return entry
    expanded: list[Any] = []
    for each in entry:
        if isinstance(each, str) and each.endswith("/*"):
            expanded += [place for place in pages() if place.startswith(each[:-1])]
        else:
            expanded.append(_expanded(each))
    return expanded
