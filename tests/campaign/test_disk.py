"""A disk that becomes full or read-only at any moment of a run or of `post`: a clear stop, and nothing half-written."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow


@pytest.fixture
def dataset(make: Callable[[Path], Any], tmp_path: Path) -> Any:
    return make(tmp_path / "own")


def stops(kit: Any, dataset: Any, moment: int, act: str, *arguments: str | Path) -> str:
    """Runs a command until a moment; it ends with 2 or 3, a paragraph and no traceback; or it has not come to that."""
    process = kit.start_until(dataset.root, moment, act, *arguments, changes=True)
    _, err = process.communicate(timeout=120)  # returns when no process is left: workers hold standard error, too
    said = " ".join(err.split())
    assert "Traceback" not in said, said[-2000:]
    assert process.returncode in (0, 2, 3), said
    assert process.returncode == 0 or "cannot be " in said, said
    assert not [path for path in dataset.root.rglob("*.part*") if act == "full"]
    return said


@pytest.mark.parametrize("act", ["full", "read-only"])
def test_a_run(act: str, kit: Any, dataset: Any, faultless: Any) -> None:
    dataset.write()
    for moment in (3, 9, 40, 150):
        stops(kit, dataset, moment, act, "run", dataset.config)
        right = faultless.stacks()
        assert all(right[path] == content for path, content in dataset.stacks().items() if ".part" not in path)
    assert kit.cli("run", dataset.config).exit_code == 0
    assert dataset.stacks() == faultless.stacks()
    assert dataset.entries() == faultless.entries()


@pytest.mark.parametrize("changes", [True, False])
def test_a_folder_that_vanishes(changes: bool, kit: Any, dataset: Any, faultless: Any) -> None:
    """At any moment the run stops with status 3, and makes no other folder in its place."""
    dataset.write()
    assert kit.cli("run", dataset.config, "--limit", "20").exit_code in (0, 1)
    away, stopped = Path(f"{dataset.root} away"), 0
    for moment in (1, 2, 3, 5, 8, 12, 20, 60, 200):
        # First the configuration, whose name begins like the folder's, and mmearth.toml are read: without these, the
        # run has not started.
        moment += 0 if changes else 2
        process = kit.start_until(dataset.root, moment, "vanish", "run", dataset.config, changes=changes)
        _, err = process.communicate(timeout=120)
        assert "Traceback" not in err, err[-2000:]
        assert not dataset.root.exists(), moment
        away.rename(dataset.root)
        said = " ".join(err.split())
        assert process.returncode == 3, f"{moment}: {said}"
        assert "bring it back" in said or "cannot be used: No such file" in said, said
        stopped += 1
        right = faultless.stacks()
        assert all(right[path] == content for path, content in dataset.stacks().items() if ".part" not in path)
    assert stopped > 5
    assert kit.cli("run", dataset.config).exit_code == 0
    assert dataset.stacks() == faultless.stacks()
    assert dataset.entries() == faultless.entries()


@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize("act", ["full", "read-only"])
def test_post(act: str, workers: str, kit: Any, dataset: Any, faultless: Any) -> None:
    dataset.write()
    shutil.copytree(faultless.root, dataset.root)
    assert kit.cli("post", dataset.config, "--workers", workers).exit_code == 0
    right = dataset.products()
    for path in dataset.root.glob("sea*"):
        path.unlink()
    for moment in (1, 3, 6, 10, 14, 18, 22):
        stops(kit, dataset, moment, act, "post", dataset.config, "--workers", workers)
        assert all(right[name] == content for name, content in dataset.products().items())
    assert kit.cli("post", dataset.config, "--workers", workers).exit_code == 0
    assert dataset.products() == right
