"""Licence, attribution, citation and source: every modality of this tree states them, and every dataset has them."""

import importlib
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from mmearth_devkit.scaffold.names import Names
from mmearth_devkit.scaffold.write import Source, write_plugin
from mmearth_devkit.stage import Sample

from mmearth_core import Modality
from mmearth_core.registry import discover
from mmearth_core.registry.load import InvalidPlugin, Origin, register

ROOT = Path(__file__).parents[2]
TERMS = ("licence", "attribution", "citation", "source")
OURS = {tomllib.loads(path.read_text())["project"]["name"] for path in ROOT.glob("plugins/*/pyproject.toml")}
# The terms of own labels are the user's, who states them in the options.
STATED = OURS - {"mmearth-labels"}
SHIPPED = {name: entry for name, entry in discover().modalities.items() if entry.origin.distribution in STATED}
FORMS: dict[str, dict[str, Any]] = {
    "image": {},
    "classes": {"has_classes": True},
    "vector": {"kind": "vector"},
    "vector_collection": {"kind": "vector", "is_collection": True},
    "collection": {"is_collection": True},
    "anchor": {"is_collection": True, "is_anchor": True},
}


def modalities_in(package: Path, monkeypatch: pytest.MonkeyPatch) -> list[Modality]:
    """Instances of the modalities of a package that is not installed."""
    monkeypatch.syspath_prepend(str(package.parent))
    try:
        module = importlib.import_module(package.name)
        return [cls() for cls in module.mmearth_modalities()]
    finally:
        for name in [name for name in sys.modules if name.partition(".")[0] == package.name]:
            del sys.modules[name]


def require_terms(modality: Any) -> None:
    texts = {name: getattr(modality, name) for name in TERMS}
    assert [name for name, text in texts.items() if not text.strip()] == []
    assert texts["source"].startswith("https://")
    assert texts["attribution"] == "none required" or len(texts["attribution"]) > 20


def test_all_shipped_modalities_are_found() -> None:
    assert len(SHIPPED) == 10


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_modality_states_its_terms(name: str) -> None:
    require_terms(SHIPPED[name].declared)
    require_terms(SHIPPED[name].make())


@pytest.mark.parametrize("package", sorted(ROOT.glob("examples/*/mmearth_*/")), ids=lambda path: path.name)
def test_every_example_states_its_terms(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for modality in modalities_in(package, monkeypatch):
        require_terms(modality)


@pytest.mark.parametrize("form", FORMS)
def test_a_new_plugin_states_its_terms(form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sample = Sample("COPERNICUS/S2_HARMONIZED", "B4", "uint16", "1e-4")
    folder = write_plugin(Names("my_red"), Source(sample, **FORMS[form]), tmp_path)
    (modality,) = modalities_in(folder / "mmearth_my_red", monkeypatch)
    require_terms(modality)
    assert sample.asset in modality.citation
    assert modality.source == "https://developers.google.com/earth-engine/datasets/catalog/COPERNICUS_S2_HARMONIZED"


def test_texts_that_licences_require_are_verbatim() -> None:
    of = {name: entry.declared.attribution for name, entry in SHIPPED.items()}
    assert of["dynamic_world"].startswith(
        "This dataset is produced for the Dynamic World Project by Google in partnership with National Geographic "
        "Society and the World Resources Institute."
    )
    assert of["era5"] == (
        "Contains modified Copernicus Climate Change Service Information [Year]. Neither the European Commission nor "
        "ECMWF is responsible for any use that may be made of the Copernicus Information or Data it contains."
    )
    assert of["embeddings"] == (
        "The AlphaEarth Foundations Satellite Embedding dataset is produced by Google and Google DeepMind."
    )
    for name in ("sentinel1", "sentinel2"):
        assert of[name] == "Contains modified Copernicus Sentinel data [Year]."


@pytest.mark.parametrize("term", TERMS)
def test_a_term_that_is_not_text_is_refused(term: str) -> None:
    cls = type("Odd", (type(SHIPPED["aster"].make()),), {"name": "odd", term: 3})
    with pytest.raises(InvalidPlugin, match=f"declares {term} = 3, which is not text"):
        register(cls, Modality, "mmearth_modalities", Origin("mmearth-odd", "1", "odd"))
