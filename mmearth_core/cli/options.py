"""Options that several commands have, each written once."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mmearth_core.completion import engines, modalities

if TYPE_CHECKING:
    from mmearth_core.download.shard import Shard

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

PATH = click.Path(path_type=Path)
"""A file or a folder, which need not be there."""

FILE = click.Path(path_type=Path, dir_okay=False)

FOLDER = click.Path(path_type=Path, file_okay=False)

config_argument = click.argument("config", type=PATH)

dataset_argument = click.argument("dataset", metavar="DATASET", type=PATH)


def together(*options: Decorator) -> Decorator:
    """One decorator of several; the help shows their options in this order."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


def number_option(name: str, help: str, default: int | None = None, least: int = 1) -> Decorator:
    """An option that takes a whole number, at least `least`; without a default, None where it is not given."""
    kind, shown = click.IntRange(min=least), default is not None
    return click.option(name, type=kind, default=default, show_default=shown, metavar="N", help=help)


def workers_option(work: str = "count; by default one a core") -> Decorator:
    """`--workers`: how many processes work.

    Args:
        work: what they do, and how many of them by default.
    """
    return number_option("--workers", f"Processes that {work}.")


def seed_option(what: str) -> Decorator:
    """`--seed`, at first 0.

    Args:
        what: is the same with the same seed.
    """
    return number_option("--seed", f"Same seed, same {what}.", default=0, least=0)


def json_option(help: str = "Print the summary as JSON.") -> Decorator:
    """`--json`: for scripts; the command's `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help=help)


def engine_option(
    help: str = "Who answers, instead of the configuration's engine.",
    default: str | None = None,
    metavar: str = "NAME[:TEXT]",
) -> Decorator:
    """`--engine`: who answers; the shell completes the names of those installed."""
    return click.option(
        "--engine",
        default=default,
        show_default=default is not None,
        metavar=metavar,
        help=help,
        shell_complete=engines,
    )


def _shard(_ctx: click.Context, _option: click.Parameter, text: str | None) -> "Shard":
    from mmearth_core.download.shard import Shard, parse_shard, shard_from_slurm

    return (shard_from_slurm() if text is None else parse_shard(text)) or Shard()


def _names(_ctx: click.Context, _option: click.Parameter, text: str | None) -> list[str] | None:
    return None if text is None else [name.strip() for name in text.split(",") if name.strip()]


def share_options(modalities_help: str, limit_help: str) -> Decorator:
    """What a command that downloads takes: --engine, --shard, --modalities and --limit.

    The shard comes as a `Shard`, by default that of the Slurm array's task; modalities as a list of names, or None.
    """
    return together(
        engine_option(),
        click.option(
            "--shard",
            callback=_shard,
            metavar="I/N",
            help="Work share I (0 to N-1) of N; in a Slurm array, the task's by itself.",
        ),
        click.option("--modalities", callback=_names, metavar="A,B", help=modalities_help, shell_complete=modalities),
        number_option("--limit", limit_help),
    )
