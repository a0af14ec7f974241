"""Two processes at one dataset: the second is refused before it writes anything."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from mmearth_curate.derive.publish import staging_folder
from mmearth_devkit.testing.command_line import cli

from mmearth_core.errors import DatasetError

NAME = "data_1M_v001"

HOLD = """
import sys
from pathlib import Path
from mmearth_curate.derive.publish import staging_folder
from mmearth_core.files import locked

path = Path(sys.argv[2])
with locked(path, [0]) if sys.argv[1] == "lock" else staging_folder(path):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def another(how: str, path: Path) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-c", HOLD, how, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.communicate()


@pytest.mark.slow
@pytest.mark.parametrize("part", [(), ("info",), ("hdf5",), ("stats",), ("splits",)])
def test_post_while_a_run_is_at_work(part: tuple[str, ...], config: Path, kit: Any) -> None:
    kit.summary("post", config, "--workers", "1")
    dataset = config.parent / NAME
    before = {path: path.read_bytes() for path in dataset.glob(f"{NAME}*")}
    with another("lock", dataset / "journal" / "base" / "lock"):
        done = cli("post", *part, config)
    assert done.exit_code == 2, done.output
    assert "Another process is working on" in " ".join(done.stderr.split())
    assert "rows must not change while they are written" in " ".join(done.stderr.split())
    assert {path: path.read_bytes() for path in dataset.glob(f"{NAME}*")} == before
    kit.summary("post", config, "--workers", "1")


def test_a_run_while_post_is_at_work(config: Path) -> None:
    with another("lock", config.parent / NAME / "journal" / "base" / "lock"):
        assert cli("run", config).exit_code == 2


def test_the_same_dataset_made_twice(made: Path, tmp_path: Path) -> None:
    with another("staging", tmp_path / "part" / ".part.part"):
        done = cli("subset", made, tmp_path / "part", "--split", "val", "--json")
        assert done.exit_code == 2, done.output
        assert "Another process is making the same dataset" in " ".join(done.stderr.split())
    assert json.loads(cli("subset", made, tmp_path / "part", "--split", "val", "--json").stdout)["rows"]
    assert not list((tmp_path / "part").glob(".*"))


def test_what_a_killed_process_leaves_is_removed(tmp_path: Path) -> None:
    with another("staging", tmp_path / ".part") as process:
        (tmp_path / ".part" / "torn.h5").write_text("half")
        (tmp_path / ".part" / "folder").mkdir()
        process.kill()
    with staging_folder(tmp_path / ".part") as folder:
        assert [path.name for path in folder.iterdir()] == ["lock"]
    assert not folder.exists()


def test_a_staging_folder_that_fails_is_removed(tmp_path: Path) -> None:
    with pytest.raises(DatasetError), staging_folder(tmp_path / ".part"):
        raise DatasetError("no")
    assert not (tmp_path / ".part").exists()
