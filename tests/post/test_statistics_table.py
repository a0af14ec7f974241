"""A statistic that is added to the table is written, merged, checked and shown, with no other change."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from mmearth_core.product import statistics
from mmearth_core.product.statistics import BandCounts, Statistic

NAME = "data_1M_v001"


def share(band: BandCounts) -> float:
    return band.count / max(1, band.count + band.nodata)


def add(monkeypatch: pytest.MonkeyPatch) -> None:
    """Adds the share of valid pixels, as one more row."""
    row = Statistic("valid_share", share)
    monkeypatch.setattr(statistics, "STATISTICS", [*statistics.STATISTICS, row])


@pytest.fixture
def added(monkeypatch: pytest.MonkeyPatch) -> None:
    add(monkeypatch)


def test_a_dataset_made_before_gets_it_from_the_next_post(
    config: Path, kit: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    kit.summary("post", config, "--workers", "1")
    add(monkeypatch)
    done = kit.cli("post", config, "--workers", "1")
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("Layers made: ")]
    kept, counted = re.fullmatch("Layers made: none; kept: (.*); counted again: (.*).", line).groups()
    assert kept == counted and "heights" in kept
    stats = json.loads((config.parent / NAME / f"{NAME}_band_stats.json").read_text())
    assert all(len(entry["valid_share"]) == len(entry["count"]) for entry in stats.values())
    assert kit.summary("verify", config, "--workers", "1")["faults"] == 0
    again = kit.cli("post", config, "--workers", "1")
    assert f"Layers made: none; kept: {kept}; counted again: none." in again.stdout


@pytest.mark.usefixtures("added")
def test_it_is_written_merged_verified_and_shown(config: Path, tmp_path: Path, kit: Any) -> None:
    kit.summary("post", config, "--workers", "1", "--fractions", "0.5,0.25,0.25")
    folder, path = config.parent / NAME, config.parent / NAME / f"{NAME}_band_stats.json"
    stats = json.loads(path.read_text())
    for entry in stats.values():
        pairs = zip(entry["count"], entry["nodata"], strict=True)
        assert entry["valid_share"] == [count / max(1, count + nodata) for count, nodata in pairs]
    assert any(0 < value < 1 for entry in stats.values() for value in entry["valid_share"])
    parts = [tmp_path / name for name in ("train", "val", "test")]
    for part in parts:
        kit.summary("subset", folder, part, "--split", part.name, "--workers", "1")
    assert kit.summary("merge", tmp_path / "all", *parts, "--workers", "1")["statistics"] == "merged"
    merged = json.loads((tmp_path / "all" / "all_band_stats.json").read_text())
    assert {key: entry["valid_share"] for key, entry in merged.items()} == {
        key: entry["valid_share"] for key, entry in stats.items()
    }
    assert kit.summary("verify", folder, "--workers", "1")["faults"] == 0
    stats["heights"]["valid_share"][1] /= 2
    path.write_text(json.dumps(stats))
    findings = kit.summary("verify", folder, "--workers", "1", code=1)["findings"]
    (fault,) = [finding for finding in findings if finding["severity"] == "fault"]
    assert fault["message"].startswith("heights: valid_share of band high is ")
    assert kit.cli("report", folder, "-o", tmp_path / "report.html", "--workers", "1", "--tiles", "0").exit_code == 0
    (table,) = re.findall(
        r'aria-label="Statistics of heights">(.*?)</table>', (tmp_path / "report.html").read_text(), re.S
    )
    assert '<th scope="col">valid_share</th>' in table and f"{stats['heights']['valid_share'][1]:.4g}" in table
