"""What the shell completes besides commands, options and files: the names of installed engines and modalities."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

if TYPE_CHECKING:
    from mmearth_core.registry import Registered


def engines(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The installed engines; nothing once a colon is typed, as what follows is the engine's own."""
    from mmearth_core.registry import discover

    return _items(discover().engines.values(), incomplete)


def modalities(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The installed modalities, for one name or the last one of a list `A,B`; those before it are not offered again."""
    from mmearth_core.registry import discover

    before, comma, last = incomplete.rpartition(",")
    taken = before.split(",")
    offered = [entry for name, entry in discover().modalities.items() if name not in taken]
    return _items(offered, last, before + comma)


def _items(entries: "Iterable[Registered[Any]]", incomplete: str, before: str = "") -> list[CompletionItem]:
    return [
        CompletionItem(before + entry.name, help=str(entry.origin))
        for entry in entries
        if entry.name.startswith(incomplete)
    ]
