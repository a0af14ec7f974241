"""The engine `replay`: answers from a recording of an earlier run, without a network or an account."""

from pathlib import Path

from attrs import field, frozen

from mmearth_core.contract.engine import Connection, Engine, Limits
from mmearth_core.errors import EngineError


@frozen
class ReplayOptions:
    """`[engines.replay]`."""

    directory: str | None = field(
        default=None, metadata={"help": "the folder of a run with --record, relative to the working folder"}
    )


class Replay(Engine):
    """Plays a recorded run back: `--engine replay:FOLDER`."""

    name = "replay"
    api_version = 1
    Options = ReplayOptions
    shorthand = "directory"

    @property
    def source(self) -> str:
        """That of the recorded engine: its pixels are the same.

        Raises:
            EngineError: when there is no recording.
        """
        from mmearth_core.earth.recording import Recording

        return Recording.open(self._directory()).source

    def connect(self, limits: Limits) -> Connection:
        """Opens the recording; nothing can time out here, so `limits` are not needed.

        Raises:
            EngineError: when there is no recording.
        """
        # Here, not above: importing a plugin must stay cheap.
        from mmearth_core.earth.recording import Player, Recording

        return Connection(project="replay", transport=Player(Recording.open(self._directory())))

    def _directory(self) -> Path:
        if not self.options.directory:
            raise EngineError(
                "The engine `replay` needs the folder of a recording: `--engine replay:FOLDER`, or `directory` in "
                "[engines.replay]."
            )
        return Path(self.options.directory).expanduser()
