"""Commands that plugins add to the command line, through the entry-point group `mmearth.commands`.

They are listed from the installed distributions' metadata; a command's module is imported when it is used.
"""

from collections.abc import Collection, Mapping
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType

import click
from attrs import field, frozen

from mmearth_core.errors import PluginError
from mmearth_core.registry.load import origin_of
from mmearth_core.registry.model import Origin, PluginFault

GROUP = "mmearth.commands"
"""The entry-point group; an entry point's name is the command's."""


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
        """One line for the list; the command's own would need the import."""
        return f"from {self.origin.distribution}"

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


def offered(core: Collection[str]) -> Offers:
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
