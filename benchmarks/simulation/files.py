"""The budget's shared folder in memory, with the operations of `mmearth_core.budget.members.Folder`."""

from mmearth_core.budget.members import Folder


class MemoryFolder(Folder):
    """Names and texts."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}

    def names(self) -> list[str]:
        """Returns the names of all files."""
        return list(self._texts)

    def read(self, name: str) -> str:
        """Returns a file's text; empty if there is no such file."""
        return self._texts.get(name, "")

    def write(self, name: str, text: str) -> None:
        """Creates or replaces a file."""
        self._texts[name] = text

    def remove(self, name: str) -> None:
        """Removes a file if it exists."""
        self._texts.pop(name, None)
