"""How a command ends: what came of it, told to a script or to people, and the exit status."""

import json
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import click

from mmearth_core.errors import ExitCode

if TYPE_CHECKING:
    from rich.console import Console


def show(
    as_json: bool,
    facts: Mapping[str, Any],
    people: "Iterable[str] | Callable[[Console], object]",
    faulty: object = False,
    **style: Any,
) -> int:
    """Prints on standard output what came of a command.

    Args:
        as_json: whether a script reads it.
        facts: the summary as JSON.
        people: the summary's lines, or what prints it on a console.
        faulty: is true if tiles have failed or faults were found.
        style: further arguments of `json.dumps`.

    Returns:
        The exit status.
    """
    if as_json:
        click.echo(json.dumps(facts, indent=2, **{"allow_nan": False, **style}))
    elif callable(people):
        people(console())
    else:
        for line in people:
            click.echo(line)
    return int(ExitCode.TILES_FAILED if faulty else ExitCode.OK)


def console() -> "Console":
    """Standard output for texts with colours and tables; the terminal breaks long lines."""
    from rich.console import Console

    return Console(soft_wrap=True, highlight=False)
