"""The HDF5 file is portable: every HDF5 library since 1.10 reads it, whichever command has written it."""

import json
import shutil
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import rasterio
from rasterio.errors import NotGeoreferencedWarning

from mmearth_core.product.hdf5 import LIBVER

NAME = "data_1M_v001"
ROOT = Path(__file__).parents[2]
COMMANDS = ["post", "post again", "post added", "merge", "subset", "resize"]

OLDEST = {
    (3, 11): ["h5py==3.8.0", "numpy<2"],
    (3, 12): ["h5py==3.10.0", "numpy<2"],
    (3, 13): ["h5py==3.12.1"],
    (3, 14): ["h5py==3.15.1"],
}
"""The oldest h5py that has a wheel for a Python, and the numpy that it was built for; all of them bundle HDF5 1."""
PYTHON = sys.version_info[:2]
WHICH = OLDEST[PYTHON][0] if PYTHON in OLDEST else "no h5py with HDF5 1 has a wheel, so the newest"

READ = """
import hashlib, json, sys
from pathlib import Path
import h5py
import numpy as np

def digest(values):
    return [values.dtype.str, values.shape, hashlib.sha256(np.ascontiguousarray(values).tobytes()).hexdigest()]

def attributes(of):
    axes = ("DIMENSION_LIST", "REFERENCE_LIST")  # references
    return {name: np.asarray(value).tolist() for name, value in sorted(of.attrs.items()) if name not in axes}

print(h5py.version.hdf5_version)
plain, ours, path = {}, {}, sys.argv[1]
with h5py.File(path) as file:
    plain["/"] = attributes(file)
    for name, dataset in sorted(file.items()):
        is_text = h5py.check_string_dtype(dataset.dtype) is not None
        values = dataset.asstr()[()].tolist() if is_text else digest(dataset[()])
        axes = [[axis.name for axis in dims.values()] for dims in dataset.dims]
        plain[name] = [values, axes, dataset.chunks, attributes(dataset), str(dataset.fillvalue)]
sys.path += sys.argv[2:]  # everything but h5py and numpy
from mmearth_core.dataset import Dataset
for tile in Dataset(path):
    ours[tile.tile_id] = {name: [digest(v), digest(tile.masks[name])] for name, v in sorted(tile.values.items())}
print(json.dumps([plain, ours], default=str))
"""
"""Prints HDF5's version, and a checksum of all that plain h5py reads in a file and of all that our own reader does."""


def write_as_before(source: Path, target: Path) -> None:
    """A file as it was once written: in the newest format, with an empty array where a layer has no variants."""
    with h5py.File(source) as new, h5py.File(target, "w", libver="latest") as old:
        old.attrs.update({**new.attrs, "layout": 1})
        for name, dataset in new.items():
            if dataset.is_scale:  # there were none
                continue
            how = {key: getattr(dataset, key) for key in ("chunks", "shuffle", "compression", "compression_opts")}
            made = old.create_dataset(name, data=dataset[()], fillvalue=dataset.fillvalue, **how)
            for key, value in dataset.attrs.items():
                if key == "DIMENSION_LIST":
                    continue
                made.attrs.create(key, value, dtype=dataset.attrs.get_id(key).dtype)
            if name != "metadata" and "variants" not in made.attrs:
                made.attrs.create("variants", np.array([], object), dtype=h5py.string_dtype())


def without(path: Path, layer: str) -> None:
    with h5py.File(path, "r+", libver="latest") as file:
        del file[layer]


@pytest.fixture(scope="module")
def before(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a dataset whose HDF5 file was written as before; not to be changed."""
    folder = tmp_path_factory.mktemp("before") / NAME
    shutil.copytree(made, folder)
    write_as_before(made / f"{NAME}.h5", folder / f"{NAME}.h5")
    return folder


@pytest.fixture(scope="module")
def written(
    downloaded: Path, made: Path, before: Path, kit: Any, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    """A file by every command that writes one; all but the first start from one that was written as before."""
    folder = tmp_path_factory.mktemp("written")

    def post(name: str, lacks: str | None = None) -> Path:
        shutil.copytree(before, folder / name / NAME)
        config = shutil.copy(downloaded, folder / name)
        shutil.copy(downloaded.with_name("tiles.geojson"), folder / name)
        path: Path = folder / name / NAME / f"{NAME}.h5"
        if lacks:
            without(path, lacks)
        done = kit.summary("post", config, "--workers", "1")
        assert done["layers"] == ([lacks] if lacks else [])
        return path

    def derived(name: str, command: str, *flags: str) -> Path:
        kit.summary(command, *((folder / name, before) if command == "merge" else (before, folder / name)), *flags)
        return folder / name / f"{name}.h5"

    return {
        "post": made / f"{NAME}.h5",
        "post again": post("again"),
        "post added": post("added", lacks="heights"),
        "merge": derived("merge", "merge"),
        "subset": derived("subset", "subset", "--split", "train"),
        "resize": derived("resize", "resize", "--size", "20"),
    }


def newer_than_1_10(path: Path) -> list[str]:
    """The datasets whose description, or type, HDF5 refuses to write in the format of 1.10."""
    found = []
    with h5py.File(path) as file, h5py.File("1.10", "w", libver=LIBVER, driver="core", backing_store=False) as memory:
        for name, dataset in file.items():
            try:
                h5py.h5d.create(
                    memory.id,
                    name.encode(),
                    dataset.id.get_type(),
                    dataset.id.get_space(),
                    dataset.id.get_create_plist(),
                )
            except ValueError:
                found.append(name)
    return found


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_writes_a_portable_file(command: str, written: dict[str, Path], made: Path) -> None:
    path = written[command]
    assert newer_than_1_10(path) == []
    with h5py.File(path) as file, h5py.File(made / f"{NAME}.h5") as expected:
        assert file.attrs["layout"] == 2
        assert file.keys() == expected.keys()
        for name, dataset in file.items():
            assert dataset.is_scale == (name in ("row", "y", "x") or name.endswith("_band"))
            empty = [key for key, value in dataset.attrs.items() if np.size(value) == 0]
            assert empty == [], f"{name}: GDAL crashes on {empty}"
            own = (
                {"statistics_sha256"} if command in ("merge", "subset", "resize") else set()
            )  # what `post` compares its files with
            assert dataset.attrs.keys() == expected[name].attrs.keys() - own
            if command not in ("subset", "resize"):
                assert dataset.dtype == expected[name].dtype
                np.testing.assert_array_equal(dataset[()], expected[name][()])


def test_a_file_made_before_is_read_and_verified(before: Path, made: Path, kit: Any) -> None:
    if h5py.version.hdf5_version_tuple >= (2,):
        assert newer_than_1_10(before / f"{NAME}.h5"), "it is none of those that were not portable"
    assert kit.summary("verify", before)["faults"] == 0
    from mmearth_core.dataset import Dataset

    old, new = Dataset(before / f"{NAME}.h5"), Dataset(made / f"{NAME}.h5")
    assert old.layers == new.layers
    for one, other in zip(old, new, strict=True):
        for name, values in one.values.items():
            np.testing.assert_array_equal(values, other.values[name])


def test_files_of_both_formats_are_merged(before: Path, made: Path, kit: Any, tmp_path: Path) -> None:
    kit.summary("merge", tmp_path / "both", made, before, "--duplicates", "last")
    assert newer_than_1_10(tmp_path / "both" / "both.h5") == []


@pytest.mark.parametrize("command", COMMANDS)
def test_gdal_reads_every_layer(command: str, written: dict[str, Path]) -> None:
    north_up = rasterio.Env(GDAL_NETCDF_BOTTOMUP="NO")  # GDAL's default is to turn over what has no coordinates
    with warnings.catch_warnings(), h5py.File(written[command]) as file, north_up:
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(written[command], driver="netCDF") as found:
            layers = {subdataset.rsplit(":", 1)[1]: subdataset for subdataset in found.subdatasets}
        assert layers.keys() == {name for name in file if not file[name].is_scale} - {"metadata"}
        for name, subdataset in layers.items():
            expected = file[name][:]
            with rasterio.open(subdataset) as layer:  # rows and bands of a map are one after the other
                np.testing.assert_array_equal(layer.read().reshape(expected.shape), expected)
        with rasterio.open(written[command], driver="HDF5") as found:  # this driver has no images of four dimensions
            vectors = {subdataset.rsplit("//", 1)[1]: subdataset for subdataset in found.subdatasets}
        assert vectors.keys() == {name for name in layers if file[name].ndim == 2}
        for name, subdataset in vectors.items():
            with rasterio.open(subdataset) as layer:
                np.testing.assert_array_equal(layer.read(1), file[name][:])


def tool(*command: object) -> str:
    assert shutil.which(str(command[0])), "this test needs Debian's package hdf5-tools: apt-get install hdf5-tools"
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    return done.stdout


@pytest.mark.slow  # needs a package that `make test` does not install
@pytest.mark.parametrize("command", COMMANDS)
def test_hdf5s_own_tools_read_every_value(command: str, written: dict[str, Path], tmp_path: Path) -> None:
    path = written[command]
    listed = dict(line.split(maxsplit=1) for line in tool("h5ls", "-r", path).splitlines())
    tool("h5ls", "-rv", path)
    tool("h5dump", "-A", path)
    with h5py.File(path) as file:
        shapes = {f"/{name}": f"Dataset {{{', '.join(map(str, dataset.shape))}}}" for name, dataset in file.items()}
        assert listed == {"/": "Group", **shapes}
        for name, dataset in file.items():
            if dataset.dtype.hasobject:  # the names of bands
                assert all(f'"{text}"' in tool("h5dump", "-d", f"/{name}", path) for text in dataset.asstr())
                continue
            tool("h5dump", "-d", f"/{name}", "-b", "MEMORY", "-o", tmp_path / "values", path)
            assert (tmp_path / "values").read_bytes() == dataset[()].tobytes(), name


@pytest.fixture(scope="module")
def oldest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment with that h5py."""
    environment = tmp_path_factory.mktemp("oldest")
    python = environment / "bin" / "python"
    install = [python, "-m", "pip", "install", "--quiet", "--only-binary", ":all:", *OLDEST.get(PYTHON, ["h5py"])]
    for command in ([sys.executable, "-m", "venv", environment], install):
        done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    return python


def read_by(python: Path | str, path: Path) -> tuple[tuple[int, ...], Any]:
    command = [str(python), "-c", READ, str(path), str(ROOT), *filter(None, sys.path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    version, content = done.stdout.splitlines()
    return tuple(map(int, version.split("."))), json.loads(content.replace("NaN", '"NaN"'))


@pytest.mark.slow  # an environment of its own
def test_an_older_h5py_says_how_to_read_a_file_made_before(before: Path, oldest: Path) -> None:
    if PYTHON not in OLDEST or not newer_than_1_10(before / f"{NAME}.h5"):
        pytest.skip("every h5py for this Python reads it")
    code = "import sys, h5py\nsys.path += sys.argv[2:]\nfrom mmearth_core.dataset import Dataset\nDataset(sys.argv[1])"
    command = [oldest, "-c", code, before / f"{NAME}.h5", ROOT, *filter(None, sys.path)]
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)
    assert "is in a format of HDF5 2.0" in done.stderr and "`mmearth-core merge NEW OLD`" in done.stderr


@pytest.mark.slow  # an environment of its own
@pytest.mark.parametrize("command", [pytest.param(name, id=f"{name}-{WHICH}") for name in COMMANDS])
def test_an_older_h5py_reads_all_that_this_one_does(command: str, written: dict[str, Path], oldest: Path) -> None:
    version, theirs = read_by(oldest, written[command])
    assert version < (2,) or PYTHON not in OLDEST
    assert theirs == read_by(sys.executable, written[command])[1]
