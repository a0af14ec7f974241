"""The command line under test: in this process, which is faster, or in a new one."""

import json
import subprocess
import sys
from functools import cache
from importlib.metadata import entry_points
from typing import Any

import click
from click.testing import CliRunner, Result


def cli(*arguments: object, columns: int | None = None) -> Result:
    """`mmearth-core ARGUMENTS` in this process, with a terminal of this width."""
    env = {} if columns is None else {"COLUMNS": str(columns)}
    return CliRunner().invoke(_command(), [str(argument) for argument in arguments], env=env)


@cache
def _command() -> click.Command:
    """The command `mmearth-core`, as it is installed."""
    (entry_point,) = entry_points(group="console_scripts", name="mmearth-core")
    command: click.Command = entry_point.load()
    return command


def summary(*arguments: object, code: int = 0) -> dict[str, Any]:
    """What `mmearth-core ARGUMENTS --json` prints, when its exit status is `code`."""
    done = cli(*arguments, "--json")
    assert done.exit_code == code, f"{done.output}\n{done.exception!r}"
    printed: dict[str, Any] = json.loads(done.stdout)
    return printed


def own_process(*arguments: object, timeout: float = 240, **options: Any) -> "subprocess.CompletedProcess[str]":
    """`mmearth-core ARGUMENTS` in a new process with this Python; the options are those of `subprocess.run`."""
    command = [sys.executable, "-m", "mmearth_core", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False, **options)
