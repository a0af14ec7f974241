"""Shared by the commands that make a dataset from others: options, and the summary of the new dataset."""

from typing import TYPE_CHECKING, Any, Protocol

import click

from mmearth_core.cli.common import PATH, Decorator, json_option, show, together, workers_option

if TYPE_CHECKING:
    from mmearth_core.paths import ProductPaths

in_argument = click.argument("source", metavar="IN", type=PATH)


out_argument = click.argument("out", type=PATH)


def making_options(work: str = "count; by default one per core") -> Decorator:
    """--overwrite, --workers and --json.

    Args:
        work: the task of the workers and their default number, for the help text.
    """
    overwrite = click.option("--overwrite", is_flag=True, help="Replace an existing dataset.")
    return together(overwrite, workers_option(work), json_option())


class Made(Protocol):
    """A new dataset."""

    @property
    def paths(self) -> "ProductPaths":
        """Its files."""

    @property
    def rows(self) -> int:
        """Its rows."""


def show_made(as_json: bool, made: Made, facts: dict[str, Any], *lines: str) -> None:
    """Prints the summary.

    Args:
        as_json: whether to print JSON.
        made: the new dataset.
        facts: JSON in addition to its file and rows.
        lines: lines of text before its file.
    """
    file = str(made.paths.hdf5)
    show(as_json, {"dataset": file, "rows": made.rows, **facts}, (*lines, f"Dataset: {file}"))
