"""What is in the files of datasets is that of the reference; `python tests/reference/make.py` writes it again."""

from pathlib import Path

import pytest

from tests.reference.compare import load, unexpected

_ROWS = "the checksum of the rows, by which readers notice that the file was replaced"

CHANGED: dict[str, str] = {
    f"{place} attributes rows_sha256": _ROWS
    for place in (
        *("few few.h5", "merged merged.h5", "resized resized.h5", "planet planet.h5", "small small.h5"),
        *("scene virginia.h5", "scene with the modality tile virginia.h5"),
    )
}
"""What may differ, such as "planet planet.h5 sentinel2 stored", and the reason."""


@pytest.mark.slow
def test_products_are_those_of_the_reference(today: Path) -> None:
    stored, now = load("products"), load("products", today)
    if stored["encoding"]["libraries"] != now["encoding"]["libraries"]:
        del stored["encoding"], now["encoding"]  # other libraries may compress the same pixels to other bytes
    assert unexpected(stored, now, CHANGED) == []
