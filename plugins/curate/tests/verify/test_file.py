"""Damage to the HDF5 file: each kind is named, with the row, tile and layer that it is in."""

import json
import math
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from mmearth_devkit.testing.command_line import summary
from mmearth_devkit.testing.few_tiles import write_few
from mmearth_devkit.testing.scene_sensor import SENSOR

from mmearth_core.product.hdf5_rows import compress_row

POST = "`mmearth-core post`"


def overwrite(file: h5py.File, layer: str, row: int, values: np.ndarray) -> None:
    """Writes a row as post does."""
    dataset = file[layer]
    dataset.id.write_direct_chunk((row,) + (0,) * (dataset.ndim - 1), compress_row(values.astype(dataset.dtype)))


def recounted(copy: Any, faults: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The faults but those of statistics, which a changed value makes wrong too."""
    assert any(fault["check"] == "statistics" for fault in faults)
    return [fault for fault in faults if fault["check"] != "statistics"]


def test_a_flipped_byte_in_a_chunk(copy: Any) -> None:
    with h5py.File(copy.h5) as file:
        chunk = file["sentinel2"].id.get_chunk_info_by_coord((5, 0, 0, 0))
    content = bytearray(copy.h5.read_bytes())
    content[chunk.byte_offset + chunk.size // 2] ^= 0x10
    copy.h5.write_bytes(content)
    verdict = copy.verify()
    fault = verdict.only_fault("chunks")
    assert (fault["row"], fault["tile_id"], fault["layer"]) == (5, "005", "sentinel2")
    assert "damaged and cannot be inflated" in fault["message"]
    assert POST in fault["remedy"]
    assert verdict.report["layers"]["sentinel2"]["rows_read"] == 7


def test_a_row_that_was_never_written(copy: Any) -> None:
    with copy.opened() as file:
        old = file["sentinel2"]
        attributes = dict(old.attrs)
        plist, space, kind = old.id.get_create_plist(), old.id.get_space(), old.id.get_type()
        chunks = [old.id.read_direct_chunk((row, 0, 0, 0))[1] for row in range(7)]
        del file["sentinel2"]
        new = h5py.Dataset(h5py.h5d.create(file.id, b"sentinel2", kind, space, plist))
        for row, chunk in enumerate(chunks):
            new.id.write_direct_chunk((row, 0, 0, 0), chunk)
        for name, value in attributes.items():
            new.attrs[name] = value
    fault = copy.verify().only_fault("chunks")
    assert (fault["row"], fault["layer"]) == (7, "sentinel2")
    assert "never written" in fault["message"]


def test_two_swapped_rows_of_the_table(copy: Any) -> None:
    with copy.opened() as file:
        table = file["metadata"][:]
        table[[2, 3]] = table[[3, 2]]
        file["metadata"][:] = table
    checks = {fault["check"] for fault in copy.verify().faults}
    assert checks == {"rows", "splits"}, "tile_info has another order; splits were made of other rows"
    faults = copy.verify(target=copy.config).faults
    moved = [fault for fault in faults if fault["check"] == "stacks" and fault["layer"] == "sentinel2"]
    assert [(fault["row"], fault["tile_id"]) for fault in moved] == [(3, "002"), (2, "003")]
    assert "values other than what was downloaded: band B1 has" in moved[0]["message"]


def test_two_swapped_rows_of_a_layer(copy: Any) -> None:
    """No count changes by it: only the stacks can tell."""
    with copy.opened() as file:
        second, third = (file["verify_slopes"].id.read_direct_chunk((row, 0, 0, 0))[1] for row in (2, 3))
        file["verify_slopes"].id.write_direct_chunk((2, 0, 0, 0), third)
        file["verify_slopes"].id.write_direct_chunk((3, 0, 0, 0), second)
    copy.verify(code=0)
    faults = copy.verify(target=copy.config).faults
    assert [(fault["check"], fault["row"], fault["layer"]) for fault in faults] == [
        ("stacks", 2, "verify_slopes"),
        ("stacks", 3, "verify_slopes"),
    ]


def test_a_vector_that_is_not_its_modalitys(copy: Any) -> None:
    with copy.opened() as file:
        overwrite(file, "verify_points", 4, np.array([1, 2]))
    faults = recounted(copy, copy.verify(target=copy.config).faults)
    assert [(fault["row"], fault["layer"]) for fault in faults] == [(4, "verify_points")]
    assert "band a has 1.0 at ()" in faults[0]["message"]


def test_a_tile_that_is_there_twice(copy: Any) -> None:
    with copy.opened() as file:
        table = file["metadata"][:]
        table[6] = table[1]
        file["metadata"][:] = table
    messages = [fault["message"] for fault in copy.verify().faults]
    assert "The tile is duplicated; it is also in row 1." in messages
    assert "tile_info has an entry for the tile; the HDF5 file has no row." in messages


def test_a_checksum_of_other_rows(copy: Any) -> None:
    """As in a file whose attributes were copied from another one."""
    with copy.opened() as file:
        file.attrs["rows_sha256"] = "0" * 64
    assert "The attribute rows_sha256 is not that of the table" in copy.verify().only_fault("rows")["message"]
    with copy.opened() as file:  # as in files of earlier versions
        del file.attrs["rows_sha256"]
    assert copy.verify(code=0).faults == []


def test_the_wrong_variant(copy: Any) -> None:
    with copy.opened() as file:
        table = file["metadata"][:]
        table["S2_type"][1], table["S2_type"][2] = b"l2a", b"l9z"
        file["metadata"][:] = table
    faults = [fault for fault in copy.verify().faults if fault["check"] == "variants"]
    assert [(fault["row"], fault["message"]) for fault in faults] == [
        (2, "Variant 'l9z' is not one of l1c, l2a."),
        (1, "Its S2_type is 'l2a' in the HDF5 file and 'l1c' in tile_info."),
        (2, "Its S2_type is 'l9z' in the HDF5 file and 'l1c' in tile_info."),
    ]
    messages = [fault["message"] for fault in copy.verify(target=copy.config).faults]
    assert "Its variant is 'l1c' in the journal and 'l2a' in the HDF5 file." in messages


@pytest.mark.parametrize("attribute", ["nodata", "bands", "classes", "plugin"])
def test_a_missing_attribute(copy: Any, attribute: str) -> None:
    with copy.opened() as file:
        del file["verify_kinds"].attrs[attribute]
    fault = copy.verify(target=copy.config).only_fault("description")
    assert fault["layer"] == "verify_kinds"
    assert fault["message"] == f"The layer has no attributes {attribute}; the description of mmearth-third 1.0 is used."
    alone = [fault for fault in copy.verify().faults if fault["check"] == "description"]
    assert alone[0]["message"] == fault["message"]


def test_an_attribute_that_cannot_be_read_or_contradicts(copy: Any) -> None:
    with copy.opened() as file:
        file["verify_kinds"].attrs["classes"] = "no JSON"
        file["sentinel2"].attrs["units"] = ["1"]
        file["verify_slopes"].attrs["nodata"] = np.float32(-1)
        del file.attrs["anchor"]
    found = {fault.get("layer"): fault["message"] for fault in copy.verify().faults if fault["check"] == "description"}
    assert "has attributes that cannot be read" in found["verify_kinds"]
    assert found["sentinel2"] == "Has 13 bands, and units for 1."
    assert found["verify_slopes"] == "Its HDF5 fill value is -inf, its no-data -1.0."
    assert found[None] == "The file has no attributes anchor."


def remade(file: h5py.File, name: str, **how: Any) -> None:
    """Writes a dataset again in another way."""
    old = file[name]
    values, attributes = old[:], dict(old.attrs)
    del file[name]
    ways = {"chunks": (1, *values.shape[1:]), "compression": "gzip", "shuffle": values.dtype.itemsize > 1}
    ways |= {"dtype": values.dtype, "fillvalue": attributes["nodata"], **how}
    new = file.create_dataset(name, data=values.astype(ways.pop("dtype")), **ways)
    for attribute, value in attributes.items():
        new.attrs[attribute] = value


def test_the_wrong_dtype(copy: Any) -> None:
    with copy.opened() as file:
        remade(file, "sentinel2_cloudmask", dtype="int32")
    messages = {fault["message"] for fault in copy.verify(target=copy.config).faults}
    assert "Its dtype is 'int32'; declared is 'uint16'." in messages


def test_wrong_chunks_and_filters(copy: Any) -> None:
    with copy.opened() as file:
        remade(file, "sentinel2", chunks=(8, 13, 24, 24))
        remade(file, "verify_slopes", compression="lzf")
        remade(file, "biome", compression=None)
    found = {fault["layer"]: fault["message"] for fault in copy.verify().faults}
    assert found == {
        "sentinel2": "Its chunks are (8, 13, 24, 24); with one chunk per tile they are (1, 13, 24, 24).",
        "verify_slopes": "Its HDF5 filters are shuffle + filter 32000; they should be deflate + shuffle.",
        "biome": "Its HDF5 filters are none; they should be deflate.",
    }


def test_a_layer_with_other_rows_or_other_sizes(copy: Any) -> None:
    with copy.opened() as file:
        values, attributes = file["sentinel2"][:7], dict(file["sentinel2"].attrs)
        del file["sentinel2"]
        new = file.create_dataset("sentinel2", data=values, chunks=(1, 13, 24, 24), compression="gzip", shuffle=True)
        for attribute, value in attributes.items():
            new.attrs[attribute] = value
    fault = copy.verify().faults[0]
    assert fault["message"] == "Has shape (7, 13, 24, 24); the table `metadata` has 8 rows."


def test_a_layer_that_is_gone(copy: Any) -> None:
    with copy.opened() as file:
        del file["verify_slopes"]
        file.create_group("notes")
    found = {fault["layer"]: fault["message"] for fault in copy.verify(target=copy.config).faults}
    assert found == {
        "verify_slopes": "Is declared but not in the file: it was added later.",
        "notes": "It is a group; each layer is a dataset.",
    }


def test_an_undeclared_class(copy: Any) -> None:
    with copy.opened() as file:
        values = file["verify_kinds"][3]
        values[0, :2, 0] = 9
        overwrite(file, "verify_kinds", 3, values)
    (fault,) = recounted(copy, copy.verify().faults)
    assert (fault["check"], fault["row"], fault["layer"]) == ("classes", 3, "verify_kinds")
    assert fault["message"] == "Band kind has 2 pixels of no declared class: 9."


def test_values_that_are_not_finite(copy: Any) -> None:
    with copy.opened() as file:
        values = file["verify_slopes"][2]
        values[0, 0, :3] = math.nan
        values[0, 1, 0] = math.inf
        overwrite(file, "verify_slopes", 2, values)
    verdict = copy.verify()
    (fault,) = recounted(copy, verdict.faults)
    assert fault["message"] == "It has 3 NaNs, although the layer's no-data is -inf."
    assert any(
        "It has 1 infinite value besides the no-data -inf" in warning["message"] for warning in verdict.of("warning")
    )


@pytest.mark.parametrize(("places", "ones"), [([], 0), ([1, 5], 2)])
def test_a_vector_that_is_not_one_hot(copy: Any, places: list[int], ones: int) -> None:
    with copy.opened() as file:
        values = np.zeros(14, np.uint8)
        values[places] = 1
        overwrite(file, "biome", 0, values)
    (fault,) = recounted(copy, copy.verify().faults)
    assert (fault["check"], fault["layer"]) == ("one-hot", "biome")
    assert f"it has {ones} ones" in fault["message"]


def test_a_tile_without_any_data(copy: Any) -> None:
    with copy.opened() as file:
        for name, dataset in file.items():
            if name != "metadata" and dataset.ndim == 4:
                overwrite(file, name, 6, np.full(dataset.shape[1:], dataset.attrs["nodata"]))
    verdict = copy.verify()
    assert recounted(copy, verdict.faults) == []
    (warning,) = [each for each in verdict.of("warning") if each["check"] == "empty tiles"]
    assert (warning["check"], warning["row"], warning["tile_id"]) == ("empty tiles", 6, "006")
    assert warning["message"] == "Every map of the tile is no-data only."


def test_a_tile_that_was_downloaded_without_any_data_is_a_warning(tmp_path: Path, install: Any, run_cli: Any) -> None:
    """As over the open sea: the run and `post` are content with it, and so is `verify`."""
    image = (
        "class Sea(Sensor):\n    name = 'sea'\n    layers = (Layer('red', [Band('B4', 'uint16', 0)]),)\n"
        "    def image(self, scene, located):\n"
        "        return red_band().updateMask(0 if located['number'] == 1 else 1)\n"
        "@hookimpl\ndef mmearth_modalities():\n    return [Sea]\n"
    )
    install("mmearth-sea", SENSOR + image)
    properties = {"date": "2017-12-08", "crs": "EPSG:32618"}
    config = write_few(tmp_path, 3, "some", size=24, partition=3, properties=lambda _: properties)
    tables = '[run]\nengine = "local:virginia"\n[modalities.file]\n[modalities.sea]\n'
    config.write_text(f'[dataset]\nname = "some"\ntiles = "tiles.geojson"\nimage_size = 24\n{tables}')
    for words in (["run"], ["post", "--workers", "1"]):
        assert run_cli(*words, config).exit_code == 0
    for target in (config, tmp_path / "some" / "some.h5"):
        report = summary("verify", target, "--workers", "1", code=0)
        assert (report["faults"], report["warnings"]) == (0, 1)
        (warning,) = report["findings"]
        assert (warning["severity"], warning["check"], warning["tile_id"]) == ("warning", "empty tiles", "001")
        shown = run_cli("verify", target, "--workers", "1", columns=200)
        assert shown.exit_code == 0
        assert "Every map of the tile is no-data only." in shown.stdout and "0 faults, 1 warning" in shown.stdout


def test_what_cannot_be_read_at_all(copy: Any, run_cli: Any, tmp_path: Path) -> None:
    def refusal(target: Path) -> str:
        done = run_cli("verify", target)
        assert done.exit_code == 2
        assert not done.stdout
        return " ".join(done.stderr.split())

    assert "no such file or folder" in refusal(tmp_path / "nothing.h5")
    assert "this one has 0" in refusal(tmp_path)
    copy.h5.write_bytes(copy.h5.read_bytes()[: copy.h5.stat().st_size // 2])
    assert "cannot be read as HDF5" in refusal(copy.h5)
    with h5py.File(tmp_path / "foreign.h5", "w") as file:
        file["x"] = [1, 2]
    assert "has no table `metadata`" in refusal(tmp_path / "foreign.h5")
    copy.h5.unlink()
    assert "there is no such file yet" in refusal(copy.config)


def test_many_faults_of_one_sort_are_counted_and_some_listed(copy: Any) -> None:
    copy.edit("tile_info", lambda info: {f"other {number}": {} for number in range(50)})
    report = copy.verify().report
    assert report["faults"] == 58
    assert len(report["findings"]) == 22, "two warnings, and the first twenty of a sort"
    assert report["findings_not_listed"] == 38
    assert json.loads(json.dumps(report, allow_nan=False)) == report
