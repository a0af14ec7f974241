"""Serve the local Earth Engine over HTTP, run a program with it, or list its functions."""

import json
import math
import signal
import sys
import threading
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING

import click

from localearth import DEFAULT
from localearth.errors import SetupError

if TYPE_CHECKING:
    from localearth.http_server import Server

READY = """\
{facts}
import ee
ee.Initialize(None, url="{url}", project="local")"""
"""What `serve` prints when it is ready: the facts as JSON, and the two lines that a client needs."""


def _finite(_ctx: click.Context, _option: click.Parameter, number: float) -> float:
    """Refuses infinity and NaN, which click takes for in range."""
    if not math.isfinite(number):
        raise click.BadParameter(f"{number} is not a finite number.")
    return number


_world = click.option(
    "--world",
    default=DEFAULT,
    show_default=True,
    metavar="NAME|FILE",
    help="synthetic (any seed: synthetic:7), virginia, or the path of a manifest, my/world.toml.",
)


@click.group("localearth")
@click.version_option(package_name="mmearth-localearth", prog_name="localearth")
def command() -> None:
    """Serve the local Earth Engine over HTTP, run a program with it, or list its functions.

    \b
    Examples:
      localearth exec -- python my_program.py
      localearth exec --world my/world.toml -- pytest tests
      localearth serve --port 8765
      localearth functions
    """  # noqa: D301 - click takes the character itself as its mark for lines to keep


@command.command()
@_world
@click.option("--port", type=click.IntRange(0, 65535), default=8765, show_default=True, help="0 for any free port.")
@click.option(
    "--host", default="127.0.0.1", show_default=True, help="Address to listen on; there is no access control."
)
@click.option(
    "--fault",
    "fault",
    multiple=True,
    metavar="KIND[:KEY=VALUE]...",
    help="Fault to inject, see docs/faults.md; repeatable, the first rule that applies is used.",
)
@click.option("--fault-seed", type=int, default=0, show_default=True, help="Seed of the random faults.")
@click.option(
    "--latency",
    type=click.FloatRange(min=0),
    callback=_finite,
    default=0.0,
    show_default=True,
    help="Seconds added to each answer.",
)
@click.option(
    "--max-concurrent",
    type=click.IntRange(min=1),
    help="Maximum requests in flight; further ones are answered with a 429. Google's is 40.",
)
@click.option("--max-per-second", type=click.IntRange(min=1), help="Maximum requests per second. Google's is 100.")
def serve(
    world: str,
    port: int,
    host: str,
    fault: tuple[str, ...],
    fault_seed: int,
    latency: float,
    max_concurrent: int | None,
    max_per_second: int | None,
) -> None:
    """Answer the unmodified `ee` client until stopped.

    Control-C or SIGTERM stops it. It prints one line of JSON when it is ready: the address as `url`, and the world as
    `source`; then the two lines with which a Python program uses it. GET /counters returns the counters of requests
    and faults.

    \b
    Examples:
      localearth serve --world synthetic --port 8765
      python -c 'import ee; ee.Initialize(None, url="http://127.0.0.1:8765", project="local");
                 print(ee.Number(1).add(2).getInfo())'
      localearth serve --max-concurrent 40 --max-per-second 100 --latency 0.3
      localearth serve --fault 429:rate=0.1:phase=pixels --fault 500:first=3
    """  # noqa: D301 - click takes the character itself as its mark for lines to keep
    from localearth.launch import signal_handlers
    from localearth.rest import Service
    from localearth.worlds.shipped import open_world, world_label

    start = _server_with(fault, fault_seed, latency, max_concurrent, max_per_second)
    service = Service(open_world(world))
    try:
        server = start(service, f"local:{world_label(world)}", host, port)
    except OSError as error:
        raise SetupError(
            f"the local Earth Engine cannot listen on {host}:{port}: {error.strerror}. Choose another --port (0 takes "
            "any free one) or --host."
        ) from error
    stop = threading.Event()
    with signal_handlers(dict.fromkeys((signal.SIGINT, signal.SIGTERM), lambda *_: stop.set())), server.running():
        facts = json.dumps({"url": server.url, "source": server.source, "project": "local"})
        click.echo(READY.format(facts=facts, url=server.url))  # at once, as a program may read the first line only
        stop.wait()


def _server_with(
    fault: tuple[str, ...], seed: int, latency: float, max_concurrent: int | None, max_per_second: int | None
) -> "Callable[..., Server]":
    """What starts a server with faults and counters, or a plain one where the part `localearth.faults` is left out."""
    if find_spec("localearth.faults") is None:
        from localearth.http_server import Server

        if fault or latency or max_concurrent or max_per_second:
            raise SetupError(
                "this installation has no localearth.faults, which injects faults, limits and latency. Remove these "
                "options, or install mmearth-localearth as a whole."
            )
        return Server
    from localearth.faults.control import Faults
    from localearth.faults.http_server import FaultyServer
    from localearth.faults.rules import parse_rule

    rules = [parse_rule(text) for text in fault]
    return partial(FaultyServer, faults=Faults(rules, seed, latency, max_concurrent, max_per_second))


@command.command("exec", context_settings={"allow_interspersed_args": False})
@_world
@click.argument("program", nargs=-1, required=True, metavar="PROGRAM [ARGUMENT]...")
@click.pass_context
def execute(ctx: click.Context, world: str, program: tuple[str, ...]) -> None:
    """Run a program whose Earth Engine is the local one.

    The program stays as it is: wherever it calls `ee.Initialize`, with any address, project and credentials, the client
    uses a server that runs as long as the program. Its exit status is the program's.

    \b
    Examples:
      localearth exec -- python my_program.py
      localearth exec --world my/world.toml -- pytest tests
    """  # noqa: D301 - click takes the character itself as its mark for lines to keep
    from localearth.launch import run
    from localearth.rest import Service
    from localearth.worlds.shipped import open_world, world_label

    ctx.exit(run(Service(open_world(world)), f"local:{world_label(world)}", program))


@command.command()
@click.option("--json", "as_json", is_flag=True, help="One line of JSON per function of Earth Engine, for scripts.")
def functions(as_json: bool) -> None:
    """List the implemented functions and their limits.

    Prints Markdown, which ends with the functions of Earth Engine that are missing.

    \b
    Examples:
      localearth functions > functions.md
      localearth functions --json
    """  # noqa: D301 - click takes the character itself as its mark for lines to keep
    from localearth.coverage import markdown, records

    click.echo(records() if as_json else markdown(), nl=False)


def main() -> None:
    """Runs the command; a world or an option that cannot be used is one paragraph and the status 2."""
    try:
        command(prog_name="localearth")
    except SetupError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(2)
