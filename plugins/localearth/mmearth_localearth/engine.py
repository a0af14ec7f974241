"""The engine `local`: an Earth Engine inside the process, on worlds of local rasters or a made-up planet."""

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, ClassVar

from attrs import field, frozen, validators

from mmearth_core import Connection, Demo, Engine, Limits

if TYPE_CHECKING:
    from mmearth_localearth.stage import WorldStage
from mmearth_core import Transport
from mmearth_core.errors import EngineError
from mmearth_localearth.faults.rules import FaultRule


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
        "address of a server, `mmearth-core localearth serve`, that answers instead; `world` is then ignored",
        default=None,
    )
    processes: int = _option(
        "processes that answer, 1 to 64; more than one helps where pixels are computed, as on the synthetic planet",
        default=1,
        validator=[validators.ge(1), validators.le(64)],
    )
    faults: tuple[FaultRule, ...] = _option("rules of the faults to simulate, see docs/faults.md", default=())
    fault_seed: int = _option("seed of the random choices of the faults", default=0)
    latency: float = _option("seconds by which each answer is delayed", default=0.0, validator=validators.ge(0))
    max_concurrent: int | None = _option(
        "requests in flight at the same time above which it answers 429, as Google does above 40; by default no limit",
        default=None,
        validator=validators.optional(validators.ge(1)),
    )
    max_per_second: int | None = _option(
        "requests per second above which it answers 429, as Google does above 100; by default no limit",
        default=None,
        validator=validators.optional(validators.ge(1)),
    )


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

        Where faults are wanted, the transport is a `FaultyTransport`, whose `faults` hold the counters.

        Raises:
            EngineError: when there is no such world, or the package with its rasters is not installed, or no server
                answers.
            ConfigError: when its manifest is at fault, or a fault names a tile that does not exist.
            TilesError: when a fault's tiles file is none.
        """
        return Connection(project="local", transport=self._faulty(self._transport(limits), limits), url=self._url)

    def _transport(self, limits: Limits) -> Transport:
        if self._url is not None:
            from mmearth_core.earthengine.client import HttpTransport

            _ = self.source  # a clear error now, where the client would speak of its discovery document
            return HttpTransport(limits)
        from mmearth_localearth.transport import LocalTransport
        from mmearth_localearth.workers import ServicePool
        from mmearth_localearth.worlds.shipped import open_world

        world = open_world(self.options.world)
        if self.options.processes > 1:
            return LocalTransport(ServicePool(self.options.world, self.options.processes))
        return LocalTransport(world)

    def _faulty(self, transport: Transport, limits: Limits) -> Transport:
        """The transport with what is to go wrong; itself when nothing is."""
        wanted = self.options
        if not (wanted.faults or wanted.latency or wanted.max_concurrent or wanted.max_per_second):
            return transport
        from mmearth_localearth.faults.control import Faults
        from mmearth_localearth.faults.transport import FaultyTransport

        faults = Faults(wanted.faults, wanted.fault_seed, wanted.latency, wanted.max_concurrent, wanted.max_per_second)
        return FaultyTransport(transport, faults, limits.timeout)

    def stage(self) -> "WorldStage | None":
        """What it provides for the plugin kit (`mmearth_devkit`); None where a server has the world."""
        if self._url is not None:
            return None
        from mmearth_localearth.stage import WorldStage
        from mmearth_localearth.worlds.shipped import open_world

        return WorldStage(open_world(self.options.world))

    def demo(self) -> Demo | None:
        """The configuration and tiles that try the world; None for a manifest of the user's own.

        Where the package with the scene is not installed, the synthetic planet is a substitute for it.

        Raises:
            EngineError: when the package with the scene or the coasts is not installed, and there is no substitute.
        """
        from mmearth_localearth.demos.planet import planet
        from mmearth_localearth.demos.virginia import virginia
        from mmearth_localearth.worlds.shipped import SYNTHETIC, open_world, synthetic_seed

        world = self.options.world
        if synthetic_seed(world) is not None:
            return planet(open_world(world), world)
        if world != "virginia":
            return None
        try:
            open_world(world)
        except EngineError as error:
            if find_spec("global_land_mask") is None:
                raise
            return planet(open_world(SYNTHETIC), SYNTHETIC, missing=str(error))
        return virginia()
