"""What is in the files of datasets is that of the reference; `python tests/reference/make.py` writes it again."""

from pathlib import Path

import pytest

from tests.reference.compare import load, unexpected

ROUNDED = "polygons have 6 decimals, as MMEarth-data reads them"
MEAN = "the mean over the polygon, whose coordinates have 6 decimals"

CHANGED: dict[str, str] = {
    **{f"{name} tiles.gpkg": ROUNDED for name in ("planet", "scene", "scene with the modality tile", "small")},
    "tiles sampled.geojson": ROUNDED,
    **{f"planet journals base {tile}": MEAN for tile in (147, 167, 207)},
    **{f"{name} {name}.h5 era5 values": MEAN for name in ("few", "merged", "planet", "resized")},
    **{f"{name} {name}_tile_info.json era5": MEAN for name in ("few", "merged", "planet", "resized")},
}
"""What may differ, such as "planet planet.h5 sentinel2 stored", and the reason."""


@pytest.mark.slow
def test_products_are_those_of_the_reference(today: Path) -> None:
    stored, now = load("products"), load("products", today)
    if stored["encoding"]["libraries"] != now["encoding"]["libraries"]:
        del stored["encoding"], now["encoding"]  # other libraries may compress the same pixels to other bytes
    assert unexpected(stored, now, CHANGED) == []
