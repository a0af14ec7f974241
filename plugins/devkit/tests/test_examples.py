"""The example plugins of third parties: they pass their own tests, pip installs them, and the docs print them."""

import json
import re
import shutil
import sys
from pathlib import Path

import pytest
from mmearth_devkit.testing.outside import outside, own_tests

ROOT = Path(__file__).parents[3]
EXAMPLES = sorted(path.parent for path in ROOT.glob("examples/*/pyproject.toml"))
PAGE = ROOT / "docs" / "writing-a-plugin.md"

parametrized = pytest.mark.parametrize("project", EXAMPLES, ids=lambda project: project.name)


def test_there_are_a_composite_an_image_and_a_vector():
    assert [project.name for project in EXAMPLES] == ["mmearth-greenness", "mmearth-landsat", "mmearth-nightlights"]


@pytest.mark.slow
@parametrized
def test_it_passes_its_own_tests(project):
    done = own_tests(project, path=[project])
    assert done.returncode == 0, done.stdout + done.stderr


@parametrized
def test_it_is_complete(project):
    readme = (project / "README.md").read_text()
    assert "## Licence and citation" in readme and "doi:" in readme
    (package,) = project.glob("mmearth_*/__init__.py")
    assert package.parent.name == project.name.replace("-", "_")
    assert list(project.glob("tests/test_*.py"))


@parametrized
def test_the_docs_print_it_verbatim(project):
    page = PAGE.read_text()
    name = project.name.removeprefix("mmearth-")
    printed = {"pyproject.toml": "toml", "mmearth_*/__init__.py": "python", f"tests/test_{name}.py": "python"}
    for pattern, language in printed.items():
        (path,) = project.glob(pattern)
        assert f"```{language}\n{path.read_text()}```" in page, f"{PAGE.name} is not up to date with {path}"


def test_the_page_on_anchors_shows_parts_of_the_example():
    source = (ROOT / "examples" / "mmearth-landsat" / "mmearth_landsat" / "anchor.py").read_text()
    shown = re.findall(r"```python\n(.*?)\n```", (ROOT / "docs" / "writing-an-anchor.md").read_text(), re.DOTALL)
    assert len(shown) > 8
    for part in shown:
        assert part in source
    assert all(f"def {name}(" in "".join(shown) for name in re.findall(r"    def ([a-z_]+)\(self", source))


@pytest.mark.slow
@parametrized
def test_it_is_built_and_installed_by_pip(project, tmp_path):
    source, site = tmp_path / "source", tmp_path / "site"
    shutil.copytree(project, source, ignore=shutil.ignore_patterns("__pycache__", "build", "*.egg-info"))
    pip = (sys.executable, "-m", "pip", "install", "-q", "--no-deps")
    built = outside(tmp_path, *pip, "--target", site, source)
    assert built.returncode == 0, built.stderr
    core = (sys.executable, "-m", "mmearth_core")
    name = project.name.removeprefix("mmearth-")
    done = outside(tmp_path, *core, "plugins", "--json", path=[site])
    (entry,) = [entry for entry in json.loads(done.stdout)["modalities"] if entry["name"] == name]
    assert (entry["distribution"], entry["version"]) == (project.name, "1.0")
    # The synthetic planet has Landsat, and not the night lights, which is then the one thing that is found.
    check = outside(tmp_path, *core, "plugin", "check", project.name, "--json", path=[site])
    assert check.returncode == (name == "nightlights"), check.stdout + check.stderr
    found = {finding["check"] for findings in json.loads(check.stdout).values() for finding in findings}
    assert found == ({"assets"} if name == "nightlights" else set())
