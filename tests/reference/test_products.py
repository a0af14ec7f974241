"""What is in the files of datasets is that of the reference; `python tests/reference/make.py` writes it again."""

from pathlib import Path

import pytest

from tests.reference.compare import load, unexpected

SENTINEL2 = ("sentinel2", "sentinel2_cloudmask", "sentinel2_cloudprod", "sentinel2_scl")
TILE = ("biome", "eco_region", "lat", "lon", "month")
OTHERS = ("aster", "canopy_height_eth", "dynamic_world", "era5", "esa_worldcover", "sentinel1")
LAYERS = {
    "planet planet.h5": (*SENTINEL2, *TILE, *OTHERS),
    "scene virginia.h5": SENTINEL2,
    "scene with the modality tile virginia.h5": (*SENTINEL2, *TILE),
    "small small.h5": SENTINEL2,
}
"""The layers of each HDF5 file."""

DATASETS = {
    **{name: name for name in ("few", "merged", "planet", "resized", "small")},
    **dict.fromkeys(("scene", "scene with the modality tile"), "virginia"),
}

ROWS = "the checksum of the rows, by which readers notice that the file was replaced"

ROUNDED = "polygons have 6 decimals, as MMEarth-data reads them"
MEAN = "the mean over the polygon, whose coordinates have 6 decimals"

RADAR = "the planet's scenes of Sentinel-1 have origins and times of their own, as on Google's servers"

WITH_RADAR = (7, 27, 47, 67, 87, 107, 147, 167, 187, 207, 227)
"""The tiles of the planet that have a scene of Sentinel-1 ..."""
LOCATED_ELSEWHERE = (7, 27, 47, 67, 87, 107, 187, 227)
"""... and those of them that are not in CHANGED for another reason."""

INFO = {
    "NO_DATA": "the boolean of the published MMEarth; the values are in the HDF5 file",
    "BANDS": "the keys and names of the published MMEarth",
}

TERMS = "layers have the licence, attribution, citation and source of their data"

TEXTS = "wavelengths, scene classes and the cloud mask are described as in the catalogue; heights may be 0 over the sea"

SENTINEL2 = ("sentinel2", "sentinel2_cloudmask", "sentinel2_cloudprod", "sentinel2_scl")
TILE = ("lat", "lon", "month", "biome", "eco_region")
MAPS = ("sentinel1", "aster", "era5", "dynamic_world", "esa_worldcover", "canopy_height_eth")
FILES = {
    **dict.fromkeys(
        ("few few.h5", "merged merged.h5", "planet planet.h5", "resized resized.h5"), (*SENTINEL2, *MAPS, *TILE)
    ),
    "scene with the modality tile virginia.h5": (*SENTINEL2, *TILE),
    **dict.fromkeys(("scene virginia.h5", "small small.h5"), SENTINEL2),
}
"""The layers of each HDF5 file."""

CHANGED: dict[str, str] = {
    **{
        f"{file} {layer} attributes statistics_sha256": "`post` notices band statistics that are not the file's"
        for file, layers in LAYERS.items()
        for layer in layers
    },
    **{
        f"{dataset} mmearth.toml tiles": "has imported_sha256, so that `verify` notices a changed tiles.gpkg"
        for dataset in ("planet", "scene", "scene with the modality tile", "small")
    },
    **{f"{name} tiles.gpkg": ROUNDED for name in ("planet", "scene", "scene with the modality tile", "small")},
    "tiles sampled.geojson": ROUNDED,
    **{f"planet journals base {tile}": MEAN for tile in (147, 167, 207)},
    "encoding planet/planet": RADAR,
    **{f"planet stacks base/00000/{tile:03}.tif": RADAR for tile in WITH_RADAR},
    **{f"planet journals base {tile:03}": RADAR for tile in LOCATED_ELSEWHERE},
    **{
        f"{name} {what} sentinel1{values}": RADAR
        for name in ("few", "merged", "planet", "resized")
        for what, values in ((f"{name}.h5", " values"), (f"{name}_band_stats.json", ""))
    },
    **{f"{name} {name}.h5 era5 values": MEAN for name in ("few", "merged", "planet", "resized")},
    **{f"{name} {name}_tile_info.json era5": MEAN for name in ("few", "merged", "planet", "resized")},
    **{
        f"{file} {layer} attributes {term}": TERMS
        for file, layers in FILES.items()
        for layer in layers
        for term in ("licence", "attribution", "citation", "source")
    },
    **{
        f"{file} {what}": TEXTS
        for file, layers in FILES.items()
        for layer, what in {
            "sentinel2": "sentinel2 attributes descriptions",
            "sentinel2_cloudmask": "sentinel2_cloudmask attributes descriptions",
            "sentinel2_scl": "sentinel2_scl attributes classes",
            "aster": "aster attributes descriptions",
        }.items()
        if layer in layers
    },
    **{
        f"{dataset} mmearth.toml modalities": "the modality of the anchor has the new option cloud_classes"
        for dataset in ("planet", "scene", "scene with the modality tile", "small")
    },
    **{f"{dataset} {name}.h5 attributes rows_sha256": ROWS for dataset, name in DATASETS.items()},
    **{
        f"{dataset} {name}_tile_info.json {key}": why for dataset, name in DATASETS.items() for key, why in INFO.items()
    },
}
"""What may differ, such as "planet planet.h5 sentinel2 stored", and the reason."""


@pytest.mark.slow
def test_products_are_those_of_the_reference(today: Path) -> None:
    stored, now, changed = load("products"), load("products", today), dict(CHANGED)
    if stored["encoding"]["libraries"] != now["encoding"]["libraries"]:
        # Other libraries may compress the same pixels to other bytes.
        del stored["encoding"], now["encoding"], changed["encoding planet/planet"]
    assert unexpected(stored, now, changed) == []
