"""Executes a notebook in a new folder and writes it tidily: its outputs, but nothing of this machine or of the clock.

    python tests/examples_training/execute.py examples/quickstart.ipynb

executes it in place, which is how what is stored is made.
"""

import base64
import io
import os
import re
import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from PIL import Image

LANGUAGE = {"name": "python"}
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}

PNG = "image/png"

ESCAPES = re.compile(r"\x1b\[[\d;]*m")
"""Colours of a terminal."""


def executed(notebook: nbformat.NotebookNode, folder: Path) -> nbformat.NotebookNode:
    """Runs all cells, with the commands of this Python's environment.

    Raises:
        nbclient.exceptions.CellExecutionError: when a cell fails.
    """
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    os.environ["IPYTHONDIR"] = str(folder / ".ipython")
    os.environ["JUPYTER_PREFER_ENV_PATH"] = "1"
    here = folder / "here"
    here.mkdir()
    client = NotebookClient(notebook, timeout=600, kernel_name=KERNEL["name"], record_timing=False)
    client.execute(cwd=str(here))
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number}"  # nbformat draws them at random
        cell.metadata.clear()
        if cell.cell_type == "code":
            cell.outputs = _tidy(cell.outputs, here)
    notebook.metadata = nbformat.from_dict({"kernelspec": KERNEL, "language_info": LANGUAGE})
    return notebook


def _tidy(outputs: list[nbformat.NotebookNode], here: Path) -> list[nbformat.NotebookNode]:
    """What was printed in one piece, without progress, colours and the folder's path; and small pictures."""
    printed = "".join(output.text for output in outputs if output.get("name") == "stdout")
    printed = ESCAPES.sub("", printed.replace(f"{here.resolve()}/", "").replace(f"{here}/", ""))
    kept = [output for output in outputs if output.output_type != "stream"]
    for output in kept:
        if PNG in output.get("data", {}):
            output.data[PNG] = _smaller(output.data[PNG])
            output.metadata = nbformat.from_dict({})
    return [nbformat.v4.new_output("stream", name="stdout", text=printed), *kept] if printed else kept


def _smaller(png: str) -> str:
    """A picture in 256 colours, as base64."""
    picture = Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB")
    made = io.BytesIO()
    picture.quantize(256, dither=Image.Dither.NONE).save(made, "PNG", optimize=True)
    return base64.b64encode(made.getvalue()).decode()


def main(source: str, target: str = "") -> None:
    """Executes SOURCE, into TARGET or in place."""
    notebook = nbformat.read(source, as_version=4)
    with tempfile.TemporaryDirectory() as folder:
        nbformat.write(executed(notebook, Path(folder)), target or source)


if __name__ == "__main__":
    main(*sys.argv[1:])
