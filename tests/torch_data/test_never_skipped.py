"""Without torch or torchgeo the tests of both readers fail: they are never skipped, so no check passes without them."""

import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
TEST = HERE / "test_torchgeo.py::test_its_module_is_the_one_that_was_published"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("lost", "ending"),
    [("torch", "1 error"), pytest.param("torchgeo", "1 error", marks=pytest.mark.slow), ("", "1 passed")],
)
def test_a_package_that_is_not_there_is_a_failure(lost: str, ending: str) -> None:
    without = f"import sys; sys.modules.update(dict.fromkeys({[lost] if lost else []}))"
    run = f"{without}; import pytest; sys.exit(pytest.main(['-q', '-p', 'no:cacheprovider', {str(TEST)!r}]))"
    done = subprocess.run(
        [sys.executable, "-c", run], cwd=HERE.parents[1], capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.returncode != 0) == bool(lost), done.stdout
    last = done.stdout.splitlines()[-1]
    assert ending in last and "skipped" not in last, done.stdout
    assert not lost or f"import of {lost} halted" in done.stdout or f"No module named '{lost}" in done.stdout


def test_no_test_of_this_folder_can_be_skipped() -> None:
    for path in [each for each in HERE.glob("*.py") if each != Path(__file__)]:
        for word in ("skip", "xfail", "mark.slow"):
            assert word not in path.read_text(), (path.name, word)
