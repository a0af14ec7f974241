"""Damage to tile_info, splits and band statistics."""

import json
from pathlib import Path
from typing import Any

import pytest


def test_an_entry_of_tile_info_that_is_gone(copy: Any) -> None:
    copy.edit("tile_info", lambda info: info.pop("004") and None)
    fault = copy.verify().only_fault("rows")
    assert (fault["row"], fault["tile_id"]) == (4, "004")
    assert fault["message"] == "data_1M_v001_tile_info.json has no entry for the row's tile."
    assert "`mmearth-core post info`" in fault["remedy"]


def test_an_entry_of_tile_info_without_a_row(copy: Any) -> None:
    copy.edit("tile_info", lambda info: info.update(extra=info["004"]))
    fault = copy.verify().only_fault("rows")
    assert (fault["tile_id"], "row" in fault) == ("extra", False)


def test_tile_info_in_another_order(copy: Any) -> None:
    copy.edit("tile_info", lambda info: dict(sorted(info.items(), key=lambda item: item[0] == "001")))
    fault = copy.verify().only_fault("rows")
    assert (fault["row"], "in another order" in fault["message"]) == (1, True)


def test_nan_and_the_size_of_the_grid_in_tile_info(copy: Any) -> None:
    def spoil(info: dict[str, Any]) -> None:
        info["001"]["lat"] = float("nan")
        info["003"]["GRID"]["size"] = 128

    copy.edit("tile_info", spoil)
    found = {fault["row"]: fault["message"] for fault in copy.verify().faults}
    assert found == {
        1: "The entry has NaN, which strict JSON does not allow.",
        3: "The layer has (24, 24) pixels; tile_info's GRID has 128 x 128.",
    }


def test_tile_info_that_is_cut_short_or_missing(copy: Any) -> None:
    path: Path = copy.beside("tile_info")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert "cannot be read as JSON" in copy.verify().only_fault("tile_info")["message"]
    path.write_text("[]")
    assert "cannot be read as JSON" in copy.verify().only_fault("tile_info")["message"]
    path.unlink()
    assert "is missing" in copy.verify().only_fault("tile_info")["message"]


@pytest.mark.parametrize(
    ("splits", "message"),
    [
        ({"train": [0, 1, 2], "val": [2, 3], "test": [4]}, "train and val share 1 row: 2."),
        (
            {"train": [0, 8, -1], "val": [], "test": []},
            "train has 2 rows that the file of 8 rows does not have: 8, -1.",
        ),
        ({"train": [0, 1, 1], "val": [], "test": []}, "train has duplicate rows: 1."),
        ({"train": [0, 1.5], "val": [], "test": []}, "train is not a list of row numbers."),
        ({"train": [0, 1], "val": []}, "data_1M_v001_splits.json has no test."),
        ([], "data_1M_v001_splits.json is not an object of lists."),
    ],
)
def test_splits(copy: Any, splits: Any, message: str) -> None:
    copy.edit("splits", lambda _: splits)
    fault = copy.verify().only_fault("splits")
    assert fault["message"] == message
    assert "`mmearth-core post splits`" in fault["remedy"]


def test_rows_in_no_split_are_counted_and_no_fault(copy: Any) -> None:
    copy.edit("splits", lambda _: {"train": [0, 1], "val": [2], "test": [4]})
    copy.beside("splits_made").unlink()
    assert copy.verify(code=0).report["splits"] == {"train": 2, "val": 1, "test": 1, "in none": 4}
    copy.beside("splits").unlink()
    assert any("There is no" in warning["message"] for warning in copy.verify(code=0).of("warning"))


def test_splits_of_other_rows(copy: Any) -> None:
    copy.edit("splits_made", lambda how: how.update(rows_sha256="0" * 64))
    assert "made for other rows" in copy.verify().only_fault("splits")["message"]
    copy.beside("splits_made").write_text("{")
    assert "cannot be read as JSON" in copy.verify().only_fault("splits")["message"]


@pytest.mark.parametrize(
    ("entry", "key", "band", "factor"),
    [
        ("sentinel2_l1c", "mean", "B4", 1 + 1e-8),
        ("sentinel2_l1c", "std", "B4", 1.001),
        ("verify_slopes", "mean", "low", 1.001),
        ("verify_slopes", "min", "slope", 1.001),
        ("verify_slopes", "max", "low", 1.001),
        ("verify_slopes", "count", "low", 2),
        ("sentinel2_scl_l1c", "nodata", "SCL", 2),
        ("verify_points", "mean", "a", 1.001),
    ],
)
def test_a_wrong_number_of_the_statistics(copy: Any, entry: str, key: str, band: str, factor: float) -> None:
    bands = {"sentinel2_l1c": 3, "verify_slopes": ["slope", "low"].index(band) if entry == "verify_slopes" else 0}
    place = bands.get(entry, 0)

    def spoil(stats: dict[str, Any]) -> None:
        stats[entry][key][place] *= factor

    copy.edit("band_stats", spoil)
    fault = copy.verify().only_fault("statistics")
    assert fault["message"].startswith(f"{entry}: {key} of band {band} is ")
    assert "`mmearth-core post stats`" in fault["remedy"]


def test_a_band_without_values_has_the_numbers_that_are_promised(copy: Any) -> None:
    copy.edit("band_stats", lambda stats: stats["sentinel2_scl_l1c"].update(std=[0.0]))
    message = copy.verify().only_fault("statistics")["message"]
    assert message == "sentinel2_scl_l1c: std of band SCL is 0; the HDF5 file's values give 1."


@pytest.mark.parametrize("sample", [2, 3, 5, 7])
def test_a_small_sample_of_a_sound_file_warns_of_nothing(sample: int, copy: Any) -> None:
    warnings = copy.verify("--sample", str(sample), code=0).of("warning")
    assert not [warning for warning in warnings if warning["check"] == "statistics"]


def test_a_sample_tells_a_wrong_mean_within_its_error_and_only_warns(copy: Any) -> None:
    def spoil(stats: dict[str, Any]) -> None:
        stats["verify_slopes"]["mean"][0] *= 20
        stats["sentinel2_l1c"]["mean"][0] *= 1.0001

    copy.edit("band_stats", spoil)
    warnings = [each for each in copy.verify("--sample", "6", code=0).of("warning") if each["check"] == "statistics"]
    assert [warning["layer"] for warning in warnings] == ["verify_slopes"]
    assert "6 sampled tiles have" in warnings[0]["message"]
    assert copy.verify("--sample", "0", code=0).report["sampled_rows"] == 0
    assert {fault["layer"] for fault in copy.verify().faults} == {"verify_slopes", "sentinel2"}


def test_statistics_that_are_incomplete_or_no_strict_json(copy: Any) -> None:
    def spoil(stats: dict[str, Any]) -> None:
        del stats["verify_slopes"]
        stats["verify_points"]["mean"][0] = float("nan")
        stats["verify_kinds"]["classes"][0]["1"] += 1
        stats["sentinel2_l2a"]["max"] = [1]
        stats["nosuch"] = {}

    copy.edit("band_stats", spoil)
    verdict = copy.verify()
    messages = [fault["message"] for fault in verdict.faults]
    assert messages == [
        "data_1M_v001_band_stats.json has NaN, which strict JSON does not allow.",
        "sentinel2_l2a: max is not a finite number for each of 13 bands.",
        "verify_kinds: classes is not what the HDF5 file's values give.",
        "verify_points: mean is not a finite number for each of 2 bands.",
        "There is no entry 'verify_slopes'.",
    ]
    assert any("'nosuch' is of no layer" in warning["message"] for warning in verdict.of("warning"))
    for content in ("{", "[]"):
        copy.beside("band_stats").write_text(content)
        assert copy.verify().only_fault("statistics")["message"].startswith("data_1M_v001_band_stats.json")


def test_another_programs_side_files_may_be_laid_out_otherwise(copy: Any) -> None:
    content = json.loads(copy.beside("tile_info").read_text())
    copy.beside("tile_info").write_text(json.dumps(content, indent=8))
    copy.verify(code=0)
    copy.beside("tile_info").write_text(json.dumps(content, separators=(",", ":"), ensure_ascii=True))
    copy.verify(code=0)
