"""What the registry holds: the modalities and engines in use, and what is wrong with the others."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Generic, TypeVar

from attrs import field, frozen

from mmearth_core.contract.engine import Engine
from mmearth_core.contract.modality import Modality
from mmearth_core.errors import PluginError
from mmearth_core.suggest import did_you_mean

T = TypeVar("T", Modality, Engine)


@frozen
class Origin:
    """Where a modality or engine comes from.

    Attributes:
        distribution: the installed distribution, as pip names it.
        version: its version.
        entry_point: the name of its entry point in the group `mmearth`.
    """

    distribution: str
    version: str
    entry_point: str

    def __str__(self) -> str:
        return f"{self.distribution} {self.version}"


@frozen
class PluginFault:
    """One thing that is wrong with an installed plugin.

    Attributes:
        distribution: the installed distribution, as pip names it.
        version: its version.
        entry_point: the name of its entry point in the group `mmearth`.
        problem: what was found, as whole sentences.
        remedy: what to do, as whole sentences.
    """

    distribution: str
    version: str
    entry_point: str
    problem: str
    remedy: str

    @classmethod
    def of(cls, origin: Origin, problem: str, remedy: str) -> "PluginFault":
        """A fault of `origin`; the remedy gains the way to get on without the plugin."""
        way_out = f"Until it is repaired, `pip uninstall {origin.distribution}` lets the other plugins work."
        return cls(origin.distribution, origin.version, origin.entry_point, problem, f"{remedy} {way_out}")

    def __str__(self) -> str:
        where = f"{self.distribution} {self.version} (entry point {self.entry_point!r})"
        return f"{where}: {self.problem} {self.remedy}"


@frozen
class Registered(Generic[T]):
    """One modality or engine, however its plugin returned it.

    Attributes:
        name: its name in the configuration.
        declared: what the hook returned, a class or an instance; read declarations from it.
        origin: the distribution and the entry point that it came through.
    """

    name: str
    declared: "type[T] | T"
    origin: Origin

    @property
    def distribution(self) -> str:
        """The installed distribution, as pip names it."""
        return self.origin.distribution

    @property
    def version(self) -> str:
        """The distribution's version."""
        return self.origin.version

    @property
    def entry_point(self) -> str:
        """The entry point's name."""
        return self.origin.entry_point

    @property
    def options_class(self) -> type:
        """The attrs class of its options."""
        return self.declared.Options

    @property
    def default_options(self) -> Any:
        """The options that hold where the configuration says nothing."""
        return self.declared.Options() if isinstance(self.declared, type) else self.declared.options

    def make(self, options: Any = None) -> T:
        """Returns an instance with these options, or with the default ones."""
        if isinstance(self.declared, type):
            return self.declared(options)
        return self.declared if options is None else self.declared.configured(options)


def _read_only(items: Mapping[str, Any]) -> Mapping[str, Any]:
    return MappingProxyType(dict(sorted(items.items())))


@frozen
class Registry:
    """All installed plugins.

    Attributes:
        modalities: the usable modalities by name, sorted.
        engines: the usable engines by name, sorted.
        faults: what is wrong with the plugins that are not usable.
    """

    modalities: Mapping[str, Registered[Modality]] = field(converter=_read_only)
    engines: Mapping[str, Registered[Engine]] = field(converter=_read_only)
    faults: tuple[PluginFault, ...] = ()

    def require(self) -> None:
        """Refuses to go on with a broken plugin.

        Raises:
            PluginError: names every broken plugin, its problem and the remedy.
        """
        if self.faults:
            count = len(self.faults)
            head = "An installed plugin is broken." if count == 1 else f"Installed plugins are broken, in {count} ways."
            raise PluginError(" ".join([head, *map(str, self.faults)]))

    def modality(self, name: str) -> Registered[Modality]:
        """The modality of that name.

        Raises:
            PluginError: when it is not installed; lists those that are, and the remedy.
        """
        return _named("modality", name, self.modalities, self.faults)

    def engine(self, name: str) -> Registered[Engine]:
        """The engine of that name.

        Raises:
            PluginError: when it is not installed; lists those that are, and the remedy.
        """
        return _named("engine", name, self.engines, self.faults)


def _named(
    what: str, name: str, installed: Mapping[str, Registered[T]], faults: tuple[PluginFault, ...]
) -> Registered[T]:
    if name in installed:
        return installed[name]
    listed = ", ".join(installed) or "none"
    hidden = ""
    if faults:
        hidden = " Broken plugins are not counted: " + ", ".join(sorted({fault.distribution for fault in faults})) + "."
    raise PluginError(
        f"No {what} {name!r} is installed.{did_you_mean(name, installed)} Installed: {listed}.{hidden} "
        f"If it is a plugin of its own, `pip install mmearth-{name}`; `mmearth-core plugins` shows what is there."
    )
