"""The dataset's folder: file names of tiles, and files that are there whole or not at all."""

import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mmearth_core.files import written_aside
from mmearth_core.paths import MAX_STEM, DatasetPaths, file_stem

# At most 16 characters, so that the quoted name is short enough; half a surrogate pair is no text.
IDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=16)


@settings(deadline=None)
@given(IDS, IDS)
def test_different_ids_have_different_file_names(one, other):
    assume(one != other)
    assert file_stem(one) != file_stem(other)


@settings(deadline=None)
@given(IDS)
def test_file_names_are_plain_and_short(tile_id):
    stem = file_stem(tile_id)
    assert stem.isascii()
    assert stem.isprintable()
    assert len(stem) <= MAX_STEM
    assert Path("stacks", f"{stem}.tif").parent == Path("stacks")


@settings(deadline=None)
@given(st.from_regex(r"[A-Za-z0-9_.~+,=@ -]{1,40}", fullmatch=True))
def test_plain_ids_are_their_own_file_names(tile_id):
    assert file_stem(tile_id) == tile_id


@pytest.mark.parametrize("other", [".x.part", ".x#.part", "x#", "x.part", ".x"])
def test_the_temporary_file_is_never_another_tile_s(tmp_path, other):
    path = tmp_path / f"{file_stem('x')}.tif"
    stack = tmp_path / f"{file_stem(other)}.tif"
    stack.write_text("another tile's")
    with written_aside(path) as aside:
        aside.write_text("new")
        assert stack.read_text() == "another tile's"
    assert stack.read_text() == "another tile's"
    assert path.read_text() == "new"


@settings(deadline=None)
@given(IDS)
def test_no_id_has_the_name_of_a_temporary_file(tmp_path_factory, tile_id):
    path = tmp_path_factory.getbasetemp() / f"{file_stem(tile_id)}.tif"
    with written_aside(path) as aside:
        aside.touch()
        assert file_stem(unquote(aside.stem)) != aside.stem
    path.unlink()


def test_an_over_long_name_is_refused():
    with pytest.raises(ValueError, match="makes a file name of 201 characters; at most 200"):
        file_stem("x" * 201)


def test_where_each_file_stands():
    folder = DatasetPaths(Path("data"))
    assert folder.config == Path("data/mmearth.toml")
    assert folder.tiles == Path("data/tiles.gpkg")
    assert folder.stack("base", 7, "a/b") == Path("data/stacks/base/00007/a%2Fb.tif")
    assert folder.journal("base", 123456) == Path("data/journal/base/123456.jsonl")


def test_a_new_file_and_no_new_folder(tmp_path):
    path = tmp_path / "file.txt"
    with written_aside(path) as aside:
        assert aside.parent == path.parent
        assert aside.suffix == ".txt"
        aside.write_text("new")
        assert not path.exists()
    assert path.read_text() == "new"
    assert list(path.parent.iterdir()) == [path]
    with pytest.raises(FileNotFoundError), written_aside(tmp_path / "gone" / "file.txt") as aside:
        aside.write_text("new")
    assert list(tmp_path.iterdir()) == [path]


def test_folders_are_made_inside_a_dataset_but_never_its_own(tmp_path):
    folder = DatasetPaths(tmp_path / "data")
    stack = folder.stack("base", 7, "a")
    with pytest.raises(FileNotFoundError):
        folder.make_folder(stack)
    # As where a file system was unmounted, and its mount point remains.
    folder.root.mkdir()
    with pytest.raises(FileNotFoundError, match=r"mmearth\.toml"):
        folder.make_folder(stack)
    assert list(tmp_path.rglob("*")) == [folder.root]
    folder.config.touch()
    for path in (stack, stack, folder.journal("base", 7)):
        folder.make_folder(path)
        assert path.parent.is_dir()


def test_the_old_file_stands_until_the_new_one_is_whole(tmp_path):
    path = tmp_path / "file.txt"
    path.write_text("old")
    with written_aside(path) as aside:
        aside.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_on_an_error_the_old_file_stays_and_nothing_is_left_behind(tmp_path, error):
    path = tmp_path / "file.txt"
    path.write_text("old")
    with pytest.raises(error), written_aside(path) as aside:
        aside.write_text("half")
        raise error
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


WRITE = """
import sys
from pathlib import Path
from mmearth_core.files import written_aside
with written_aside(Path(sys.argv[1]){}) as aside:
    aside.touch()
    print(aside)
"""


@pytest.mark.parametrize(("umask", "mode"), [("022", 0o644), ("027", 0o640), ("002", 0o664)])
def test_permissions_are_those_that_the_user_asks_for(tmp_path, umask, mode):
    script = WRITE.format("")
    path = tmp_path / "file.txt"
    subprocess.run(["sh", "-c", f'umask {umask}; exec "$0" -c "$1" "$2"', sys.executable, script, path], check=True)
    assert path.stat().st_mode & 0o777 == mode


def test_what_a_killed_process_left_is_overwritten(tmp_path):
    path = tmp_path / "file.txt"
    with pytest.raises(KeyboardInterrupt), written_aside(path) as aside:
        left = aside
        raise KeyboardInterrupt
    left.write_text("half of a longer text")
    with written_aside(path) as aside:
        aside.write_text("short")
    assert path.read_text() == "short"
    assert list(tmp_path.iterdir()) == [path]


def test_processes_that_write_one_file_at_once_have_each_a_place_of_their_own(tmp_path):
    script = WRITE.format(", shared=True")
    path = tmp_path / "file.txt"
    made = [
        subprocess.run([sys.executable, "-c", script, path], check=True, capture_output=True, text=True).stdout
        for _ in "ab"
    ]
    assert len(set(made)) == 2
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_killed_process_left_of_a_shared_file_goes_when_another_writes_it(tmp_path):
    path = tmp_path / "tiles.json"
    code = (
        "import os, sys; from pathlib import Path; from mmearth_core.files import written_aside\n"
        "with written_aside(Path(sys.argv[1]), shared=True) as aside: aside.write_text('half'); os.kill(os.getpid(), 9)"
    )
    assert subprocess.run([sys.executable, "-c", code, path], check=False).returncode == -9
    (left,) = tmp_path.iterdir()
    with written_aside(path, shared=True) as aside:
        mine = aside.with_name(aside.name + "-journal")
        mine.write_text("of a process that lives")
        aside.write_text("whole")
    assert not left.exists()
    assert sorted(tmp_path.iterdir()) == sorted([mine, path])
