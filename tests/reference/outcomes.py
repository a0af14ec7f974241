"""What a call of the command line does: its exit status and its JSON, as far as they are the same on every machine."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from click.testing import Result

VARYING = {
    *("seconds", "tiles_per_second", "time", "start", "end", "latency", "hours", "bytes_received", "received", "bytes"),
    *("bytes_of_stacks", "bytes_in_hdf5", "free_bytes", "free_at", "host", "pid", "url"),
    *("version", "versions", "distribution", "entry_point"),
}
"""Keys whose values, with all below them, depend on the moment, the machine or the installation."""

MANY = 20
"""So many values of one key are stored, and so many keys of one table; of more values only a hash."""


def outcome(result: Result, folder: Path) -> dict[str, Any]:
    """Of a call: its exit status, and either the shape of its JSON or the first word of its message."""
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    try:
        printed = json.loads(result.stdout)
    except ValueError:
        # On a busy machine a run takes long enough to print lines of progress.
        lines = [line for line in result.stderr.splitlines() if not re.match(r"\d+/\d+ ", line)]
        return {"exit": result.exit_code, "message": (" ".join(lines).split() or ["none"])[0]}
    return {"exit": result.exit_code, **shape(printed, folder)}


def shape(content: Any, folder: Path) -> dict[str, Any]:
    """The types of all values in JSON, and those values that do not vary, by the keys that lead to them.

    Args:
        content: the JSON; items of lists have the key `[]`, those of tables with many keys `{}`.
        folder: the datasets' folder, whose path varies.
    """
    types: dict[str, set[str]] = {}
    values: dict[str, list[Any]] = {}
    for keys, value in leaves(content):
        place = ".".join(keys)
        types.setdefault(place, set()).add(type(value).__name__)
        if not VARYING.intersection(keys):
            values.setdefault(place, []).append(stable(value, folder))
    return {
        "types": {place: " | ".join(sorted(names)) for place, names in types.items()},
        "values": {place: shortened(found) for place, found in values.items()},
    }


def leaves(content: Any, keys: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(content, dict) and content:
        for key, value in content.items():
            yield from leaves(value, (*keys, "{}" if len(content) > MANY else key))
    elif isinstance(content, list) and content:
        for value in content:
            yield from leaves(value, (*keys, "[]"))
    else:
        yield keys, content


def stable(value: Any, folder: Path) -> Any:
    if isinstance(value, float):
        return float(f"{value:.7g}")
    return value.replace(str(folder), "FOLDER") if isinstance(value, str) else value


def shortened(values: list[Any]) -> Any:
    from tests.planet.pinned import digest_located

    if len(values) == 1:
        return values[0]
    values = sorted(values, key=str)  # equally frequent reasons come in the order in which threads met them
    return values if len(values) <= MANY else f"{len(values)} values, {digest_located({'': values})}"
