"""`verify --images` asks the engine for every recorded image, and sends no request without the option."""

from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from mmearth_devkit.testing.command_line import cli

GONE = "20181123T155601_20181123T155603_T18SVG"


def recorded(copy: Any) -> dict[str, str]:
    """The image of each tile, by tile_info."""
    found: dict[str, str] = {}
    copy.edit("tile_info", lambda info: found.update({tile: entry["S2_ID"] for tile, entry in info.items()}))
    return found


def without(copy: Any, *images: str) -> None:
    """Has the engine serve a world without these images."""
    world = (files("localearth.worlds") / "virginia.toml").read_text()
    blocks = world.split("[[collection.image]]")
    assert all(any(image in block for block in blocks) for image in images)
    kept = [block for block in blocks if not any(image in block for image in images)]
    (copy.config.parent / "less.toml").write_text("[[collection.image]]".join(kept))
    text = copy.config.read_text()
    assert 'world = "virginia"' in text
    copy.config.write_text(text.replace('world = "virginia"', f'world = "{copy.config.parent / "less.toml"}"'))


def test_no_request_without_the_option(copy: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    without(copy, GONE)
    monkeypatch.setattr("mmearth_curate.verify.images.EarthClient", None)  # it would fail where it is made
    report = copy.verify(target=copy.config, code=0).report
    assert (report["images"], report["requests"]) == (None, 0)


def test_all_images_are_there(copy: Any) -> None:
    report = copy.verify("--images", target=copy.config, code=0).report
    # The anchor's, and that of the third party's modality, of each of 8 tiles, in one batch.
    assert (report["images"], report["requests"], report["faults"]) == (16, 1, 0)
    done = cli("verify", copy.config, "--images", "--workers", "1")
    assert "16 images asked for in 1 request" in done.stdout


def test_an_image_that_is_gone(copy: Any) -> None:
    images = recorded(copy)
    lost = [tile for tile, image in images.items() if image.endswith(GONE)]
    assert 0 < len(lost) < len(images)
    without(copy, GONE)
    verdict = copy.verify("--images", target=copy.config)
    assert {fault["check"] for fault in verdict.faults} == {"images"}
    assert sorted(fault["tile_id"] for fault in verdict.faults) == lost
    message = f"Modality 'sentinel2': Image.load: Image asset 'COPERNICUS/S2_HARMONIZED/{GONE}' not found"
    assert all(fault["message"].startswith(message) for fault in verdict.faults)
    assert "What was downloaded stays valid" in verdict.faults[0]["remedy"]
    assert 1 < verdict.report["requests"] < 2 * 16
    assert verdict.report["images"] == 16


def test_batches_are_those_of_a_run(copy: Any) -> None:
    copy.config.write_text(copy.config.read_text().replace("[run]", "[run]\nbatch_size = 3\nmax_concurrent = 2"))
    report = copy.verify("--images", target=copy.config, code=0).report
    assert (report["images"], report["requests"]) == (16, 3), "batches of 3, 3 and 2 tiles"


def test_what_it_needs(copy: Any, tmp_path: Path) -> None:
    refused = cli("verify", copy.h5, "--images")
    assert (refused.exit_code, "--images needs the dataset's configuration" in refused.stderr) == (2, True)
    text = copy.config.read_text()
    copy.config.write_text(text.replace('world = "virginia"', f'world = "{tmp_path / "none.toml"}"'))
    refused = cli("verify", copy.config, "--images", "--workers", "1")
    assert (refused.exit_code, "there is no" in " ".join(refused.stderr.split())) == (2, True), refused.output
