"""The files of a derived dataset: found, named, never replaced unasked, never half there."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Refused = Callable[..., str]


def everything(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_nothing_is_overwritten_unasked(whole: Path, kit: Any, refused: Refused, tmp_path: Path) -> None:
    other = kit.write(tmp_path / "other.h5", ["x"])
    kit.told("subset", whole, tmp_path / "out", "--sample", "3")
    for command in (
        ["merge", tmp_path / "out", whole, other],
        ["subset", whole, tmp_path / "out", "--split", "val"],
        ["resize", whole, tmp_path / "out", "--size", "3"],
    ):
        assert "the file exists. Give the new dataset another name, or use --overwrite" in refused(*command)
    (tmp_path / "bare_splits.json").write_text("{}")  # a side file would be replaced, too
    assert "bare_splits.json: the file exists" in refused("merge", tmp_path / "bare.h5", whole, other)


def test_overwriting_leaves_no_side_file_of_the_old_one(whole: Path, kit: Any, tmp_path: Path) -> None:
    kit.told("merge", tmp_path / "out", whole, kit.write(tmp_path / "other.h5", ["x"]))
    assert (tmp_path / "out" / "out_left_out.json").exists()
    bare = kit.write(tmp_path / "bare.h5", ["y", "z"], splits=False)
    kit.told("subset", bare, tmp_path / "out", "--sample", "1", "--overwrite")
    assert sorted(everything(tmp_path / "out")) == [
        "out.h5", "out_band_stats.json", "out_licences.md", "out_tile_info.json",
    ]  # fmt: skip
    kit.check_stats(tmp_path / "out" / "out.h5")


def test_an_input_is_never_the_output(whole: Path, kit: Any, refused: Refused, tmp_path: Path) -> None:
    source = kit.write(tmp_path / "in" / "in.h5", ["x", "y"])
    (tmp_path / "link").symlink_to(tmp_path / "in")
    for out in (tmp_path / "in", source, tmp_path / "link" / "in.h5"):
        text = refused("subset", source, out, "--sample", "1", "--overwrite")
        assert "is also an input of the new dataset" in text
    kit.told("subset", source, tmp_path / "in" / "less.h5", "--sample", "1")  # beside it is fine
    text = refused("resize", whole, tmp_path / "in" / "in.h5", "--size", "3")
    assert "the file exists" in text
    assert "this one has 2 (in.h5, less.h5)" in refused("resize", tmp_path / "in", tmp_path / "out", "--size", "3")


def test_a_folder_gets_one_hdf5_file_only(whole: Path, kit: Any, refused: Refused, tmp_path: Path) -> None:
    kit.write(tmp_path / "out" / "another.h5", ["x"])
    assert "already has another.h5" in refused("subset", whole, tmp_path / "out", "--sample", "1")


@pytest.mark.parametrize("step", ["writing tile_info", "copying tiles", "counting"])
def test_broken_off_at_any_step_nothing_is_left(
    step: str, whole: Path, kit: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = kit.write(tmp_path / "other.h5", ["t00", "x"])

    class Console:
        """A terminal on which control-C is pressed."""

        is_terminal = False

        def __init__(self, **_: Any) -> None:
            pass

        def print(self, text: str, **_: Any) -> None:
            if text.startswith(step):
                raise KeyboardInterrupt

    monkeypatch.setattr("rich.console.Console", Console)
    monkeypatch.setattr("mmearth_core.workers.Console", Console)
    monkeypatch.setattr("mmearth_core.progress.PLAIN_EVERY", 0.0)
    before = everything(tmp_path)
    done = kit.cli("merge", tmp_path / "a" / "b", whole, other, "--duplicates", "first", "--workers", "1")
    assert (done.exit_code, done.stderr.splitlines()[-1]) == (130, "interrupted; run the same command again to finish")
    assert everything(tmp_path) == before


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no such signal")
def test_a_killed_run_leaves_no_final_name_and_the_next_one_cleans_up(whole: Path, kit: Any, tmp_path: Path) -> None:
    code = (
        "import os, signal, mmearth_curate.derive.subset as subset\n"
        "subset.write_json = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        "from mmearth_core.cli import main\n"
        f"main(['subset', {str(whole)!r}, {str(tmp_path / 'out')!r}, '--sample', '2', '--workers', '1'])\n"
    )
    killed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert [path.name for path in (tmp_path / "out").iterdir()] == [".out.part"]
    kit.told("subset", whole, tmp_path / "out", "--sample", "2")
    assert sorted(everything(tmp_path / "out"))[0] == "out.h5"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_full_disk_stops_and_leaves_nothing(
    whole: Path, refused: Refused, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import mmearth_curate.derive.subset as subset

    def full(path: Path, _content: Any) -> None:
        with Path("/dev/full").open("w") as file:
            file.write("x" * 100_000)

    monkeypatch.setattr(subset, "write_json", full)
    text = refused("subset", whole, tmp_path / "out", "--sample", "2", "--workers", "1", code=3)
    assert "cannot be read or written: No space left on device. Free disk space" in text


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written_stops(whole: Path, refused: Refused, tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir(mode=0o500)
    assert "cannot be read or written" in refused("subset", whole, tmp_path / "closed" / "out", "--sample", "2", code=3)
