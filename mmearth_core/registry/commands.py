"""The commands of the command line: the core's own, and those that installed distributions add.

Distributions add commands through the entry-point group `mmearth.commands`. They are listed from the distributions'
metadata; a command's module is imported when it is used.
"""

import ast
from collections.abc import Collection, Mapping
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType

import click
from attrs import field, frozen

from mmearth_core.errors import PluginError
from mmearth_core.registry.load import Origin, PluginFault, origin_of

GROUP = "mmearth.commands"
"""The entry-point group; an entry point's name is the command's."""

COMMANDS = {
    "tiles": "Sample tiles all over the world, or make them of your own places.",
    "run": "Download every tile of a configuration; run it again to continue.",
    "status": "Show the progress of a dataset, also while it is downloaded.",
    "redownload": "Download failed and returned tiles again.",
    "post": "Make HDF5, statistics and splits of what was downloaded.",
    "slurm": "Submit the download and all that follows to a Slurm cluster.",
    "plugins": "List the installed modalities and engines, and the broken ones.",
}
"""The core's commands, each with its line of help, so that listing them imports none."""

ELSEWHERE = {
    **dict.fromkeys(("verify", "merge", "subset", "resize", "fetch"), "mmearth-curate"),
    **dict.fromkeys(("view", "report", "map", "demo"), "mmearth-viz"),
    **dict.fromkeys(("plugin", "engine"), "mmearth-devkit"),
    "plan": "mmearth-preflight",
    "localearth": "mmearth-localearth",
}
"""Commands of this repository's other distributions, and the distribution to install for each."""


@frozen
class Offer:
    """A command that one installed distribution offers.

    Attributes:
        origin: the distribution; its `entry_point` is the command's name.
        entry_point: where the command is.
    """

    origin: Origin
    entry_point: EntryPoint

    @property
    def help(self) -> str:
        """One line for the list: the first line of the module's docstring, read without importing the module."""
        return _first_line(self.entry_point.module) or f"from {self.origin.distribution}"

    def load(self) -> click.Command:
        """Imports the command.

        Raises:
            PluginError: when that fails, or it is no click command.
        """
        value = self.entry_point.value
        who = f"The command {self.origin.entry_point!r} of {self.origin}"
        remedy = f"Repair it, or `pip install --force-reinstall {self.origin.distribution}`."
        try:
            command = self.entry_point.load()
        except Exception as error:  # importing runs the plugin's code: anything may come
            raise PluginError(
                f"{who} cannot be imported from {value!r}: {type(error).__name__}: {error}. {remedy}"
            ) from error
        if not isinstance(command, click.Command):
            raise PluginError(f"{who}: {value!r} is {command!r}, which is no click command or group. {remedy}")
        return command


def _first_line(module: str) -> str | None:
    """The first line of a module's docstring; None when its source is not found or has none."""
    top, *rest = module.split(".")
    try:
        spec = find_spec(top)  # imports nothing, as the name has no dot
    except (ImportError, ValueError):
        return None
    if spec is None:
        return None
    if rest:
        candidates = [Path(root, *rest) for root in spec.submodule_search_locations or ()]
        files = [file for path in candidates for file in (path.with_suffix(".py"), path / "__init__.py")]
    else:
        files = [Path(spec.origin)] if spec.origin else []
    for file in files:
        if file.is_file():
            try:
                text = ast.get_docstring(ast.parse(file.read_bytes()))
            except (OSError, SyntaxError, ValueError):
                return None
            return text.partition("\n")[0] if text else None
    return None


def _read_only(offers: Mapping[str, Offer]) -> Mapping[str, Offer]:
    return MappingProxyType(dict(sorted(offers.items())))


@frozen
class Offers:
    """All commands that plugins offer.

    Attributes:
        usable: by name, sorted.
        faults: those that share a name with another one or with a command of the core; none of them is used.
    """

    usable: Mapping[str, Offer] = field(converter=_read_only)
    faults: tuple[PluginFault, ...] = ()

    def clash(self, name: str) -> str | None:
        """Why a command of that name is not used, or None."""
        faults = [str(fault) for fault in self.faults if fault.entry_point == name]
        return " ".join(faults) or None


def offered(core: Collection[str] = COMMANDS) -> Offers:
    """Lists what the installed distributions offer; imports none of it.

    Args:
        core: names of the core's own commands, which no plugin can take.
    """
    by_name: dict[str, list[Offer]] = {}
    for entry_point in entry_points(group=GROUP):
        by_name.setdefault(entry_point.name, []).append(Offer(origin_of(entry_point), entry_point))
    usable: dict[str, Offer] = {}
    faults = []
    for name, offers in sorted(by_name.items()):
        offers.sort(key=lambda offer: offer.origin.distribution)
        if name not in core and len(offers) == 1:
            usable[name] = offers[0]
            continue
        for offer in offers:
            others = [str(other.origin) for other in offers if other is not offer]
            also = " and by ".join([*(["mmearth-core itself"] if name in core else []), *others])
            faults.append(
                PluginFault.of(
                    offer.origin,
                    f"The command {name!r} is also offered by {also}; the plugin's is not used.",
                    f"Rename it in the plugin's entry-point group {GROUP}, or keep only one of the distributions.",
                )
            )
    return Offers(usable, tuple(faults))
