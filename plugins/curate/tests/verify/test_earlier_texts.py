"""Texts that an earlier version of a plugin had are no fault; other class values are."""

import json
from typing import Any

import h5py
import numpy as np


def renamed(file: h5py.File, change: dict[str, Any]) -> None:
    """The scene classification with another first class."""
    dataset = file["sentinel2_scl"]
    ((first, *others),) = json.loads(dataset.attrs["classes"])
    dataset.attrs["classes"] = json.dumps([[{**first, **change}, *others]])


def test_descriptions_and_terms_of_an_earlier_version_are_fine(copy: Any) -> None:
    with copy.opened() as file:
        attributes = file["sentinel2"].attrs
        attributes["description"] = "reflectance"
        attributes["descriptions"] = np.array(["a band"] * 13, dtype=object)
        for term in ("licence", "attribution", "citation", "source"):
            del attributes[term]
    findings = copy.verify(target=copy.config, code=0).report["findings"]
    assert [each for each in findings if each["check"] == "description"] == []


def test_other_names_of_classes_are_a_warning(copy: Any) -> None:
    with copy.opened() as file:
        renamed(file, {"name": "no data"})
    verdict = copy.verify(target=copy.config, code=0)
    (warning,) = [each for each in verdict.of("warning") if each["check"] == "description"]
    assert warning["layer"] == "sentinel2_scl"
    assert warning["message"].startswith("Its classes is ")


def test_other_values_of_classes_are_a_fault(copy: Any) -> None:
    with copy.opened() as file:
        renamed(file, {"value": 12})
    assert [fault["layer"] for fault in copy.verify(target=copy.config).faults] == ["sentinel2_scl"]
