"""Cloud masks of newer images: tile_info says why they are empty in the gap of QA60, after which newer bands exist."""

import json
from pathlib import Path
from typing import Any

import h5py
import pytest
from mmearth_devkit.testing.command_line import summary

PLACES = ["nebraska"]
IN_GAP = "QA60 is masked in Earth Engine in images from 2022-01-25 to 2024-02-28"
TOO_EARLY = "Earth Engine has MSK_CLASSI_* in images from February 2024 on"


def built(kit: Any, folder: Path, window: str) -> tuple[dict[str, Any], Path]:
    """A tile of a window of dates with the newer bands; tile_info, and the HDF5 file."""
    options = f"cloud_classes = true\n[modalities.sentinel2.windows]\n{window[1:5]} = {window}"
    config = kit.project(folder, PLACES, ["sentinel2"], options=options, size=16)
    assert kit.run(config)["done"] == 1
    summary("post", config, "--workers", "1")
    summary("verify", config, "--workers", "1")
    info = json.loads((folder / "planet" / "planet_tile_info.json").read_text())
    return info, folder / "planet" / "planet.h5"


@pytest.mark.parametrize(
    ("window", "missing"),
    [
        ("[2023-03-01, 2024-01-01]", {"sentinel2_cloudmask": IN_GAP, "sentinel2_cloudclasses": TOO_EARLY}),
        ("[2024-03-01, 2024-12-31]", {}),
    ],
)
def test_masks_are_empty_in_the_gap_only(window: str, missing: dict[str, str], kit: Any, tmp_path: Path) -> None:
    info, hdf5 = built(kit, tmp_path, window)
    for entry in info.values():
        assert entry.get("MISSING", {}) == missing
        assert "MASKED" not in entry
        assert entry["BANDS"]["sentinel2_cloudclasses"] == [
            "MSK_CLASSI_OPAQUE",
            "MSK_CLASSI_CIRRUS",
            "MSK_CLASSI_SNOW_ICE",
        ]
    with h5py.File(hdf5) as file:
        mask, classes = file["sentinel2_cloudmask"][:], file["sentinel2_cloudclasses"][:]
        assert classes.shape == (1, 3, 16, 16)
        year = window[1:5]
        assert (
            file["sentinel2_cloudclasses"].attrs["attribution"] == f"Contains modified Copernicus Sentinel data {year}."
        )
    if missing:
        assert (mask == 65535).all() and (classes == 255).all()
    else:
        assert not (mask == 65535).any() and set(classes.ravel()) <= {0, 1}
        # QA60 is made of the newer bands: bit 10 for opaque clouds, bit 11 for cirrus.
        assert ((mask[:, 0] == 1024) == (classes[:, 0] == 1)).all()
        assert ((mask[:, 0] == 2048) == (classes[:, 1] == 1)).all()
