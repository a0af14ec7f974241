"""The configuration file: its tables, each option with its help, and how it is read."""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import field, fields, frozen, validators

from mmearth_core.config.structure import structure
from mmearth_core.errors import ConfigError

GIVE_UP_AFTER = 50
"""Failed tiles that tell a mistake, such as a mistyped asset, from tiles that are at fault themselves.

Among 50 tiles some are done as soon as a tenth of them can be, in 99 of 100 runs; and where a mistake fails them all,
they cost some 240 requests instead of two for every tile of the dataset.
"""


def _at_least(low: float) -> Any:
    return validators.ge(low)


def _is_name(_options: object, _attribute: object, name: str) -> None:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", name):
        raise ValueError(
            f"found {name!r}; allowed are letters, digits, `_`, `-` and `.`, beginning with a letter or digit; "
            "`path` says where the dataset is to stand"
        )


def _is_workload_tag(_options: object, _attribute: object, tag: str | None) -> None:
    if tag and not re.fullmatch(r"[a-z0-9]([-_a-z0-9]{0,61}[a-z0-9])?", tag):
        raise ValueError(
            f"found {tag!r}; Earth Engine allows up to 63 lower-case letters, digits, `-` and `_`, beginning and "
            'ending with a letter or digit; "" sends none'
        )


@frozen
class DatasetOptions:
    """`[dataset]`: what is built, and where."""

    tiles: str = field(metadata={"help": "tiles file (GeoJSON, GeoPackage, FlatGeobuf), relative to this file"})
    name: str = field(
        validator=_is_name,
        metadata={"help": "the dataset's name: letters, digits, `_`, `-` and `.`"},
    )
    tile_info: str | None = field(
        default=None,
        metadata={
            "help": "tile_info.json of an earlier build, whose keys become columns of the tiles; relative likewise"
        },
    )
    path: str | None = field(
        default=None, metadata={"help": "the dataset's folder, relative to this file; by default its name"}
    )
    anchor: str | None = field(
        default=None, metadata={"help": "the modality that fixes each tile's date and grid, if several could"}
    )
    image_size: int = field(
        default=128,
        validator=[_at_least(1), validators.le(2048)],
        metadata={"help": "rows and columns of a tile, in pixels of 10 m"},
    )
    partition_size: int | None = field(
        default=None,
        validator=validators.optional(_at_least(1)),
        metadata={"help": "tiles in a unit of work; by default 25 to 1000, so that there are about 256 units"},
    )


@frozen
class RunOptions:
    """`[run]`: how it is downloaded. May change from run to run."""

    engine: str = field(default="earthengine", metadata={"help": "the engine, NAME or NAME:TEXT"})
    batch_size: int = field(
        default=25,
        validator=[_at_least(1), validators.le(500)],
        metadata={"help": "tiles that are located in one request"},
    )
    max_concurrent: int = field(
        default=40,
        validator=[_at_least(1), validators.le(500)],
        metadata={"help": "requests under way at once, of all processes together; Earth Engine allows 40 a project"},
    )
    requests_per_second: float = field(
        default=100.0,
        validator=validators.gt(0),
        metadata={"help": "requests sent in a second, of all processes together; Earth Engine allows 100 a project"},
    )
    budget: str | None = field(
        default=None,
        metadata={
            "help": "the folder through which processes share these two, relative to this file; datasets of one "
            "project name the same; by default one within the dataset"
        },
    )
    timeout: float = field(
        default=330.0,
        validator=validators.gt(0),
        metadata={"help": "seconds until a request is given up; Earth Engine ends its own work after 300"},
    )
    retry_seconds: float = field(
        default=600.0,
        validator=_at_least(0),
        metadata={"help": "seconds for which a request with a passing fault is tried again"},
    )
    grace_seconds: float = field(
        default=60.0,
        validator=_at_least(0),
        metadata={"help": "seconds that requests under way are given to end, when the run is stopped by a signal"},
    )
    workload_tag: str | None = field(
        default=None,
        validator=_is_workload_tag,
        metadata={
            "help": "names the run's computations in the Cloud project's metrics; by default made of the dataset's "
            'name, "" for none'
        },
    )
    give_up_after: int = field(
        default=GIVE_UP_AFTER,
        validator=_at_least(0),
        metadata={
            "help": "the run stops when so many tiles have failed for one lasting reason, such as a mistyped asset, "
            "and none is done; 0 for never"
        },
    )


@frozen
class Config:
    """A whole configuration file.

    Attributes:
        dataset: `[dataset]`.
        run: `[run]`.
        modalities: `[modalities.NAME]`, not yet checked against the plugin's options.
        engines: `[engines.NAME]`, likewise.
        source: the file itself, absolute.
    """

    dataset: DatasetOptions
    run: RunOptions
    modalities: dict[str, dict[str, Any]]
    engines: dict[str, dict[str, Any]]
    source: Path

    @property
    def tiles(self) -> Path:
        """The tiles file, absolute."""
        return self.source.parent / Path(self.dataset.tiles).expanduser()

    @property
    def tile_info(self) -> Path | None:
        """The earlier build's tile_info.json, absolute; None when there is none."""
        name = self.dataset.tile_info
        return None if name is None else self.source.parent / Path(name).expanduser()

    @property
    def budget(self) -> Path:
        """The folder through which processes share their requests, absolute."""
        return (
            self.root / "budget" if self.run.budget is None else self.source.parent / Path(self.run.budget).expanduser()
        )

    @property
    def workload_tag(self) -> str:
        """What the run's computations are labelled with on Google's side; empty for no label."""
        if self.run.workload_tag is not None:
            return self.run.workload_tag
        return re.sub(r"[^-_a-z0-9]", "-", self.dataset.name.lower())[:63].strip("-_")

    @property
    def root(self) -> Path:
        """The dataset's folder, absolute."""
        return self.source.parent / Path(self.dataset.path or self.dataset.name).expanduser()


_TABLES = ("dataset", "run", "modalities", "engines")


def load_config(path: Path) -> Config:
    """Reads and checks a configuration.

    Args:
        path: a TOML file.

    Raises:
        ConfigError: when it is missing, no TOML, or a key is unknown or ill-typed; names the key.
    """
    path = path.expanduser().absolute()
    try:
        text = path.read_text(encoding="utf-8-sig")  # some editors begin a file with a byte order mark
    except FileNotFoundError:
        raise ConfigError(
            f"{path}: no such configuration file. `mmearth-core demo DIR` writes one that runs without an account."
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        found = "is a folder" if path.is_dir() else f"cannot be read as text: {error}"
        raise ConfigError(f"{path}: {found}. Name the configuration, a TOML file with a table [dataset].") from error
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: not valid TOML: {error}.") from error
    source = str(path)
    if "groups" in raw and "plugins" in raw:
        raise ConfigError(
            f"{source}: this is what a dataset keeps of its own configuration. Run the file that it was built from."
        )
    for key in raw:
        if key not in _TABLES:
            raise ConfigError(f"{source}: unknown table or key `{key}`. Allowed are [{'], ['.join(_TABLES)}].")
    if "dataset" not in raw:
        required = " and ".join(f"`{a.name}`" for a in fields(DatasetOptions) if a.name in ("name", "tiles"))
        raise ConfigError(f"{source}: table [dataset] is missing; it needs at least {required}.")
    modalities = _tables(raw, "modalities", source)
    if not modalities:
        raise ConfigError(
            f"{source}: no modality is configured. Add a table [modalities.NAME] for each one to download; "
            "`mmearth-core plugins` lists the installed ones."
        )
    return Config(
        dataset=structure(_table(raw, "dataset", source), DatasetOptions, "dataset", source),
        run=structure(_table(raw, "run", source), RunOptions, "run", source),
        modalities=modalities,
        engines=_tables(raw, "engines", source),
        source=path,
    )


def _table(raw: Mapping[str, Any], name: str, source: str) -> Mapping[str, Any]:
    table = raw.get(name, {})
    if not isinstance(table, dict):
        raise ConfigError(f"{source}: `{name}` is {table!r}; it must be a table, [{name}].")
    return table


def _tables(raw: Mapping[str, Any], name: str, source: str) -> dict[str, dict[str, Any]]:
    tables = dict(_table(raw, name, source))
    for key, table in tables.items():
        if not isinstance(table, dict):
            raise ConfigError(f"{source}: `{name}.{key}` is {table!r}; it must be a table, [{name}.{key}].")
    return tables
