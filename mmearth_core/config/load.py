"""Reads a configuration file and checks everything that needs no plugin."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import fields

from mmearth_core.config.schema import Config, DatasetOptions, RunOptions
from mmearth_core.config.structure import structure
from mmearth_core.errors import ConfigError

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
