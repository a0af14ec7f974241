"""Derived datasets keep the terms of their layers, and have the file with the licences."""

from pathlib import Path
from typing import Any

import h5py
import pytest
from attrs import evolve


def of_year(kit: Any, year: int) -> list[Any]:
    terms = {
        "licence": "free",
        "attribution": f"Contains data {year}.",
        "citation": "Them (2020)",
        "source": "https://a",
    }
    return [evolve(layer, terms=terms if layer.modality == "a" else {}) for layer in kit.layers()]


@pytest.fixture
def two(kit: Any, tmp_path: Path) -> tuple[Path, Path]:
    one = kit.write(tmp_path / "one.h5", ["a", "b", "c", "d"], own=of_year(kit, 2018))
    return one, kit.write(tmp_path / "two.h5", ["x", "y"], seed=1, own=of_year(kit, 2020))


def attribution(path: Path) -> dict[str, Any]:
    with h5py.File(path) as file:
        return {name: file[name].attrs.get("attribution") for name in ("heights", "warmth", "kinds", "weights")}


def test_a_merged_dataset_has_the_attributions_of_all_its_inputs(
    kit: Any, two: tuple[Path, Path], tmp_path: Path
) -> None:
    kit.told("merge", tmp_path / "both", *two)
    both = "Contains data 2018. / Contains data 2020."
    wanted = {"heights": both, "warmth": both, "kinds": None, "weights": None}
    assert attribution(tmp_path / "both" / "both.h5") == wanted
    text = (tmp_path / "both" / "both_licences.md").read_text()
    assert text.startswith("# both: licences and attributions\n\n6 tiles.")
    assert f"- licence: free\n- attribution: {both}\n- citation: Them (2020)\n- source: https://a\n" in text
    assert text.count("- attribution: not stated by the plugin\n") == 1


@pytest.mark.parametrize(
    "command", [("subset", "--sample", "2"), ("resize", "--size", "5")], ids=lambda words: words[0]
)
def test_a_smaller_dataset_has_them_too(
    command: tuple[str, ...], kit: Any, two: tuple[Path, Path], tmp_path: Path
) -> None:
    name, *options = command
    # A file beside the input that names the input: it must not be copied.
    two[0].with_name("one_licences.md").write_text("# one: of the input\n")
    kit.told(name, two[0], tmp_path / "less", *options)
    assert set(attribution(tmp_path / "less" / "less.h5").values()) == {"Contains data 2018.", None}
    text = (tmp_path / "less" / "less_licences.md").read_text()
    assert text.startswith(f"# less: licences and attributions\n\n{2 if name == 'subset' else 4} tiles.")
    assert "- attribution: Contains data 2018.\n" in text
