"""`mmearth-core localearth`: the local Earth Engine for other programs, and what it knows."""

import json
import signal
import threading
from types import FrameType

import click


@click.group("localearth")
def command() -> None:
    """Serve the local Earth Engine over HTTP, or list what it knows.

    \b
    Examples:
      mmearth-core localearth serve --world virginia --port 8765
      mmearth-core localearth functions
    """  # noqa: D301 - click takes the character itself as its mark for lines to keep


@command.command()
@click.option(
    "--world", default="virginia", show_default=True, metavar="NAME|FILE", help="A shipped world, or a manifest."
)
@click.option("--port", type=click.IntRange(0, 65535), default=8765, show_default=True, help="0 takes any free one.")
@click.option(
    "--host", default="127.0.0.1", show_default=True, help="The address to listen on; there is no access control."
)
def serve(world: str, port: int, host: str) -> None:
    """Answer the unmodified `ee` client until told to stop (control-C, or SIGTERM).

    Prints one line of JSON when it is ready: the address as `url`, and the world as `source`.

    \b
    Examples:
      mmearth-core localearth serve --world virginia --port 8765
      python -c 'import ee; ee.Initialize(None, url="http://127.0.0.1:8765", project="local");
                 print(ee.Number(1).add(2).getInfo())'
    """  # noqa: D301 - click takes the character itself as its mark for lines to keep
    from mmearth_core.errors import EngineError
    from mmearth_localearth.http_server import Server
    from mmearth_localearth.rest import Service
    from mmearth_localearth.worlds.shipped import open_world, world_label

    service = Service(open_world(world))
    try:
        server = Server(service, f"local:{world_label(world)}", host, port)
    except OSError as error:
        raise EngineError(
            f"The local Earth Engine cannot listen on {host}:{port}: {error.strerror}. Choose another --port (0 takes "
            "any free one) or --host."
        ) from error
    stop = threading.Event()

    def told(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    before = {number: signal.signal(number, told) for number in (signal.SIGINT, signal.SIGTERM)}
    worker = threading.Thread(target=server.serve_forever, daemon=True)
    worker.start()
    try:
        click.echo(json.dumps({"url": server.url, "source": server.source, "project": "local"}))
        stop.wait()
    finally:
        server.shutdown()
        server.server_close()
        worker.join()
        for number, handler in before.items():
            signal.signal(number, handler)


@command.command()
def functions() -> None:
    """Print the list of Earth Engine's functions that are implemented, as Markdown."""
    from mmearth_localearth.coverage import markdown

    click.echo(markdown(), nl=False)
