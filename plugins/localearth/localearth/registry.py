"""The registry of implemented algorithms; checks the arguments of every call against Google's signatures."""

from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import frozen

from localearth.errors import EarthEngineError
from localearth.promote import promote
from localearth.refused import reason
from localearth.signatures import REQUIRED, Signature, signatures

if TYPE_CHECKING:
    from localearth.worlds.base import World

Implementation = Callable[..., Any]
_F = TypeVar("_F", bound=Implementation)

NULLABLE = ("Object", "<any>")
"""Types whose required arguments may be null."""


@frozen
class Registered:
    """An implemented algorithm.

    Attributes:
        signature: Google's signature.
        run: called with the arguments in the signature's order, after the world if `needs_world`.
        needs_world: whether `run` takes the world as its first argument.
        note: unsupported arguments and assumptions, for the coverage list.
        family: its module.
    """

    signature: Signature
    run: Implementation
    needs_world: bool
    note: str
    family: str


_registered: dict[str, Registered] = {}
_loading = Lock()


def function(*names: str, world: bool = False, note: str = "") -> Callable[[_F], _F]:
    """Registers the implementation of one algorithm, or of several with equal arguments.

    Args:
        *names: names in Google's list, e.g. `Image.select`.
        world: whether to pass the world as the first argument.
        note: unsupported arguments and assumptions, on one line.

    Raises:
        LookupError: when a name is not in Google's list or is registered twice.
    """

    def register(run: _F) -> _F:
        for name in names:
            if name not in signatures():
                raise LookupError(f"{name} is not in Earth Engine's list of algorithms.")
            if name in _registered:
                raise LookupError(f"{name} is implemented twice.")
            family = run.__module__.rsplit(".", 1)[-1]
            _registered[name] = Registered(signatures()[name], run, world, note, family)
        return run

    return register


@cache
def functions() -> Mapping[str, Registered]:
    """Every implemented algorithm by name; imports the modules of `functions/` once."""
    # The modules import each other, so threads that start with different ones could deadlock.
    with _loading:
        package = import_module("localearth.functions")
        for module in iter_modules(package.__path__, "localearth.functions."):
            import_module(module.name)
    return _registered


def find(name: str) -> Registered:
    """The algorithm of that name.

    Raises:
        EarthEngineError: when Earth Engine has no such algorithm, or it is not implemented here.
    """
    found = functions().get(name)
    if found is not None:
        return found
    if name in signatures():
        raise EarthEngineError(
            f"{name}: the local Earth Engine does not implement this function{reason(name)} "
            "(`localearth functions` lists those that it does).",
            placed=True,
        )
    raise EarthEngineError(f"Unknown function name '{name}'.", placed=True)


def invoke(world: "World", name: str, given: Mapping[str, Any]) -> Any:
    """Calls an algorithm with arguments by name.

    Raises:
        EarthEngineError: when the arguments do not fit its signature, or the algorithm refuses them.
    """
    algorithm = find(name)
    arguments: list[Any] = []
    known = 0
    for argument in algorithm.signature.arguments:
        value = given.get(argument.name)
        known += argument.name in given
        if value is None and argument.default is not REQUIRED:
            value = argument.default
        elif value is None and not (argument.type in NULLABLE and argument.name in given):
            raise EarthEngineError(f"{name}: Parameter '{argument.name}' is required and may not be null.", placed=True)
        arguments.append(None if value is None else promote(name, argument.name, argument.type, value))
    if known != len(given):
        unknown = sorted(set(given) - {argument.name for argument in algorithm.signature.arguments})
        raise EarthEngineError(f"{name}: Unrecognized arguments: {', '.join(unknown)}.", placed=True)
    try:
        return algorithm.run(world, *arguments) if algorithm.needs_world else algorithm.run(*arguments)
    except EarthEngineError as error:
        raise error.at(name) from None
