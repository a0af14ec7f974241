"""examples/quickstart.ipynb runs from its configuration to the first batch, and is stored as it came out, tidily."""

import base64
import io
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from mmearth_devkit.testing.needs import needs_planet
from PIL import Image

NOTEBOOK = Path(__file__).parents[2] / "examples" / "quickstart.ipynb"
EXECUTE = Path(__file__).parent / "execute.py"
REMEDY = f"python {EXECUTE.relative_to(Path(__file__).parents[2])} examples/quickstart.ipynb"

LIMIT = 300_000
"""Bytes of the stored notebook."""


def read(path: Path) -> list[nbformat.NotebookNode]:
    """The cells of a notebook that hold code."""
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def printed(cell: nbformat.NotebookNode) -> str:
    return "".join(output.text for output in cell.outputs if output.output_type == "stream")


def pictures(cell: nbformat.NotebookNode) -> list[Image.Image]:
    found = [output.data["image/png"] for output in cell.outputs if "image/png" in output.get("data", {})]
    return [Image.open(io.BytesIO(base64.b64decode(png))) for png in found]


def is_shell(cell: nbformat.NotebookNode) -> bool:
    """Whether it runs commands, which tell how long they took."""
    return cell.source.startswith("%%sh")


def test_it_is_stored_as_one_run_left_it() -> None:
    cells = read(NOTEBOOK)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1)), REMEDY
    assert NOTEBOOK.stat().st_size < LIMIT, REMEDY
    for cell in cells:
        assert not cell.metadata, REMEDY
        for output in cell.outputs:
            assert output.output_type in {"stream", "display_data", "execute_result"}
            assert output.get("name") != "stderr", REMEDY
            assert not output.get("metadata"), REMEDY
        assert "\x1b" not in printed(cell), REMEDY
        assert "/quickstart" not in printed(cell), REMEDY  # of this machine


@pytest.mark.slow
@needs_planet
def test_it_runs_and_says_what_is_stored(tmp_path: Path) -> None:
    made = tmp_path / "made.ipynb"
    done = subprocess.run([sys.executable, EXECUTE, NOTEBOOK, made], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    stored, own = read(NOTEBOOK), read(made)
    assert [cell.source for cell in own] == [cell.source for cell in stored]
    for old, new in zip(stored, own, strict=True):
        if not is_shell(old):
            assert printed(new) == printed(old), REMEDY
        assert [picture.size for picture in pictures(new)] == [picture.size for picture in pictures(old)], REMEDY
    words = "\n".join(printed(cell) for cell in own)
    assert "28 done, 0 skipped, 0 failed, 0 left" in words
    assert "sentinel2 (8, 13, 64, 64) torch.float32" in words
    assert sum(len(pictures(cell)) for cell in own) == 2
    first, last = (float(line.split()[-1]) for line in words.splitlines() if line.startswith("step "))
    assert last < first


@pytest.mark.slow
def test_a_cell_that_fails_fails_the_notebook(tmp_path: Path) -> None:
    bad = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("%%sh\nmmearth-core run nowhere.toml")])
    nbformat.write(bad, tmp_path / "bad.ipynb")
    words = [sys.executable, EXECUTE, tmp_path / "bad.ipynb"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "CellExecutionError" in done.stderr
