"""The few operations on a shared folder that a budget is made of; each is atomic on network file systems too."""

import os
from pathlib import Path
from typing import Protocol


class Files(Protocol):
    """A flat folder of small files."""

    def names(self) -> list[str]:
        """The names of all files."""
        ...

    def create(self, name: str, text: str = "") -> bool:
        """Makes a file; False when it is there already. Of several who try at once, one succeeds."""
        ...

    def read(self, name: str) -> str:
        """A file's text; empty when there is no such file, or nothing in it yet."""
        ...

    def rename(self, old: str, new: str) -> bool:
        """Gives a file another name; False when there is no such file."""
        ...

    def put(self, name: str, text: str) -> None:
        """Writes a file whole, in place of one that may be there."""
        ...

    def remove(self, name: str) -> None:
        """Removes a file, if it is there."""
        ...


class FolderFiles:
    """The files of one folder; any failure of the file system is an OSError."""

    def __init__(self, folder: Path) -> None:
        """Makes the folder if it is missing."""
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def names(self) -> list[str]:
        """The names of all files."""
        return os.listdir(self.folder)  # noqa: PTH208 - names are wanted, not a Path for each

    def create(self, name: str, text: str = "") -> bool:
        """Makes a file; False when it is there already. Of several who try at once, one succeeds."""
        try:
            with (self.folder / name).open("x", encoding="utf-8") as file:
                file.write(text)
        except FileExistsError:
            return False
        return True

    def read(self, name: str) -> str:
        """A file's text; empty when there is no such file, or nothing in it yet."""
        try:
            return (self.folder / name).read_text(encoding="utf-8")
        except FileNotFoundError:
            return ""

    def rename(self, old: str, new: str) -> bool:
        """Gives a file another name; False when there is no such file."""
        try:
            (self.folder / old).rename(self.folder / new)
        except FileNotFoundError:
            return False
        return True

    def put(self, name: str, text: str) -> None:
        """Writes a file whole, in place of one that may be there; it need not survive a loss of power."""
        aside = self.folder / f".{name}.part"
        try:
            aside.write_text(text, encoding="utf-8")
            aside.replace(self.folder / name)
        except OSError:
            aside.unlink(missing_ok=True)
            raise

    def remove(self, name: str) -> None:
        """Removes a file, if it is there."""
        (self.folder / name).unlink(missing_ok=True)
