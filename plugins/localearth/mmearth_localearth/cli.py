"""Serve the local Earth Engine over HTTP, or list its functions."""

import re
from copy import copy

import click
import localearth.cli

from mmearth_localearth.errors import converted


def _within_mmearth(command: click.Command) -> click.Command:
    """The command as one of `mmearth-core`: with its name in the examples, and its errors."""
    found = copy(command)
    found.help = re.sub(r"^( *)(?=localearth )", r"\1mmearth-core ", command.help or "", flags=re.MULTILINE)
    if isinstance(found, click.Group):
        found.commands = {name: _within_mmearth(each) for name, each in found.commands.items()}
    elif command.callback:
        found.callback = converted()(command.callback)
    return found


command = _within_mmearth(localearth.cli.command)
