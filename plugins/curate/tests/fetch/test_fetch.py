"""`mmearth-core fetch`: all files of a published dataset, from the command line."""

import collections
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from mmearth_curate.fetch.catalogue import PARTS, PUBLISHED
from mmearth_devkit.testing.command_line import cli
from mmearth_devkit.testing.original_layout import write_original

from mmearth_core.dataset import Dataset

STEM = "data_100k_v001"


@pytest.fixture
def fetch(shelf: Any, folder: Path) -> Any:
    def call(*words: str, name: str = "MMEarth100k", url: str = shelf.url) -> Result:
        return cli("fetch", name, folder, "--url", url, *words)

    return call


def test_all_files_come_where_the_readers_look(fetch: Any, shelf: Any, folder: Path) -> None:
    done = fetch()
    assert done.exit_code == 0, done.output
    got = {path.name: path.read_bytes() for path in (folder / STEM).iterdir()}
    assert got == shelf.files
    assert f"MMEarth(root='{folder}', subset='MMEarth100k')" in done.stdout
    assert "CC BY 4.0" in done.stdout
    assert "published as 48 GB; this server offers" in done.stderr


def test_a_second_run_fetches_nothing(fetch: Any, shelf: Any) -> None:
    assert fetch().exit_code == 0
    sent = shelf.sent
    done = fetch("--json")
    assert {file["state"] for file in json.loads(done.stdout)["files"]} == {"here"}
    assert shelf.sent == sent


def test_a_dry_run_says_what_there_is_and_makes_nothing(fetch: Any, shelf: Any, folder: Path) -> None:
    told = fetch("--dry-run")
    assert told.exit_code == 0, told.output
    for name in shelf.files:
        assert f"{shelf.url}/{name}" in told.stdout
    assert told.stdout.count("missing") == len(shelf.files)
    as_json = json.loads(fetch("--dry-run", "--json").stdout)
    assert as_json["missing_bytes"] == sum(map(len, shelf.files.values()))
    assert {Path(file["file"]).name: file["bytes"] for file in as_json["files"]} == {
        name: len(content) for name, content in shelf.files.items()
    }
    assert not folder.exists()
    assert shelf.sent == 0


def test_a_dry_run_counts_what_is_here(fetch: Any, shelf: Any, folder: Path) -> None:
    assert fetch("--only", "splits").exit_code == 0
    (folder / STEM / f"{STEM}.h5.part").write_bytes(bytes(100))
    told = json.loads(fetch("--dry-run", "--json").stdout)
    states = {Path(file["file"]).name: file["state"] for file in told["files"]}
    assert states[f"{STEM}_splits.json"] == "here"
    assert states[f"{STEM}.h5"] == "part here"
    assert told["missing_bytes"] == sum(map(len, shelf.files.values())) - len(shelf.files[f"{STEM}_splits.json"]) - 100


def test_only_some_files(fetch: Any, folder: Path) -> None:
    done = fetch("--only", "band_stats", "--only", "splits", "--json")
    assert [file["state"] for file in json.loads(done.stdout)["files"]] == ["fetched", "fetched"]
    assert {path.name for path in (folder / STEM).iterdir()} == {f"{STEM}_splits.json", f"{STEM}_band_stats.json"}


@pytest.mark.parametrize("name", list(PUBLISHED))
def test_each_dataset_has_its_own_folder_and_names(fetch: Any, shelf: Any, folder: Path, name: str) -> None:
    stem = PUBLISHED[name].stem
    shelf.files = {key.replace(STEM, stem): value for key, value in shelf.files.items()}
    assert fetch(name=name).exit_code == 0
    assert {path.name for path in (folder / stem).iterdir()} == set(shelf.files)


def test_nothing_starts_where_there_is_no_room(
    fetch: Any, shelf: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = collections.namedtuple("usage", "total used free")
    needed = sum(map(len, shelf.files.values()))
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage(10**6, 0, needed - 5000))
    done = fetch()
    assert done.exit_code == 2
    text = " ".join(done.stderr.split())
    assert f"{folder}: 160 kB are still to be fetched" in text
    assert "Free 5 kB there" in text
    assert not folder.exists()
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage(10**6, 0, needed))
    assert fetch().exit_code == 0


def test_a_part_that_is_here_needs_no_room(
    fetch: Any, shelf: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = collections.namedtuple("usage", "total used free")
    name = f"{STEM}.h5"
    (folder / STEM).mkdir(parents=True)
    (folder / STEM / f"{name}.part").write_bytes(shelf.files[name][:100_000])
    (folder / STEM / f"{name}.part.json").write_text(json.dumps({"size": len(shelf.files[name]), "validator": ""}))
    needed = sum(map(len, shelf.files.values())) - 100_000
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage(10**6, 0, needed))
    assert fetch().exit_code == 0
    assert (folder / STEM / name).read_bytes() == shelf.files[name]
    assert shelf.sent == needed


def test_unknown_sizes_are_taken_from_the_table(fetch: Any, shelf: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = collections.namedtuple("usage", "total used free")
    shelf.ranges = shelf.lengths = False
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage(10**12, 0, 10**9))
    done = fetch()
    assert done.exit_code == 2
    assert "48 GB are still to be fetched" in " ".join(done.stderr.split())


def test_a_missing_file_stops_before_anything_is_fetched(fetch: Any, shelf: Any, folder: Path) -> None:
    del shelf.files[f"{STEM}.h5"]
    done = fetch()
    assert done.exit_code == 2
    assert f"{STEM}.h5: the server answers 404" in " ".join(done.stderr.split())
    assert not folder.exists()


def test_another_file_of_that_name_is_left_alone(fetch: Any, folder: Path) -> None:
    own = folder / STEM / f"{STEM}_splits.json"
    own.parent.mkdir(parents=True)
    own.write_text("{}")
    done = fetch()
    assert done.exit_code == 2
    assert "exists and has 2 bytes" in " ".join(done.stderr.split())
    assert own.read_text() == "{}"


@pytest.mark.parametrize("url", ["ftp://example.org/x", "nowhere", "http://"])
def test_an_address_that_is_none(fetch: Any, url: str) -> None:
    done = fetch(url=url)
    assert done.exit_code == 2
    assert "is not a valid address" in " ".join(done.stderr.split())


def test_a_folder_that_cannot_be(fetch: Any, folder: Path) -> None:
    folder.parent.mkdir(exist_ok=True)
    folder.write_text("a file")
    assert fetch().exit_code == 2


def test_a_full_disk_stops_and_keeps_what_came(fetch: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        done = fetch()
    assert done.exit_code == 3
    assert "No space left on device" in " ".join(done.stderr.split())
    assert fetch().exit_code == 0


def test_parts_match_no_name_that_readers_look_for(fetch: Any, folder: Path, shelf: Any) -> None:
    """The training reader wants exactly one data_*.h5 and one data_*_splits.json."""
    assert fetch().exit_code == 0
    for name in shelf.files:
        for suffix in (".part", ".part.json"):
            (folder / STEM / f"{name}{suffix}").write_text("")
    for pattern in ("data_*.h5", "data_*_splits.json", "data_*_tile_info.json", "data_*_band_stats.json"):
        assert len(list((folder / STEM).glob(pattern))) == 1


def test_the_table_is_sound() -> None:
    assert list(PUBLISHED) == ["MMEarth", "MMEarth64", "MMEarth100k"]
    for published in PUBLISHED.values():
        assert published.base.startswith("https://")
        assert [file.part for file in published.files] == list(PARTS)
        assert all(file.name.startswith(published.stem) for file in published.files[1:])
    assert len({published.base for published in PUBLISHED.values()}) == len(PUBLISHED)


def test_our_reader_reads_a_published_file(fetch: Any, shelf: Any, folder: Path, tmp_path: Path) -> None:
    original = write_original(tmp_path / "original" / STEM)
    for path in original.parent.iterdir():
        shelf.files[path.name] = path.read_bytes()
    done = fetch()
    assert done.exit_code == 0, done.output
    assert [tile.tile_id for tile in Dataset(folder / STEM, ["aster"], rows=range(3))] == ["0", "1", "2"]
