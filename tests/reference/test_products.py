"""What is in the files of datasets is that of the reference; `python tests/reference/make.py` writes it again."""

from pathlib import Path

import pytest

from tests.reference.compare import load, unexpected

INFO = {
    "NO_DATA": "the boolean of the published MMEarth; the values are in the HDF5 file",
    "BANDS": "the keys and names of the published MMEarth",
}
DATASETS = {
    **{name: name for name in ("few", "merged", "planet", "resized", "small")},
    **dict.fromkeys(("scene", "scene with the modality tile"), "virginia"),
}

CHANGED: dict[str, str] = {
    f"{dataset} {name}_tile_info.json {key}": why for dataset, name in DATASETS.items() for key, why in INFO.items()
}
"""What may differ, such as "planet planet.h5 sentinel2 stored", and the reason."""


@pytest.mark.slow
def test_products_are_those_of_the_reference(today: Path) -> None:
    stored, now = load("products"), load("products", today)
    if stored["encoding"]["libraries"] != now["encoding"]["libraries"]:
        del stored["encoding"], now["encoding"]  # other libraries may compress the same pixels to other bytes
    assert unexpected(stored, now, CHANGED) == []
