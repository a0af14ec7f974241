"""Loads the plugins' entry points, checks what they declare, and reports what is wrong."""

import inspect
import math
import traceback
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Generic, TypeVar, cast

import attrs
import pluggy
from attrs import frozen

from mmearth_core.config.schema import MOST_METRES
from mmearth_core.contract import hooks
from mmearth_core.contract.bands import Layer, check_name
from mmearth_core.contract.engine import Engine
from mmearth_core.contract.hooks import GROUP
from mmearth_core.contract.modality import API_VERSION, TERMS, Modality
from mmearth_core.errors import DeclarationError
from mmearth_core.text import did_you_mean

T = TypeVar("T", Modality, Engine)
E = TypeVar("E", bound="Offer | Registered[Any]")

CORE = "mmearth-core"
"""The core's own distribution, which no message tells the user to uninstall."""


@frozen
class Origin:
    """Where a modality, an engine or a command comes from.

    Attributes:
        distribution: the installed distribution, as pip names it.
        version: its version.
        entry_point: the name of its entry point.
    """

    distribution: str
    version: str
    entry_point: str

    def __str__(self) -> str:
        return f"{self.distribution} {self.version}"


@frozen
class PluginFault(Origin):
    """One thing that is wrong with an installed plugin.

    Attributes:
        problem: what was found, as full sentences.
        remedy: what to do, as full sentences.
        hides: the modality or engine that cannot be used; by convention an entry point is named after it. Empty for a
            command.
    """

    problem: str
    remedy: str
    hides: str

    @classmethod
    def of(cls, origin: Origin, problem: str, remedy: str, hides: str | None = None) -> "PluginFault":
        """A fault of `origin`, which hides what the entry point is named after if nothing else is known."""
        hides = origin.entry_point if hides is None else hides
        return cls(origin.distribution, origin.version, origin.entry_point, problem, remedy, hides)

    def __str__(self) -> str:
        return f"{super().__str__()} (entry point {self.entry_point!r}): {self.problem} {self.remedy}"


@frozen
class Offer:
    """An entry point of an installed distribution, which is not imported yet."""

    origin: Origin
    entry_point: EntryPoint


def find_offers(group: str) -> list[Offer]:
    """The entry points of a group, sorted by name and distribution; imports none of them."""
    found = []
    for entry_point in entry_points(group=group):
        dist = entry_point.dist
        name, version = (dist.metadata["Name"], dist.metadata["Version"]) if dist else (None, None)
        origin = Origin(name or "(a distribution without a name)", version or "?", entry_point.name)
        found.append(Offer(origin, entry_point))
    return sorted(found, key=lambda offer: (offer.origin.entry_point, offer.origin.distribution))


def settle(
    entries: Sequence[E], what: str, keys: Callable[[E], Iterable[str]], reserved: Collection[str] = ()
) -> tuple[list[E], list[PluginFault]]:
    """Removes the entries that share a key (a name, a layer) with another one: none of them is used.

    Args:
        entries: what the plugins declare.
        what: what the key is, for the message.
        keys: the keys of one entry.
        reserved: keys of the core, which no plugin can have.

    Returns:
        The entries that share no key, and one fault for each of the others and key.
    """
    owners: dict[str, list[E]] = defaultdict(list)
    for entry in entries:
        for key in keys(entry):
            owners[key].append(entry)
    shared = {key: owned for key, owned in owners.items() if len(owned) > 1 or key in reserved}
    faults = []
    for key, owned in shared.items():
        distributions = {entry.origin.distribution for entry in owned} | ({CORE} if key in reserved else set())
        removable = sorted(distributions - {CORE})
        remedy = f"Rename the {what} in {' or in '.join(removable)}"
        if len(distributions) > 1:
            remedy += f", or {' or '.join(f'`pip uninstall {each}`' for each in removable)}"
        for i, entry in enumerate(owned):
            others = [f"{CORE} itself"] * (key in reserved)
            others += [str(other.origin) for other in owned[:i] + owned[i + 1 :]]
            problem = f"The {what} {key!r} is also declared by {' and by '.join(others)}; this one is not used."
            hides = entry.name if isinstance(entry, Registered) else "" if what == "command" else None
            faults.append(PluginFault.of(entry.origin, problem, f"{remedy}.", hides))
    return [entry for entry in entries if not any(key in shared for key in keys(entry))], faults


@frozen
class Registered(Generic[T]):
    """One modality or engine.

    Attributes:
        name: its name in the configuration.
        declared: what the hook returned, a class or an instance; read declarations from it.
        origin: the distribution and the entry point that it came through.
    """

    name: str
    declared: "type[T] | T"
    origin: Origin

    @property
    def options_class(self) -> type:
        """The attrs class of its options."""
        return self.declared.Options

    @property
    def default_options(self) -> Any:
        """The options of an empty table."""
        return self.declared.Options() if isinstance(self.declared, type) else self.declared.options

    def make(self, options: Any = None) -> T:
        """Returns an instance with these options, or with the default ones."""
        if isinstance(self.declared, type):
            return self.declared(options)
        return self.declared if options is None else self.declared.configured(options)


class InvalidPlugin(Exception):  # noqa: N818 - always caught, and never shown to a user as an exception
    """What is wrong with a declared modality or engine, and the remedy: its two arguments."""


def _require(condition: object, problem: str, remedy: str) -> None:
    if not condition:
        raise InvalidPlugin(problem, remedy)


def register(item: Any, base: type[T], hook: str, origin: Origin) -> Registered[T]:
    """Checks one modality or engine that a hook returned.

    Args:
        item: a class or an instance.
        base: Modality or Engine.
        hook: the hook's name, for messages.
        origin: where it comes from.

    Raises:
        InvalidPlugin: when it is not a `base`, or declares something impossible.
    """
    what, cls = base.__name__, item if isinstance(item, type) else type(item)
    remedy = f"Return a list of subclasses (or instances) of mmearth_core.{what}."
    _require(issubclass(cls, base), f"{hook}() returned {item!r}, which is not a valid {what}.", remedy)
    label = f"The {what.lower()} {cls.__module__}.{cls.__qualname__}"
    _check_version(item, label)
    name = getattr(item, "name", None)
    _require(name and isinstance(name, str), f"{label} has no name.", 'Give it a class attribute `name = "..."`.')
    _check_options(item, label)
    (_check_modality if base is Modality else _check_shorthand)(item, label)
    undefined = ", ".join(sorted(getattr(cls, "__abstractmethods__", ())))
    _require(not undefined, f"{label} does not define {undefined}().", "Define it.")
    entry: Registered[T] = Registered(item.name, item, origin)
    remedy = "It must be possible to call `Class(options)`."
    with _plugin_code(f"{label} cannot be created from its default options", cls.__module__, remedy):
        instance = entry.make()
    try:
        check_name(instance, cast(Any, None), entry.name)
    except DeclarationError as error:
        raise InvalidPlugin(f"{label}: {error}", "Choose another name.") from error
    return entry


def _check_version(item: Any, label: str) -> None:
    version = getattr(item, "api_version", None)
    _require(version is not None, f"{label} has no api_version.", f"Give it `api_version = {API_VERSION}`.")
    is_newer = isinstance(version, int) and version > API_VERSION
    found = f"{label} was written for version {version!r} of the plugin contract"
    remedy = "`pip install --upgrade mmearth-core`." if is_newer else "Install a newer version of the plugin."
    _require(version == API_VERSION, f"{found}; this mmearth-core has {API_VERSION}.", remedy)


def _check_options(item: Any, label: str) -> None:
    options = item.Options
    problem = f"{label} has Options {options!r}, which is not an attrs class."
    _require(isinstance(options, type) and attrs.has(options), problem, "Decorate it with `@attrs.frozen`.")
    required = [a.name for a in attrs.fields(options) if a.init and a.default is attrs.NOTHING]
    remedy = "Give every field of Options a default, so that the plugin works without configuration."
    _require(not required, f"{label} has options without a default: {', '.join(required)}.", remedy)
    has_options = isinstance(item, type) or isinstance(getattr(item, "options", None), options)
    problem = f"{label} is an instance whose `options` are not {options.__name__}."
    _require(has_options, problem, "Call super().__init__().")


def _check_shorthand(item: Any, label: str) -> None:
    is_valid = item.shorthand is None or item.shorthand in attrs.fields_dict(item.Options)
    problem = f"{label} has the shorthand {item.shorthand!r}, which is not a key of its Options."
    _require(is_valid, problem, "Set `shorthand` to the name of one of its options, or to None.")


def layer_keys(modality: Any) -> list[str]:
    """The names of its layers, also with each variant and step, as in the statistics; no other layer may have them."""
    endings = ["", *(f"_{variant}" for variant in modality.variants)]
    return [
        f"{layer.name}{ending}{step}"
        for layer in modality.layers
        for ending in endings
        for step in ("", *(f"_step{number}" for number in range(layer.steps or 0)))
    ]


def _check_modality(item: Any, label: str) -> None:
    layers: Any = getattr(item, "layers", None)
    remedy = "Give it a class attribute `layers = (Layer(...),)`."
    are_layers = isinstance(layers, tuple) and all(isinstance(layer, Layer) for layer in layers)
    _require(are_layers, f"{label} declares layers = {layers!r}, which is not a tuple of Layer.", remedy)
    # An anchor may provide only dates and grids; any other modality without a layer is a mistake.
    _require(layers or item.can_anchor(), f"{label} declares no layer.", remedy)
    names = layer_keys(item)
    problem = f"{label} declares a layer twice: {', '.join(names)}."
    _require(len(set(names)) == len(names), problem, "Rename one of them.")
    problem = f"{label} declares variant_key = {item.variant_key!r}, the column of tile ids in the same table."
    _require(item.variant_key != "tile_id", problem, "Choose another name.")
    are_ids = isinstance(item.assets, tuple) and all(isinstance(asset, str) and asset for asset in item.assets)
    problem = f"{label} declares assets = {item.assets!r}, which is not a tuple of ids."
    _require(are_ids, problem, 'Write `assets = ("ID",)`.')
    size, origin = item.pixel_size, item.origin
    problem = f"{label} declares pixel_size = {size!r} and origin = {origin!r}, which are no grid in metres."
    remedy = "Write, for example, `pixel_size = 30` and `origin = 15`, or `origin = (15, 15)`."
    pair = origin if isinstance(origin, tuple) else (origin, origin)
    are_numbers = all(type(each) in (int, float) and math.isfinite(each) for each in (*pair, size or 1))
    _require(are_numbers and len(pair) == 2 and (size is None or 0 < size <= MOST_METRES), problem, remedy)
    for name in TERMS:
        value = getattr(item, name)
        _require(isinstance(value, str), f"{label} declares {name} = {value!r}, which is not text.", "Use a string.")


HOOKS: dict[str, type[Modality] | type[Engine]] = {"mmearth_modalities": Modality, "mmearth_engines": Engine}
"""Each hook, and what it returns."""


Entries = dict[str, list[Registered[Any]]]
"""Valid modalities and engines, by hook."""


def load(offers: Iterable[Offer]) -> tuple[Entries, list[PluginFault]]:
    """Imports entry points and collects what their hooks declare. Mistakes of plugins are returned, never raised.

    Returns:
        The valid modalities and engines, and what is wrong with the rest.
    """
    entries: Entries = {hook: [] for hook in HOOKS}
    faults: list[PluginFault] = []
    for offer in offers:
        with _recorded(offer.origin, faults):
            _load(offer, entries, faults)
    return entries, faults


@contextmanager
def _recorded(origin: Origin, faults: list[PluginFault]) -> Iterator[None]:
    """Records what is wrong with a plugin instead of raising it."""
    try:
        yield
    except InvalidPlugin as invalid:
        faults.append(PluginFault.of(origin, *invalid.args))


def _load(offer: Offer, entries: Entries, faults: list[PluginFault]) -> None:
    origin, entry_point = offer.origin, offer.entry_point
    reinstall = f"`pip install --force-reinstall {origin.distribution}`"
    remedy = f"Repair that line, install what is missing, or reinstall the plugin ({reinstall})."
    with _plugin_code(f"It cannot be imported from {entry_point.value!r}", entry_point.module, remedy):
        plugin = entry_point.load()
    manager = pluggy.PluginManager(GROUP)  # one for each plugin, so that one plugin cannot break another's calls
    manager.add_hookspecs(hooks)
    try:
        manager.register(plugin, name=entry_point.name)
    except pluggy.PluginValidationError as error:
        message = " ".join(str(error).split()).rstrip(".")
        raise InvalidPlugin(f"{message}.", "The hooks take no argument: correct the signature.") from error
    misnamed = [PluginFault.of(origin, *fault) for fault in _misnamed(plugin, manager)]
    faults.extend(misnamed)
    found = sorted({caller.name for caller in manager.get_hookcallers(plugin) or []} & set(HOOKS))
    remedy = f"Define one of {', '.join(HOOKS)} there, with @mmearth_core.hookimpl above it."
    _require(found or misnamed, f"Its entry point {entry_point.value!r} has no hook.", remedy)
    for hook in found:
        with _recorded(origin, faults):
            for item in _call(hook, getattr(manager.hook, hook), entry_point.module):
                with _recorded(origin, faults):  # one by one: a broken modality hides no other of its plugin
                    entries[hook].append(register(item, HOOKS[hook], hook, origin))


def _call(hook: str, call: Callable[[], list[Any]], module: str) -> list[Any]:
    """What one hook of a plugin returns."""
    items: list[Any] = []
    with _plugin_code(f"{hook}() failed", module, "Repair that line."):
        for result in call():
            is_list = isinstance(result, Iterable) and not isinstance(result, str | bytes | type)
            problem = f"{hook}() returned {result!r}, which is not a list."
            _require(is_list, problem, "Return a list, even of a single class.")
            items.extend(result)
    remedy = f"Return a list of {HOOKS[hook].__name__} classes, or remove the hook."
    _require(items, f"{hook}() returned nothing.", remedy)
    return items


def _misnamed(plugin: Any, manager: pluggy.PluginManager) -> Iterator[tuple[str, str]]:
    """What pluggy ignores silently: misspelt hooks, and hooks without their decorator; each with the remedy."""
    prefix, known = f"{GROUP}_", f"The hooks are {', '.join(HOOKS)}"
    endings = [hook.removeprefix(prefix) for hook in HOOKS]
    for name in dir(plugin):
        function = getattr(plugin, name, None)
        if not inspect.isroutine(function) or hasattr(function, f"{prefix}spec"):
            continue
        marks = manager.parse_hookimpl_opts(plugin, name)
        if marks is not None:
            hook = marks.get("specname") or name
            if hook not in HOOKS and not marks.get("optionalhook"):
                yield f"{hook}() is not a valid hook.{did_you_mean(hook, HOOKS)}", f"{known}."
        elif name in HOOKS:
            yield f"{name}() has no decorator, so it is never called.", "Put @mmearth_core.hookimpl above it."
        elif name.startswith(prefix) and did_you_mean(name.removeprefix(prefix), endings):
            problem = f"{name}() looks like a misspelt hook, without its decorator.{did_you_mean(name, HOOKS)}"
            yield problem, f"{known}, with @mmearth_core.hookimpl above; otherwise rename the function."


@contextmanager
def _plugin_code(what: str, module: str, remedy: str) -> Iterator[None]:
    """Makes any error of the plugin's own code an `InvalidPlugin`; `what` says what has failed."""
    try:
        yield
    except InvalidPlugin:
        raise
    except (Exception, SystemExit) as error:
        raise InvalidPlugin(f"{what}: {_own_line(error, module)}.", remedy) from error


def _own_line(error: BaseException, module: str) -> str:
    """The exception in one line, with the last line of the plugin in its traceback."""
    text = " ".join(f"{type(error).__name__}: {error}".split()).rstrip(".")
    if isinstance(error, SyntaxError):  # the traceback ends in the importer, not in the plugin
        return f"{text} ({error.filename}, line {error.lineno})" if error.filename else text
    top = module.partition(".")[0]
    for frame, line in reversed(list(traceback.walk_tb(error.__traceback__))):
        if str(frame.f_globals.get("__name__", "")).partition(".")[0] == top:
            return f"{text} ({frame.f_code.co_filename}, line {line})"
    return text
