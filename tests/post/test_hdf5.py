"""The HDF5 file: what plain h5py reads is what the stacks and journals hold."""

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from mmearth_core.product.hdf5 import layer_names, metadata_rows, stored_layers
from mmearth_core.product.hdf5_rows import compress_row
from mmearth_core.registry import discover


def journal(dataset: Path, group: str) -> dict[str, Any]:
    texts = [path.read_text() for path in sorted(dataset.glob(f"journal/{group}/*.jsonl"))]
    entries = [json.loads(line) for text in texts for line in text.splitlines()]
    return {entry["tile_id"]: entry for entry in entries}


def test_rows_follow_the_tiles_and_name_the_variant(made: Path, kit: Any) -> None:
    with h5py.File(made / "data_1M_v001.h5") as file:
        table = file["metadata"][:]
        assert table.dtype == np.dtype([("tile_id", "S100"), ("S2_type", "S10")])
        # As torchgeo reads it: by place, not by name.
        assert [row[0].decode("utf-8") for row in table] == [f"{number:03d}" for number in range(kit.tiles)]
    base = journal(made, "base")
    variants = {row["tile_id"].decode(): row["S2_type"].decode() for row in table}
    assert variants == {tile_id: entry["anchor"]["variant"] for tile_id, entry in base.items()}


def test_every_pixel_is_the_stacks_with_no_data_as_declared(made: Path, kit: Any) -> None:
    registry = discover()
    layers = {
        layer.name: layer for name in ("sentinel2", "anyones") for layer in registry.modality(name).declared.layers
    }
    with h5py.File(made / "data_1M_v001.h5") as file:
        for row, (tile_id, _) in enumerate(file["metadata"][:]):
            bands = {}
            for path in made.glob(f"stacks/*/*/{tile_id.decode()}.tif"):
                bands |= kit.pixels(path)
            for name, layer in layers.items():
                if not layer.is_map:
                    continue
                expected = np.stack([bands[f"{name}__{band.name}"] for band in layer.bands])
                expected = np.where(np.isnan(expected), layer.nodata, expected).astype(layer.dtype)
                assert file[name].dtype == expected.dtype
                np.testing.assert_array_equal(file[name][row], expected)


def test_vectors_are_the_modalities_own(made: Path) -> None:
    with h5py.File(made / "data_1M_v001.h5") as file:
        located = journal(made, "anyones")
        for row, (tile_id, _) in enumerate(file["metadata"][:]):
            own = located[tile_id.decode()]["located"]["anyones"]
            second = np.nan if own["number"] % 2 else 1e6 + own["lon"]
            np.testing.assert_array_equal(file["weights"][row], np.array([own["lon"], second, 3], "float32"))
            assert file["biome"][row].sum() == 1
        assert file["eco_region"].shape == (len(located), 846)
        assert (file["eco_region"].dtype, file["biome"].dtype) == ("uint16", "uint8")


def test_a_loader_needs_no_table_of_its_own(made: Path, kit: Any) -> None:
    with h5py.File(made / "data_1M_v001.h5") as file:
        layers = stored_layers(file)
        for name, layer in layers.items():
            dataset = file[name]
            assert dataset.chunks == (1, *dataset.shape[1:])
            assert (dataset.compression, dataset.shuffle) == ("gzip", dataset.dtype.itemsize > 1)
            assert dataset.fillvalue == dataset.attrs["nodata"] or np.isnan(dataset.fillvalue)
            (declared,) = [
                own
                for modality in discover().modalities.values()
                for own in modality.declared.layers
                if own.name == name
            ]
            assert list(dataset.attrs["bands"]) == [band.name for band in declared.bands]
            assert list(dataset.attrs["units"]) == [band.unit for band in declared.bands]
            assert list(dataset.attrs["descriptions"]) == [band.description for band in declared.bands]
            assert layer.classes == tuple(band.classes for band in declared.bands)
        assert layers["kinds"].plugin == "mmearth-anyones 1.0"
        assert layers["sentinel2_scl"].variants == ("l1c", "l2a")


@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", "int16", "float32"])
def test_chunks_are_undone_by_hdf5s_own_filters(dtype: str, tmp_path: Path) -> None:
    noise = np.random.default_rng(3)
    values = (
        noise.normal(0, 100, (3, 7, 7)).astype(dtype) if dtype == "float32" else noise.integers(0, 99, (3, 7, 7), dtype)
    )
    with h5py.File(tmp_path / "one.h5", "w") as file:
        shuffle = values.dtype.itemsize > 1
        dataset = file.create_dataset(
            "x", (1, 3, 7, 7), dtype, chunks=(1, 3, 7, 7), compression="gzip", shuffle=shuffle
        )
        dataset.id.write_direct_chunk((0, 0, 0, 0), compress_row(values))
    with h5py.File(tmp_path / "one.h5") as file:
        np.testing.assert_array_equal(file["x"][0], values)


def test_an_id_that_would_be_cut_is_refused() -> None:
    dtype = np.dtype([("tile_id", "S100"), ("kind", "S10")])
    assert metadata_rows([("é" * 50, None)], dtype)[0]["tile_id"].decode() == "é" * 50
    with pytest.raises(Exception, match="101 bytes"):
        metadata_rows([("x" * 101, None)], dtype)
    with pytest.raises(Exception, match="variant 'elevenchars' has 11 bytes"):
        metadata_rows([("x", "elevenchars")], dtype)


def content(path: Path) -> Any:
    """A file's bytes; of HDF5 the values, as the deflate library does not promise equal streams for equal values."""
    if path.suffix != ".h5":
        return path.read_bytes()
    with h5py.File(path) as file:
        return {name: (file[name].dtype, file[name][()].tobytes()) for name in ("metadata", *layer_names(file))}


def test_any_number_of_workers_makes_the_same_files(config: Path, made: Path, kit: Any) -> None:
    kit.summary("post", config, "--workers", "2")
    for path in sorted(made.glob("data_1M_v001*")):
        assert content(config.parent / "data_1M_v001" / path.name) == content(path), path.name


def test_side_files_are_named_as_the_training_reader_expects(made: Path) -> None:
    patterns = ("data_*.h5", "data_*_splits.json", "data_*_tile_info.json", "data_*_band_stats.json")
    assert [len(list(made.glob(pattern))) for pattern in patterns] == [1, 1, 1, 1]
