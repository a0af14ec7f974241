"""Opens a world by name or by the path of its manifest."""

from pathlib import Path

from mmearth_core.errors import EngineError
from mmearth_localearth.worlds.base import World

SUFFIX = ".toml"


def shipped() -> dict[str, Path]:
    """The manifests that come with this plugin, by name."""
    return {path.stem: path for path in sorted(Path(__file__).parent.glob(f"*{SUFFIX}"))}


def open_world(world: str) -> World:
    """Opens a world.

    Args:
        world: the name of a shipped world, or the path of a manifest, relative to the working folder.

    Raises:
        EngineError: when there is no such world, or the package with its rasters is not installed.
        ConfigError: when the manifest or a raster is at fault.
    """
    from mmearth_localearth.worlds.rasters import RastersWorld

    manifests = shipped()
    if world in manifests:
        return RastersWorld(manifests[world])
    path = Path(world)
    if path.suffix != SUFFIX or not path.is_file():
        raise EngineError(
            f"engines.local: there is no world {world!r}. Give the name of a shipped one ({', '.join(manifests)}), "
            f"or the path of a manifest ending in {SUFFIX}, relative to {Path.cwd()}. "
            "docs/worlds.md shows how to write one."
        )
    return RastersWorld(path)


def world_label(world: str) -> str:
    """What identifies a world in a dataset's record: its name, or the manifest's absolute path."""
    return world if world in shipped() else str(Path(world).resolve())
