"""The axes of an HDF5 file, as xarray with h5netcdf and h5py see them."""

import re
import shutil
import warnings
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import xarray

from mmearth_core.layers import LayerDescription
from mmearth_core.product import hdf5

NAME = "data_1M_v001"
ROOT = Path(__file__).parents[2]


def check_axes(path: Path) -> None:
    """The shared axes are shared, those of bands are not, and the values are h5py's."""
    with h5py.File(path) as file, xarray.open_dataset(path, engine="h5netcdf") as found:
        layers = {name: dataset for name, dataset in file.items() if not dataset.is_scale and name != "metadata"}
        assert set(found.data_vars) == {*layers, "metadata"}
        assert found["metadata"].dims == ("row",)
        np.testing.assert_array_equal(found["metadata"].values["tile_id"], file["metadata"]["tile_id"])
        for name, dataset in layers.items():
            layer = found[name]
            assert layer.dims == ("row", f"{name}_band", "y", "x")[: dataset.ndim]
            assert layer.coords[f"{name}_band"].values.tolist() == dataset.attrs["bands"].tolist()
            np.testing.assert_array_equal(layer.values, dataset[:])
            (last,) = layer.sel({f"{name}_band": dataset.attrs["bands"][-1]}).isel(row=[2]).values
            np.testing.assert_array_equal(last, dataset[2, -1])
        assert not any(str(axis).startswith("phony_dim") for axis in found.dims)
        assert len({layer.attrs["nodata"].dtype for layer in layers.values()}) > 1  # they keep their own attributes


def test_xarray_sees_what_each_axis_is(made: Path) -> None:
    check_axes(made / f"{NAME}.h5")


@pytest.mark.parametrize("command", ["subset", "resize", "merge"])
def test_derived_files_have_axes_also_if_their_sources_have_none(
    command: str, made: Path, kit: Any, tmp_path: Path
) -> None:
    shutil.copytree(made, tmp_path / NAME)
    source = tmp_path / NAME / f"{NAME}.h5"
    without_axes(source)
    for number, given in enumerate((made, source)):
        out = tmp_path / f"out{number}"
        words = {"subset": ["--split", "train"], "resize": ["--size", "16"], "merge": []}[command]
        kit.summary(command, *((out, given) if command == "merge" else (given, out)), *words, "--workers", "1")
        check_axes(out / f"out{number}.h5")
    assert kit.summary("verify", out, "--workers", "1")["faults"] == 0


def without_axes(path: Path) -> None:
    """A file as earlier versions wrote it."""
    with h5py.File(path, "r+") as file:
        for name in [each for each in file if file[each].is_scale]:
            for dataset in [each for each in file.values() if not each.is_scale]:
                for axis in dataset.dims:
                    if file[name] in axis.values():
                        axis.detach_scale(file[name])
            del file[name]
        assert not any("DIMENSION_LIST" in dataset.attrs for dataset in file.values())


def test_a_file_without_axes_is_read_and_not_written_again(config: Path, kit: Any) -> None:
    kit.summary("post", config, "--workers", "1")
    path = config.parent / NAME / f"{NAME}.h5"
    without_axes(path)
    before = path.stat().st_mtime_ns, path.read_bytes()
    assert kit.summary("post", config, "--workers", "1")["layers"] == []
    assert kit.summary("verify", config, "--workers", "1")["faults"] == 0
    assert (path.stat().st_mtime_ns, path.read_bytes()) == before


def layer(name: str, *bands: str, size: int | None = None) -> LayerDescription:
    kind, shape = ("vector", ()) if size is None else ("regression", (size, size))
    count = len(bands)
    more = {"classes": ((),) * count, "shape": (count, *shape)}
    return LayerDescription(name, "m", kind, "int16", "-1.0", bands, [""] * count, bands, **more)


def test_layers_may_have_the_names_of_axes_and_other_sizes(tmp_path: Path) -> None:
    layers = [layer("row", "a", "b"), layer("x", "c", size=4), layer("x_band", "d", size=2), layer("y", "é", size=4)]
    with hdf5.new_file(tmp_path / "names.h5") as file:
        hdf5.create_metadata(file, 3, "kind")
        for each in layers:
            hdf5.create_layer(file, each, 3)[:] = np.arange(3 * np.prod(each.shape)).reshape(3, *each.shape)
        hdf5.create_scales(file)
    with hdf5.opened(tmp_path / "names.h5") as file:
        assert list(hdf5.stored_layers(file).values()) == sorted(layers, key=lambda each: each.name)
    with xarray.open_dataset(tmp_path / "names.h5", engine="h5netcdf") as found:
        assert set(found.data_vars) == {"metadata", "row", "x", "x_band", "y"}
        assert found["x"].dims[0] == found["y"].dims[0] == found["row"].dims[0] == "row_"
        assert found["x"].dims[2:] == found["y"].dims[2:]
        assert not {*found["x"].dims[2:]} & {*found["x_band"].dims[2:]}  # 4 pixels and 2
        assert found[found["y"].dims[1]].values.tolist() == ["é"]
        np.testing.assert_array_equal(found["x"].values.ravel(), np.arange(48))


def test_axes_of_a_million_rows_take_no_space(tmp_path: Path) -> None:
    sizes = []
    for rows in (10, 1_200_000):
        path = tmp_path / f"{rows}.h5"
        with h5py.File(path, "w", libver=hdf5.LIBVER) as file:
            file.create_dataset("metadata", (rows,), np.dtype([("tile_id", "S100"), ("kind", "S10")]))
            hdf5.create_layer(file, layer("heights", "low", "high", size=128), rows)
            hdf5.create_scales(file)
        sizes.append(path.stat().st_size)
    assert abs(sizes[1] - sizes[0]) < 1000


def test_the_example_of_the_documentation(made: Path) -> None:
    page = (ROOT / "docs" / "dataset.md").read_text()
    (code,) = [block for block in re.findall(r"```python\n(.*?)```", page, re.DOTALL) if "import xarray" in block]
    names: dict[str, Any] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        exec(code.replace("mydata/mydata.h5", str(made / f"{NAME}.h5")), names)
    with h5py.File(made / f"{NAME}.h5") as file:
        band = file["sentinel2"].attrs["bands"].tolist().index("B4")
        np.testing.assert_array_equal(names["red"].values, file["sentinel2"][0, band])
        assert names["tile_id"] == file["metadata"]["tile_id"][0].decode()
    names["data"].close()
