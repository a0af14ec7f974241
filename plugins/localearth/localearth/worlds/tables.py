"""Reads the tables of a manifest: checks the type of every key, and reports unknown keys."""

import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from localearth.errors import InputError

REQUIRED: Any = object()
"""Marks a key without a default."""

_KINDS: dict[str, tuple[type, ...]] = {
    "a string": (str,),
    "a whole number": (int,),
    "a number": (int, float),
    "true or false": (bool,),
    "a table": (dict,),
    "a list of tables": (list,),
    "a date and time": (dt.datetime, dt.date),
    "a band's name, WKT or a GeoJSON table": (str, dict),
}


class Table:
    """One table of a manifest.

    Attributes:
        file: the manifest, for errors.
        place: the table's position in the manifest, for errors.
    """

    def __init__(self, values: Mapping[str, Any], file: Path, place: str) -> None:
        self.file = file
        self.place = place
        self._values = values
        self._known: list[str] = []

    def error(self, found: str) -> InputError:
        """An error of this table: file and position, then the found and the allowed values."""
        place = f"{self.place}: " if self.place else ""
        return InputError(f"{self.file}: {place}{found}")

    def take(self, key: str, kind: str, default: Any = REQUIRED) -> Any:
        """The value of a key.

        Args:
            key: its name.
            kind: the kind of value, one of those above; part of the error message.
            default: the value when the key is missing; without a default the key is required.

        Raises:
            InputError: when the key is missing or of another kind.
        """
        self._known.append(key)
        if key not in self._values:
            if default is REQUIRED:
                raise self.error(f"key {key!r} is missing; it must be {kind}.")
            return default
        value = self._values[key]
        # A bool is an int in Python, but not a number in TOML.
        fits = isinstance(value, _KINDS[kind]) and (kind == "true or false" or not isinstance(value, bool))
        if not fits:
            raise self.error(f"key {key!r} is {value!r}; it must be {kind}.")
        if kind == "a list of tables" and not all(isinstance(row, dict) for row in value):
            raise self.error(f"key {key!r} must be a list of tables, written [[{key}]].")
        return value

    def time(self, key: str) -> float | None:
        """A time in milliseconds since 1970 (UTC), as in Earth Engine; None when missing.

        A date, or a time without an offset, is UTC.
        """
        value = self.take(key, "a date and time", None)
        return None if value is None else milliseconds(value)

    def properties(self, key: str) -> dict[str, Any]:
        """A table of properties: strings, numbers, lists of them; dates become milliseconds."""
        values: dict[str, Any] = self.take(key, "a table", {})
        return {name: self._property(key, name, value) for name, value in values.items()}

    def _property(self, key: str, name: str, value: Any) -> Any:
        if name.startswith("system:"):
            raise self.error(
                f"property {name!r} in {key!r} cannot be set there: system:index, system:footprint and the "
                "times come from the keys 'index' (or 'id'), 'footprint', 'time' and 'end'."
            )
        if isinstance(value, dt.date):
            return milliseconds(value)
        if isinstance(value, list) and all(_is_plain(item) for item in value):
            return value
        if not _is_plain(value):
            raise self.error(
                f"property {name!r} in {key!r} is {value!r}; Earth Engine's properties are strings, numbers, "
                "dates, or lists of strings and numbers (write 1 and 0 for true and false)."
            )
        return value

    def close(self) -> None:
        """Refuses keys that were not read.

        Raises:
            InputError: with an unknown key and the list of known keys.
        """
        unknown = [key for key in self._values if key not in self._known]
        if unknown:
            raise self.error(
                f"unknown key {unknown[0]!r}. The keys allowed here are: {', '.join(sorted(self._known))}."
            )


def _is_plain(value: Any) -> bool:
    return isinstance(value, str | int | float) and not isinstance(value, bool)


def milliseconds(moment: dt.date) -> float:
    """A TOML date or time as milliseconds since 1970; UTC without an offset."""
    if not isinstance(moment, dt.datetime):
        moment = dt.datetime(moment.year, moment.month, moment.day)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=dt.UTC)
    # Integer arithmetic: a float of seconds would lose milliseconds.
    return (moment - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(milliseconds=1)
