"""A finished dataset for pictures: opens it, chooses tiles, and summarises a tile's entry of tile_info."""

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from attrs import frozen
from mmearth_curate.reading import DescribedReader, Entry, tile_info
from mmearth_curate.select import RowFilter, look_up, matching_rows

from mmearth_core.config.schema import load_config
from mmearth_core.errors import DatasetError
from mmearth_core.layers import LayerDescription
from mmearth_core.paths import DatasetPaths, ProductPaths
from mmearth_core.product.reader import find_products
from mmearth_core.progress import Progress
from mmearth_core.registry import Registry
from mmearth_core.text import did_you_mean

TILE = "TILE"
"""The key of tile_info with the columns of the tiles file."""

_STEPS = "STEPS"
"""The key of tile_info with the date and images of each time step."""

_NEAR = 5
"""Maximum number of similar ids in an error."""

_CANDIDATES = 2000
"""Maximum number of rows from which varied tiles are chosen; of more rows, a random sample of this size is used."""

_KEY = "biome"
"""The column whose values should vary among the chosen tiles, if it exists."""

_DATE = re.compile(r"(\d{4})-(\d{2})-(\d{2})(T.*)?")


def open_dataset(target: Path, registry: Registry) -> tuple[DescribedReader, DatasetPaths | None]:
    """Opens a dataset.

    Args:
        target: a configuration, a dataset's folder, or an HDF5 file.
        registry: the installed plugins; they describe the layers that the file does not describe.

    Returns:
        The dataset, with the anchor's layers first and maps before vectors; and its folder with journals and
        configuration, or None for an HDF5 file alone.

    Raises:
        DatasetError: when the file does not exist, or no layer has a description.
        ConfigError: when the configuration is invalid.
    """
    paths, folder = _find(target)
    reader = DescribedReader(paths, registry)
    if not reader.layers:
        raise DatasetError(
            f"{paths.hdf5}: none of its layers has a description, and no installed plugin declares them. "
            "Install the plugins of its modalities, or write the file again with `mmearth-core post`."
        )
    anchor = str(reader.attributes.get("anchor", ""))
    ordered = sorted(reader.layers.values(), key=lambda layer: (not layer.is_map, layer.modality != anchor))
    reader.layers = {layer.name: layer for layer in ordered}
    return reader, folder


def _find(target: Path) -> tuple[ProductPaths, DatasetPaths | None]:
    if target.is_file() and not (target.suffix == ".h5" or h5py.is_hdf5(target)):
        config = load_config(target)
        folder = DatasetPaths(config.root)
        paths = folder.products(config.dataset.name)
        if not paths.hdf5.is_file():
            raise DatasetError(
                f"{paths.hdf5}: the file does not exist yet. Download the dataset with `mmearth-core run {target}`, "
                f"and write the file with `mmearth-core post {target}`."
            )
        return paths, folder
    folder = DatasetPaths(target)
    return find_products(target), folder if target.is_dir() and folder.config.exists() else None


def require_layers(reader: DescribedReader, names: Iterable[str]) -> list[LayerDescription]:
    """The named layers.

    Raises:
        DatasetError: when there is no such layer.
    """
    chosen = []
    for name in names:
        if name not in reader.layers:
            raise DatasetError(
                f"{reader.paths.hdf5}: there is no layer {name!r}.{did_you_mean(name, reader.layers)} Layers: "
                f"{', '.join(reader.layers)}."
            )
        chosen.append(reader.layers[name])
    return chosen


def tile_width(reader: DescribedReader) -> str:
    """The width of a tile on the ground, such as `1.28 km`."""
    metres = reader.image_size * reader.pixel_size
    return f"{metres / 1000:.4g} km" if metres >= 1000 else f"{metres:.4g} m"


def entries_of(reader: DescribedReader, rows: Iterable[int]) -> dict[int, Entry]:
    """The entries of some rows in tile_info; empty entries if the file does not exist."""
    row_of = {reader.table.tile_id(row): row for row in rows}
    found: dict[int, Entry] = {}
    for tile_id, entry in tile_info(reader) if reader.paths.tile_info.exists() else ():
        if tile_id in row_of:
            found[row_of[tile_id]] = entry
            if len(found) == len(row_of):
                break
    return {row: found.get(row, {}) for row in row_of.values()}


@frozen
class Wanted:
    """The tiles to show.

    Attributes:
        tiles: tile ids; if there are any, the other attributes are ignored.
        criteria: criteria that the tiles must fulfil.
        count: maximum number of tiles.
        random: whether they are drawn at random with the seed of `criteria`; otherwise they are as varied as possible.
    """

    tiles: tuple[str, ...]
    criteria: RowFilter
    count: int
    random: bool


def choose_rows(reader: DescribedReader, wanted: Wanted, progress: Progress) -> list[int]:
    """The rows of the tiles to show; named tiles in the given order.

    Raises:
        DatasetError: when a tile does not exist, or no tile matches.
    """
    if not len(reader):
        raise DatasetError(f"{reader.paths.hdf5}: the file has no rows, so there is nothing to show.")
    if wanted.tiles:
        return [_row(reader, tile_id) for tile_id in dict.fromkeys(wanted.tiles)]
    rows = list(range(len(reader)))
    if wanted.criteria.as_json():
        rows = matching_rows(reader, wanted.criteria, progress).tolist()
    random = np.random.default_rng(wanted.criteria.seed)
    if wanted.random:
        return _drawn(rows, wanted.count, random)
    return _varied(reader, _drawn(rows, _CANDIDATES, random), wanted.count)


def _row(reader: DescribedReader, tile_id: str) -> int:
    row = reader.table.row_of(tile_id)
    if row is None:
        ids = reader.tile_ids()
        near = difflib.get_close_matches(tile_id, ids, n=_NEAR, cutoff=0.5)
        offer = f" Similar ids: {', '.join(map(repr, near))}." if near else ""
        raise DatasetError(
            f"{reader.paths.hdf5}: there is no tile {tile_id!r}.{offer} The file has {len(reader)} tiles, from "
            f"{ids[0]!r} to {ids[-1]!r}."
        )
    return row


def _drawn(rows: Sequence[int], count: int, random: np.random.Generator) -> list[int]:
    if len(rows) <= count:
        return list(rows)
    return sorted(int(row) for row in random.choice(np.asarray(rows), count, replace=False))


def _varied(reader: DescribedReader, rows: Sequence[int], count: int) -> list[int]:
    """Some of the rows, with as many different values of the key as possible."""
    if len(rows) <= count:
        return list(rows)
    values = {row: look_up(entry, _KEY) for row, entry in entries_of(reader, rows).items()}
    keys = {row: value if isinstance(value, str | int | float) else None for row, value in values.items()}
    return sorted(one_of_each(rows, [keys[row] for row in rows])[:count])


def one_of_each(items: Sequence[Any], keys: Sequence[Any]) -> list[Any]:
    """Orders items by their number within their key: the first item of every key, then the second, and so on."""
    groups: dict[Any, list[Any]] = {}
    for item, key in zip(items, keys, strict=True):
        groups.setdefault(key, []).append(item)
    longest = max(map(len, groups.values()), default=0)
    return [group[position] for position in range(longest) for group in groups.values() if position < len(group)]


@frozen
class Facts:
    """A summary of a tile that does not depend on the key names of its plugins.

    Attributes:
        date: date of the first image in the entry; None without one.
        place: latitude and longitude; None if unknown.
        labels: the texts of the tiles file, without dates.
    """

    date: str | None
    place: tuple[float, float] | None
    labels: tuple[str, ...]

    @classmethod
    def of(cls, entry: Entry) -> "Facts":
        """Reads a tile's entry."""
        date = next((value[:10] for value in _texts(entry) if is_date(value)), None)
        lat, lon = entry.get("lat"), entry.get("lon")
        known = all(isinstance(each, int | float) for each in (lat, lon))
        columns = entry.get(TILE)
        columns = columns if isinstance(columns, Mapping) else {}
        labels = [value for value in _texts(columns) if value and not is_date(value)]
        place = (float(lat), float(lon)) if known else None  # type: ignore[arg-type] # both are numbers
        return cls(date, place, tuple(labels))

    @property
    def where(self) -> str:
        """The location as text; empty if unknown."""
        return "" if self.place is None else coordinates(*self.place)

    def line(self, variant: str | None) -> str:
        """The summary on one line."""
        return " · ".join(text for text in (self.date, variant, self.where, *self.labels[:3]) if text)


def step_dates(layer: LayerDescription, entry: Entry) -> list[str]:
    """The dates of a layer's time steps in a tile, as its entry has them; empty for a layer without steps."""
    reported = entry.get(_STEPS)
    steps = reported.get(layer.name) if isinstance(reported, Mapping) else None
    numbers = range(layer.steps or 0)
    if not isinstance(steps, list) or len(steps) != len(numbers):
        return [f"step {number}" for number in numbers]
    return [str(step.get("date", "")) if isinstance(step, Mapping) else "no image" for step in steps]


def _texts(entry: Mapping[str, Any]) -> Iterator[str]:
    return (value for value in entry.values() if isinstance(value, str))


def is_date(text: str) -> bool:
    """Whether a text is a date or time in ISO 8601."""
    return _DATE.fullmatch(text) is not None


def coordinates(lat: float, lon: float) -> str:
    """Coordinates as text."""
    return f"{abs(lat):.2f}° {'N' if lat >= 0 else 'S'}, {abs(lon):.2f}° {'E' if lon >= 0 else 'W'}"
