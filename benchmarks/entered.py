"""How many files of the core a command runs code of.

    mmearth-core demo demo
    python benchmarks/entered.py run demo/demo.toml --limit 1

The arguments are those of `mmearth-core`. For a run that has something to do, use a copy of demo.toml with another
`name`. Importing a file does not count; calling a function of it does.
"""

import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any

import mmearth_core
from mmearth_core.cli import main

ROOT = str(Path(mmearth_core.__file__).parent)


def entered(arguments: Sequence[str]) -> set[str]:
    """The files whose functions `mmearth-core ARGUMENTS` calls, in any thread of this process."""
    files: set[str] = set()

    def profile(frame: FrameType, event: str, _argument: Any) -> None:
        code = frame.f_code
        # The code of modules and comprehensions has names such as <module>.
        if event == "call" and code.co_filename.startswith(ROOT) and not code.co_name.startswith("<"):
            files.add(code.co_filename)

    threading.setprofile(profile)
    sys.setprofile(profile)
    try:
        with suppress(SystemExit):  # how every command ends
            main(list(arguments))
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    return files


if __name__ == "__main__":
    print(len(entered(sys.argv[1:])), "files entered", file=sys.stderr)
