"""The engines `record`, which stores every exchange with another engine, and `replay`, which answers from them."""

from functools import cached_property
from pathlib import Path
from typing import Any

from attrs import field, frozen

from mmearth_core import Connection, Engine, Limits
from mmearth_core.errors import ConfigError, EngineError


@frozen
class RecordOptions:
    """`[engines.record]`."""

    directory: str | None = field(
        default=None, metadata={"help": "the folder to record into, relative to the working folder"}
    )
    of: str = field(default="earthengine", metadata={"help": "the engine to record, NAME or NAME:TEXT"})
    options: dict[str, Any] = field(factory=dict, metadata={"help": "further options of that engine, as a table"})


class Record(Engine):
    """Stores every request to another engine with its answer: `--engine record:FOLDER`."""

    name = "record"
    api_version = 1
    Options = RecordOptions
    shorthand = "directory"

    @cached_property
    def _recorded(self) -> Engine:
        from mmearth_core.registry import discover, engine_of
        from mmearth_devkit.recording.recording import Recorded

        if not self.options.directory:
            raise EngineError(
                "The engine `record` needs a folder: `--engine record:FOLDER`, or `directory` in [engines.record]."
            )
        name = self.options.of.partition(":")[0]
        if name == self.name:
            raise ConfigError('[engines.record] of: "record" cannot record itself; name the engine that answers.')
        tables = {name: self.options.options}
        engine = engine_of(discover(), self.options.of, tables, "[engines.record] options")
        return Recorded(engine, Path(self.options.directory).expanduser())

    @property
    def source(self) -> str:
        """The source of the recorded engine, which provides the pixels.

        Raises:
            EngineError: when no folder is given.
        """
        return self._recorded.source

    def connect(self, limits: Limits) -> Connection:
        """Connects the other engine and starts or continues the recording.

        Raises:
            EngineError: when that is not possible.
        """
        return self._recorded.connect(limits)


@frozen
class ReplayOptions:
    """`[engines.replay]`."""

    directory: str | None = field(
        default=None, metadata={"help": "the folder of a recording, relative to the working folder"}
    )


class Replay(Engine):
    """Replays a recorded run: `--engine replay:FOLDER`."""

    name = "replay"
    api_version = 1
    Options = ReplayOptions
    shorthand = "directory"

    @property
    def source(self) -> str:
        """The source of the recorded engine, which provided the pixels.

        Raises:
            EngineError: when there is no recording.
        """
        from mmearth_devkit.recording.recording import Recording

        return Recording.open(self._directory()).source

    def connect(self, limits: Limits) -> Connection:
        """Opens the recording; nothing can time out, so `limits` are not used.

        Raises:
            EngineError: when there is no recording.
        """
        # Imported here, because importing a plugin must be cheap.
        from mmearth_devkit.recording.recording import Player, Recording

        return Connection(project="replay", transport=Player(Recording.open(self._directory())))

    def _directory(self) -> Path:
        if not self.options.directory:
            raise EngineError(
                "The engine `replay` needs the folder of a recording: `--engine replay:FOLDER`, or `directory` in "
                "[engines.replay]."
            )
        return Path(self.options.directory).expanduser()
