"""Makes pages while mkdocs builds the site: one per installed modality, and one per command."""

from functools import cache
from typing import Any

from command_pages import command_pages
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
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
