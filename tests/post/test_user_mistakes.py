"""What a user of `post` may get wrong, or find damaged: refused at once, in a paragraph, with nothing changed."""

import json
import shutil
from pathlib import Path
from typing import Any

import h5py
import pytest

NAME = "data_1M_v001"


@pytest.fixture
def posted(made: Path, tmp_path: Path) -> Path:
    """The configuration of a copy that is post-processed."""
    shutil.copytree(made.parent, tmp_path / "posted")
    (config,) = (tmp_path / "posted").glob("*.toml")
    return config


def refusal(kit: Any, folder: Path, *arguments: str | Path) -> str:
    """What is said when a command is refused; it changes no file."""
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    done = kit.cli(*arguments)
    assert done.exit_code == 2, done.output
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    return " ".join(done.stderr.split())


@pytest.mark.parametrize(
    ("options", "found"),
    [
        (["--strategy", "column"], "needs the name of the tiles' column that holds train, val or test"),
        (["--fractions", "0.5,0.1,0.1"], "fractions 0.5, 0.1, 0.1: give three numbers"),
        (["--fractions", "nan,0.5,0.5"], "fractions nan, 0.5, 0.5: give three numbers"),
        (["--strategy", "spatial", "--block-km", "0"], "--block-km 0: 0.01 to 20000 are allowed"),
        (["--strategy", "spatial", "--block-km", "1e-300"], "--block-km 1e-300: 0.01 to 20000 are allowed"),
        (["--strategy", "spatial", "--distance-km", "inf"], "--distance-km inf: 0 to 20000 are allowed"),
        (["--strategy", "spatial", "--distance-km", "nan"], "--distance-km nan: 0 to 20000 are allowed"),
        (["--block-km", "100"], "--block-km has no effect with --strategy random: it is for spatial."),
        (["--strategy", "stratified", "--distance-km", "9"], "--distance-km has no effect with --strategy stratified"),
        (
            ["--strategy", "stratified", "--column", "tile_id"],
            "--column 'tile_id': the tiles have no such column. They",
        ),
        (["--column", "biome"], "--column has no effect with --strategy random: it is for stratified and column."),
        (
            ["--strategy", "column", "--column", "own", "--fractions", "0.5,0.25,0.25"],
            "--fractions has no effect with --strategy column: it is for random and stratified and spatial.",
        ),
    ],
)
def test_splits_that_cannot_be_are_refused_before_anything_is_made(
    options: list[str], found: str, config: Path, kit: Any
) -> None:
    said = refusal(kit, config.parent / NAME, "post", config, "--workers", "1", *options)
    assert said.startswith("error: ") and found in said
    assert not (config.parent / NAME / f"{NAME}.h5").exists()


def test_a_strategy_that_was_used_before_is_the_one_that_options_are_for(posted: Path, kit: Any) -> None:
    how = kit.summary("post", "splits", posted, "--strategy", "spatial", "--distance-km", "0")["made"]
    again = kit.summary("post", "splits", posted, "--block-km", "70")["made"]
    assert again == {**how, "block_km": 70.0}


@pytest.mark.parametrize("recorded", ['{"seed": "x"}', '{"fractions": "x"}', '{"strategy": 7}', '{"sede": 1}', "5"])
def test_a_file_of_how_splits_were_made_that_cannot_be_understood(recorded: str, posted: Path, kit: Any) -> None:
    path = posted.parent / NAME / f"{NAME}_splits_made.json"
    path.write_text(f'{{"made": {recorded}}}')
    said = refusal(kit, path.parent, "post", "splits", posted)
    assert f"{path}: cannot be understood (" in said and "Delete it, and make the splits again." in said


def test_an_empty_split_is_told(posted: Path, kit: Any) -> None:
    assert "warning" not in kit.cli("post", "splits", posted).stderr
    done = kit.cli("post", "splits", posted, "--strategy", "spatial", "--block-km", "20000", "--distance-km", "0")
    assert done.exit_code == 0
    assert "warning: there are no tiles in " in done.stderr and "Smaller --block-km" in done.stderr


def test_a_configuration_that_the_dataset_was_not_built_from(posted: Path, kit: Any) -> None:
    text = posted.read_text()
    assert f'name = "{NAME}"' in text
    posted.write_text(text.replace(f'name = "{NAME}"', f'name = "other"\npath = "{NAME}"'))
    said = refusal(kit, posted.parent / NAME, "post", posted, "--workers", "1")
    assert f"holds the dataset {NAME!r}, and {posted} is of 'other'" in said
    posted.write_text(text.replace("image_size = ", "image_size = 1"))
    done = kit.cli("post", posted, "--workers", "1")
    assert done.exit_code == 0, done.output
    assert "warning: The configuration differs from the one that the dataset was downloaded with" in done.stderr
    assert "[dataset] image_size is" in done.stderr


def test_the_help_shows_the_options_of_all(kit: Any) -> None:
    said = kit.cli("post", "--help").stdout
    assert "Options of `post CONFIG`" in said and "--distance-km" in said


def test_stacks_left_out_are_named_up_to_twenty(downloaded: Path, tmp_path: Path, kit: Any) -> None:
    shutil.copytree(downloaded.parent, tmp_path / "copy")
    config = tmp_path / "copy" / downloaded.name
    stacks = sorted((config.parent / NAME / "stacks").rglob("*.tif"))
    gone = [path for path in stacks if path.stem not in ("000", "001")]
    assert len(gone) > 20
    for path in gone:
        path.unlink()
    done = kit.cli("post", config, "--workers", "1")
    assert done.exit_code == 1, done.output
    told = [line for line in done.stderr.splitlines() if line.startswith("left out: ")]
    listed = config.parent / NAME / f"{NAME}_left_out.json"
    assert len(told) == 21
    assert told[-1] == f"left out: {len(gone) - 20} more, in {listed}"
    assert len(json.loads(listed.read_text())) == len(gone)
    assert done.stdout.splitlines()[0] == f"2 rows; 0 tiles skipped, 0 not downloaded, {kit.tiles - 2} left out"


def test_tiles_not_downloaded_come_with_the_remedy(config: Path, kit: Any) -> None:
    journals = sorted((config.parent / NAME / "journal" / "base").glob("*.jsonl"))
    lines = journals[0].read_text().splitlines(keepends=True)
    journals[0].write_text("".join(lines[1:]))
    done = kit.cli("post", config, "--workers", "1")
    assert done.exit_code == 1
    first, second, *_ = done.stdout.splitlines()
    assert first == f"{kit.tiles - 1} rows; 0 tiles skipped, 1 not downloaded, 0 left out"
    assert "Tiles not downloaded: `mmearth-core run CONFIG` continues" in done.stdout, second


def test_a_damaged_row_of_a_file_that_would_be_kept_says_to_delete_it(posted: Path, kit: Any) -> None:
    path = posted.parent / NAME / f"{NAME}.h5"
    right = path.read_bytes()
    with h5py.File(path, "r+") as file:
        file["heights"].id.write_direct_chunk((3, 0, 0, 0), b"no deflate stream")
    said = refusal(kit, path.parent, "post", "stats", posted, "--workers", "1")
    assert f"{path}: row 3 of layer 'heights' cannot be inflated" in said
    assert "delete it and run the same command again, which makes it again from the stacks" in said
    path.with_name(f"{NAME}_band_stats.json").unlink()
    assert "delete it and run the same command again" in refusal(kit, path.parent, "post", posted, "--workers", "1")
    path.unlink()
    kit.summary("post", posted, "--workers", "1")
    assert path.read_bytes() == right


def test_a_torn_file_is_made_anew(posted: Path, kit: Any) -> None:
    path = posted.parent / NAME / f"{NAME}.h5"
    right = path.read_bytes()
    torn = bytearray(right)
    torn[200:2000] = bytes(1800)
    for content in (right[:-100], bytes(torn)):
        path.write_bytes(content)
        said = refusal(kit, path.parent, "post", "splits", posted)
        assert str(path) in said and "The file is damaged" in said
        told = kit.summary("post", posted, "--workers", "1")
        assert told["kept"] == []
        assert path.read_bytes() == right
