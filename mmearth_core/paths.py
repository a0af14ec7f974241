"""The only module with the file names of a dataset: of its folder, and of the products that `post` writes."""

from pathlib import Path
from typing import Any
from urllib.parse import quote

from attrs import Factory, field, frozen

MAX_STEM = 200
"""Longest file stem used, in bytes; file systems allow 255 and a temporary suffix is added."""

HDF5 = ".h5"
"""How the name of a dataset's HDF5 file ends."""


def file_stem(tile_id: str) -> str:
    """The file name of a tile, without its suffix: the id itself, with unusual characters percent-encoded.

    Raises:
        ValueError: when that is longer than file systems allow.
    """
    stem = quote(tile_id, safe=" +,=@")
    if len(stem) > MAX_STEM:
        raise ValueError(f"makes a file name of {len(stem)} characters; at most {MAX_STEM} are allowed")
    return stem


def _side_file(what: str) -> Any:
    return Factory(lambda paths: paths.hdf5.with_name(f"{paths.name}_{what}"), takes_self=True)


@frozen
class ProductPaths:
    """Paths of an HDF5 file and of its side files, which are named after it and need not exist.

    Attributes:
        hdf5: the HDF5 file.
        tile_info: what is known of each tile, by tile id.
        band_stats: the band statistics.
        splits: the rows of each split.
        splits_made: how the splits were made; the public training readers do not look for this name.
        left_out: the tiles without a row, as their stack cannot be used; the public readers do not look for this name.
        licences: the licences and required attributions of the data, for people.
    """

    hdf5: Path
    tile_info: Path = field(init=False, default=_side_file("tile_info.json"))
    band_stats: Path = field(init=False, default=_side_file("band_stats.json"))
    splits: Path = field(init=False, default=_side_file("splits.json"))
    splits_made: Path = field(init=False, default=_side_file("splits_made.json"))
    left_out: Path = field(init=False, default=_side_file("left_out.json"))
    licences: Path = field(init=False, default=_side_file("licences.md"))

    @property
    def name(self) -> str:
        """The dataset's name."""
        return self.hdf5.stem


def _in_root(name: str) -> Any:
    return Factory(lambda paths: paths.root / name, takes_self=True)


@frozen
class DatasetPaths:
    """Paths in the folder of a downloaded dataset.

    Attributes:
        root: the folder.
        config: the stored configuration.
        tiles: the tiles, imported once.
        runs: the result of every run, one per line.
    """

    root: Path
    config: Path = field(init=False, default=_in_root("mmearth.toml"))
    tiles: Path = field(init=False, default=_in_root("tiles.gpkg"))
    runs: Path = field(init=False, default=_in_root("runs.jsonl"))

    def stack(self, group: str, partition: int, tile_id: str) -> Path:
        """The stacked GeoTIFF of a tile."""
        return self.root.joinpath("stacks", group, f"{partition:05d}", f"{file_stem(tile_id)}.tif")

    def journal(self, group: str, partition: int) -> Path:
        """The outcomes of a partition's tiles, one per line."""
        return self.root / "journal" / group / f"{partition:05d}.jsonl"

    def lock(self, group: str) -> Path:
        """The lock file of a group; it stays empty, as each process locks one byte for each of its partitions."""
        return self.root / "journal" / group / "lock"

    def make_folder(self, path: Path) -> None:
        """Makes the folder of a stack, journal or lock, but never the dataset's own.

        Raises:
            OSError: when the dataset's folder is gone, or cannot be written to.
        """
        if path.parent.is_dir():
            return
        # An empty mount point remains when a file system is unmounted; it does not have this file.
        self.config.stat()
        inside = path.parent.relative_to(self.root)
        for folder in reversed([inside, *inside.parents][:-1]):
            (self.root / folder).mkdir(exist_ok=True)

    @property
    def is_begun(self) -> bool:
        """Whether any tile has been worked on."""
        return (self.root / "journal").is_dir()

    @property
    def has_stacks(self) -> bool:
        """Whether the folder with the stacks exists, which datasets without pixels do not have."""
        return (self.root / "stacks").is_dir()

    def products(self, name: str) -> ProductPaths:
        """The products of the dataset of that name."""
        return ProductPaths(self.root / f"{name}{HDF5}")
