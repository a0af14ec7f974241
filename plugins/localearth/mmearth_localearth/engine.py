"""The engine `local`: an Earth Engine inside the process, on worlds of local rasters or a made-up planet."""

from typing import ClassVar

from attrs import field, frozen, validators

from mmearth_core import Connection, Demo, Engine, Limits


@frozen
class LocalOptions:
    """The options of `[engines.local]`.

    Attributes:
        world: the name of a shipped world (`synthetic:7` is the synthetic one of seed 7), or the path of a manifest
            (.toml), relative to the working folder.
        url: the address of a server (`mmearth-core localearth serve`) to ask instead; its world is used, and `world`
            is not looked at.
        processes: how many processes answer; more than one pays where pixels are computed, as on the synthetic planet.
    """

    world: str = "virginia"
    url: str | None = None
    processes: int = field(default=1, validator=[validators.ge(1), validators.le(64)])


class LocalEngine(Engine):
    """Answers the unmodified `ee` client without a network, an account or a charge.

    `--engine local` takes the world of the configuration, `--engine local:virginia` or
    `--engine local:my/world.toml` another one.
    """

    name = "local"
    api_version = 1
    Options: ClassVar[type] = LocalOptions
    shorthand = "world"
    _asked: tuple[str, str] | None = None
    """The last server asked, and its answer."""

    @property
    def _url(self) -> str | None:
        url: str | None = self.options.url
        return None if url is None else url.rstrip("/")

    @property
    def source(self) -> str:
        """`local:` and the world: its name, or its manifest's absolute path. A server is asked for it, once.

        Raises:
            EngineError: when `url` is set and no server answers there.
        """
        url = self._url
        if url is not None:
            if self._asked is None or self._asked[0] != url:
                from mmearth_localearth.remote import remote_source

                self._asked = url, remote_source(url)
            return self._asked[1]
        from mmearth_localearth.worlds.shipped import world_label

        return f"local:{world_label(self.options.world)}"

    def connect(self, limits: Limits) -> Connection:
        """Opens the world, where nothing can time out; or reaches for the server, within `limits`.

        Raises:
            EngineError: when there is no such world, or the package with its rasters is not installed, or no server
                answers.
            ConfigError: when its manifest is at fault.
        """
        if self._url is not None:
            from mmearth_core.earth.transport import HttpTransport

            _ = self.source  # a clear error now, where the client would speak of its discovery document
            return Connection(project="local", transport=HttpTransport(limits), url=self._url)
        from mmearth_localearth.transport import LocalTransport
        from mmearth_localearth.workers import ServicePool
        from mmearth_localearth.worlds.shipped import open_world

        world = open_world(self.options.world)
        if self.options.processes > 1:
            pool = ServicePool(self.options.world, self.options.processes)
            return Connection(project="local", transport=LocalTransport(pool))
        return Connection(project="local", transport=LocalTransport(world))

    def demo(self) -> Demo | None:
        """The configuration and tiles that try the world; None for a manifest of the user's own."""
        from mmearth_localearth.worlds.shipped import open_world, synthetic_seed

        world = self.options.world
        if synthetic_seed(world) is not None:
            from mmearth_localearth.demos.planet import planet

            return planet(open_world(world), world)
        if world == "virginia":
            from mmearth_localearth.demos.virginia import virginia

            return virginia()
        return None
