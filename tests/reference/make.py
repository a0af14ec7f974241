"""Writes the references again: it states that all changes since then are intended.

    python tests/reference/make.py [FOLDER]

FOLDER: where to write, instead of beside this file. The datasets are built offline in a temporary folder.
"""

import sys
import tempfile
from pathlib import Path


def main(folder: Path) -> None:
    """Builds the datasets, and writes the references into a folder."""
    from tests.reference.commands import commands
    from tests.reference.compare import store
    from tests.reference.datasets import build

    store("commands", commands(), folder)
    with tempfile.TemporaryDirectory() as name:
        outcomes, products = build(Path(name).resolve())
    store("outcomes", outcomes, folder)
    store("products", products, folder)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))
    main(Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent))
