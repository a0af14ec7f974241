"""Dictionaries. Keys are in alphabetical order, as Google's are."""

from collections.abc import Mapping
from typing import Any

from localearth.errors import EarthEngineError
from localearth.functions.regex import compiled
from localearth.functions.support import of_kind
from localearth.registry import function
from localearth.values.collection import Collection
from localearth.values.feature import Feature
from localearth.values.function import Function
from localearth.values.image import Image, constant_band, of_bands
from localearth.values.pixel_type import of_number

Dict = Mapping[str, Any]


@function("Dictionary")
def make(value: Any) -> Dict:
    """A dictionary from a dictionary, a list of alternating keys and values, or an element's properties."""
    if value is None:
        return {}
    if isinstance(value, Mapping):
        return value
    if isinstance(value, Image | Feature | Collection):
        return value.properties
    if isinstance(value, list) and len(value) % 2 == 0 and all(isinstance(key, str) for key in value[::2]):
        return from_lists(value[::2], value[1::2])
    raise EarthEngineError("A dictionary needs a dictionary, an element, or a list of alternating keys and values.")


@function("Dictionary.fromLists")
def from_lists(keys: list[str], values: list[Any]) -> Dict:
    """A dictionary from keys and values."""
    if len(keys) != len(values):
        raise EarthEngineError("Keys and values must have the same length.")
    if len(set(keys)) < len(keys):
        raise EarthEngineError(
            "argument 'keys': the local Earth Engine does not know which value of a duplicate counts; give each once."
        )
    return dict(zip(keys, values, strict=True))


@function("Dictionary.get", note="The default does not replace a null value (assumed).")
def get(dictionary: Dict, key: str, default: Any) -> Any:
    """The value of a key; the default if the key is missing, and an error without a default."""
    if key in dictionary:
        return dictionary[key]
    if default is not None:
        return default
    raise EarthEngineError(f"Dictionary does not contain key: '{key}'.")


def _typed(kind: str) -> Any:
    def run(dictionary: Dict, key: str) -> Any:
        return of_kind(get(dictionary, key, None), kind, f"The value of '{key}'")

    return run


for _kind in ("Number", "String", "Geometry"):
    _run = _typed(_kind)
    _run.__doc__ = f"The value of a key, which must be a {_kind}."
    function(f"Dictionary.get{_kind}")(_run)


@function("Dictionary.set")
def set_value(dictionary: Dict, key: str, value: Any) -> Dict:
    """The dictionary with one value set."""
    return {**dictionary, key: value}


@function("Dictionary.keys")
def keys(dictionary: Dict) -> list[str]:
    """The keys, in alphabetical order."""
    return sorted(dictionary)


@function("Dictionary.values")
def values(dictionary: Dict, chosen: list[str] | None) -> list[Any]:
    """The values in the order of the given keys, or of all keys in alphabetical order."""
    return [get(dictionary, key, None) for key in (sorted(dictionary) if chosen is None else chosen)]


@function("Dictionary.size")
def size(dictionary: Dict) -> int:
    """The number of keys."""
    return len(dictionary)


@function("Dictionary.contains")
def contains(dictionary: Dict, key: str) -> bool:
    """Whether the dictionary has a key."""
    return key in dictionary


@function("Dictionary.combine", note="A null value counts as absent (assumed).")
def combine(first: Dict, second: Dict, overwrite: bool) -> Dict:
    """Both dictionaries as one, without null values."""
    left, right = ({key: value for key, value in each.items() if value is not None} for each in (first, second))
    return {**left, **right} if overwrite else {**right, **left}


@function("Dictionary.map")
def map_values(dictionary: Dict, run: Function) -> Dict:
    """A function of (key, value) applied to every entry; entries with a null result are dropped (documented)."""
    found = {key: run.call(key, dictionary[key]) for key in sorted(dictionary)}
    return {key: value for key, value in found.items() if value is not None}


def _chosen(dictionary: Dict, selectors: list[str], ignore_missing: bool) -> list[str]:
    found: list[str] = []
    for selector in selectors:
        matching = [selector] if selector in dictionary else list(filter(compiled(selector).fullmatch, dictionary))
        if not matching and not ignore_missing:
            raise EarthEngineError(f"Dictionary does not contain key: '{selector}'.")
        found.extend(key for key in matching if key not in found)
    return found


@function("Dictionary.select", note="Names and regular expressions.")
def select(dictionary: Dict, selectors: list[str], ignore_missing: bool) -> Dict:
    """The entries whose keys match."""
    return {key: dictionary[key] for key in _chosen(dictionary, selectors, ignore_missing)}


@function("Dictionary.remove", note="Names and regular expressions.")
def remove(dictionary: Dict, selectors: list[str], ignore_missing: bool) -> Dict:
    """The entries whose keys do not match."""
    gone = _chosen(dictionary, selectors, ignore_missing)
    return {key: value for key, value in dictionary.items() if key not in gone}


@function("Dictionary.rename")
def rename(dictionary: Dict, old: list[str], new: list[str], overwrite: bool) -> Dict:
    """The dictionary with renamed keys."""
    if len(old) != len(new):
        raise EarthEngineError("'from' and 'to' must have the same length.")
    if len(set(old)) < len(old) or len(set(new)) < len(new):
        raise EarthEngineError("arguments 'from' and 'to': the local Earth Engine needs each key once.")
    missing = [key for key in old if key not in dictionary]
    if missing:
        raise EarthEngineError(f"Dictionary does not contain key: '{missing[0]}'.")
    kept = {key: value for key, value in dictionary.items() if key not in old}
    clash = [key for key in new if key in kept]
    if clash and not overwrite:
        raise EarthEngineError(f"Dictionary already contains key: '{clash[0]}'.")
    return kept | {key: dictionary[name] for name, key in zip(old, new, strict=True)}


@function("Dictionary.toImage")
def to_image(dictionary: Dict, names: list[str] | None) -> Image:
    """A constant image with one band per number."""
    chosen = sorted(dictionary) if names is None else names
    found = {name: of_kind(get(dictionary, name, None), "Number", f"The value of '{name}'") for name in chosen}
    return of_bands(constant_band(name, value, of_number(value)) for name, value in found.items())
