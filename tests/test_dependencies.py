"""Which part may import which: within the core, and between distributions; and how large the core may be.

dependencies.json lists the imports that break a rule today. It can only become shorter: a new one fails, and so does
one that is listed but gone. Run as a program, this file writes that list again.
"""

import json
import re
import sys
import tomllib
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))

from benchmarks.structure import import_cycles, imported_modules, imports_of, measure, module_name, part_of  # noqa: E402

CORE = ROOT / "mmearth_core"
EXCEPTIONS = Path(__file__).with_name("dependencies.json")

FILES, SLOC, DEPENDENCIES, DIRECT = 91, 9_460, 91, 22
"""The most that the core may have: files, lines of code, dependencies between its parts, and on distributions."""

ALLOWED = {
    "contract": "",
    "progress": "",
    "files": "",
    "paths": "",
    "config": "",
    "errors": "",
    "text": "",
    "workers": "progress",
    "json_files": "files",
    "budget": "files",
    "layers": "contract",
    "__init__": "contract",
    "registry": "contract config",
    "earthengine": "contract config budget",
    "builtin": "contract earthengine",
    "tiles": "contract files paths earthengine",
    "product": "layers paths json_files registry",
    "download": "tiles earthengine budget registry layers config contract files paths __init__",
    "post": "download product layers tiles files json_files workers progress __init__",
    "dataset": "product layers",
    "torch": "layers dataset",
    "status": "download budget tiles config paths",
    "slurm": "config files",
    "__main__": "cli",
}
"""What a part of the core may import, besides `errors` and `text`. `cli` may import all."""

LIBRARIES = {"h5py": {"product", "post"}, "rasterio": {"download", "post"}}
"""The only parts of the core that import a library."""

AUTHORS = {"mmearth_core", "mmearth_core.errors"}
"""The modules of the core that modality plugins may import."""

PUBLIC = AUTHORS | {
    f"mmearth_core.{name}"
    for name in (
        *("dataset", "torch", "registry", "config.schema", "layers", "paths", "earthengine.client", "download.run"),
        *("download.folder", "product.reader", "product.statistics", "product.hdf5", "product.hdf5_rows", "cli.common"),
        *("text", "files", "json_files", "workers", "progress"),
        # Commands that download (`demo`, `plan`) show progress and a stopped run as `run` does.
        "cli.run",
        # Pixels: the kit for authors judges bands and their grid, the plan counts bytes and requests, the demo draws
        # stacks.
        *("download.stack", "download.pixels", "download.tile_info", "tiles.grid", "contract.grid"),
        # `verify` makes the splits again, and asks for recorded images within the budget of the dataset.
        *("post.splits", "budget"),
        # The table of ecoregions and biomes: the modality `tile` and the selection of rows share it.
        "tiles.regions",
    )
}
"""The modules of the core that other distributions may import; the rest is private."""

DISTRIBUTIONS = {
    "mmearth_core": set(),
    "localearth": set(),
    "mmearth_localearth": PUBLIC,
    "mmearth_curate": PUBLIC,
    "mmearth_preflight": PUBLIC,
    "mmearth_devkit": PUBLIC,
    "mmearth_viz": PUBLIC | {"mmearth_curate.select", "mmearth_curate.reading"},
    "mmearth_tile": AUTHORS | {"mmearth_core.tiles.regions"},
}
"""What a package may import of other distributions; one that is not named here is a modality plugin's."""


def files_of(*patterns: str) -> list[Path]:
    hidden = {".venv", "build", "__pycache__"}
    paths = {path for pattern in patterns for path in ROOT.glob(pattern)}
    return sorted(path for path in paths if not hidden & set(path.relative_to(ROOT).parts))


def packages() -> dict[str, Path]:
    """Every package of every distribution of this tree, by name."""
    folders = [CORE, *files_of("plugins/*/mmearth_*/", "plugins/*/localearth/")]
    return {folder.name: folder for folder in folders if (folder / "__init__.py").exists()}


@cache
def modules() -> frozenset[str]:
    return frozenset(module_name(file, folder) for folder in packages().values() for file in folder.rglob("*.py"))


def shown(file: Path) -> str:
    return str(file.relative_to(ROOT))


def parts_of_the_core() -> Iterator[str]:
    """Parts of the core import only those below them."""
    for pair in measure(CORE).dependencies:
        importer, imported = (name.removesuffix(".py") for name in pair)
        allowed = {"errors", "text", *ALLOWED.get(importer, "").split()}
        if importer != "cli" and imported not in allowed:
            yield f"{importer} imports {imported}"


def import_cycles_of_files() -> Iterator[str]:
    """No files import each other, directly or through others."""
    for name, folder in packages().items():
        yield from (f"{name}: {', '.join(cycle)}" for cycle in import_cycles(folder))


def libraries() -> Iterator[str]:
    """A library that few parts of the core need is imported by them only; Earth Engine's client where it is used."""
    for file in files_of("mmearth_core/**/*.py"):
        for each in imports_of(file):
            library = each.module.partition(".")[0]
            if part_of(file, CORE) not in LIBRARIES.get(library, {part_of(file, CORE)}):
                yield f"{shown(file)} imports {library}"
            if library == "ee" and not each.within:
                yield f"{shown(file)} imports ee outside of functions"


def distributions() -> Iterator[str]:
    """A distribution imports only the modules of others that are public for it."""
    for package, folder in packages().items():
        for file in folder.rglob("*.py"):
            for module in imported_modules(file, modules()):
                top = module.partition(".")[0]
                if not re.fullmatch("mmearth_.*|localearth", top) or top == package:
                    continue
                if module not in DISTRIBUTIONS.get(package, AUTHORS) and not lent(package, file, top):
                    yield f"{shown(file)} imports {module}"


def lent(package: str, file: Path, top: str) -> bool:
    """Whether the engine `local` takes from its evaluator, or for tests from the kit for authors of plugins."""
    if package != "mmearth_localearth" or top not in {"localearth", "mmearth_devkit"}:
        return False
    within = {each.within for each in imports_of(file) if each.module.partition(".")[0] == top}
    return top == "localearth" or file.name == "testing.py" or within <= {"stage", "TYPE_CHECKING"}


def private_names() -> Iterator[str]:
    """No file imports a name with a leading underscore from another file of this tree."""
    for file in files_of("*.py", "mmearth_core/**/*.py", "plugins/**/*.py", "tests/**/*.py", "benchmarks/**/*.py"):
        for each in imports_of(file):
            ours = re.match(r"(mmearth_|localearth\b|tests\b|benchmarks\b)", each.module)
            if ours and any(re.match("_(?!_)", name) for name in (*each.module.split("."), each.name)):
                yield f"{shown(file)} imports {each.module}.{each.name}"


RULES: list[Callable[[], Iterator[str]]] = [
    *(parts_of_the_core, import_cycles_of_files, libraries, distributions, private_names),
]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_a_rule_holds_but_for_the_listed_exceptions(rule: Callable[[], Iterator[str]]) -> None:
    listed, found = json.loads(EXCEPTIONS.read_text())[rule.__name__], set(rule())
    assert sorted(found - set(listed)) == [], rule.__doc__
    assert sorted(set(listed) - found) == [], f"is no exception any more: remove it from {EXCEPTIONS.name}"
    assert listed == sorted(set(listed))


def test_the_core_does_not_grow() -> None:
    core = measure(CORE)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert core.files <= FILES
    assert core.sloc <= SLOC
    assert len(core.dependencies) <= DEPENDENCIES
    assert len(project["dependencies"]) <= DIRECT


def test_imports_are_seen_wherever_they_are(tmp_path: Path) -> None:
    (tmp_path / "pack").mkdir()
    files = {
        "__init__": "",
        "one": "def f():\n    from pack import two\n",
        "two": "from pack.three import x",
        "three": "import pack.one\n",
        "four": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import ee\nimport pack.two as other\n",
    }
    for name, text in files.items():
        (tmp_path / "pack" / f"{name}.py").write_text(text)
    assert import_cycles(tmp_path / "pack") == [["one.py", "three.py", "two.py"]]
    assert measure(tmp_path / "pack").dependencies == {
        *(("one.py", "two.py"), ("two.py", "three.py"), ("three.py", "one.py"), ("four.py", "two.py")),
    }
    within = {each.module: each.within for each in imports_of(tmp_path / "pack" / "four.py")}
    assert within == {"typing": "", "ee": "TYPE_CHECKING", "pack.two": ""}
    assert [each.within for each in imports_of(tmp_path / "pack" / "one.py")] == ["f"]


if __name__ == "__main__":
    EXCEPTIONS.write_text(json.dumps({rule.__name__: sorted(set(rule())) for rule in RULES}, indent=1) + "\n")
