"""A sound dataset is found sound, and nothing of it is changed."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np


def digests(folder: Path) -> dict[Path, str]:
    return {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.rglob("*") if path.is_file()}


def test_stacks_journals_and_files_agree(copy: Any) -> None:
    before = digests(copy.root)
    report = copy.verify(target=copy.config, code=0).report
    assert (report["rows"], report["faults"], report["sampled_rows"], report["tile_info_entries"]) == (8, 0, 8, 8)
    assert (report["stacks"], report["compared_with_stacks"], report["sent_back"]) == (8, 8, 0)
    assert report["splits"] == {"train": 6, "val": 1, "test": 1, "in none": 0}
    assert digests(copy.root) == before


def test_no_data_is_told_by_layer_and_band(copy: Any) -> None:
    report = copy.verify(code=0).report
    with h5py.File(copy.h5) as file:
        for name, told in report["layers"].items():
            values = np.moveaxis(file[name][:].reshape(len(file[name]), file[name].shape[1], -1), 1, 0)
            nodata = file[name].attrs["nodata"]
            missing = np.isnan(values) if np.isnan(float(nodata)) else values == nodata
            due = missing.reshape(len(values), -1).mean(axis=1)
            np.testing.assert_allclose(list(told["nodata_fraction"].values()), due)
            assert list(told["nodata_fraction"]) == list(file[name].attrs["bands"])
            assert told["rows_without_data"] == int(missing.all(axis=(0, 2)).sum())
    assert 0 < report["layers"]["verify_slopes"]["nodata_fraction"]["low"] < 1
    warned = {finding["layer"] for finding in report["findings"]}
    assert warned == {"sentinel2_cloudprod", "sentinel2_scl"}, "level 1C has none, and that is no fault"


def test_the_file_alone_is_enough_and_any_number_of_workers_says_the_same(
    copy: Any, run_cli: Callable[..., Any]
) -> None:
    one, two = (run_cli("verify", copy.config, "--json", "--workers", workers) for workers in "12")
    assert json.loads(one.stdout) == json.loads(two.stdout)
    report = copy.verify("--sample", "3", code=0).report
    assert (report["sampled_rows"], report["stacks"]) == (3, None)


def test_people_get_a_table(copy: Any, run_cli: Callable[..., Any]) -> None:
    done = run_cli("verify", copy.config, "--workers", "1")
    assert done.exit_code == 0
    assert "verify_slopes" in done.stdout
    assert "2 x 24 x 24" in done.stdout
    assert "8 stacks read, the pixels of 8 tiles compared" in done.stdout
    assert "0 faults, 2 warnings" in done.stdout
    copy.edit("splits", lambda splits: splits["val"].append(99))
    done = run_cli("verify", copy.config, "--workers", "1")
    assert done.exit_code == 1
    assert (
        "fault (splits) val has 1 row that the file of 8 rows does not have: 99. Make the splits again" in done.stdout
    )


def test_what_is_derived_from_it_is_sound_too(copy: Any, run_cli: Callable[..., Any], tmp_path: Path) -> None:
    steps = (
        ["subset", copy.h5, tmp_path / "train", "--split", "train"],
        ["subset", copy.h5, tmp_path / "val", "--split", "val"],
        ["merge", tmp_path / "both", tmp_path / "train", tmp_path / "val"],
        ["resize", tmp_path / "both", tmp_path / "small", "--size", "16"],
    )
    for words in steps:
        done = run_cli(*words)
        assert done.exit_code == 0, done.output
    for name, rows in (("train", 6), ("both", 7), ("small", 7)):
        assert copy.verify(target=tmp_path / name, code=0).report["rows"] == rows
