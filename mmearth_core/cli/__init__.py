"""The command line: one module a command, imported only when that command is called.

So `--help` answers at once, and nothing logs in or imports Earth Engine's client before it is needed.
A command module holds one click command named `command`. Installed plugins add commands of their own,
through the entry-point group `mmearth.commands`.
"""

import importlib
import signal
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from types import FrameType
from typing import TYPE_CHECKING, Any

import click

from mmearth_core.errors import MMEarthError, PluginError

if TYPE_CHECKING:
    from mmearth_core.registry.commands import Offers

COMMANDS = {
    "tiles": "Sample tiles all over the world, or make them of your own places.",
    "plan": "Say what a run will cost, before anything is spent.",
    "run": "Download every tile of a configuration; run it again to continue.",
    "status": "Say how far a dataset is, also while it is downloaded.",
    "redownload": "Take tiles again that have failed or were sent back.",
    "post": "Make HDF5, statistics and splits of what was downloaded.",
    "slurm": "Submit downloading and all that follows to a Slurm cluster.",
    "verify": "Reread a dataset and say what is wrong with it.",
    "view": "Draw tiles of a dataset, with legends.",
    "report": "Write a page about a dataset: maps, counts, histograms, tiles.",
    "merge": "Join datasets to one, without compressing them again.",
    "subset": "Make a dataset of some tiles of another one.",
    "resize": "Make a dataset of the centres of another one's tiles.",
    "fetch": "Fetch a published dataset: MMEarth, MMEarth64 or MMEarth100k.",
    "demo": "Build a small dataset offline, without an account.",
    "engine": "Test the rules of Earth Engine that are relied on.",
    "plugin": "Write a plugin, or check one.",
    "plugins": "List the installed modalities and engines, and the broken ones.",
}
"""Each command and its line in the list, so that listing them imports none."""

INTERRUPTED, TERMINATED = 130, 143
"""The exit status of a program that was ended by control-C or by SIGTERM (128 + the signal), as shells have it."""

_AGAIN = "run the same command again to finish"


class _TerminatedError(BaseException):
    """SIGTERM has come."""


class LazyGroup(click.Group):
    """A group whose commands are modules of this package, and those that plugins offer."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The core's commands in the order of use, then the plugins'."""
        return [*COMMANDS, *_plugin_commands().usable]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Imports the command's module.

        Raises:
            PluginError: when a plugin's command is broken, or two plugins offer one of that name.
        """
        if cmd_name in COMMANDS:
            command: click.Command = importlib.import_module(f"{__name__}.{cmd_name}").command
            return command
        offers = _plugin_commands()
        if cmd_name in offers.usable:
            return offers.usable[cmd_name].load()
        clash = offers.clash(cmd_name)
        if clash:
            raise PluginError(clash)
        return None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Lists the commands without importing them."""
        offers = _plugin_commands()
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))
        if offers.usable:
            with formatter.section("Commands of plugins"):
                formatter.write_dl([(name, offer.help) for name, offer in offers.usable.items()])
        if offers.faults:
            with formatter.section("Commands not usable"):
                formatter.write_dl([(fault.entry_point, fault.problem) for fault in offers.faults])

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """Runs a command; a deliberate error becomes one paragraph and its exit code.

        What a command returns, if it is a number, is the exit status.
        """
        call: Callable[[], Any] = partial(super().main, args, prog_name, complete_var, standalone_mode=False, **extra)
        if not standalone_mode:
            return call()
        try:
            with _unwound_by_sigterm():
                status = call()
        except click.ClickException as error:
            error.show()
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
def _unwound_by_sigterm() -> Iterator[None]:
    """SIGTERM ends a command as control-C does: files are closed, and those half-written removed.

    A run has a better way, which it puts in this one's place.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(_number: int, _frame: FrameType | None) -> None:
        raise _TerminatedError

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _plugin_commands() -> "Offers":
    from mmearth_core.registry.commands import offered

    return offered(COMMANDS)


def paragraph(text: str, width: int = 100) -> str:
    """Wraps a message without breaking paths, keys or commands apart."""
    return textwrap.fill(" ".join(text.split()), width, break_long_words=False, break_on_hyphens=False)


def _show_version(ctx: click.Context, _option: click.Parameter, wanted: bool) -> None:
    if not wanted or ctx.resilient_parsing:
        return
    from mmearth_core import __version__
    from mmearth_core.registry import installed

    click.echo(f"mmearth-core {__version__}")
    others = {(origin.distribution, origin.version) for origin in installed()} - {("mmearth-core", __version__)}
    for distribution, version in sorted(others):
        click.echo(f"{distribution} {version}")
    ctx.exit()


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_version,
    help="Show the versions of the core and of the installed plugins, and exit.",
)
def main() -> None:
    """Build multi-modal Earth-observation datasets for machine learning, from plugins.

    \b
    Examples:
      mmearth-core demo demo          a small dataset, offline
      mmearth-core plugins            what is installed
      mmearth-core run mmearth.toml   a dataset of your own
    """  # noqa: D301 - click takes the character itself as its mark for lines to keep
