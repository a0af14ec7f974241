"""What a modality or engine must declare to be used, and what two of them must not share."""

import inspect
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar, cast

import attrs

from mmearth_core.contract.bands import Layer, check_name
from mmearth_core.contract.engine import Engine
from mmearth_core.contract.modality import API_VERSION, Modality
from mmearth_core.errors import DeclarationError
from mmearth_core.registry.model import Origin, PluginFault, Registered

T = TypeVar("T", Modality, Engine)


class Unfit(Exception):  # noqa: N818 - a finding, never shown to a user as an exception
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
        raise Unfit(
            f"{hook}() returned {item!r}, which is no {what}.",
            f"Return a list of subclasses (or instances) of mmearth_core.{what}.",
        )
    cls = item if isinstance(item, type) else type(item)
    label = f"The {what.lower()} {cls.__module__}.{cls.__qualname__}"
    _check_version(item, label)
    name = getattr(item, "name", None)
    if not isinstance(name, str) or not name:
        raise Unfit(f"{label} has no name.", 'Give it a class attribute `name = "..."`.')
    _check_options(item, label)
    if base is Modality:
        _check_layers(item, label)
        _check_terms(item, label)
    else:
        _check_shorthand(item, label)
    if inspect.isabstract(cls):
        undefined = ", ".join(sorted(getattr(cls, "__abstractmethods__", ())))
        raise Unfit(f"{label} does not define {undefined}().", "Define it.")
    entry: Registered[T] = Registered(name, item, origin)
    try:
        check_name(entry.make(), cast(Any, None), name)
    except DeclarationError as error:
        raise Unfit(f"{label}: {error}", "Choose another name.") from error
    except Exception as error:  # a plugin's own code may raise anything
        raise Unfit(
            f"{label} cannot be made from its default options: {type(error).__name__}: {error}",
            "It must be constructible as `Class(options)`.",
        ) from error
    return entry


def _check_version(item: Any, label: str) -> None:
    version = getattr(item, "api_version", None)
    if version is None:
        raise Unfit(f"{label} states no api_version.", f"Give it a class attribute `api_version = {API_VERSION}`.")
    if version != API_VERSION:
        newer = isinstance(version, int) and version > API_VERSION
        raise Unfit(
            f"{label} was written for version {version!r} of the plugin contract; this mmearth-core has {API_VERSION}.",
            "`pip install --upgrade mmearth-core`." if newer else "Install a newer version of the plugin.",
        )


def _check_options(item: Any, label: str) -> None:
    options = item.Options
    if not (isinstance(options, type) and attrs.has(options)):
        raise Unfit(f"{label} has Options {options!r}, which is no attrs class.", "Decorate it with `@attrs.frozen`.")
    lacking = [a.name for a in attrs.fields(options) if a.init and a.default is attrs.NOTHING]
    if lacking:
        raise Unfit(
            f"{label} has options without a default: {', '.join(lacking)}.",
            "Give every field of Options a default, so that the plugin works without configuration.",
        )
    if not isinstance(item, type) and not isinstance(getattr(item, "options", None), options):
        raise Unfit(f"{label} is an instance whose `options` are no {options.__name__}.", "Call super().__init__().")


def _check_shorthand(item: Any, label: str) -> None:
    if item.shorthand is not None and item.shorthand not in attrs.fields_dict(item.Options):
        raise Unfit(
            f"{label} has the shorthand {item.shorthand!r}, which is no key of its Options.",
            "Set `shorthand` to the name of one of its options, or to None.",
        )


def _check_layers(item: Any, label: str) -> None:
    layers = getattr(item, "layers", None)
    if not isinstance(layers, tuple) or not all(isinstance(layer, Layer) for layer in layers):
        raise Unfit(
            f"{label} declares layers = {layers!r}, which is no tuple of Layer.",
            "Give it a class attribute `layers = (Layer(...),)`.",
        )
    # An anchor may give nothing but dates and grids; any other modality without a layer is a mistake.
    if not layers and not item.can_anchor():
        raise Unfit(f"{label} declares no layer.", "Give it a class attribute `layers = (Layer(...),)`.")
    names = [layer.name for layer in layers]
    if len(set(names)) != len(names):
        raise Unfit(f"{label} declares a layer twice: {', '.join(names)}.", "Rename one of them.")


def _check_terms(item: Any, label: str) -> None:
    assets = item.assets
    if not isinstance(assets, tuple) or not all(isinstance(asset, str) and asset for asset in assets):
        raise Unfit(f"{label} declares assets = {assets!r}, which is no tuple of ids.", 'Write `assets = ("ID",)`.')
    for name in ("licence", "citation"):
        if not isinstance(getattr(item, name), str):
            raise Unfit(f"{label} declares {name} = {getattr(item, name)!r}, which is no text.", "Give it as a string.")


def settle(
    entries: Iterable[Registered[T]], what: str, keys: Callable[[Registered[T]], Iterable[str]]
) -> tuple[list[Registered[T]], list[PluginFault]]:
    """Takes out the entries that share a key (a name, a layer) with another one: none of them is used.

    Args:
        entries: what the plugins declared.
        what: what the key is, for the message.
        keys: the keys of one entry.

    Returns:
        The entries that share nothing, and one fault for each of the others and key.
    """
    entries = list(entries)
    owners: dict[str, list[Registered[T]]] = {}
    for entry in entries:
        for key in keys(entry):
            owners.setdefault(key, []).append(entry)
    shared = {key: who for key, who in owners.items() if len(who) > 1}
    kept = [entry for entry in entries if not any(key in shared for key in keys(entry))]
    return kept, [fault for key, who in shared.items() for fault in _clash(what, key, [e.origin for e in who])]


def _clash(what: str, key: str, origins: list[Origin]) -> Iterator[PluginFault]:
    for i, origin in enumerate(origins):
        others = ", ".join(str(other) for j, other in enumerate(origins) if j != i)
        yield PluginFault.of(
            origin,
            f"The {what} {key!r} is also declared by {others}; none of them is used.",
            "Keep one of the two plugins installed, or rename it in its code.",
        )


def entry_point_clash(origins: list[Origin]) -> list[PluginFault]:
    """The faults of distributions that use one entry-point name."""
    return list(_clash("entry point", origins[0].entry_point, origins))
