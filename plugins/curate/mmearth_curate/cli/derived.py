"""What the commands share that make a dataset of others: options, and what is told of the new dataset."""

from typing import TYPE_CHECKING, Any, Protocol

import click

from mmearth_core.cli.common import PATH, Decorator, json_option, show, together, workers_option

if TYPE_CHECKING:
    from mmearth_curate.derive.files import DatasetFiles

in_argument = click.argument("source", metavar="IN", type=PATH)


out_argument = click.argument("out", type=PATH)


def making_options(work: str = "count; by default one a core") -> Decorator:
    """--overwrite, --workers and --json.

    Args:
        work: what the workers do, and how many they are by default.
    """
    overwrite = click.option("--overwrite", is_flag=True, help="Replace a dataset that is there already.")
    return together(overwrite, workers_option(work), json_option())


class Made(Protocol):
    """A dataset that was made."""

    @property
    def files(self) -> "DatasetFiles":
        """Its files."""

    @property
    def rows(self) -> int:
        """Its rows."""


def show_made(as_json: bool, made: Made, facts: dict[str, Any], *lines: str) -> None:
    """Prints what came of it.

    Args:
        as_json: whether a script reads it.
        made: the new dataset.
        facts: what a script is told besides its file and rows.
        lines: what people are told before its file.
    """
    file = str(made.files.hdf5)
    show(as_json, {"dataset": file, "rows": made.rows, **facts}, (*lines, f"Dataset: {file}"))
