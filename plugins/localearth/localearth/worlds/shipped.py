"""Opens a world by name or by the path of its manifest."""

from importlib.util import find_spec
from pathlib import Path

from localearth.errors import SetupError
from localearth.worlds.base import World

SUFFIX = ".toml"

SYNTHETIC = "synthetic"
"""The name of the world that is generated from a seed: `synthetic:7` has the seed 7, `synthetic` the seed 0."""


def shipped() -> dict[str, Path]:
    """The manifests of this plugin, by name."""
    return {path.stem: path for path in sorted(Path(__file__).parent.glob(f"*{SUFFIX}"))}


def open_world(world: str) -> World:
    """Opens a world.

    Args:
        world: the name of a shipped world, or the path of a manifest, relative to the working folder.

    Raises:
        SetupError: when the world does not exist, or the package with its data is not installed.
        InputError: when the manifest or a raster has an error.
    """
    seed = synthetic_seed(world)
    if seed is not None:
        if find_spec("localearth.planet") is None:
            raise SetupError(
                f"the world {world!r} is made by localearth.planet, which this installation does not have. Install "
                "mmearth-localearth as a whole, or use another world."
            )
        from localearth.planet.world import SyntheticWorld

        return SyntheticWorld(seed)
    from localearth.worlds.rasters import RastersWorld

    manifests = shipped()
    if world in manifests:
        return RastersWorld(manifests[world])
    path = Path(world)
    if path.suffix != SUFFIX or not path.is_file():
        raise SetupError(
            f"there is no world {world!r}. Use the name of a shipped world "
            f"({', '.join([*manifests, SYNTHETIC])}, {SYNTHETIC}:SEED), "
            f"or the path of a manifest ending in {SUFFIX}, relative to {Path.cwd()}. "
            "docs/worlds.md shows how to write one."
        )
    return RastersWorld(path)


def world_label(world: str) -> str:
    """The name of a world in a dataset's record: its name, or the manifest's absolute path."""
    seed = synthetic_seed(world)
    if seed is not None:
        return SYNTHETIC if seed == 0 else f"{SYNTHETIC}:{seed}"
    return world if world in shipped() else str(Path(world).resolve())


def synthetic_seed(world: str) -> int | None:
    """The seed of a synthetic world by its name; None for any other world.

    Raises:
        SetupError: when the text after `synthetic:` is not an integer.
    """
    name, colon, text = world.partition(":")
    if name != SYNTHETIC or (colon and not text):
        return None
    if colon and not (text.isascii() and text.isdigit()):
        raise SetupError(
            f"the world {world!r} has an invalid seed {text!r}. Write an integer of at least 0, "
            f"e.g. {SYNTHETIC}:7, or only {SYNTHETIC} for the seed 0."
        )
    return int(text) if colon else 0
