"""The page of the contract: it has every argument with its meaning, and its examples run."""

import ast
import re
from enum import Enum
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from mmearth_devkit.testing.needs import needs_planet

import mmearth_core

DOCS = Path(__file__).parents[2] / "docs"
EXAMPLES = re.findall(r"^```python\n(.*?)^```$", (DOCS / "contract.md").read_text(), re.DOTALL | re.MULTILINE)
CLASSES = [
    "Anchor",
    "Band",
    "ClassLabel",
    "Grid",
    "Kind",
    "Layer",
    "Modality",
    "Preview",
    "Resampling",
    "Scene",
    "Skip",
]


@pytest.fixture(scope="module")
def page() -> ModuleType:
    """The module that makes the page, imported as mkdocs does it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(DOCS / "generate"))
        import contract_page

        return contract_page


def test_every_class_of_bands_and_modalities_has_a_section_and_an_example(page: ModuleType) -> None:
    assert sorted(page.CLASSES) == CLASSES
    sections = re.split(r"^## ", (DOCS / "contract.md").read_text(), flags=re.MULTILINE)[1:]
    assert sorted(section.partition("\n")[0] for section in sections) == CLASSES
    for section in sections:
        name, _, text = section.partition("\n")
        assert re.search(rf"```python\n[^`]*\b{name}\b", text), f"{name} has no example"


@pytest.mark.parametrize("name", CLASSES)
def test_every_argument_is_described(name: str, page: ModuleType) -> None:
    cls = getattr(mmearth_core, name)
    described = page.described(cls)
    assert set(page.arguments(cls)) - set(described) == set(), "no meaning in the docstring"
    set_by_the_core = {"options"} if name == "Modality" else set()
    assert set(described) - set(page.arguments(cls)) == set_by_the_core, "described, but not there"
    for member in (each for key, each in vars(cls).items() if not key.startswith("_")):
        member = getattr(member, "fget", None) or getattr(member, "__func__", member)
        assert not callable(member) or isinstance(member, Enum | type) or member.__doc__


def test_the_page_has_every_argument_with_type_default_and_meaning(page: ModuleType) -> None:
    text = page.with_references((DOCS / "contract.md").read_text())
    for name in CLASSES:
        section = text.partition(f"\n## {name}\n")[2].partition("\n## ")[0]
        for key, meaning in page.described(getattr(mmearth_core, name)).items():
            assert re.search(rf"^\| `({name}\.)?{key}` \|.* \| {re.escape(meaning)} \|$", section, re.MULTILINE), key
    assert "| `coarser` | `Resampling \\| None` | `None` | the method" in text
    assert "| `attributes` | `Mapping[str, Any]` | `{}` |" in text
    assert "| `Resampling.MEAN` | `'mean'` | the mean of" in text
    assert "### Modality.locate(scene)" in text


def test_the_examples_run_and_have_the_values_that_they_show() -> None:
    names: dict[str, Any] = {}
    shown = 0
    for code in EXAMPLES:
        exec(code, names)
        for line in code.splitlines():
            expression, _, value = line.partition("  # ")
            if value:
                assert repr(eval(expression, names)) == value, line
                shown += 1
    assert shown == sum(isinstance(node, ast.Expr) for code in EXAMPLES for node in ast.parse(code).body)


@pytest.mark.slow
@needs_planet
def test_the_modality_of_the_examples_has_nothing_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from mmearth_devkit import check_modality

    (tmp_path / "contract_examples.py").write_text("\n\n".join(EXAMPLES))
    monkeypatch.syspath_prepend(str(tmp_path))
    check_modality(import_module("contract_examples").Landsat, engine="local:synthetic")
