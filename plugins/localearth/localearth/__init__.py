"""An Earth Engine on your own machine: answers the unmodified `ee` client, without a network or an account.

Parts that are imported only where they are used: `localearth.planet`, a synthetic planet, and `localearth.faults`, the
faults of Google's servers.
"""

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from localearth.http_server import Server
    from localearth.worlds.base import World

_servers: dict[int, "Server"] = {}
"""The server of download addresses, by process: a forked process needs its own."""

DEFAULT = "synthetic"
"""The world where none is named."""


def initialize(world: "str | World" = DEFAULT) -> None:
    """Lets the `ee` client of this process use a world, in place of `ee.Initialize()`.

    Args:
        world: the name of a world, the path of a manifest, or a world object.

    Raises:
        SetupError: the world does not exist, or the package with its data is not installed.
        InputError: the manifest or a raster is wrong.
    """
    import ee

    url, transport = connect(world)
    ee.Reset()
    ee.Initialize(None, url=url, project="local", http_transport=transport)


def connect(world: "str | World") -> tuple[str, Any]:
    """Opens a world, and returns what `ee.Initialize` needs: the address and the transport.

    Requests of the client are answered without a connection. Addresses that the client only returns (`getDownloadURL`,
    `getThumbURL`, map tiles) are those of a server in this process, so that any library can fetch them.

    Raises:
        SetupError: the world does not exist, or the package with its data is not installed.
        InputError: the manifest or a raster is wrong.
    """
    import threading

    from localearth.http_server import Server
    from localearth.rest import Service
    from localearth.transport import LocalTransport
    from localearth.worlds.shipped import open_world

    service = Service(open_world(world) if isinstance(world, str) else world)
    server = _servers.get(os.getpid())
    if server is None:
        server = _servers[os.getpid()] = Server(service, "local")
        threading.Thread(target=server.serve_forever, daemon=True).start()
    server.service = service
    return server.url, LocalTransport(service)
