"""Programs in new processes, among them pytest on the tests of a plugin."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

FIXTURES = "mmearth_devkit.pytest_plugin"
"""Not loaded where the devkit was installed before it had this entry point."""


def outside(cwd: Path, *command: object, path: Sequence[Path] = ()) -> "subprocess.CompletedProcess[str]":
    """Runs a command in a folder, with these folders on Python's path."""
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, path)), "COLUMNS": "200"}
    return subprocess.run([*map(str, command)], cwd=cwd, env=env, capture_output=True, text=True, check=False)


def own_tests(cwd: Path, path: Sequence[Path] = ()) -> "subprocess.CompletedProcess[str]":
    """Runs the tests of a folder, with the kit's fixtures."""
    fixtures = () if FIXTURES in sys.modules else ("-p", FIXTURES)
    words = ("-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", *fixtures)
    return outside(cwd, sys.executable, *words, path=path)
