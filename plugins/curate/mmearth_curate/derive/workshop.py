"""The hidden folder in which one process at a time makes a dataset, before it is moved to its place."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mmearth_core.errors import DatasetError
from mmearth_core.files import locked

_LOCK = "lock"


@contextmanager
def staging_folder(folder: Path) -> Iterator[Path]:
    """Yields an empty folder that is this process's alone, and removes it at the end.

    What a killed process has left there is removed at the beginning.

    Args:
        folder: where.

    Raises:
        DatasetError: when another process is at work in it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / _LOCK
    with locked(
        path, [0], refusal=f"Another process is making the same dataset, in {folder}. Wait until it has ended."
    ):
        if not path.exists():
            # It has ended in this moment, and has taken its lock away with the folder.
            raise DatasetError(f"Another process has just made the same dataset, in {folder}. Run the command again.")
        try:
            for each in folder.iterdir():
                if each.is_dir():
                    shutil.rmtree(each)
                elif each != path:
                    each.unlink()
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
