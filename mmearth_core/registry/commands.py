"""The commands of the command line: the core's own, and those that installed distributions add.

Distributions add commands through the entry-point group `mmearth.commands`. They are listed from the distributions'
metadata; a command's module is imported when it is used.
"""

import ast
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

import click
from attrs import frozen

from mmearth_core.errors import PluginError
from mmearth_core.registry.load import Offer, PluginFault, find_offers, settle

GROUP = "mmearth.commands"
"""The entry-point group; an entry point's name is the command's."""

COMMANDS = {
    "tiles": "Sample tiles worldwide, or make them from your own places.",
    "run": "Download every tile of a configuration; run it again to continue.",
    "status": "Show the progress of a dataset, also while it is downloaded.",
    "redownload": "Download failed and returned tiles again.",
    "post": "Make HDF5, statistics and splits of the downloaded tiles.",
    "slurm": "Submit the download and all later steps to a Slurm cluster.",
    "plugins": "List the installed modalities and engines, and the broken plugins.",
}
"""The core's commands, each with its line of help, so that listing them imports none."""

ELSEWHERE = {
    **dict.fromkeys(("verify", "merge", "subset", "resize", "fetch"), "mmearth-curate"),
    **dict.fromkeys(("view", "report", "map", "demo"), "mmearth-viz"),
    **dict.fromkeys(("plugin", "engine"), "mmearth-devkit"),
    **dict.fromkeys(("plan", "doctor"), "mmearth-preflight"),
    "localearth": "mmearth-localearth",
}
"""Commands of this repository's other distributions, and the distribution to install for each."""


@frozen
class Command(Offer):
    """A command that one installed distribution offers; the entry point's name is the command's."""

    @property
    def help(self) -> str:
        """One line for the list: the first line of the module's docstring, read without importing the module."""
        return _first_line(self.entry_point.module) or f"from {self.origin.distribution}"

    def load(self) -> click.Command:
        """Imports the command.

        Raises:
            PluginError: when that fails, or it is not a click command.
        """
        value = self.entry_point.value
        prefix = f"The command {self.origin.entry_point!r} of {self.origin}"
        remedy = f"Repair it, or `pip install --force-reinstall {self.origin.distribution}`."
        try:
            command = self.entry_point.load()
        except Exception as error:  # importing runs the plugin's code: anything may come
            found = f"cannot be imported from {value!r}: {type(error).__name__}: {error}"
            raise PluginError(f"{prefix} {found}. {remedy}") from error
        if not isinstance(command, click.Command):
            raise PluginError(f"{prefix}: {value!r} is {command!r}, which is not a click command or group. {remedy}")
        return command


def _first_line(module: str) -> str | None:
    """The first line of a module's docstring; None when its source is not found or has none."""
    top, *rest = module.split(".")
    try:
        spec = find_spec(top)  # imports nothing, as the name has no dot
        if spec is None:
            return None
        paths = [Path(folder, *rest) for folder in spec.submodule_search_locations or ()] or [Path(spec.origin or "")]
        files = [file for path in paths for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file()]
        text = ast.get_docstring(ast.parse(files[0].read_bytes())) if files else None
    except (ImportError, OSError, SyntaxError, ValueError):
        return None
    return text.partition("\n")[0] if text else None


@frozen
class Commands:
    """All commands that plugins offer.

    Attributes:
        usable: by name, sorted.
        faults: of the commands that have the name of another one or of a command of the core; none of them is used.
    """

    usable: Mapping[str, Command]
    faults: tuple[PluginFault, ...] = ()


def offered() -> Commands:
    """The commands that the installed distributions offer; imports none of them."""
    offers = [Command(offer.origin, offer.entry_point) for offer in find_offers(GROUP)]
    usable, faults = settle(offers, "command", lambda offer: [offer.origin.entry_point], reserved=COMMANDS)
    return Commands({command.origin.entry_point: command for command in usable}, tuple(faults))
