"""Walks the tree of commands: for the reference of the documentation, and for tests of every command's help."""

from collections.abc import Iterator

import click


def walk(
    command: click.Command, parent: click.Context | None = None, name: str = "mmearth-core"
) -> Iterator[click.Context]:
    """A context for the command and for each command below it, in the order of the lists; hidden ones left out.

    Args:
        command: where to begin.
        parent: its parent's context; None for the root.
        name: its name within the parent.
    """
    ctx = click.Context(command, info_name=name, parent=parent, **command.context_settings)
    yield ctx
    if isinstance(command, click.Group):
        for below in command.list_commands(ctx):
            found = command.get_command(ctx, below)
            if found is not None and not found.hidden:
                yield from walk(found, ctx, below)
