"""Renders the templates of a new plugin into a folder."""

import re
import shutil
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Literal

from attrs import frozen

from mmearth_core import __version__
from mmearth_core.contract.grid import PIXEL
from mmearth_core.errors import ConfigError
from mmearth_core.files import FOLDER_FAULTS
from mmearth_core.text import whole
from mmearth_devkit.scaffold.names import Names
from mmearth_devkit.scaffold.scene import NODATA, TILE, Place
from mmearth_devkit.stage import Sample

Kind = Literal["image", "vector"]


_FILES = {
    "pyproject.toml": "pyproject.toml",
    "README.md": "README.md",
    "example.toml": "example.toml",
    "$module/__init__.py": "$form.py",
    "tests/test_$name.py": "test_$kind.py",
    "tests/world.toml": "world_$world.toml",
}
"""Each file of a distribution, and its template."""


_OPTIONS = {
    "image": "",
    "vector": "    scale = {size}\n",
    "vector_collection": "    days = 30\n    scale = {size}\n",
    "collection": "    days = 30\n",
    "anchor": "    start = 2018-01-01\n    end = 2019-01-01\n",
}
"""The lines of the README with the options of each form, besides the asset."""


_RESAMPLED = """
    # A composite has no grid on which the core could interpolate it: image() resamples what it is made of.
    resampled = True"""


_TERMS = """
    # The terms of the data, which are passed on with every dataset: state them here. `attribution` is the text that the
    # licence requires of those who pass the data on, or "none required".
    licence = "not known to the author of this plugin; see the source"
    attribution = "not known to the author of this plugin; see the source"
    citation = "{asset}, from Google Earth Engine"
    source = "{page}"
"""


@frozen
class Source:
    """What a new plugin is made of.

    Attributes:
        sample: the asset, one of its bands, its type, unit and pixel size.
        kind: pixels of the asset, or numbers per tile computed from it.
        is_collection: whether the asset is a collection of images.
        has_classes: whether the band has classes.
        is_anchor: whether the images determine the day and the grid of the tiles.
        origin: x and y of a corner of a pixel of these images, metres.
    """

    sample: Sample
    kind: Kind = "image"
    is_collection: bool = False
    has_classes: bool = False
    is_anchor: bool = False
    origin: float = 0

    @property
    def place(self) -> Place:
        """Where the scene of its tests is."""
        return Place(self.sample.pixel_size, self.origin)

    @property
    def form(self) -> str:
        """The name of the module's template."""
        if self.kind == "vector":
            return "vector_collection" if self.is_collection else "vector"
        return "anchor" if self.is_anchor else "collection" if self.is_collection else "image"

    def values(self) -> dict[str, str]:
        """The values of the templates' variables."""
        sample, form = self.sample, self.form
        is_resampled = form == "collection" and not self.has_classes
        size = str(whole(sample.pixel_size) if self.kind == "image" else float(sample.pixel_size))
        own_grid = f"pixel_size = {size}                 # metres\n"
        day = "[modalities.file]               # day and CRS come from the tiles\n\n"
        return {
            "kind": self.kind,
            "form": form,
            "world": form.removeprefix("vector_") if self.is_collection else "image",
            "what": "classes" if self.has_classes else self.kind,
            "asset": sample.asset,
            "band": sample.band,
            "band_name": band_name(sample.band),
            "dtype": sample.dtype,
            "unit": sample.unit,
            "pure": ", a number without a unit" if sample.unit == "1" else "",
            "pixel_size": size,
            "image_size": str(TILE * self.place.times),
            "origin": str(whole(self.origin)),
            # An anchor proposes it.
            "dataset_grid": "" if self.is_anchor or self.kind == "vector" or sample.pixel_size == PIXEL else own_grid,
            "nodata": _literal(sample.dtype),
            "resampling": "BILINEAR" if is_resampled else "NEAREST",
            "resampled": _RESAMPLED if is_resampled else "",
            "terms": _TERMS.format(asset=sample.asset, page=_page(sample.asset)),
            "mosaic": "resample(images).mosaic()" if is_resampled else "images.mosaic()",
            "imports": ", ".join(sorted(self._imports(is_resampled), key=lambda name: (name.islower(), name))),
            "options": _OPTIONS[form].format(size=size),
            "file_table": "" if self.is_anchor else day,
        }

    def _imports(self, is_resampled: bool) -> set[str]:
        names = {"Band", "Layer", "Modality", "Scene", "hookimpl"}
        names |= {"ClassLabel", "Kind"} if self.has_classes else {"Preview", "Resampling"}
        return names | ({"Anchor", "Skip"} if self.is_anchor else set()) | ({"resample"} if is_resampled else set())


def _page(asset: str) -> str:
    """A link to an asset's page: in the catalogue, or in the code editor for assets of users."""
    if asset.startswith(("projects/", "users/")):
        return f"https://code.earthengine.google.com/?asset={asset}"
    return f"https://developers.google.com/earth-engine/datasets/catalog/{asset.replace('/', '_')}"


def band_name(band: str) -> str:
    """The name in the plugin for a band of an asset, which may have characters that the name of a band cannot have."""
    name = re.sub(r"[^A-Za-z0-9]+", "_", band).strip("_")
    return name if name[:1].isalpha() else f"band_{name}"


def write_plugin(names: Names, source: Source, parent: Path) -> Path:
    """Writes a distribution, completely or not at all.

    Args:
        names: its names.
        source: what it is made of.
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
        "core": __version__,
        **source.values(),
    }
    values["layer"] = _render(_template("classes" if source.has_classes else "layer"), values)
    values["missing"] = _template(f"missing_{source.form}") if source.is_collection else ""
    try:
        shutil.rmtree(aside, ignore_errors=True)
        for target, template in _FILES.items():
            path = aside / _render(target, values)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(_render(_template(_render(template, values)), values), encoding="utf-8")
        (aside / names.module / "py.typed").touch()
        source.place.write_scene(aside / "tests", source.sample.dtype, source.has_classes, source.is_collection)
        source.place.write_tiles(aside / "tiles.geojson")
        aside.rename(folder)
    except OSError as error:
        shutil.rmtree(aside, ignore_errors=True)
        if error.errno not in FOLDER_FAULTS:
            raise
        raise ConfigError(f"{folder} cannot be written: {error.strerror}. Choose another folder with --dir.") from error
    return folder


def _template(name: str) -> str:
    return (files(__package__) / "templates" / f"{name}.tmpl").read_text(encoding="utf-8")


def _render(text: str, values: dict[str, str]) -> str:
    return Template(text).substitute(values)


def _literal(dtype: str) -> str:
    """The no-data value of a dtype as Python code."""
    value = NODATA[dtype]
    return f'float("{value}")' if isinstance(value, str) else str(value)
