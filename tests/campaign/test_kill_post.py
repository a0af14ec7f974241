"""`post` and `merge` killed at any moment: what carries a product's name is whole, and in the end nothing differs."""

import itertools
import json
import random
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import pytest

from tests.campaign.killed import ends, kill_after, killed

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def posted(make: Callable[[Path], Any], faultless: Any, kit: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A dataset with all its products, made undisturbed; not to be changed."""
    whole = copy_of(faultless, make, tmp_path_factory.mktemp("posted"))
    assert kit.cli("post", whole.config, "--workers", "1").exit_code == 0
    return whole


def copy_of(dataset: Any, make: Callable[[Path], Any], folder: Path) -> Any:
    twin = make(folder)
    twin.write()
    shutil.copytree(dataset.root, twin.root)
    return twin


def products_are_whole(dataset: Any, posted: Any) -> None:
    """What carries a product's name is that product, whole; or nothing does."""
    right = posted.products()
    for name, content in dataset.products().items():
        assert content == right[name], name


def test_post_killed_at_any_of_its_moments(
    kit: Any, make: Callable[[Path], Any], faultless: Any, posted: Any, tmp_path: Path
) -> None:
    dataset = copy_of(faultless, make, tmp_path / "own")
    post = ("post", dataset.config, "--workers", "1")
    moments = itertools.count(2, 2)
    kills = killed(
        lambda: kit.start_until(dataset.root, next(moments), "kill", *post, changes=True),
        lambda: products_are_whole(dataset, posted),
    )
    assert kills >= 10
    assert dataset.products() == posted.products()
    assert not [path for path in dataset.root.rglob(".*") if path.is_file()]


def without(dataset: Any, tile_id: str, journals: dict[Path, bytes]) -> None:
    """The dataset as if a tile were still to be done."""
    for path, content in journals.items():
        lines = content.splitlines(keepends=True)
        path.write_bytes(b"".join(line for line in lines if json.loads(line)["tile_id"] != tile_id))


def test_post_of_as_many_other_tiles_killed_takes_no_old_statistics_for_new(
    kit: Any, make: Callable[[Path], Any], faultless: Any, tmp_path: Path
) -> None:
    dataset = copy_of(faultless, make, tmp_path / "own")
    journals = {path: path.read_bytes() for path in dataset.root.glob("journal/*/*.jsonl")}
    without(dataset, "tile 005", journals)
    assert kit.cli("post", dataset.config, "--workers", "1").exit_code == 1
    before = dataset.products()
    without(dataset, "tile 007", journals)
    right = copy_of(dataset, make, tmp_path / "right")
    for path in right.root.glob("sea*"):
        path.unlink()
    assert kit.cli("post", right.config, "--workers", "1").exit_code == 1
    assert before["sea_band_stats.json"] != right.products()["sea_band_stats.json"]
    for moment in range(3, 27, 3):
        ends(
            kit.start_until(dataset.root, moment, "kill", "post", dataset.config, "--workers", "1", changes=True),
            *(-signal.SIGKILL, 1),
        )
    assert kit.cli("post", dataset.config, "--workers", "1").exit_code == 1
    assert dataset.products() == right.products()


def test_post_killed_while_its_workers_compress(
    kit: Any, make: Callable[[Path], Any], faultless: Any, posted: Any, tmp_path: Path
) -> None:
    dataset = copy_of(faultless, make, tmp_path / "own")
    chance = random.Random(8)
    for _ in range(6):
        kill_after(kit.start("post", dataset.config, "--workers", "2"), chance.uniform(0.5, 4))
        products_are_whole(dataset, posted)
    ends(kit.start("post", dataset.config, "--workers", "2"), 0)
    assert dataset.products() == posted.products()


STATUS = {"SIGTERM": 143, "SIGTERM-all": 143, "SIGINT-all": 130}
"""Of a command ended by a signal: to itself, as by `kill`, or to all its processes, as by Slurm or a terminal."""


@pytest.mark.parametrize("act", STATUS)
def test_post_with_two_workers_ended_by_a_signal(
    act: str, kit: Any, make: Callable[[Path], Any], faultless: Any, posted: Any, tmp_path: Path
) -> None:
    """At one of its moments after the other, also between the journals that it reads while its workers compress."""
    dataset = copy_of(faultless, make, tmp_path / "own")
    statuses = []
    for moment in itertools.count(2, 6):
        process = kit.start_until(dataset.root, moment, act, "post", dataset.config, "--workers", "2")
        # It only returns when no process is left: every worker holds the other end of standard error.
        _, err = process.communicate(timeout=120)
        statuses.append(process.returncode)
        assert not list(dataset.root.rglob("*.part*"))
        products_are_whole(dataset, posted)
        if process.returncode == 0:
            break
        assert process.returncode == STATUS[act], err
        said = "ended by SIGTERM" if "TERM" in act else "interrupted"
        assert err.split("\n")[-2:] == [f"{said}; run the same command again to finish", ""]
        assert "Traceback" not in err
    assert len(statuses) >= 8
    assert dataset.products() == posted.products()


def test_a_merge_killed_at_any_of_its_moments(
    kit: Any, make: Callable[[Path], Any], posted: Any, tmp_path: Path
) -> None:
    parts = []
    for name, part in (("east", "train"), ("west", "val")):
        parts.append(tmp_path / name / f"{name}.h5")
        done = kit.cli("subset", posted.root, parts[-1], "--split", part)
        assert done.exit_code == 0, done.output
    assert kit.cli("merge", tmp_path / "right" / "out", *parts).exit_code == 0
    right = {path.name: path.read_bytes() for path in (tmp_path / "right" / "out").iterdir()}
    out = tmp_path / "out"
    merge = ("merge", out, *parts, "--overwrite")
    moments = itertools.count(3, 3)

    def is_whole_or_not_there() -> None:
        if (out / "out.h5").exists():  # moved last, so that where it is, all is
            assert {path.name for path in out.glob("out*")} == right.keys()
            with h5py.File(out / "out.h5") as file:
                assert len(file["metadata"]) > 0

    kills = killed(
        lambda: kit.start_until(out, next(moments), "kill", *merge, changes=True),
        is_whole_or_not_there,
    )
    assert kills >= 4
    assert {path.name: path.read_bytes() for path in out.iterdir()} == right
