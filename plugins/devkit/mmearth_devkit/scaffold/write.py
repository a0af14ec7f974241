"""Renders the templates of a new plugin into a folder."""

import shutil
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Literal

from mmearth_core import __version__
from mmearth_core.errors import ConfigError
from mmearth_core.files import FOLDER_FAULTS
from mmearth_devkit.scaffold.names import Names
from mmearth_devkit.scaffold.scene import NODATA, write_scene, write_tiles
from mmearth_devkit.stage import Sample

Kind = Literal["image", "vector"]


_FILES = {
    "pyproject.toml": "pyproject.toml",
    "README.md": "README.md",
    "example.toml": "example.toml",
    "$module/__init__.py": "$kind.py",
    "tests/test_$name.py": "test_$kind.py",
    "tests/world.toml": "world.toml",
}
"""Each file of a distribution, and its template."""


def write_plugin(names: Names, kind: Kind, sample: Sample, parent: Path) -> Path:
    """Writes a distribution, completely or not at all.

    Args:
        names: its names.
        kind: pixels of an asset, or numbers per tile computed from it.
        sample: the asset.
        parent: the folder in which the folder of the distribution is created.

    Returns:
        The distribution's folder.

    Raises:
        ConfigError: when it exists or cannot be written.
    """
    folder = parent / names.distribution
    if folder.exists():
        raise ConfigError(f"{folder} exists. Choose another name, or another folder with --dir.")
    aside = parent / f".{names.distribution}.part"
    values = {
        "name": names.name,
        "distribution": names.distribution,
        "module": names.module,
        "cls": names.cls,
        "kind": kind,
        "core": __version__,
        "asset": sample.asset,
        "band": sample.band,
        "dtype": sample.dtype,
        "unit": sample.unit,
        "pure": ", a number without a unit" if sample.unit == "1" else "",
        "nodata": _literal(sample.dtype),
    }
    try:
        shutil.rmtree(aside, ignore_errors=True)
        for target, template in _FILES.items():
            path = aside / _render(target, values)
            path.parent.mkdir(parents=True, exist_ok=True)
            source = files(__package__) / "templates" / f"{_render(template, values)}.tmpl"
            path.write_text(_render(source.read_text(encoding="utf-8"), values), encoding="utf-8")
        (aside / names.module / "py.typed").touch()
        write_scene(aside / "tests" / "scene.tif", sample.dtype)
        write_tiles(aside / "tiles.geojson")
        aside.rename(folder)
    except OSError as error:
        shutil.rmtree(aside, ignore_errors=True)
        if error.errno not in FOLDER_FAULTS:
            raise
        raise ConfigError(f"{folder} cannot be written: {error.strerror}. Choose another folder with --dir.") from error
    return folder


def _render(text: str, values: dict[str, str]) -> str:
    return Template(text).substitute(values)


def _literal(dtype: str) -> str:
    """The no-data value of a dtype as Python code."""
    value = NODATA[dtype]
    return f'float("{value}")' if isinstance(value, str) else str(value)
