"""Every command's arguments and options, as a user sees them; not its help, nor the module it is in."""

import json
from pathlib import Path
from typing import Any

import click


def commands() -> dict[str, Any]:
    """By the words of a command, its parameters: options by their longest name, arguments by their number."""
    from mmearth_devkit.command_tree import walk

    from mmearth_core.cli import main

    return {context.command_path: parameters(context.command) for context in walk(main)}


def parameters(command: click.Command) -> dict[str, Any]:
    options = [each for each in command.params if isinstance(each, click.Option)]
    arguments = [each for each in command.params if isinstance(each, click.Argument)]
    return {
        **{max(option.opts, key=len): describe(option) for option in options},
        **{f"argument {number}": describe(argument) for number, argument in enumerate(arguments, 1)},
    }


def describe(parameter: click.Parameter) -> dict[str, Any]:
    """What a script that calls the command relies on."""
    is_flag = getattr(parameter, "is_flag", False)
    default = parameter.default
    if is_flag:
        default = default is True  # releases of click differ in what means "no default"
    elif not isinstance(default, str | int | float | Path):
        default = None
    return {
        "names": [] if isinstance(parameter, click.Argument) else sorted([*parameter.opts, *parameter.secondary_opts]),
        "type": json.loads(json.dumps(parameter.type.to_info_dict())),
        "required": parameter.required,
        "default": str(default) if isinstance(default, Path) else default,
        "multiple": getattr(parameter, "multiple", False),
        "nargs": parameter.nargs,
        "is_flag": is_flag,
        "hidden": getattr(parameter, "hidden", False),
    }
