"""The help of every command, the plugins' too: it has examples, and each example is a command that is understood."""

import re
import shlex

import click
import pytest
from mmearth_devkit.command_tree import walk

from mmearth_core.cli import main

COMMANDS = {ctx.command_path: ctx.command for ctx in walk(main)}


def examples(command: click.Command) -> list[str]:
    """The program's lines below `Examples:`, without the words beside them and without what they are piped into."""
    _, _, after = (command.help or "").partition("Examples:\n")
    lines = after.partition("\n\n")[0].splitlines()
    shown = [re.split(r"\s{2,}| \| | > ", line.strip())[0] for line in lines if line.strip()]
    return [line for line in shown if line.startswith("mmearth-core")]


def understand(words: list[str]) -> None:
    """Parses a whole command line, the values of its options included, and does nothing.

    Raises:
        click.UsageError: for an unknown command or option, a value that is refused, or a missing one.
    """
    command: click.Command = main
    ctx = main.make_context("mmearth-core", list(words))
    while isinstance(command, click.Group) and (rest := [*ctx._protected_args, *ctx.args]):
        name, command, rest = command.resolve_command(ctx, rest)  # type: ignore[assignment]
        ctx = command.make_context(name, rest, parent=ctx)


@pytest.mark.parametrize("path", COMMANDS)
def test_help_has_examples_that_are_understood(path: str) -> None:
    found = examples(COMMANDS[path])
    assert found, f"the help of `{path}` shows no example"
    for example in found:
        understand(shlex.split(example)[1:])
    assert any(example.startswith(path) for example in found) or path == "mmearth-core"


def test_what_is_not_understood_is_seen() -> None:
    for wrong in (["run"], ["run", "a.toml", "--limit", "no"], ["run", "a.toml", "--limt", "3"], ["post", "hdf"]):
        with pytest.raises(click.UsageError):
            understand([*wrong, "--nothing"] if wrong[0] == "post" else wrong)
