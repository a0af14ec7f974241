"""The package `localearth` imports nothing of mmearth, and imports its optional parts only where they are used."""

import ast
import os
import shutil
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
    "faults": {"cli.py": "_server_with"},
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


# Without the finder of an editable installation, which would find what the copy does not have.
COMMAND = [
    sys.executable,
    "-c",
    "import sys; sys.meta_path = [each for each in sys.meta_path if 'editable' not in repr(each)]\n"
    "from localearth.cli import main\nmain()",
]


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


@pytest.mark.slow
def test_the_planet_and_the_faults_can_be_left_out(tmp_path: Path) -> None:
    """A copy of the package without their folders does everything else, and says what it does not have."""
    copy = tmp_path / "localearth"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    for part in PARTS:
        shutil.rmtree(copy / part)
    (tmp_path / "my.toml").write_text("[[collection]]\nid = 'A/B'\n")
    (tmp_path / "own.py").write_text("import ee\nee.Initialize()\nprint(ee.Number(1).add(2).getInfo())")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        line = [*COMMAND, *words]
        return subprocess.run(line, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)

    done = run("exec", "--world", "my.toml", "--", sys.executable, "own.py")
    assert (done.returncode, done.stdout) == (0, "3\n"), done.stderr
    synthetic = run("exec", "--", sys.executable, "own.py")
    assert (synthetic.returncode, synthetic.stdout) == (2, "")
    assert synthetic.stderr.startswith("error: the world 'synthetic' is made by localearth.planet, which this")
    faults = run("serve", "--world", "my.toml", "--latency", "1")
    assert (faults.returncode, faults.stdout) == (2, "")
    assert faults.stderr.startswith("error: this installation has no localearth.faults, which")
    command = [*COMMAND, "serve", "--world", "my.toml", "--port", "0"]
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True) as serving:
        assert serving.stdout is not None
        assert '"source": "local:' in serving.stdout.readline()
        serving.terminate()
    assert serving.returncode == 0
