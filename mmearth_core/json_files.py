"""JSON side files: read in full, and written in full or tile by tile."""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mmearth_core.errors import DatasetError
from mmearth_core.files import written_aside


class JSONFileError(Exception):
    """Why a file cannot be read as JSON; a clause."""


@contextmanager
def json_errors() -> Iterator[None]:
    """Turns errors of reading a file as JSON into a clause.

    Raises:
        JSONFileError: when the file is missing, or is not valid JSON.
    """
    try:
        yield
    except FileNotFoundError:
        raise JSONFileError("is missing") from None
    except (OSError, ValueError, RecursionError) as error:
        raise JSONFileError(f"cannot be read as JSON: {error}") from error


def read_json(path: Path) -> Any:
    """Reads a full file.

    Raises:
        JSONFileError: when it is missing, or is not valid JSON.
    """
    with json_errors():
        return json.loads(path.read_text(encoding="utf-8"))


def write_json(path: Path, content: Any) -> None:
    """Writes strict JSON, to another file that is then renamed.

    Raises:
        ValueError: when the content contains nan or an infinity.
    """
    with written_aside(path) as aside:
        aside.write_text(json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")


def write_tile_info(path: Path, entries: Iterable[tuple[str, Any]]) -> None:
    """Writes the entries of tiles, by tile id and one per line, as strict JSON, to another file that is then renamed.

    Raises:
        DatasetError: when an entry is not strict JSON.
    """
    with written_aside(path) as aside, aside.open("w", encoding="utf-8") as file:
        lead = "{\n"
        for tile_id, entry in entries:
            try:
                text = json.dumps(entry, ensure_ascii=False, allow_nan=False)
            except (TypeError, ValueError) as error:
                found = f"the entry of tile {tile_id!r} is not strict JSON ({error})"
                remedy = "Use null for missing numbers; if a plugin's info() returns them, repair the plugin."
                raise DatasetError(f"{path.name}: {found}. {remedy}") from error
            file.write(f"{lead}{json.dumps(tile_id, ensure_ascii=False)}: {text}")
            lead = ",\n"
        file.write("\n}\n")
