"""Writes a dataset in a hidden folder, and moves it to its place when it is complete."""

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from mmearth_core.errors import DatasetError
from mmearth_core.files import locked, sync_folder, writable
from mmearth_core.layers import licences
from mmearth_core.paths import HDF5, ProductPaths
from mmearth_core.product.reader import DatasetReader

_LOCK = "lock"


def target_paths(path: Path) -> ProductPaths:
    """The files of a new dataset.

    Args:
        path: of the HDF5 file, ending in `.h5`; or of a folder, whose name the files get.

    Raises:
        DatasetError: when the folder holds another HDF5 file, as readers expect one.
    """
    if path.suffix == HDF5:
        return ProductPaths(path)
    paths = ProductPaths(path / f"{path.absolute().name}{HDF5}")
    others = sorted(each.name for each in path.glob(f"*{HDF5}") if each != paths.hdf5)
    if others:
        raise DatasetError(
            f"{path}: already has {others[0]}; readers expect one {HDF5} file per folder. Choose another folder."
        )
    return paths


@contextmanager
def staging_folder(folder: Path) -> Iterator[Path]:
    """Yields an empty folder that only this process uses, and removes it at the end.

    What a killed process has left there is removed first.

    Args:
        folder: where.

    Raises:
        DatasetError: when another process uses it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / _LOCK
    refusal = f"Another process is making the same dataset, in {folder}. Wait until it has finished."
    with locked(path, [0], refusal=refusal):
        if not path.exists():  # the other process has just finished and removed the folder with its lock
            raise DatasetError(f"Another process has just made the same dataset, in {folder}. Run the command again.")
        try:
            for each in folder.iterdir():
                if each.is_dir():
                    shutil.rmtree(each)
                elif each != path:
                    each.unlink()
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def side_files(paths: ProductPaths) -> tuple[Path, ...]:
    """All files of a dataset except the HDF5 file."""
    return paths.tile_info, paths.band_stats, paths.splits, paths.splits_made, paths.left_out, paths.licences


@contextmanager
def publish(target: ProductPaths, inputs: Sequence[ProductPaths], overwrite: bool) -> Iterator[ProductPaths]:
    """Yields the paths of a dataset to write, in a hidden folder, and moves its files to their place at the end.

    After an error or control-C nothing is left behind. The HDF5 file is moved last, so that a dataset that has one is
    complete; what a killed process leaves in the hidden folder is removed when the same dataset is written again.

    Args:
        target: the dataset to be.
        inputs: what it is made of; it must be none of them.
        overwrite: whether it may replace an existing one.

    Raises:
        DatasetError: when it would replace a dataset, or another process is making the same one.
        RunStoppedError: when the disk is full, or the folder cannot be written.
    """
    _check_target(target, inputs, overwrite)
    folder = target.hdf5.parent
    hidden = folder / f".{target.name}.part"
    created = [each for each in (folder, *folder.parents) if not each.exists()]
    done = False
    try:
        with writable(folder), staging_folder(hidden):
            staged = ProductPaths(hidden / target.hdf5.name)
            yield staged
            made = DatasetReader(staged)
            staged.licences.write_text(licences(staged.name, len(made), made.layers.values()), encoding="utf-8")
            _move(staged, target)
            done = True
    finally:
        for each in () if done else created:
            with suppress(OSError):  # another process has written to the folder
                each.rmdir()


def _check_target(target: ProductPaths, inputs: Sequence[ProductPaths], overwrite: bool) -> None:
    own = target.hdf5.resolve()
    if any(each.hdf5.resolve() == own for each in inputs):
        raise DatasetError(f"{target.hdf5}: is also an input of the new dataset. Give it another name.")
    existing = [path for path in (target.hdf5, *side_files(target)) if path.exists()]
    if existing and not overwrite:
        raise DatasetError(f"{existing[0]}: the file exists. Give the new dataset another name, or use --overwrite.")


def _move(staged: ProductPaths, target: ProductPaths) -> None:
    new = [path for path in (*side_files(staged), staged.hdf5) if path.exists()]
    for path in new:
        with path.open("rb+") as file:
            os.fsync(file.fileno())
    # The old HDF5 file is removed first: side files of one dataset must never be beside the rows of another one.
    for path in (target.hdf5, *side_files(target)):
        path.unlink(missing_ok=True)
    for path in new:
        path.replace(target.hdf5.with_name(path.name))
    sync_folder(target.hdf5.parent)
