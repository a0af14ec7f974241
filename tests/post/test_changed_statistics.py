"""Band statistics that are not those of the file are noticed: `post` counts them again, and says so."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import pytest

NAME = "data_1M_v001"
KEY = "heights"

Change = Callable[[dict[str, Any]], Any]


@pytest.fixture(scope="module")
def posted(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The configuration of a copy that is post-processed, and that `post` restores after each test."""
    folder = tmp_path_factory.mktemp("changed") / "copy"
    shutil.copytree(made.parent, folder)
    (config,) = folder.glob("*.toml")
    return config


@pytest.fixture(scope="module")
def older(posted: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, as an earlier version wrote it: without digests of the statistics."""
    folder = tmp_path_factory.mktemp("older") / "copy"
    shutil.copytree(posted.parent, folder)
    with h5py.File(folder / NAME / f"{NAME}.h5", "r+") as file:
        for name in [each for each in file if "statistics_sha256" in file[each].attrs]:
            del file[name].attrs["statistics_sha256"]
    return folder / posted.name


def stats_of(config: Path) -> Path:
    return config.parent / NAME / f"{NAME}_band_stats.json"


def recounted(kit: Any, config: Path, change: Change) -> str:
    """The layers that `post` counts again after a change; the statistics are then as before."""
    path = stats_of(config)
    before = path.read_bytes()
    stats = json.loads(before)
    change(stats)
    path.write_text(json.dumps(stats))
    done = kit.cli("post", "hdf5", config, "--workers", "1")
    assert done.exit_code == 0, done.output
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("Layers made: none; kept: ")]
    assert path.read_bytes() == before
    return line.partition("counted again: ")[2].rstrip(".")


def put(key: str, value: Any, band: int = 0) -> Change:
    return lambda stats: stats[KEY][key].__setitem__(band, value)


IMPOSSIBLE: dict[str, Change] = {
    "nan": put("mean", float("nan")),
    "infinity": put("std", float("inf")),
    "null": put("max", None),
    "text": put("count", "7"),
    "too few": lambda stats: stats[KEY].update(min=[1]),
    "no list": lambda stats: stats[KEY].update(std=7),
    "no object": lambda stats: stats.update({KEY: [1, 2]}),
    "gone": lambda stats: stats.pop(KEY),
    "statistic gone": lambda stats: stats[KEY].pop("nodata"),
    "other count": lambda stats: put("count", stats[KEY]["count"][0] + 1)(stats),
    "negative deviation": put("std", -1.0),
    "mean above the maximum": lambda stats: put("mean", stats[KEY]["max"][0] + 1.0)(stats),
    "minimum above the maximum": lambda stats: put("min", stats[KEY]["max"][0] + 1.0)(stats),
}

POSSIBLE: dict[str, Change] = {
    "mean": lambda stats: put("mean", stats[KEY]["mean"][0] + 1e-9)(stats),
    "bands swapped": lambda stats: [values.reverse() for values in stats[KEY].values()],
}


@pytest.mark.parametrize("name", IMPOSSIBLE | POSSIBLE)
def test_post_counts_again_what_was_changed(posted: Path, kit: Any, name: str) -> None:
    assert recounted(kit, posted, (IMPOSSIBLE | POSSIBLE)[name]) == KEY


def test_statistics_of_another_file(posted: Path, kit: Any) -> None:
    def other(stats: dict[str, Any]) -> None:
        for entry in stats.values():
            entry["mean"] = [(low + high) / 2 for low, high in zip(entry["min"], entry["max"], strict=True)]

    kept = recounted(kit, posted, other).split(", ")
    assert {KEY, "kinds", "weights", "sentinel2"} <= set(kept)
    assert recounted(kit, posted, lambda stats: None) == "none"


def test_classes(posted: Path, older: Path, kit: Any) -> None:
    def change(stats: dict[str, Any]) -> None:
        stats["kinds"]["classes"][0]["1"] += 1

    assert recounted(kit, posted, change) == recounted(kit, older, change) == "kinds"
    assert recounted(kit, older, lambda stats: stats["kinds"].update(classes=[None])) == "kinds"


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_of_older_files_what_cannot_be_true_is_counted_again(older: Path, kit: Any, name: str) -> None:
    assert recounted(kit, older, IMPOSSIBLE[name]) == KEY


def test_json_says_it_too_and_a_file_that_cannot_be_read_is_counted_again(posted: Path, kit: Any) -> None:
    before = stats_of(posted).read_bytes()
    stats_of(posted).write_text('{"heights": NaN')
    summary = kit.summary("post", "hdf5", posted, "--workers", "1")
    assert (summary["layers"], set(summary["recounted"])) == ([], set(summary["kept"]))
    assert stats_of(posted).read_bytes() == before


def test_what_else_reads_them_ends_in_no_traceback(posted: Path, kit: Any, tmp_path: Path) -> None:
    """`merge` counts them again; the report counts its rows; derived files have no digest of other rows."""
    path, folder = stats_of(posted), posted.parent / NAME
    before = path.read_bytes()
    kit.summary("subset", folder, tmp_path / "part", "--split", "train", "--workers", "1")
    for number, name in enumerate(("nan", "null", "too few", "mean")):
        stats = json.loads(before)
        (IMPOSSIBLE | POSSIBLE)[name](stats)
        path.write_text(json.dumps(stats))
        merged = kit.summary("merge", tmp_path / f"all{number}", folder, "--workers", "1")
        assert merged["statistics"] == "counted"
        assert json.loads((tmp_path / f"all{number}" / f"all{number}_band_stats.json").read_text()) == json.loads(
            before
        )
        page = tmp_path / "report.html"
        assert kit.cli("report", folder, "-o", page, "--workers", "1", "--tiles", "0").exit_code == 0
    path.write_bytes(before)
    for derived in (tmp_path / "part" / "part.h5", tmp_path / "all0" / "all0.h5"):
        with h5py.File(derived) as file:
            assert not [name for name in file if "statistics_sha256" in file[name].attrs]
