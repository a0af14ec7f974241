"""Guards: what the whole tree must keep to, whatever is added to it."""

import ast
import re
import subprocess
import tomllib
from collections.abc import Iterator
from importlib.metadata import entry_points
from itertools import chain
from pathlib import Path

import attrs
import pytest

from mmearth_core.contract import hooks
from mmearth_core.registry import Registered, commands, discover

ROOT = Path(__file__).parent.parent
PLUGINS = sorted(path.parent for path in ROOT.glob("plugins/*/pyproject.toml"))
CORE = sorted(ROOT.glob("mmearth_core/**/*.py"))
MODULES = [*CORE, *sorted(ROOT.glob("plugins/*/mmearth_*/**/*.py"))]

# fmt: off
SENSORS = [
    "aster", "gdem", "srtm", "copernicus", "era5", "sentinel", "s1_grd", "s2_sr", "s2_harmonized", "landsat",
    "modis", "viirs", "naip", "planetscope", "gedi", "palsar", "icesat", "worldcover", "worldpop",
    "dynamicworld", "dynamic_world", "canopy_height", "qa60", "scl", "msk_cldprb", "cloudprod", "cldprb",
    "b8a", "ndvi", "ecmwf", "nlang", "esri", "usgs", "nasa",
]
# fmt: on
"""Sensors, products, bands and asset owners that only a plugin may name."""

LIMIT = 400
"""Lines of a module, at the very most."""


def relative(paths: list[Path]) -> list[str]:
    return [str(path.relative_to(ROOT)) for path in paths]


def tracked() -> list[Path]:
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if done.returncode == 0:
        return [path for name in done.stdout.split("\0") if name and (path := ROOT / name).is_file()]
    hidden = {".git", ".venv", "__pycache__", "demo"}  # an unpacked archive has no index
    return [path for path in ROOT.rglob("*") if path.is_file() and not hidden & set(path.relative_to(ROOT).parts)]


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="ignore")


def words_in(text: str, words: list[str]) -> list[str]:
    """The words that stand in a text on their own, or with digits and underscores around: not `aster` in `raster`."""
    return [word for word in words if re.search(rf"(?<![a-z]){re.escape(word)}(?![a-z])", text, re.IGNORECASE)]


def own_plugins() -> list[Registered]:
    """Modalities of sensors: `tile` and `labels` have plain words for names, and no sensor."""
    names = {tomllib.loads(text_of(folder / "pyproject.toml"))["project"]["name"] for folder in PLUGINS}
    names -= {"mmearth-tile", "mmearth-labels"}
    return [entry for entry in discover().modalities.values() if entry.origin.distribution in names]


def declared_words() -> list[str]:
    """Names of modalities, layers, telling bands, and default assets of all plugins of this tree."""
    return sorted({word for entry in own_plugins() for word in _words_of(entry)})


def _words_of(entry: Registered) -> Iterator[str]:
    yield entry.name
    for layer in entry.declared.layers:
        yield layer.name
        # A plain English word such as "height" is nobody's own.
        yield from (b.name for b in layer.bands if len(b.name) >= 4 and not (b.name.isalpha() and b.name.islower()))
    for value in attrs.asdict(entry.default_options).values():
        if isinstance(value, str) and re.fullmatch(r"[\w-]+(/[\w-]+)+", value):
            yield value


def test_core_names_no_sensor():
    words = [*SENSORS, *declared_words()]
    found = {path: words_in(text_of(path), words) for path in CORE}
    assert {str(path.relative_to(ROOT)): named for path, named in found.items() if named} == {}


def test_the_guard_sees_what_it_looks_for():
    assert words_in("x = 'COPERNICUS/S2_SR_HARMONIZED'", SENSORS) == ["copernicus", "s2_sr"]
    assert words_in("Sentinel-2 and sentinel2_scl", SENSORS) == ["sentinel", "scl"]
    assert words_in("a raster, rasterio, an easter egg, description, sclera", SENSORS) == []
    assert {"sentinel2", "sentinel2_cloudmask", "MSK_CLDPRB"} <= set(declared_words())


@pytest.mark.parametrize("folder", PLUGINS, ids=lambda folder: folder.name)
def test_plugin_folder_is_an_installed_plugin(folder):
    project = tomllib.loads(text_of(folder / "pyproject.toml"))["project"]
    assert project["name"] == f"mmearth-{folder.name}"
    assert project["entry-points"]
    for group, declared in project["entry-points"].items():
        installed = {(e.dist.name, e.name): e.value for e in entry_points(group=group) if e.dist}
        for name, value in declared.items():
            assert installed.get((project["name"], name)) == value, f"pip install -e plugins/{folder.name}"


def test_every_command_of_this_tree_has_its_distribution_and_a_line_of_help():
    declared = {}
    for folder in PLUGINS:
        project = tomllib.loads(text_of(folder / "pyproject.toml"))["project"]
        declared |= dict.fromkeys(project["entry-points"].get(commands.GROUP, ()), project["name"])
    assert declared == commands.ELSEWHERE
    usable = commands.offered().usable
    assert [name for name in declared if usable[name].help.startswith("from ")] == []


def test_the_extra_all_names_every_distribution():
    project = tomllib.loads(text_of(ROOT / "pyproject.toml"))["project"]
    named = {need.partition("[")[0] for need in project["optional-dependencies"]["all"]}
    assert named == {f"mmearth-{folder.name}" for folder in PLUGINS}


def test_every_folder_of_plugins_is_a_distribution():
    folders = {Path(name).parts[1] for name in relative(tracked()) if name.startswith("plugins/")}
    assert folders == {folder.name for folder in PLUGINS}


def test_all_installed_plugins_are_sound():
    assert [str(fault) for fault in discover().faults] == []


OTHERS = {"viz": {"curate"}, "localearth": {"devkit"}}
"""Distributions besides the core that a distribution may import; localearth only where the devkit calls it."""


@pytest.mark.parametrize("folder", PLUGINS, ids=lambda folder: folder.name)
def test_plugin_depends_on_the_core_and_on_no_other_plugin(folder):
    others = OTHERS.get(folder.name, set())
    project = tomllib.loads(text_of(folder / "pyproject.toml"))["project"]
    needed = [*project["dependencies"], *chain(*project.get("optional-dependencies", {}).values())]
    names = {re.split(r"[^\w-]", need)[0].replace("_", "-") for need in needed}
    assert {name for name in names if name.startswith("mmearth")} == {"mmearth-core"} | {
        f"mmearth-{name}" for name in others if folder.name != "localearth"
    }
    allowed = {"mmearth_core", *(f"mmearth_{name}" for name in (folder.name, *others))}
    for path in folder.glob("mmearth_*/**/*.py"):
        imported = {name for name in imports(path) if name.startswith("mmearth_")}
        assert imported <= allowed, path


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(text_of(path))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return found


def test_core_imports_no_plugin():
    own = {folder.name for folder in PLUGINS}
    named = {path: imports(path) & {f"mmearth_{name}" for name in own} for path in CORE}
    assert {path: names for path, names in named.items() if names} == {}


HOOKS = [name for name, value in vars(hooks).items() if hasattr(value, f"{hooks.GROUP}_spec")]


@pytest.mark.parametrize("hook", HOOKS)
def test_hook_is_documented_and_tested(hook):
    assert f"`{hook}()`" in text_of(ROOT / "docs" / "plugins.md")
    tests = [path for path in ROOT.glob("tests/**/test_*.py") if path != Path(__file__)]
    assert any(f"def {hook}(" in text_of(path) for path in tests)


def test_the_registry_knows_every_hook():
    from mmearth_core.registry.load import HOOKS as KNOWN

    assert sorted(HOOKS) == sorted(KNOWN)


def test_modules_are_short_and_say_what_they_are():
    lengths = {str(path.relative_to(ROOT)): len(text_of(path).splitlines()) for path in MODULES}
    assert {name: length for name, length in lengths.items() if length > LIMIT} == {}
    silent = [path for path in MODULES if not ast.get_docstring(ast.parse(text_of(path)))]
    assert relative(silent) == []


# Put together here, so that this file does not hold them itself.
FORBIDDEN = [
    "py" + "pi.org",
    "python" + "hosted",
    "anaconda" + ".org",
    "index" + "-url",
    "/wo" + "rk/",
    "/tm" + "p/dev",
    "/ro" + "ot/",
    "/ho" + "me/",
]


def test_no_tracked_file_names_a_registry_or_a_path_of_one_machine():
    # Pixels and pictures are no text; a chance match in them would mean nothing.
    texts = [path for path in tracked() if path.suffix not in {".png", ".tif", ".h5", ".gpkg", ".npy", ".zip"}]
    assert len(texts) > 50
    found = {str(path.relative_to(ROOT)): [w for w in FORBIDDEN if w in text_of(path)] for path in texts}
    assert {name: words for name, words in found.items() if words} == {}


TEXTS = {".py", ".md", ".toml", ".yml", ".sh", ".sbatch", ".tmpl"}


def test_every_document_that_is_cited_is_in_the_repository():
    texts = [path for path in tracked() if path.suffix in TEXTS]
    known = {path.name for path in tracked()}
    cited = {(path, name) for path in texts for name in re.findall(r"\b[A-Z]\w*\.md\b", text_of(path))}
    cited |= {(path, name) for path in texts for name in re.findall(r"\b(?:docs|tests)/([a-z-]+\.md)\b", text_of(path))}
    assert {f"{path.relative_to(ROOT)} cites {name}" for path, name in cited if name not in known} == set()
    numbered = [path for path in texts if re.search(r"\b[Ii]ssue #?\d", text_of(path))]
    assert relative(numbered) == []


def test_the_architecture_names_every_package_and_distribution_and_only_files_that_exist():
    text = text_of(ROOT / "docs" / "architecture.md")
    parts = {path.relative_to(ROOT / "mmearth_core").parts[0].removesuffix(".py") for path in CORE}
    assert {part for part in parts if f"| `{part}` |" not in text} == set()
    assert {
        folder.name for folder in PLUGINS if f"| mmearth-{folder.name} | `plugins/{folder.name}` |" not in text
    } == set()
    named = {name for name in re.findall(r"`([\w/]+\.py)`", text) if not name.isupper() and "COMMAND" not in name}
    assert {name for name in named if not any((ROOT / top / name).exists() for top in ("", "mmearth_core"))} == set()


def test_constraints_pin_names_and_versions_only():
    lines = (ROOT / "constraints.txt").read_text().split()
    assert lines
    assert [line for line in lines if not re.fullmatch(r"[\w.-]+==[\w.]+", line)] == []
