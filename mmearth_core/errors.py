"""The deliberate errors of mmearth-core, and the meaning of the exit status.

The message of a deliberate error is one paragraph: it names the file, the key or the line, says what was found and what
is allowed, and ends with the remedy. Any other exception that reaches the user is a bug.
"""

import errno
from enum import IntEnum


class ExitCode(IntEnum):
    """The exit status of `mmearth-core`.

    Attributes:
        OK: every tile is done, or skipped for a reason that the journal records.
        TILES_FAILED: the run was not stopped early, but a tile has failed, or is left for the next run: its request was
            not answered in the allowed time, or it waits for the modalities of the first run.
        BAD_INPUT: no tile was done: the configuration, tiles, plugins or credentials are wrong, or the quota is used
            up. Running again does not help until this is fixed.
        STOPPED: the run ended early; what is done is kept, and running again continues.
    """

    OK = 0
    TILES_FAILED = 1
    BAD_INPUT = 2
    STOPPED = 3


class MMEarthError(Exception):
    """Base class of all deliberate errors; the user is shown its text as it is."""

    exit_code: ExitCode = ExitCode.BAD_INPUT


class DeclarationError(MMEarthError, ValueError):
    """A plugin declares an invalid band, layer or modality."""


class ConfigError(MMEarthError, ValueError):
    """The configuration file is missing, malformed or has an invalid value."""


class TilesError(MMEarthError, ValueError):
    """The tiles file is missing, malformed or has a tile that cannot be used."""


class PluginError(MMEarthError, LookupError):
    """An installed plugin is broken, or a requested one is not installed."""


class DatasetError(MMEarthError, RuntimeError):
    """A dataset folder has other contents than this command would write, or cannot be used."""


class DamagedFileError(DatasetError):
    """A file of a dataset is truncated or damaged.

    Attributes:
        path: the file.
        found: what was found; a clause.
    """

    def __init__(self, path: str, found: str) -> None:
        super().__init__(path, found)  # both, so that worker processes can pickle it
        self.path, self.found = path, found

    def __str__(self) -> str:
        write = "write it again with the command that made it, such as `mmearth-core post`"
        return f"{self.path}: {self.found}. The file is damaged: copy or fetch it again, or {write}."


class EngineError(MMEarthError, RuntimeError):
    """Earth Engine cannot be used at all: no credentials, no project, no access."""


class SlurmError(MMEarthError, RuntimeError):
    """Slurm cannot be used, or refused a job."""


class RunStoppedError(MMEarthError, RuntimeError):
    """The run cannot continue (full disk, lost access, no network); what is done is kept."""

    exit_code = ExitCode.STOPPED


class AccessLostError(RunStoppedError):
    """Earth Engine refuses every request until somebody fixes credentials, project or quota; what is done is kept.

    A run that has done some tiles before ends with status 3.
    """

    exit_code = ExitCode.BAD_INPUT


class HopelessError(RunStoppedError):
    """Every tile fails, or would be wrong, for the same lasting reason, so the run stops until somebody fixes it."""

    exit_code = ExitCode.BAD_INPUT


class RequestError(MMEarthError, RuntimeError):
    """Earth Engine refused one request; only the tiles of this request are affected."""

    exit_code = ExitCode.TILES_FAILED


class RefusedError(RequestError):
    """Earth Engine refused a request that is wrong, such as one for a missing asset; it would refuse it again."""


class TooLargeError(RequestError):
    """Earth Engine refused a request because the computation is too large; smaller requests may succeed."""


class NoAnswerError(MMEarthError, RuntimeError):
    """One request was not answered in the allowed time, while others were; its tiles are left for the next run."""

    exit_code = ExitCode.STOPPED


class OverloadedError(TooLargeError, NoAnswerError):
    """Earth Engine had no memory for a request while it answered others; a smaller one may succeed, or this one later.

    If nothing smaller can be requested, its tiles are left for the next run.
    """


class PixelError(MMEarthError, ValueError):
    """The bands, types or shape of received pixels are not the requested ones."""

    exit_code = ExitCode.TILES_FAILED


_FOR_THE_USER = {errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EISDIR, errno.EEXIST}
"""System errors of a wrong path or permission: at the start of a run, waiting and trying again would not help."""


def start_error(error: OSError, message: str) -> MMEarthError:
    """The error that ends a run before its first tile: a fault that may pass, such as a full disk, has status 3."""
    return DatasetError(message) if error.errno in _FOR_THE_USER else RunStoppedError(message)
