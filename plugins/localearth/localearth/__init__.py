"""An Earth Engine on your own machine: answers the unmodified `ee` client, without a network or an account.

Parts that are imported only where they are used: `localearth.planet`, a synthetic planet, and `localearth.faults`, the
faults of Google's servers.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from localearth.worlds.base import World


def initialize(world: "str | World" = "virginia") -> None:
    """Lets the `ee` client of this process use a world, in place of `ee.Initialize()`.

    Args:
        world: the name of a world, the path of a manifest, or a world object.

    Raises:
        SetupError: the world does not exist, or the package with its data is not installed.
        InputError: the manifest or a raster is wrong.
    """
    import ee

    from localearth.transport import LocalTransport
    from localearth.worlds.shipped import open_world

    opened = open_world(world) if isinstance(world, str) else world
    ee.Reset()
    ee.Initialize(None, project="local", http_transport=LocalTransport(opened))
