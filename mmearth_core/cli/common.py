"""What commands share: options, shell completion and output."""

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from mmearth_core.errors import ExitCode
from mmearth_core.text import printable

if TYPE_CHECKING:
    from rich.console import Console

    from mmearth_core.download.selection import Shard
    from mmearth_core.registry import Registered


def finite(_ctx: click.Context, _option: click.Parameter, number: float | None) -> float | None:
    """Refuses infinity and NaN, which click takes for in range."""
    if number is not None and not math.isfinite(number):
        raise click.BadParameter(f"{number} is not a finite number.")
    return number


def engines(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Completes the installed engines; nothing after a colon, as that part belongs to the engine."""
    from mmearth_core.registry import discover

    return _items(discover().engines.values(), incomplete)


def modalities(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Completes the installed modalities, also the last of a list `A,B`; those listed already are not repeated."""
    from mmearth_core.registry import discover

    before, comma, last = incomplete.rpartition(",")
    taken = before.split(",")
    offered = [entry for name, entry in discover().modalities.items() if name not in taken]
    return _items(offered, last, before + comma)


def _items(entries: "Iterable[Registered[Any]]", incomplete: str, before: str = "") -> list[CompletionItem]:
    fitting = [entry for entry in entries if entry.name.startswith(incomplete)]
    return [CompletionItem(before + entry.name, help=str(entry.origin)) for entry in fitting]


Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


PATH = click.Path(path_type=Path)
"""A file or a folder, which need not exist."""

FILE = click.Path(path_type=Path, dir_okay=False)

FOLDER = click.Path(path_type=Path, file_okay=False)

config_argument = click.argument("config", type=PATH)


def together(*options: Decorator) -> Decorator:
    """Combines several decorators into one; the help shows their options in this order."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


def number_option(name: str, help: str, default: int | None = None, least: int = 1) -> Decorator:
    """An option for a whole number of at least `least`; without a default, it is None if not given."""
    return click.option(name, type=click.IntRange(least), default=default, show_default=True, metavar="N", help=help)


def workers_option(work: str = "count; by default one per core") -> Decorator:
    """`--workers`: the number of worker processes.

    Args:
        work: what they do, and their number by default; completes "Processes that".
    """
    return number_option("--workers", f"Processes that {work}.")


def seed_option(what: str) -> Decorator:
    """`--seed`, by default 0.

    Args:
        what: what is the same with the same seed.
    """
    return number_option("--seed", f"Same seed, same {what}.", default=0, least=0)


def json_option(help: str = "Print the summary as JSON.") -> Decorator:
    """`--json`, the command's argument `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help=help)


def engine_option(
    help: str = "Override the configured engine.", default: str | None = None, metavar: str = "NAME[:TEXT]"
) -> Decorator:
    """`--engine`; the shell completes the names of the installed engines."""
    return click.option(
        "--engine", default=default, show_default=True, metavar=metavar, help=help, shell_complete=engines
    )


def _shard(_ctx: click.Context, _option: click.Parameter, text: str | None) -> "Shard":
    from mmearth_core.download.selection import Shard, parse_shard, shard_from_slurm

    return (shard_from_slurm() if text is None else parse_shard(text)) or Shard()


def _names(_ctx: click.Context, _option: click.Parameter, text: str | None) -> list[str] | None:
    return None if text is None else [name.strip() for name in text.split(",") if name.strip()]


def share_options(modalities_help: str, limit_help: str) -> Decorator:
    """The options of a command that downloads: --engine, --shard, --modalities and --limit.

    The shard is a `Shard`, by default that of the Slurm array task; modalities are a list of names, or None.
    """
    return together(
        engine_option(),
        click.option(
            "--shard",
            callback=_shard,
            metavar="I/N",
            help="Download only share I (0 to N-1) of N; a task of a Slurm array takes its own share by default.",
        ),
        click.option("--modalities", callback=_names, metavar="A,B", help=modalities_help, shell_complete=modalities),
        number_option("--limit", limit_help),
    )


def show(
    as_json: bool,
    facts: Mapping[str, Any],
    text: "Iterable[str] | Callable[[Console], object]",
    faulty: object = False,
    **style: Any,
) -> int:
    """Prints the summary of a command on standard output.

    Args:
        as_json: whether to print JSON instead of text.
        facts: the summary as JSON.
        text: the lines of the text, or a function that prints it on a console.
        faulty: true if tiles have failed or faults were found.
        style: further arguments of `json.dumps`.

    Returns:
        The exit status.
    """
    if as_json:
        click.echo(json.dumps(facts, indent=2, **{"allow_nan": False, **style}))
    elif callable(text):
        text(console())
    else:
        for line in text:
            click.echo(printable(line, keep="\n"))
    return int(ExitCode.TILES_FAILED if faulty else ExitCode.OK)


def console() -> "Console":
    """Standard output with colours and tables; long lines are left to the terminal.

    Text of files, such as ids and reasons, cannot control the terminal.
    """
    from rich.console import Console
    from rich.segment import Segment

    class PrintableConsole(Console):
        def render(self, *arguments: Any, **options: Any) -> Iterator[Segment]:
            for text, style, control in super().render(*arguments, **options):
                yield Segment(text if control else printable(text, keep="\n"), style, control)

    return PrintableConsole(soft_wrap=True, highlight=False)
