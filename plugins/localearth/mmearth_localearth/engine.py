"""The engine `local`: an Earth Engine inside the process, on worlds made of local rasters."""

from typing import ClassVar

from attrs import frozen

from mmearth_core import Connection, Demo, Engine, Limits


@frozen
class LocalOptions:
    """The options of `[engines.local]`.

    Attributes:
        world: the name of a shipped world, or the path of a manifest (.toml), relative to the working folder.
    """

    world: str = "virginia"


class LocalEngine(Engine):
    """Answers the unmodified `ee` client without a network, an account or a charge.

    `--engine local` takes the world of the configuration, `--engine local:virginia` or
    `--engine local:my/world.toml` another one.
    """

    name = "local"
    api_version = 1
    Options: ClassVar[type] = LocalOptions
    shorthand = "world"

    @property
    def source(self) -> str:
        """`local:` and the world: its name, or its manifest's absolute path."""
        from mmearth_localearth.worlds.shipped import world_label

        return f"local:{world_label(self.options.world)}"

    def connect(self, limits: Limits) -> Connection:
        """Opens the world. Nothing can time out here, so `limits` are not needed.

        Raises:
            EngineError: when there is no such world, or the package with its rasters is not installed.
            ConfigError: when its manifest is at fault.
        """
        from mmearth_localearth.transport import LocalTransport
        from mmearth_localearth.worlds.shipped import open_world

        return Connection(project="local", transport=LocalTransport(open_world(self.options.world)))

    def demo(self) -> Demo:
        """120 tiles of a real scene, with the configuration that downloads them."""
        from mmearth_localearth.demo import virginia

        return virginia()
