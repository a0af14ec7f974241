"""The command line: one module per command, imported only when that command is called.

This keeps `--help` fast, and nothing logs in or imports Earth Engine's client before it is needed.
A command module has one click command named `command`. Installed plugins add commands of their own
through the entry-point group `mmearth.commands`.
"""

import importlib
import re
import signal
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import StringIO
from types import FrameType
from typing import Any

import click

from mmearth_core.errors import MMEarthError, PluginError
from mmearth_core.registry.commands import COMMANDS, ELSEWHERE, GROUP, offered
from mmearth_core.text import did_you_mean, printable

INTERRUPTED, TERMINATED = 130, 143
"""The exit status after control-C or SIGTERM: 128 + the number of the signal, as in shells."""

_AGAIN = "run the same command again to finish"


class _TerminatedError(BaseException):
    """SIGTERM was received. Not an Exception, so that nothing handles it on the way."""


class LazyGroup(click.Group):
    """The commands of this package and those of plugins."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The core's commands in the order of use, then the plugins'."""
        return [*COMMANDS, *offered().usable]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Imports the command's module.

        Raises:
            PluginError: when the command of a plugin is broken, two plugins offer this command, or it is part of a
                distribution of this repository that is not installed.
            click.UsageError: when it is unknown, but similar to another one.
        """
        if cmd_name in COMMANDS:
            command: click.Command = importlib.import_module(f"{__name__}.{cmd_name}").command
            return command
        offers = offered()
        if cmd_name in offers.usable:
            return offers.usable[cmd_name].load()
        clashes = [str(fault) for fault in offers.faults if fault.entry_point == cmd_name]
        if clashes:
            raise PluginError(" ".join(clashes))
        if cmd_name in ELSEWHERE and not ctx.resilient_parsing:
            owner = ELSEWHERE[cmd_name]
            folder = f"./plugins/{owner.removeprefix('mmearth-')}"
            remedy = f"`pip install {owner}`, or `pip install {folder}` in a clone of the repository"
            raise PluginError(f"The command {cmd_name!r} is in {owner}, which is not installed: {remedy}.")
        suggestion = did_you_mean(cmd_name, [*self.list_commands(ctx), *ELSEWHERE])
        if suggestion and not ctx.resilient_parsing:
            ctx.fail(f"No such command {cmd_name!r}.{suggestion}")
        return None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Lists the commands without importing them."""
        offers = offered()
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))
        if offers.usable:
            with formatter.section("Commands of plugins"):
                formatter.write_dl([(name, offer.help) for name, offer in offers.usable.items()])
        if offers.faults:
            with formatter.section("Commands not usable"):
                formatter.write_dl([(fault.entry_point, fault.problem) for fault in offers.faults])

    def main(self, *args: Any, **extra: Any) -> Any:
        """Runs a command and exits; a deliberate error becomes one paragraph and its exit code.

        What a command returns, if it is a number, is the exit status.
        """
        call: Callable[..., Any] = super().main
        if not extra.pop("standalone_mode", True):
            return call(*args, standalone_mode=False, **extra)
        try:
            with _sigterm_raises():
                status = call(*args, standalone_mode=False, **extra)
        except click.ClickException as error:
            shown = StringIO()
            error.show(shown)
            print(printable(shown.getvalue(), keep="\n"), end="", file=sys.stderr)
            sys.exit(error.exit_code)
        except MMEarthError as error:
            print(paragraph(f"error: {error}"), file=sys.stderr)
            sys.exit(error.exit_code)
        except (click.Abort, KeyboardInterrupt):  # click turns control-C into Abort
            print(f"interrupted; {_AGAIN}", file=sys.stderr)
            sys.exit(INTERRUPTED)
        except _TerminatedError:
            print(f"ended by SIGTERM; {_AGAIN}", file=sys.stderr)
            sys.exit(TERMINATED)
        sys.exit(status if isinstance(status, int) else 0)


@contextmanager
def _sigterm_raises() -> Iterator[None]:
    """Lets SIGTERM end a command as control-C does: files are closed, and temporary files removed.

    A run replaces this handler by its own, which finishes the requests in flight.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread can set handlers
        return

    def handler(_number: int, _frame: FrameType | None) -> None:
        raise _TerminatedError

    before = signal.signal(signal.SIGTERM, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def paragraph(text: str, width: int = 100) -> str:
    """Wraps a message, but never inside a path, key or command."""
    whole = re.sub(r"`[^`]*`", lambda command: command[0].replace(" ", "\0"), printable(" ".join(text.split())))
    return textwrap.fill(whole, width, break_long_words=False, break_on_hyphens=False).replace("\0", " ")


def _show_version(ctx: click.Context, _option: click.Parameter, wanted: bool) -> None:
    if not wanted or ctx.resilient_parsing:
        return
    from mmearth_core import __version__
    from mmearth_core.contract import hooks
    from mmearth_core.registry.load import CORE, find_offers

    click.echo(f"{CORE} {__version__}")
    for other in sorted({str(offer.origin) for group in (hooks.GROUP, GROUP) for offer in find_offers(group)}):
        if other != f"{CORE} {__version__}":
            click.echo(other)
    ctx.exit()


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_version,
    help="Show the versions of the core and of the installed distributions with plugins or commands, and exit.",
)
def main() -> None:
    """Build multi-modal Earth-observation datasets for machine learning, from plugins.

    \b
    Examples:
      mmearth-core demo demo          a small dataset, offline
      mmearth-core plugins            the installed plugins
      mmearth-core run mmearth.toml   your own dataset
    """  # noqa: D301 - click needs the character itself, as its mark for lines to keep
