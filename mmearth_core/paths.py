"""The only module with the file names of a dataset."""

from pathlib import Path
from urllib.parse import quote

from attrs import frozen

MAX_STEM = 200
"""Longest file stem used, in bytes; file systems allow 255 and a temporary suffix is added."""


def file_stem(tile_id: str) -> str:
    """The file name of a tile, without its suffix: the id itself, odd characters percent-quoted.

    Raises:
        ValueError: when that is longer than file systems take.
    """
    stem = quote(tile_id, safe=" +,=@")
    if len(stem) > MAX_STEM:
        raise ValueError(f"makes a file name of {len(stem)} characters; at most {MAX_STEM} are allowed")
    return stem


@frozen
class DatasetPaths:
    """Paths inside one dataset.

    Attributes:
        root: the dataset's folder.
    """

    root: Path

    @property
    def config(self) -> Path:
        """The effective configuration."""
        return self.root / "mmearth.toml"

    @property
    def tiles(self) -> Path:
        """The tiles, taken in once."""
        return self.root / "tiles.gpkg"

    def stack(self, group: str, partition: int, tile_id: str) -> Path:
        """The stacked GeoTIFF of a tile."""
        return self.root.joinpath("stacks", group, f"{partition:05d}", f"{file_stem(tile_id)}.tif")

    def journal(self, group: str, partition: int) -> Path:
        """The outcomes of a partition's tiles, a line each."""
        return self.root / "journal" / group / f"{partition:05d}.jsonl"

    def lock(self, group: str) -> Path:
        """What processes at work lock, a byte for each of their partitions; it stays empty."""
        return self.root / "journal" / group / "lock"

    @property
    def runs(self) -> Path:
        """What every run did, a line each."""
        return self.root / "runs.jsonl"

    @property
    def is_begun(self) -> bool:
        """Whether some tile has been worked on."""
        return (self.root / "journal").is_dir()
