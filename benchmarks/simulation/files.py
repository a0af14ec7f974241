"""The budget's shared folder, in memory; what `FolderFiles` does with a real one."""


class MemoryFiles:
    """Names and texts."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}

    def names(self) -> list[str]:
        """The names of all files."""
        return list(self._texts)

    def create(self, name: str, text: str = "") -> bool:
        """Makes a file; False when it is there already."""
        if name in self._texts:
            return False
        self._texts[name] = text
        return True

    def read(self, name: str) -> str:
        """A file's text; empty when there is none."""
        return self._texts.get(name, "")

    def rename(self, old: str, new: str) -> bool:
        """Gives a file another name; False when there is no such file."""
        if old not in self._texts:
            return False
        self._texts[new] = self._texts.pop(old)
        return True

    def put(self, name: str, text: str) -> None:
        """Writes a file."""
        self._texts[name] = text

    def remove(self, name: str) -> None:
        """Removes a file, if it is there."""
        self._texts.pop(name, None)
