"""Write a plugin, or check one."""

import importlib

import click

COMMANDS = {
    "new": "Write a new plugin: a distribution that installs, passes its tests and downloads.",
    "check": "Try an installed modality offline, and tell what is wrong with it.",
}
"""Each command and its line in the list."""


class _LazyGroup(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"{__name__}.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group("plugin", cls=_LazyGroup)
def command() -> None:
    """Write a plugin, and check it. `mmearth-core plugins` lists those that are installed.

    \b
    Examples:
      mmearth-core plugin new snow_depth
      mmearth-core plugin check snow_depth
    """  # noqa: D301 - click takes the character itself as its mark for lines to keep
