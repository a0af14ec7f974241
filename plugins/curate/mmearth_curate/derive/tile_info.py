"""tile_info.json read and written entry by entry: it has gigabytes for a million tiles."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from mmearth_core.errors import DatasetError
from mmearth_core.json_files import JSONFileError, read_entries

Entry = dict[str, Any]


def entries(path: Path) -> Iterator[tuple[str, Entry]]:
    """All tiles and their entries, in the order of the file.

    Raises:
        DatasetError: when it is missing, or not `{tile_id: {...}}`.
    """
    if not path.exists():
        raise DatasetError(
            f"{path}: there is no such file, and a dataset has one. Write it with `mmearth-core post info`."
        )
    try:
        for tile_id, parsed in read_entries(path):
            if not isinstance(parsed.value, dict):
                raise JSONFileError(f"the entry of {tile_id!r} is no object")
            yield tile_id, parsed.value
    except JSONFileError as error:
        raise DatasetError(
            f"{path}: is no JSON of the form {{TILE_ID: {{...}}}}, or is cut short: {error}. Write it again with "
            "`mmearth-core post info`."
        ) from error


def entries_of(path: Path, ids: list[str]) -> Iterator[tuple[str, Entry]]:
    """The entries of some tiles, in their order; where the file has the same order, one is held at a time.

    Raises:
        DatasetError: when a tile has none.
    """
    wanted, waiting = set(ids), dict[str, Entry]()
    stream = entries(path)
    for tile_id in ids:
        while tile_id not in waiting:
            found = next(stream, None)
            if found is None:
                raise DatasetError(
                    f"{path}: has no entry for tile {tile_id!r}, which the HDF5 file has. The two are not of the same "
                    "dataset: write it again with `mmearth-core post info`."
                )
            if found[0] in wanted:
                waiting[found[0]] = found[1]
        yield tile_id, waiting.pop(tile_id)


def write_entries(path: Path, tiles: Iterable[tuple[str, Entry]]) -> None:
    """Writes an entry a line, as strict JSON.

    Raises:
        DatasetError: when one holds what strict JSON lacks.
    """
    with path.open("w", encoding="utf-8") as file:
        lead = "{\n"
        for tile_id, entry in tiles:
            try:
                text = json.dumps(entry, ensure_ascii=False, allow_nan=False)
            except ValueError as error:
                raise DatasetError(
                    f"tile {tile_id!r}: its entry in tile_info.json is no strict JSON ({error}). Put null where a "
                    "number is missing."
                ) from error
            file.write(f"{lead}{json.dumps(tile_id, ensure_ascii=False)}: {text}")
            lead = ",\n"
        file.write("\n}\n")
