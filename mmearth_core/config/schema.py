"""The configuration file: its tables, each option with its help, and how it is read."""

import errno
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from attrs import NOTHING, field, frozen
from attrs.validators import ge, gt, le, optional

from mmearth_core.config.structure import describe, structure
from mmearth_core.errors import ConfigError

__all__ = ["Config", "DatasetOptions", "RunOptions", "describe", "load_config", "structure"]

GIVE_UP_AFTER = 50
"""Failed tiles after which a run stops if none is done: then the cause is a mistake, such as a mistyped asset.

If only a tenth of the tiles can be downloaded, 99 of 100 runs complete one among the first 50. If a mistake makes all
tiles fail, 50 of them cost about 240 requests, instead of two for every tile of the dataset.
"""


MOST_SECONDS = 10_000_000
"""The longest time of an option: four months."""


MOST_METRES = 100_000
"""The largest pixel: such pixels are a degree of latitude."""


def _is_name(_options: object, _attribute: object, name: str) -> None:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,199}", name):
        allowed = "letters, digits, `_`, `-` and `.`, starting with a letter or digit, at most 200"
        raise ValueError(f"found {name!r}; allowed are {allowed}; to choose the dataset's folder, set `path`")


def _is_workload_tag(_options: object, _attribute: object, tag: str) -> None:
    # Earth Engine also allows upper case and dots, but its client, which checks the tag too, does not (1.7.50).
    if tag and not re.fullmatch(r"[a-z0-9]([-_a-z0-9]{0,61}[a-z0-9])?", tag):
        raise ValueError(
            f"found {tag!r}; Earth Engine's client allows up to 63 lower-case letters, digits, `-` and `_`, starting "
            'and ending with a letter or digit; "" sends none'
        )


def _option(help: str, default: Any = NOTHING, validator: Any = None) -> Any:
    return field(default=default, validator=validator, metadata={"help": help})


@frozen
class DatasetOptions:
    """`[dataset]`: what is built, and where.

    Once a tile is downloaded, only `path` and the place of the tiles file may change.
    """

    tiles: str = _option("tiles file (GeoJSON, GeoPackage or FlatGeobuf), relative to this file")
    name: str = _option("name of the dataset: letters, digits, `_`, `-` and `.`", validator=_is_name)
    path: str | None = _option("folder of the dataset, relative to this file; by default its name", None)
    anchor: str | None = _option(
        "modality that determines the date and the grid of each tile; needed if several modalities can", None
    )
    image_size: int = _option("rows and columns of a tile, in pixels; 1 to 2048", 128, [ge(1), le(2048)])
    pixel_size: float | None = _option(
        f"size of a pixel in metres, up to {MOST_METRES}; by default that of the anchor, 10 for most",
        None,
        optional([gt(0), le(MOST_METRES)]),
    )
    origin: float | tuple[float, float] | None = _option(
        "a corner of a pixel in the CRS of the tiles, metres: a number for x and y, or [x, y]; by default that of the "
        "anchor for its own pixel size, otherwise 0",
        None,
    )
    partition_size: int | None = _option(
        "tiles per partition, the unit of work; by default 25 to 1000, for about 256 partitions", None, optional(ge(1))
    )


@frozen
class RunOptions:
    """`[run]`: how the dataset is downloaded. These options may change from run to run."""

    engine: str = _option(
        "engine that answers the requests, NAME or NAME:TEXT; `mmearth-core plugins` lists the engines", "earthengine"
    )
    batch_size: int = _option("tiles located per request; 1 to 500", 25, [ge(1), le(500)])
    max_concurrent: int = _option(
        "requests in flight, of all processes together; 1 to 500; Earth Engine allows 40", 40, [ge(1), le(500)]
    )
    requests_per_second: float = _option(
        "requests sent per second, by all processes together, 0.001 to 1000000; Earth Engine allows 100 per project",
        100.0,
        [ge(0.001), le(1_000_000)],
    )
    budget: str | None = _option(
        "folder through which processes share `max_concurrent` and `requests_per_second`, relative to this file; "
        "set the same folder for all datasets of one Cloud project; by default a folder inside the dataset",
        None,
    )
    timeout: float = _option(
        "seconds until an unanswered request is abandoned; Earth Engine ends its own work after 300",
        330.0,
        [gt(0), le(MOST_SECONDS)],
    )
    retry_seconds: float = _option(
        "seconds during which a request is retried after a temporary fault", 600.0, [ge(0), le(MOST_SECONDS)]
    )
    grace_seconds: float = _option(
        "seconds that requests in flight have to finish when a signal stops the run", 60.0, [ge(0), le(MOST_SECONDS)]
    )
    workload_tag: str | None = _option(
        "label of the run's computations in the metrics of the Cloud project; by default made from the dataset's "
        'name; "" for none',
        None,
        optional(_is_workload_tag),
    )
    give_up_after: int = _option(
        "stop the run when this many tiles have failed for the same lasting reason, such as a mistyped asset, and no "
        "tile is done; 0 for never",
        GIVE_UP_AFTER,
        ge(0),
    )
    when_restricted: Literal["continue", "stop"] = _option(
        "what to do when Earth Engine answers in restricted mode, as the noncommercial quota of the month is used up: "
        "continue with a quarter of `max_concurrent`, or stop",
        "continue",
    )


@frozen
class Config:
    """A full configuration file.

    Attributes:
        dataset: `[dataset]`.
        run: `[run]`.
        modalities: `[modalities.NAME]`, not yet checked against the plugin's options.
        engines: `[engines.NAME]`, not yet checked either.
        source: the absolute path of the file.
    """

    dataset: DatasetOptions
    run: RunOptions
    modalities: dict[str, dict[str, Any]]
    engines: dict[str, dict[str, Any]]
    source: Path

    def _absolute(self, path: str) -> Path:
        return self.source.parent / Path(path).expanduser()

    @property
    def tiles(self) -> Path:
        """The absolute path of the tiles file."""
        return self._absolute(self.dataset.tiles)

    @property
    def root(self) -> Path:
        """The absolute path of the dataset's folder."""
        return self._absolute(self.dataset.path or self.dataset.name)

    @property
    def budget(self) -> Path:
        """The absolute path of the folder through which processes share their requests."""
        return self.root / "budget" if self.run.budget is None else self._absolute(self.run.budget)

    @property
    def workload_tag(self) -> str:
        """The label of the run's computations in the Cloud project's metrics; empty for none."""
        if self.run.workload_tag is not None:
            return self.run.workload_tag
        return re.sub(r"[^-_a-z0-9]", "-", self.dataset.name.lower())[:63].strip("-_")


_TABLES = ("dataset", "run", "modalities", "engines")


def load_config(path: Path) -> Config:
    """Reads and checks a configuration.

    Args:
        path: a TOML file.

    Raises:
        ConfigError: the file is missing or not valid TOML, or a key is unknown or has a wrong value; names the key.
    """
    path = path.expanduser().absolute()
    raw = _read(path)
    if "groups" in raw and "plugins" in raw:
        remedy = "Use the configuration file that the dataset was built from."
        raise ConfigError(f"{path}: this file is a dataset's own record of its configuration. {remedy}")
    for key in raw:
        if key not in _TABLES:
            raise ConfigError(f"{path}: unknown table or key `{key}`. Allowed are [{'], ['.join(_TABLES)}].")
    if "dataset" not in raw:
        raise ConfigError(f"{path}: table [dataset] is missing; it needs at least `tiles` and `name`.")
    dataset, run, modalities, engines = (_table(raw, name, path) for name in _TABLES)
    if "tile_info" in dataset:
        command = f"tiles from-tile-info {dataset['tile_info']} --tiles {dataset.get('tiles', 'TILES')} -o NEW"
        make = f"make a tiles file with the columns of tile_info first, `mmearth-core {command}`"
        remedy = f"If the dataset has its tiles already, delete the line. Otherwise {make}, and set `tiles` to it."
        raise ConfigError(f"{path}: [dataset] tile_info is no longer an option. {remedy}")
    if not modalities:
        remedy = "Add a table [modalities.NAME] for each modality to download"
        raise ConfigError(f"{path}: no modality is configured. {remedy}; `mmearth-core plugins` lists those installed.")
    config = Config(
        dataset=structure(dataset, DatasetOptions, "dataset", str(path)),
        run=structure(run, RunOptions, "run", str(path)),
        modalities={name: _table(modalities, name, path, "modalities.") for name in modalities},
        engines={name: _table(engines, name, path, "engines.") for name in engines},
        source=path,
    )
    _check_paths(config)
    return config


def _check_paths(config: Config) -> None:
    """Refuses paths that no file can have, and a dataset in the root of the file system."""
    paths = {"[dataset] path": config.root, "[dataset] tiles": config.tiles, "[run] budget": config.budget}
    for key, path in paths.items():
        try:
            path.stat()
        except (OSError, ValueError) as error:
            if isinstance(error, ValueError) or error.errno in (errno.ELOOP, errno.ENAMETOOLONG):
                reason = error.strerror if isinstance(error, OSError) else error
                raise ConfigError(f"{config.source}: {key}: {str(path)!r} cannot be used: {reason}.") from error
    if config.dataset.path == "" or config.root.resolve() == Path(config.root.anchor):
        remedy = "name a folder for the dataset, which is not the root of the file system"
        raise ConfigError(f'{config.source}: [dataset] path: found "{config.dataset.path}"; {remedy}.')


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))  # some editors write a byte order mark
    except FileNotFoundError:
        remedy = "`mmearth-core demo DIR` writes one that runs without an account."
        raise ConfigError(f"{path}: no such configuration file. {remedy}") from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigError(f"{path}: not valid TOML: {error}.") from error
    except (OSError, UnicodeDecodeError) as error:
        found = "is a folder" if path.is_dir() else f"cannot be read as text: {error}"
        raise ConfigError(f"{path}: {found}. Give a configuration file: TOML with a table [dataset].") from error


def _table(raw: Mapping[str, Any], key: str, source: Path, prefix: str = "") -> dict[str, Any]:
    table = raw.get(key, {})
    if not isinstance(table, dict):
        raise ConfigError(f"{source}: `{prefix}{key}` is {table!r}; it must be a table, [{prefix}{key}].")
    return table
