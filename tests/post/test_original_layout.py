"""Files in the original system's layout, read in plain numpy: what plugins describe, in the file's own types."""

import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from mmearth_devkit.testing.original_layout import CANOPY_MISSING, LAYERS, write_original

from mmearth_core.contract.bands import Band, ClassLabel, Layer
from mmearth_core.contract.modality import Modality
from mmearth_core.dataset import Dataset
from mmearth_core.errors import DatasetError
from mmearth_core.layers import LayerDescription


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_original(tmp_path_factory.mktemp("original") / "data_1M_v001")


def test_every_layer_is_read_with_masks(original: Path) -> None:
    dataset = Dataset(original.parent, split="train")
    assert {name: (layer.dtype, len(layer.bands)) for name, layer in dataset.layers.items()} == LAYERS
    assert (len(dataset), len(Dataset(original, split="val")), dataset.layers["aster"].plugin[:12]) == (
        *(6, 0),
        "mmearth-aste",
    )
    seen = dict.fromkeys(LAYERS, 0)
    with h5py.File(original) as file:
        for tile in dataset:
            assert (tile.tile_id, tile.variant) == (str(tile.row), ("l2a", "l1c")[tile.row % 2])
            for name, values in tile.values.items():
                np.testing.assert_array_equal(values, file[name][tile.row])
                seen[name] += int((~tile.masks[name]).sum())
            for name, missing in (("aster", [-32768]), ("canopy_height_eth", CANOPY_MISSING), ("esa_worldcover", [0])):
                np.testing.assert_array_equal(tile.masks[name], ~np.isin(tile.values[name], missing))
    assert {name for name, count in seen.items() if count} == {
        *("sentinel2", "sentinel2_cloudprod", "sentinel2_scl", "sentinel1"),
        *("aster", "dynamic_world", "canopy_height_eth", "esa_worldcover"),
    }


def test_without_its_plugin_a_layer_is_refused_unless_it_is_left_out(
    original: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a computer without mmearth-aster and mmearth-landcover."""
    absent = {"mmearth-aster", "mmearth-landcover"}
    entry_points, distributions = metadata.entry_points, metadata.distributions
    monkeypatch.setattr(
        sys.modules["mmearth_core.registry.load"],  # the package has a function of this name
        "entry_points",
        lambda **of: [each for each in entry_points(**of) if each.dist and each.dist.name not in absent],
    )
    monkeypatch.setattr(
        metadata, "distributions", lambda: [each for each in distributions() if each.name not in absent]
    )
    for layers in (None, ["sentinel2", "aster"]):
        with pytest.raises(DatasetError) as told:
            Dataset(original, layers=layers)
        assert f"{original}: layer 'aster' has no attributes modality, " in str(told.value)
        assert "`pip install mmearth-aster mmearth-landcover` is missing" in str(told.value)
        assert ("those without a description: aster, " in str(told.value)) == (layers is None)
    assert Dataset(original, layers=["sentinel2", "era5"])[0].masks["era5"].all()


def test_a_file_that_describes_itself_needs_no_plugin(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def never() -> None:
        raise AssertionError("plugins were imported")

    monkeypatch.setattr("mmearth_core.product.reader.discover", never)
    assert Dataset(made)[0].values


def described(dtype: str, nodata: float, classes: Any = ()) -> LayerDescription:
    class Own(Modality):
        name = "own"
        api_version = 1
        layers = (
            Layer("own", [Band("x", dtype, nodata, classes=classes)], kind="classes" if classes else "regression"),
        )

    return LayerDescription.of(Own.layers[0], Own(), 1, "")


CLASSES = [ClassLabel(number, str(number)) for number in (1, 2)]


@pytest.mark.parametrize(
    ("declared", "stored", "missing", "valid"),
    [
        (described("uint8", 255), "int8", [-128, 127, -1], [0, 1, 126, -127]),  # masked, clamped, wrapped
        (described("float32", -np.inf), "int16", [-32768], [0, -1, 32767]),
        (described("float32", np.nan), "int16", [-32768], [0, -1, 32767]),
        (described("uint16", 65535), "uint8", [0, 255], [1, 254]),
        (described("int16", -32768), "float32", [-32768, np.nan, -np.inf], [0, -32767]),
        (described("uint8", 255), "uint8", [255], [0, 254]),  # a quantity of 0 is valid
        (described("uint8", 255, CLASSES), "uint8", [255, 0], [1, 2, 3]),  # a class of 0 is not declared
        (described("uint8", 255, [ClassLabel(0, "none"), *CLASSES]), "uint8", [255], [0, 1, 2]),
        (described("uint8", 0, CLASSES), "int8", [0, -128], [1, 2]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_missing_in_another_type(
    declared: LayerDescription, stored: str, missing: list[float], valid: list[float]
) -> None:
    layer = declared.stored_as(np.dtype(stored), (1, 4, 4))
    assert (layer.dtype, layer.shape, layer.holds_nodata) == (stored, (1, 4, 4), True)
    values = np.array([*missing, *valid], stored)
    assert layer.valid(values).tolist() == [False] * len(missing) + [True] * len(valid)
    again = LayerDescription.from_attributes(layer.name, stored, layer.shape, layer.to_attributes())
    assert again == layer
    assert again.valid(values).tolist() == layer.valid(values).tolist()


def test_what_hdf5_makes_of_no_data_that_does_not_fit(tmp_path: Path) -> None:
    """The reason for these values: the conversions of HDF5 and numpy themselves."""
    with h5py.File(tmp_path / "x.h5", "w") as file:
        layer = file.create_dataset("x", (3,), "i1")
        layer[:2] = np.array([255, -np.inf])
        layer[2] = np.array([255]).astype("i1")[0]
        assert sorted(layer[:].tolist()) == sorted(CANOPY_MISSING)


def test_a_table_without_variants(original: Path, tmp_path: Path) -> None:
    """As the original's own merging writes it: ids alone."""
    path = tmp_path / "ids.h5"
    path.write_bytes(original.read_bytes())
    with h5py.File(path, "r+") as file:
        ids = file["metadata"][:][["tile_id"]]
        del file["metadata"]
        file["metadata"] = ids.astype([("tile_id", "S100")])
    tile = Dataset(path)[1]
    assert (tile.tile_id, tile.variant) == ("1", None)
