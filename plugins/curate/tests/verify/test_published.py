"""A file as published by others: only metadata and layers, without the attributes of mmearth-core."""

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest


@pytest.fixture
def published(copy: Any) -> Any:
    """The copy without any attribute, and with side files that have only what the published ones have."""
    with copy.opened() as file:
        for owner in (file, *file.values()):
            for name in list(owner.attrs):
                del owner.attrs[name]
    keys = ("S2_type", "CRS", "lat", "lon", "BANDS", "biome")
    copy.edit("tile_info", lambda info: {tile: {key: entry[key] for key in keys} for tile, entry in info.items()})
    numbers = ("mean", "std", "min", "max")
    copy.edit("band_stats", lambda stats: {name: {key: one[key] for key in numbers} for name, one in stats.items()})
    copy.beside("splits_made").unlink()
    return copy


def test_its_layers_are_those_of_the_installed_plugins(published: Any) -> None:
    verdict = published.verify(code=0)
    found = {(warning.get("layer"), warning["message"]) for warning in verdict.of("warning")}
    assert (None, "The file has no attributes layout, name, anchor, written_by.") in found
    (told,) = [message for layer, message in found if layer == "sentinel2" and "no attributes" in message]
    assert told.startswith("The layer has no attributes modality, kind, nodata, bands, units")
    assert "the description of mmearth-sentinel2" in told
    assert verdict.report["layers"]["sentinel2"]["nodata_fraction"]["B4"] == 0


def test_its_rows_chunks_and_splits_are_checked(published: Any) -> None:
    with published.opened() as file:
        table = file["metadata"][:]
        table["S2_type"][1] = b"l2a"
        file["metadata"][:] = table
    published.edit("splits", lambda splits: splits["val"].extend(splits["train"][:1]))
    faults = published.verify().faults
    assert {fault["check"] for fault in faults} == {"variants", "splits"}


def test_layers_of_no_installed_plugin_are_only_inflated(published: Any) -> None:
    with published.opened() as file:
        file.move("sentinel2", "somewhere")
        file.move("verify_slopes", "elsewhere")
    report = published.verify(code=0).report
    assert report["layers"]["somewhere"] == {"known": False}
    assert any(
        finding["message"].endswith("its values are not described.") and finding["layer"] == "somewhere"
        for finding in report["findings"]
    )


def test_types_that_cannot_hold_what_plugins_declare(tmp_path: Path, run_cli: Any) -> None:
    """As the published elevations, whole numbers, cannot hold an infinite no-data: the least value is missing."""
    with h5py.File(tmp_path / "small.h5", "w") as file:
        file["metadata"] = np.array([(b"0", b"l2a")], dtype=[("tile_id", "S100"), ("S2_type", "S10")])
        file["verify_slopes"] = np.ones((1, 2, 8, 8), "int16")
        file["verify_slopes"][0, 1, :4] = -32768
    for what, content in {
        "tile_info": {"0": {"S2_type": "l2a"}},
        "splits": {"train": [0], "val": [], "test": []},
    }.items():
        (tmp_path / f"small_{what}.json").write_text(json.dumps(content))
    (tmp_path / "small_band_stats.json").write_text("{}")
    done = run_cli("verify", tmp_path / "small.h5", "--workers", "1")
    assert done.exit_code == 0, done.output
    assert "layer 'verify_slopes': The layer has no attributes modality, " in done.stdout.replace("\n", " ")
    layer = json.loads(run_cli("verify", tmp_path / "small.h5", "--workers", "1", "--json").stdout)["layers"]
    assert (layer["verify_slopes"]["known"], layer["verify_slopes"]["dtype"]) == (True, "int16")
    assert list(layer["verify_slopes"]["nodata_fraction"].values()) == [0, 0.5]
