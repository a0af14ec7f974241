"""Reads the tables of a manifest: every key by its type, and an error for every key that is not read."""

import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmearth_core.errors import ConfigError

REQUIRED: Any = object()
"""The default of a key that must be given."""

_KINDS: dict[str, tuple[type, ...]] = {
    "a string": (str,),
    "a whole number": (int,),
    "a number": (int, float),
    "a table": (dict,),
    "a list of tables": (list,),
    "a date and time": (dt.datetime, dt.date),
    "a file name or a table": (str, dict),
    "a band's name, WKT or a GeoJSON table": (str, dict),
}


class Table:
    """One table of a manifest.

    Attributes:
        file: the manifest, for errors.
        place: where the table is in it, in words, for errors.
    """

    def __init__(self, values: Mapping[str, Any], file: Path, place: str) -> None:
        self.file = file
        self.place = place
        self._values = values
        self._asked: list[str] = []

    def error(self, found: str) -> ConfigError:
        """The error of this table: file and place, then what was found and what is allowed."""
        place = f"{self.place}: " if self.place else ""
        return ConfigError(f"{self.file}: {place}{found}")

    def take(self, key: str, kind: str, default: Any = REQUIRED) -> Any:
        """The value of a key.

        Args:
            key: its name.
            kind: what it must be; one of the kinds above, as the error names it.
            default: its value when absent; without one the key must be given.

        Raises:
            ConfigError: when it is missing or of another kind.
        """
        self._asked.append(key)
        if key not in self._values:
            if default is REQUIRED:
                raise self.error(f"key {key!r} is missing; it must be {kind}.")
            return default
        value = self._values[key]
        fits = isinstance(value, _KINDS[kind]) and not isinstance(value, bool)
        if not fits:
            raise self.error(f"key {key!r} is {value!r}; it must be {kind}.")
        if kind == "a list of tables" and not all(isinstance(row, dict) for row in value):
            raise self.error(f"key {key!r} must be a list of tables, written [[{key}]].")
        return value

    def time(self, key: str) -> float | None:
        """A moment in milliseconds since 1970 (UTC), as Earth Engine counts; None when absent.

        A date, or a time without an offset, is taken as UTC.
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
                f"property {name!r} in {key!r} is not written by hand: system:index, system:footprint and the "
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
            ConfigError: names them and lists those that exist.
        """
        unknown = [key for key in self._values if key not in self._asked]
        if unknown:
            raise self.error(
                f"unknown key {unknown[0]!r}. The keys allowed here are: {', '.join(sorted(self._asked))}."
            )


def _is_plain(value: Any) -> bool:
    return isinstance(value, str | int | float) and not isinstance(value, bool)


def milliseconds(moment: dt.date) -> float:
    """A TOML date or time as milliseconds since 1970; UTC when it says nothing else."""
    if not isinstance(moment, dt.datetime):
        moment = dt.datetime(moment.year, moment.month, moment.day)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=dt.UTC)
    # In whole steps: a float of seconds would lose milliseconds.
    return (moment - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(milliseconds=1)
