"""The package `localearth` imports nothing of mmearth, and its parts that can be left out only where they are used."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import localearth
import pytest

PACKAGE = Path(localearth.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))

PARTS = {
    "planet": {"worlds/shipped.py": "open_world"},
    "faults": {"cli.py": "serve"},
}
"""The parts that can be left out, and the functions that import them."""

PROGRAM = """
import sys, ee, localearth
from localearth.worlds.arrays import ArrayWorld
import localearth.cli, localearth.http_server
localearth.initialize(ArrayWorld())
assert ee.Number(1).add(2).getInfo() == 3
print(*sorted(name for name in sys.modules if name.startswith(("localearth.planet", "localearth.faults", "mmearth"))))
"""


def imports(node: ast.AST, function: str = "") -> Iterator[tuple[str, str]]:
    """Every module that a syntax tree imports, and the function in which it does."""
    if isinstance(node, ast.Import):
        yield from ((alias.name, function) for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        yield "." * node.level + (node.module or ""), function
        yield from ((f"{node.module}.{alias.name}", function) for alias in node.names)
    elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        function = node.name
    for child in ast.iter_child_nodes(node):
        yield from imports(child, function)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.relative_to(PACKAGE).as_posix())
def test_a_file_imports_nothing_of_mmearth_and_no_other_part(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    name = file.relative_to(PACKAGE).as_posix()
    found = list(imports(ast.parse(text)))
    assert [module for module, _ in found if module.startswith(("mmearth", "."))] == []
    for part, users in PARTS.items():
        used = {function for module, function in found if f"{module}.".startswith(f"localearth.{part}.")}
        assert name.startswith(f"{part}/") or used <= {users.get(name)}, part
    assert len(text.splitlines()) <= 300


def test_a_program_imports_neither_the_planet_nor_the_faults() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "\n"), done.stderr
