"""Every deliberate error of mmearth-core, and what the exit codes mean.

A deliberate error is one paragraph that names the file, the key or the line, says
what was found and what is allowed, and ends with the remedy. Anything else that
escapes is a defect of ours.
"""

from enum import IntEnum


class ExitCode(IntEnum):
    """What the exit status of `mmearth-core` tells a script."""

    OK = 0
    """Every tile is done, or skipped for a reason that the journal records."""
    TILES_FAILED = 1
    """The run went to its end, and at least one tile has failed."""
    BAD_INPUT = 2
    """No tile was done: configuration, tiles, plugins or credentials are wrong, or the quota is used up."""
    STOPPED = 3
    """The run ended early; what is done is safe, and running again continues."""


class MMEarthError(Exception):
    """Base of all deliberate errors; its text is shown to the user as it is."""

    exit_code: ExitCode = ExitCode.BAD_INPUT


class DeclarationError(MMEarthError, ValueError):
    """A plugin declares a band, layer or modality that cannot be right."""


class ConfigError(MMEarthError, ValueError):
    """The configuration file is missing, malformed or says something impossible."""


class TilesError(MMEarthError, ValueError):
    """The tiles file is missing, malformed or holds a tile that cannot be used."""


class PluginError(MMEarthError, LookupError):
    """An installed plugin is broken, or a wanted one is not installed."""


class DatasetError(MMEarthError, RuntimeError):
    """A dataset folder holds something other than what this run would write."""


class DamagedFileError(DatasetError):
    """A dataset's file is cut short or damaged.

    Attributes:
        path: the file.
        found: what was found; a clause.
    """

    def __init__(self, path: str, found: str) -> None:
        super().__init__(path, found)  # both, as it is passed on from worker processes
        self.path, self.found = path, found

    def __str__(self) -> str:
        return (
            f"{self.path}: {self.found}. The file is damaged: copy or fetch it again, or write it again with the "
            "command that made it, as `mmearth-core post`."
        )


class EngineError(MMEarthError, RuntimeError):
    """Earth Engine cannot be used at all: no credentials, no project, no access."""


class SlurmError(MMEarthError, RuntimeError):
    """Slurm cannot be used, or refused a job."""


class RunStoppedError(MMEarthError, RuntimeError):
    """The run cannot go on (disk full, access lost); what is done is kept."""

    exit_code = ExitCode.STOPPED


class AccessLostError(RunStoppedError):
    """Earth Engine refuses every request until somebody acts: credentials, project or quota; what is done is kept.

    A run that has done something by then ends with status 3.
    """

    exit_code = ExitCode.BAD_INPUT


class HopelessError(RunStoppedError):
    """Tile after tile fails for one lasting reason, and none is done: no more are asked for until somebody mends it."""

    exit_code = ExitCode.BAD_INPUT


class RequestError(MMEarthError, RuntimeError):
    """Earth Engine refused one request for good; only the tiles in it are affected."""

    exit_code = ExitCode.TILES_FAILED


class RefusedError(RequestError):
    """Earth Engine refused a request as it is, such as one for an asset that is not there; so it will the next time."""


class TooLargeError(RequestError):
    """Earth Engine refused a request as too large a computation; its parts may succeed."""


class NoAnswerError(MMEarthError, RuntimeError):
    """One request was not answered in all the time allowed, while others were; its tiles are left for the next run."""

    exit_code = ExitCode.STOPPED


class PixelError(MMEarthError, ValueError):
    """Pixels arrived whose bands, types or shape are not those asked for."""

    exit_code = ExitCode.TILES_FAILED
