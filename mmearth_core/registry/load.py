"""Loads one entry point: imports it, finds its hooks, calls them, and says what went wrong."""

import inspect
import traceback
from importlib.metadata import EntryPoint
from typing import Any

import pluggy
from attrs import field, frozen

from mmearth_core import hookspecs
from mmearth_core.contract.engine import Engine
from mmearth_core.contract.modality import Modality
from mmearth_core.hookspecs import GROUP
from mmearth_core.registry.checks import Unfit, register
from mmearth_core.registry.model import Origin, PluginFault, Registered
from mmearth_core.suggest import did_you_mean

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
    manager.add_hookspecs(hookspecs)
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
        except Unfit as unfit:
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
            except Unfit as unfit:
                loaded.blame(unfit.problem, unfit.remedy)


def _listed(hook: str, result: Any) -> list[Any]:
    if isinstance(result, str | bytes | type) or not hasattr(result, "__iter__"):
        raise Unfit(f"{hook}() returned {result!r}, which is no list.", "Return a list, even of a single class.")
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
