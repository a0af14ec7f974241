"""Loads the plugins' entry points, checks what they declare, and reports what is wrong."""

import inspect
import traceback
from importlib.metadata import EntryPoint
from typing import Any, Generic, TypeVar, cast

import attrs
import pluggy
from attrs import field, frozen

from mmearth_core.contract import hooks
from mmearth_core.contract.bands import Layer, check_name
from mmearth_core.contract.engine import Engine
from mmearth_core.contract.hooks import GROUP
from mmearth_core.contract.modality import API_VERSION, Modality
from mmearth_core.errors import DeclarationError
from mmearth_core.text import did_you_mean

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


class InvalidPlugin(Exception):  # noqa: N818 - a finding, never shown to a user as an exception
    """What is wrong with one declared modality or engine, and the remedy."""

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(problem, remedy)
        self.problem = problem
        self.remedy = remedy


def register(item: Any, base: type[T], hook: str, origin: Origin) -> Registered[T]:
    """Checks one thing that a hook returned, and makes it uniform.

    Raises:
        Unfit: when it is no modality (engine), or declares something impossible.
    """
    what = base.__name__
    if not isinstance(item, base) and not (isinstance(item, type) and issubclass(item, base)):
        raise InvalidPlugin(
            f"{hook}() returned {item!r}, which is no {what}.",
            f"Return a list of subclasses (or instances) of mmearth_core.{what}.",
        )
    cls = item if isinstance(item, type) else type(item)
    label = f"The {what.lower()} {cls.__module__}.{cls.__qualname__}"
    _check_version(item, label)
    name = getattr(item, "name", None)
    if not isinstance(name, str) or not name:
        raise InvalidPlugin(f"{label} has no name.", 'Give it a class attribute `name = "..."`.')
    _check_options(item, label)
    if base is Modality:
        _check_layers(item, label)
        _check_terms(item, label)
    else:
        _check_shorthand(item, label)
    if inspect.isabstract(cls):
        undefined = ", ".join(sorted(getattr(cls, "__abstractmethods__", ())))
        raise InvalidPlugin(f"{label} does not define {undefined}().", "Define it.")
    entry: Registered[T] = Registered(name, item, origin)
    try:
        check_name(entry.make(), cast(Any, None), name)
    except DeclarationError as error:
        raise InvalidPlugin(f"{label}: {error}", "Choose another name.") from error
    except Exception as error:  # a plugin's own code may raise anything
        raise InvalidPlugin(
            f"{label} cannot be made from its default options: {type(error).__name__}: {error}",
            "It must be constructible as `Class(options)`.",
        ) from error
    return entry


def _check_version(item: Any, label: str) -> None:
    version = getattr(item, "api_version", None)
    if version is None:
        raise InvalidPlugin(
            f"{label} states no api_version.", f"Give it a class attribute `api_version = {API_VERSION}`."
        )
    if version != API_VERSION:
        newer = isinstance(version, int) and version > API_VERSION
        raise InvalidPlugin(
            f"{label} was written for version {version!r} of the plugin contract; this mmearth-core has {API_VERSION}.",
            "`pip install --upgrade mmearth-core`." if newer else "Install a newer version of the plugin.",
        )


def _check_options(item: Any, label: str) -> None:
    options = item.Options
    if not (isinstance(options, type) and attrs.has(options)):
        raise InvalidPlugin(
            f"{label} has Options {options!r}, which is no attrs class.", "Decorate it with `@attrs.frozen`."
        )
    lacking = [a.name for a in attrs.fields(options) if a.init and a.default is attrs.NOTHING]
    if lacking:
        raise InvalidPlugin(
            f"{label} has options without a default: {', '.join(lacking)}.",
            "Give every field of Options a default, so that the plugin works without configuration.",
        )
    if not isinstance(item, type) and not isinstance(getattr(item, "options", None), options):
        raise InvalidPlugin(
            f"{label} is an instance whose `options` are no {options.__name__}.", "Call super().__init__()."
        )


def _check_shorthand(item: Any, label: str) -> None:
    if item.shorthand is not None and item.shorthand not in attrs.fields_dict(item.Options):
        raise InvalidPlugin(
            f"{label} has the shorthand {item.shorthand!r}, which is no key of its Options.",
            "Set `shorthand` to the name of one of its options, or to None.",
        )


def _check_layers(item: Any, label: str) -> None:
    layers = getattr(item, "layers", None)
    if not isinstance(layers, tuple) or not all(isinstance(layer, Layer) for layer in layers):
        raise InvalidPlugin(
            f"{label} declares layers = {layers!r}, which is no tuple of Layer.",
            "Give it a class attribute `layers = (Layer(...),)`.",
        )
    # An anchor may give nothing but dates and grids; any other modality without a layer is a mistake.
    if not layers and not item.can_anchor():
        raise InvalidPlugin(f"{label} declares no layer.", "Give it a class attribute `layers = (Layer(...),)`.")
    names = [layer.name for layer in layers]
    if len(set(names)) != len(names):
        raise InvalidPlugin(f"{label} declares a layer twice: {', '.join(names)}.", "Rename one of them.")


def _check_terms(item: Any, label: str) -> None:
    assets = item.assets
    if not isinstance(assets, tuple) or not all(isinstance(asset, str) and asset for asset in assets):
        raise InvalidPlugin(
            f"{label} declares assets = {assets!r}, which is no tuple of ids.", 'Write `assets = ("ID",)`.'
        )
    for name in ("licence", "citation"):
        if not isinstance(getattr(item, name), str):
            raise InvalidPlugin(
                f"{label} declares {name} = {getattr(item, name)!r}, which is no text.", "Give it as a string."
            )


HOOKS: dict[str, type[Modality] | type[Engine]] = {"mmearth_modalities": Modality, "mmearth_engines": Engine}
"""Each hook, and what it returns."""


@frozen
class Loaded:
    """What one entry point gave.

    Attributes:
        origin: where it comes from.
        modalities: the sound modalities.
        engines: the sound engines.
        faults: what is wrong with the rest.
    """

    origin: Origin
    modalities: list[Registered[Modality]] = field(factory=list)
    engines: list[Registered[Engine]] = field(factory=list)
    faults: list[PluginFault] = field(factory=list)

    def blame(self, problem: str, remedy: str) -> None:
        """Adds a fault."""
        self.faults.append(PluginFault.of(self.origin, problem, remedy))


def origin_of(entry_point: EntryPoint) -> Origin:
    """The distribution that offers an entry point."""
    dist = entry_point.dist
    name, version = (dist.metadata["Name"], dist.metadata["Version"]) if dist else (None, None)
    return Origin(name or "(a distribution without a name)", version or "?", entry_point.name)


def load(entry_point: EntryPoint) -> Loaded:
    """Imports an entry point and collects what its hooks declare. Never raises for the plugin's mistakes."""
    loaded = Loaded(origin_of(entry_point))
    try:
        plugin = entry_point.load()
    except (Exception, SystemExit) as error:  # noqa: BLE001 - importing runs the plugin's code: anything may come
        loaded.blame(
            f"It cannot be imported from {entry_point.value!r}: {_own_line(error, entry_point.module)}.",
            "Repair that line, install what it misses, or reinstall the plugin "
            f"(`pip install --force-reinstall {loaded.origin.distribution}`).",
        )
        return loaded
    _call_hooks(plugin, entry_point, loaded)
    return loaded


def _call_hooks(plugin: Any, entry_point: EntryPoint, loaded: Loaded) -> None:
    manager = pluggy.PluginManager(GROUP)  # one for each plugin, so that none can spoil another's calls
    manager.add_hookspecs(hooks)
    try:
        manager.register(plugin, name=entry_point.name)
    except pluggy.PluginValidationError as error:
        loaded.blame(
            f"{' '.join(str(error).split()).rstrip('.')}.", "The hooks take no argument: correct the signature."
        )
        return
    found = {caller.name for caller in manager.get_hookcallers(plugin) or [] if caller.name in HOOKS}
    _report_misnamed(plugin, manager, loaded)
    if not found and not loaded.faults:
        loaded.blame(
            f"Its entry point {entry_point.value!r} offers no hook.",
            f"Define one of {', '.join(HOOKS)} there, with @mmearth_core.hookimpl above it.",
        )
    for hook in sorted(found):
        base = HOOKS[hook]
        try:
            items = [item for result in getattr(manager.hook, hook)() for item in _listed(hook, result)]
        except InvalidPlugin as unfit:
            loaded.blame(unfit.problem, unfit.remedy)
            continue
        except Exception as error:  # noqa: BLE001 - the hook is the plugin's code: anything may come
            loaded.blame(f"{hook}() failed: {_own_line(error, entry_point.module)}.", "Repair that line.")
            continue
        if not items:
            loaded.blame(f"{hook}() returned nothing.", f"Return a list of {base.__name__} classes, or drop the hook.")
        for item in items:
            try:
                if base is Modality:
                    loaded.modalities.append(register(item, Modality, hook, loaded.origin))
                else:
                    loaded.engines.append(register(item, Engine, hook, loaded.origin))  # type: ignore[type-abstract]
            except InvalidPlugin as unfit:
                loaded.blame(unfit.problem, unfit.remedy)


def _listed(hook: str, result: Any) -> list[Any]:
    if isinstance(result, str | bytes | type) or not hasattr(result, "__iter__"):
        raise InvalidPlugin(
            f"{hook}() returned {result!r}, which is no list.", "Return a list, even of a single class."
        )
    return list(result)


def _report_misnamed(plugin: Any, manager: pluggy.PluginManager, loaded: Loaded) -> None:
    """Finds what pluggy passes over in silence: misspelt hooks, and hooks without their decorator."""
    for name in dir(plugin):
        function = getattr(plugin, name, None)
        if not inspect.isroutine(function) or hasattr(function, f"{GROUP}_spec"):
            continue
        marks = manager.parse_hookimpl_opts(plugin, name)
        hook = name if marks is None else marks.get("specname") or name
        if marks is None and hook in HOOKS:
            loaded.blame(
                f"{name}() lacks its decorator, so it is never called.", "Put @mmearth_core.hookimpl above it."
            )
        elif marks is not None and hook not in HOOKS and not marks.get("optionalhook"):
            loaded.blame(f"{hook}() is no hook.{did_you_mean(hook, HOOKS)}", f"The hooks are {', '.join(HOOKS)}.")
        elif marks is None and hook not in HOOKS and _resembles_hook(name):
            loaded.blame(
                f"{name}() looks like a misspelt hook, without its decorator.{did_you_mean(name, HOOKS)}",
                f"The hooks are {', '.join(HOOKS)}, with @mmearth_core.hookimpl above; give any other function "
                "another name.",
            )


def _resembles_hook(name: str) -> bool:
    prefix = f"{GROUP}_"
    tail = name.removeprefix(prefix)
    return tail != name and bool(did_you_mean(tail, [hook.removeprefix(prefix) for hook in HOOKS]))


def _own_line(error: BaseException, module: str) -> str:
    """The exception in one line, with the place in the plugin that led to it."""
    text = " ".join(f"{type(error).__name__}: {error}".split()).rstrip(".")
    if isinstance(error, SyntaxError):  # the traceback ends in the importer, not in the plugin
        return f"{text} ({error.filename}, line {error.lineno})" if error.filename else text
    top = module.partition(".")[0]
    frames = list(traceback.walk_tb(error.__traceback__))
    own = [pair for pair in frames if str(pair[0].f_globals.get("__name__", "")).partition(".")[0] == top]
    return f"{text} ({own[-1][0].f_code.co_filename}, line {own[-1][1]})" if own else text
