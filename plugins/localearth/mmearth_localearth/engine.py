"""The engine `local`: an Earth Engine inside the process, on local rasters or a synthetic planet."""

from contextlib import AbstractContextManager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, ClassVar

from attrs import field, frozen, validators
from localearth.errors import SetupError
from localearth.faults.rules import FaultRule

from mmearth_core import Connection, Demo, Engine, Limits, Transport
from mmearth_localearth.errors import converted

if TYPE_CHECKING:
    from mmearth_localearth.stage import WorldStage


def _option(help: str, **arguments: Any) -> Any:
    return field(metadata={"help": help}, **arguments)


@frozen
class LocalOptions:
    """The options of `[engines.local]`."""

    world: str = _option(
        "name of a shipped world (`synthetic:7` is the synthetic planet with seed 7), or path of a manifest (.toml), "
        "relative to the working folder",
        default="virginia",
    )
    url: str | None = _option(
        "address of a `mmearth-core localearth serve` that answers instead; `world` is then ignored",
        default=None,
    )
    processes: int = _option(
        "number of processes, 1 to 64; more than one helps if pixels are computed, as on the synthetic planet",
        default=1,
        validator=[validators.ge(1), validators.le(64)],
    )
    faults: tuple[FaultRule, ...] = _option("rules of the faults to simulate, see docs/faults.md", default=())
    fault_seed: int = _option("seed of the random choices of the faults", default=0)
    latency: float = _option("seconds by which each answer is delayed", default=0.0, validator=validators.ge(0))
    max_concurrent: int | None = _option(
        "maximum requests in flight; further ones are answered with a 429, as Google does above 40; default: none",
        default=None,
        validator=validators.optional(validators.ge(1)),
    )
    max_per_second: int | None = _option(
        "maximum requests per second; further ones are answered with a 429, as Google does above 100; default: none",
        default=None,
        validator=validators.optional(validators.ge(1)),
    )


class LocalEngine(Engine):
    """Answers the unmodified `ee` client without a network, an account or costs.

    `--engine local` uses the world of the configuration, `--engine local:virginia` or
    `--engine local:my/world.toml` another one.
    """

    name = "local"
    api_version = 1
    Options: ClassVar[type] = LocalOptions
    shorthand = "world"
    _server_source: tuple[str, str] | None = None
    """The URL of the last server and its source."""

    @property
    def _url(self) -> str | None:
        url: str | None = self.options.url
        return None if url is None else url.rstrip("/")

    @property
    def source(self) -> str:
        """`local:` and the world's name or the absolute path of its manifest. A server is asked once, at the first use.

        Raises:
            EngineError: when `url` is set and no server answers there.
        """
        url = self._url
        if url is not None:
            if self._server_source is None or self._server_source[0] != url:
                from mmearth_localearth.remote import remote_source

                self._server_source = url, remote_source(url)
            return self._server_source[1]
        from localearth.worlds.shipped import world_label

        with _converted():
            return f"local:{world_label(self.options.world)}"

    def connect(self, limits: Limits) -> Connection:
        """Opens the world, or connects to the server within the timeouts of `limits`.

        With faults, the transport is a `FaultyTransport`, whose `faults` have the counters.

        Raises:
            EngineError: when the world does not exist, the package with its rasters is not installed, or no server
                answers.
            ConfigError: when the manifest has an error, the tiles file of a fault is invalid, or a fault names a tile
                that does not exist.
        """
        with _converted():
            return Connection(project="local", transport=self._faulty(self._transport(limits), limits), url=self._url)

    def _transport(self, limits: Limits) -> Transport:
        if self._url is not None:
            from mmearth_core.earthengine.client import HttpTransport

            _ = self.source  # raises a clear error; the client's own would be about its discovery document
            return HttpTransport(limits)
        from localearth.transport import LocalTransport
        from localearth.workers import ServicePool
        from localearth.worlds.shipped import open_world

        world = open_world(self.options.world)
        if self.options.processes > 1:
            return LocalTransport(ServicePool(self.options.world, self.options.processes))
        return LocalTransport(world)

    def _faulty(self, transport: Transport, limits: Limits) -> Transport:
        """The transport with faults, or unchanged when there are none."""
        wanted = self.options
        if not (wanted.faults or wanted.latency or wanted.max_concurrent or wanted.max_per_second):
            return transport
        from localearth.faults.control import Faults
        from localearth.faults.transport import FaultyTransport

        faults = Faults(wanted.faults, wanted.fault_seed, wanted.latency, wanted.max_concurrent, wanted.max_per_second)
        return FaultyTransport(transport, faults, limits.timeout)

    def stage(self) -> "WorldStage | None":
        """The world's assets for the plugin kit (`mmearth_devkit`); None when a server has the world."""
        if self._url is not None:
            return None
        from localearth.worlds.shipped import open_world

        from mmearth_localearth.stage import WorldStage

        with _converted():
            return WorldStage(open_world(self.options.world))

    def demo(self) -> Demo | None:
        """The configuration and tiles of the world's demo; None for a user's manifest.

        If the package with the real scene is not installed, the synthetic planet replaces it.

        Raises:
            EngineError: when the package with the scene or the coasts is not installed, and nothing replaces it.
        """
        from localearth.worlds.shipped import SYNTHETIC, open_world, synthetic_seed

        from mmearth_localearth.demos.planet import planet
        from mmearth_localearth.demos.virginia import virginia

        world = self.options.world
        with _converted():
            if synthetic_seed(world) is not None:
                return planet(open_world(world), world)
            if world != "virginia":
                return None
            try:
                open_world(world)
            except SetupError as error:
                if find_spec("global_land_mask") is None:
                    raise
                return planet(open_world(SYNTHETIC), SYNTHETIC, missing=str(error))
            return virginia()


def _converted() -> AbstractContextManager[None]:
    return converted("engines.local: ")
