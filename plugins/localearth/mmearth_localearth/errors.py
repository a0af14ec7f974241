"""Errors of the local Earth Engine as those of mmearth-core."""

from collections.abc import Iterator
from contextlib import contextmanager

from localearth.errors import InputError, SetupError

from mmearth_core.errors import ConfigError, EngineError


@contextmanager
def converted(where: str = "") -> Iterator[None]:
    """Converts the errors of a block.

    Args:
        where: the table of the configuration that names the world, before the message.

    Raises:
        ConfigError: a manifest, a raster, a fault rule or a tiles file is wrong.
        EngineError: the world cannot be opened or served.
    """
    try:
        yield
    except InputError as error:
        raise ConfigError(str(error)) from error
    except SetupError as error:
        raise EngineError(f"{where}{error}") from error
