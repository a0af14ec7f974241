"""Reads the manifest of a `rasters` world: a TOML file that maps asset ids to local rasters.

    [[collection]]
    id = "MY/SCENES"
    folder = "scenes/{index}"              # relative to the manifest; {index} is the image's
    [collection.bands]                     # in the order of the lines
    red = "red.tif"
    nir = { file = "stack.tif", band = 2 }
    quality = { constant = 0, dtype = "uint8", like = "red" }
    [[collection.image]]
    index = "20200714_a"
    time = 2020-07-14T15:59:11Z
    properties = { CLOUD = 3.5 }

docs/worlds.md explains every key. This module reads and checks the text; it opens no raster.
"""

import tomllib
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from attrs import frozen

from localearth.errors import InputError, SetupError
from localearth.worlds.tables import Table

PACKAGE = "package:"
"""Prefix of a path inside an installed Python package: `package:NAME/path`."""

DTYPES = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64")
"""The pixel types that a raster may have: those of Earth Engine's assets."""


@frozen
class FileBand:
    """A band of a raster file; `crs` and `nodata` override those of the file.

    `apply_scale` is whether the file's scale and offset are applied to its values; None if the manifest does not say.
    """

    name: str
    path: Path
    number: int
    crs: str | None
    nodata: float | None
    apply_scale: bool | None


@frozen
class ConstantBand:
    """A band with one value everywhere, on the grid of the band `like`."""

    name: str
    value: float
    dtype: str
    like: str


BandEntry = FileBand | ConstantBand


@frozen(eq=False)
class ImageEntry:
    """One image. `footprint` is a band's name, WKT, a GeoJSON mapping, or None for the first band's bounds."""

    id: str
    properties: Mapping[str, Any]
    bands: tuple[BandEntry, ...]
    footprint: str | Mapping[str, Any] | None
    table: Table


@frozen(eq=False)
class CollectionEntry:
    """A collection and its images."""

    id: str
    properties: Mapping[str, Any]
    images: tuple[ImageEntry, ...]


@frozen(eq=False)
class Manifest:
    """The contents of a manifest."""

    path: Path
    name: str
    collections: tuple[CollectionEntry, ...]
    images: tuple[ImageEntry, ...]


@frozen
class _Defaults:
    """Values that an image inherits from the tables around it."""

    folder: str = ""
    bands: Mapping[str, Any] | None = None
    footprint: str | Mapping[str, Any] | None = None
    properties: Mapping[str, Any] = {}


def read_manifest(path: Path) -> Manifest:
    """Reads and checks a manifest.

    Raises:
        InputError: with the file, the position, the key and the allowed values.
        SetupError: when a package with the files is not installed.
    """
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"{path}: the world's manifest cannot be read: {error}.") from error
    top = Table(values, path, "")
    name = top.take("name", "a string", path.stem)
    top.take("description", "a string", "")
    reader = _Reader(path, top.take("install", "a string", ""))
    folder = top.take("folder", "a string", "")
    collections = [
        reader.collection(Table(row, path, f"collection {_label(row, 'id', number)}"), _Defaults(folder))
        for number, row in enumerate(top.take("collection", "a list of tables", []), 1)
    ]
    images = [
        reader.image(Table(row, path, f"image {_label(row, 'id', number)}"), _Defaults(folder), None)
        for number, row in enumerate(top.take("image", "a list of tables", []), 1)
    ]
    top.close()
    manifest = Manifest(path, name, tuple(collections), tuple(images))
    seen: set[str] = set()
    for asset_id in _ids(manifest):
        if asset_id in seen:
            raise top.error(f"the id {asset_id!r} is duplicated; every asset needs its own id.")
        seen.add(asset_id)
    if not seen:
        raise top.error("there are no assets; add [[collection]] or [[image]] tables.")
    return manifest


def _label(row: Mapping[str, Any], key: str, number: int) -> str:
    return repr(row[key]) if key in row else f"number {number}"


def _ids(manifest: Manifest) -> Iterator[str]:
    yield from (image.id for image in manifest.images)
    for collection in manifest.collections:
        yield collection.id
        yield from (image.id for image in collection.images)


class _Reader:
    """Converts tables to entries."""

    def __init__(self, path: Path, install: str) -> None:
        self.path = path
        self.install = install

    def collection(self, table: Table, outer: _Defaults) -> CollectionEntry:
        asset_id = table.take("id", "a string")
        properties = table.properties("properties")
        inner = _Defaults(
            table.take("folder", "a string", outer.folder),
            table.take("bands", "a table", None),
            table.take("footprint", "a band's name, WKT or a GeoJSON table", None),
            table.properties("image_properties"),
        )
        rows = table.take("image", "a list of tables", [])
        table.close()
        images = [
            self.image(Table(row, self.path, f"{table.place}, image {_label(row, 'index', n)}"), inner, asset_id)
            for n, row in enumerate(rows, 1)
        ]
        return CollectionEntry(asset_id, properties, tuple(images))

    def image(self, table: Table, outer: _Defaults, collection: str | None) -> ImageEntry:
        index = table.take("id" if collection is None else "index", "a string")
        if collection is not None and (not index or "/" in index):
            raise table.error(f"index {index!r} must be one part of an asset id: not empty, and without a slash.")
        times = {"system:time_start": table.time("time"), "system:time_end": table.time("end")}
        given = {key: stamp for key, stamp in times.items() if stamp is not None}
        properties = {**outer.properties, **table.properties("properties"), **given}
        folder = table.take("folder", "a string", outer.folder)
        rows = table.take("bands", "a table", outer.bands)
        footprint = table.take("footprint", "a band's name, WKT or a GeoJSON table", outer.footprint)
        table.close()
        if not rows:
            raise table.error(
                "it has no bands; list them in [collection.bands] for all images of a collection, or in the image's "
                'own table bands, as name = "file.tif".'
            )
        # The last part of an id is also the index of an image outside a collection.
        fill = index.rsplit("/", 1)[-1]
        bands = [self.band(table, name, value, folder, fill) for name, value in rows.items()]
        self._check_likes(table, bands)
        full_id = index if collection is None else f"{collection}/{index}"
        return ImageEntry(full_id, properties, tuple(bands), footprint, table)

    def band(self, image: Table, name: str, value: Any, folder: str, index: str) -> BandEntry:
        if isinstance(value, str):
            value = {"file": value}
        if not isinstance(value, dict):
            raise image.error(
                f"band {name!r} is {value!r}; it must be a file name, or a table with 'file' or 'constant'."
            )
        table = Table(value, self.path, f"{image.place}, band {name!r}")
        if ("file" in value) == ("constant" in value):
            raise table.error("set either 'file' (a raster) or 'constant' (a number), not both.")
        if "constant" in value:
            constant = ConstantBand(
                name,
                table.take("constant", "a number"),
                table.take("dtype", "a string"),
                table.take("like", "a string"),
            )
            table.close()
            if constant.dtype not in DTYPES:
                raise table.error(f"dtype {constant.dtype!r} is not one of {', '.join(DTYPES)}.")
            return constant
        file = table.take("file", "a string").replace("{index}", index)
        number = table.take("band", "a whole number", 1)
        crs, nodata = table.take("crs", "a string", None), table.take("nodata", "a number", None)
        scale = table.take("apply_scale", "true or false", None)
        table.close()
        path = self._locate(table, folder.replace("{index}", index), file)
        return FileBand(name, path, number, crs, nodata, scale)

    @staticmethod
    def _check_likes(table: Table, bands: list[BandEntry]) -> None:
        files = [band.name for band in bands if isinstance(band, FileBand)]
        for band in bands:
            if isinstance(band, ConstantBand) and band.like not in files:
                raise table.error(
                    f"band {band.name!r} is like {band.like!r}, which is not a band of a file. Bands of files: "
                    f"{', '.join(files) or 'none'}."
                )

    def _locate(self, table: Table, folder: str, file: str) -> Path:
        """The raster's path: a `package:` path, an absolute path, or relative to the folder or the manifest."""
        text = file if file.startswith((PACKAGE, "/")) or not folder else f"{folder.rstrip('/')}/{file}"
        path = self._in_package(text) if text.startswith(PACKAGE) else self.path.parent / text
        if not path.is_file():
            raise table.error(f"key 'file': there is no file {path}. Paths are relative to the manifest's folder.")
        return path

    def _in_package(self, text: str) -> Path:
        package, _, inside = text.removeprefix(PACKAGE).partition("/")
        # find_spec() finds the package without importing it.
        spec = find_spec(package) if package.isidentifier() else None
        if spec is None or not spec.submodule_search_locations:
            # The distribution is not guessed from the package's name: it may be somebody else's.
            remedy = f"it with `{self.install}`" if self.install else "the distribution that has it"
            raise SetupError(
                f"{self.path}: the rasters of this world are in the Python package {package!r}, which is not "
                f"installed. Install {remedy}."
            )
        return Path(next(iter(spec.submodule_search_locations))) / inside
