"""Writes the references anew, which says that what has changed was meant to.

    python tests/reference/make.py [FOLDER]

FOLDER: where to write, instead of beside this file.
"""

import sys
from pathlib import Path


def main(folder: Path) -> None:
    """Builds the datasets, and writes the references into a folder."""
    from tests.reference.commands import commands
    from tests.reference.compare import store

    store("commands", commands(), folder)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))
    main(Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent))
