"""The files that make up one dataset, found together and written together."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import h5py
from attrs import frozen

from mmearth_core.errors import DatasetError, RunStoppedError
from mmearth_core.files import FOLDER_FAULTS, sync_folder
from mmearth_core.post.make_splits import HOW
from mmearth_core.post.products import BAND_STATS, HDF5, LEFT_OUT, SPLITS, TILE_INFO
from mmearth_core.product.hdf5 import opened, require_table
from mmearth_curate.derive.workshop import staging_folder


@frozen
class DatasetFiles:
    """An HDF5 file and its side files, all called after it.

    Attributes:
        hdf5: the HDF5 file; the others need not be there.
    """

    hdf5: Path

    @classmethod
    def find(cls, path: Path) -> "DatasetFiles":
        """A dataset that is there.

        Args:
            path: the HDF5 file, or the folder that holds one.

        Raises:
            DatasetError: when there is none, or a folder has several.
        """
        if not path.is_dir():
            if not path.is_file():
                raise DatasetError(f"{path}: no such file or folder. Name a dataset's .h5 file, or the folder with it.")
            return cls(path)
        found = sorted(each for each in path.glob(f"*{HDF5}") if not each.name.startswith("."))
        if len(found) != 1:
            names = ", ".join(each.name for each in found[:5]) or "none"
            raise DatasetError(
                f"{path}: a dataset's folder has one {HDF5} file, this one has {len(found)} ({names}). Name the file."
            )
        return cls(found[0])

    @classmethod
    def target(cls, path: Path) -> "DatasetFiles":
        """A dataset to be written.

        Args:
            path: of the HDF5 file, ending in `.h5`; or of a folder, after which the files are called.

        Raises:
            DatasetError: when the folder holds another HDF5 file, as readers expect one.
        """
        if path.suffix == HDF5:
            return cls(path)
        files = cls(path / f"{path.absolute().name}{HDF5}")
        others = sorted(each.name for each in path.glob(f"*{HDF5}") if each != files.hdf5)
        if others:
            raise DatasetError(
                f"{path}: holds {others[0]} already; readers expect one {HDF5} file in a folder. Name another folder."
            )
        return files

    @property
    def name(self) -> str:
        """The dataset's name."""
        return self.hdf5.stem

    @property
    def tile_info(self) -> Path:
        """What is known of every tile."""
        return self._side(TILE_INFO)

    @property
    def band_stats(self) -> Path:
        """The band statistics."""
        return self._side(BAND_STATS)

    @property
    def splits(self) -> Path:
        """The splits."""
        return self._side(SPLITS)

    @property
    def splits_made(self) -> Path:
        """How the splits were made."""
        return self._side(HOW)

    @property
    def left_out(self) -> Path:
        """The tiles that are no row, as their stack cannot be used."""
        return self._side(LEFT_OUT)

    @property
    def sides(self) -> tuple[Path, ...]:
        """All files but the HDF5 file."""
        return self.tile_info, self.band_stats, self.splits, self.splits_made, self.left_out

    @contextmanager
    def open(self) -> Iterator[h5py.File]:
        """Opens the HDF5 file for reading, and closes it.

        Raises:
            DatasetError: when it cannot be read, or holds no tiles of ours.
        """
        with opened(self.hdf5) as file:
            require_table(file)
            yield file

    def _side(self, ending: str) -> Path:
        return self.hdf5.with_name(f"{self.hdf5.stem}{ending}")


@contextmanager
def publish(target: DatasetFiles, inputs: Sequence[DatasetFiles], overwrite: bool) -> Iterator[DatasetFiles]:
    """Yields a dataset to write, in a folder of its own, and moves its files to their place once all are on disk.

    On an error or control-C nothing is left behind. The HDF5 file is moved last, so that a dataset that has one is
    whole; what a killed process leaves in the hidden folder is removed when the same dataset is written again.

    Args:
        target: the dataset to be.
        inputs: what it is made of; it must be none of them.
        overwrite: whether it may replace one that is there.

    Raises:
        DatasetError: when it would replace a dataset, or another process is making the same.
        RunStoppedError: when the disk is full, or the folder cannot be written.
    """
    _refuse(target, inputs, overwrite)
    folder = target.hdf5.parent
    aside = folder / f".{target.name}.part"
    made = [each for each in (folder, *folder.parents) if not each.exists()]
    done = False
    try:
        with staging_folder(aside):
            staged = DatasetFiles(aside / target.hdf5.name)
            yield staged
            _publish(staged, target)
            done = True
    except OSError as error:
        if error.errno not in FOLDER_FAULTS:
            raise
        raise RunStoppedError(
            f"{target.hdf5} cannot be written: {os.strerror(error.errno or 0)}. Make room or grant access, and run the "
            "same command again; what was there before is unchanged."
        ) from error
    finally:
        for each in () if done else made:
            with suppress(OSError):  # somebody else has put something there
                each.rmdir()


def _refuse(target: DatasetFiles, inputs: Sequence[DatasetFiles], overwrite: bool) -> None:
    mine = target.hdf5.resolve()
    if any(each.hdf5.resolve() == mine for each in inputs):
        raise DatasetError(f"{target.hdf5}: is also what the new dataset would be made of. Give it another name.")
    there = [path for path in (target.hdf5, *target.sides) if path.exists()]
    if there and not overwrite:
        raise DatasetError(f"{there[0]}: is there already. Give the new dataset another name, or --overwrite it.")


def _publish(staged: DatasetFiles, target: DatasetFiles) -> None:
    new = [path for path in (*staged.sides, staged.hdf5) if path.exists()]
    for path in new:
        with path.open("rb+") as file:
            os.fsync(file.fileno())
    # The old HDF5 file goes first: side files of one dataset must never stand beside the rows of another.
    for path in (target.hdf5, *target.sides):
        path.unlink(missing_ok=True)
    for path in new:
        path.replace(target.hdf5.with_name(path.name))
    sync_folder(target.hdf5.parent)
