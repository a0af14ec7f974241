"""Walks the tree of commands, for the reference pages and for tests of every command's help."""

from collections.abc import Iterator

import click


def walk(
    command: click.Command, parent: click.Context | None = None, name: str = "mmearth-core"
) -> Iterator[click.Context]:
    """A context for the command and for each command below it, in the listed order, without hidden ones.

    Args:
        command: the root.
        parent: the context of its parent; None at the top.
        name: its name within the parent.
    """
    ctx = click.Context(command, info_name=name, parent=parent, **command.context_settings)
    yield ctx
    if isinstance(command, click.Group):
        for below in command.list_commands(ctx):
            child = command.get_command(ctx, below)
            if child is not None and not child.hidden:
                yield from walk(child, ctx, below)
