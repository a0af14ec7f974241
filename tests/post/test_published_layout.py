"""The layout of the published dataset: every modality of it, built on a few tiles of the synthetic planet."""

import datetime as dt
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from mmearth_devkit.testing.needs import skip_without_planet
from shapely.geometry import box, mapping

from mmearth_core.product.hdf5 import layer_names

INF = -math.inf
S2 = "B1 B2 B3 B4 B5 B6 B7 B8A B8 B9 B10 B11 B12"
S1 = "asc_VV asc_VH asc_HH asc_HV desc_VV desc_VH desc_HH desc_HV"
PUBLISHED = {
    "sentinel2": (13, "uint16", 0, S2),
    "sentinel2_cloudmask": (1, "uint16", 65535, "QA60"),
    "sentinel2_cloudprod": (1, "uint16", 65535, "MSK_CLDPRB"),
    "sentinel2_scl": (1, "uint8", 255, "SCL"),
    "sentinel1": (8, "float32", INF, S1),
    "aster": (2, "float32", INF, "elevation slope"),
    "dynamic_world": (1, "uint8", 0, "landcover"),
    "canopy_height_eth": (2, "uint8", 255, "height std"),
    "esa_worldcover": (1, "uint8", 255, "map"),
}
VECTORS = {
    "era5": (12, "float32", math.nan), "lat": (2, "float32", INF), "lon": (2, "float32", INF),
    "month": (2, "float32", INF), "biome": (14, "uint8", 255), "eco_region": (846, "uint16", 65535),
}  # fmt: skip
PLACES = {"brittany": (-4.69, 48.03), "nebraska": (-98.5, 41.2), "svalbard": (16.0, 78.2), "patagonia": (-70.5, -49.0)}
SIZE = 16
REDUCERS = ("mean", "min", "max", "sum")

Reader = Callable[[int], dict[str, Any]]


@pytest.fixture(scope="module")
def planet(tmp_path_factory: pytest.TempPathFactory, kit: Any) -> Path:
    """The folder of a dataset named as torchgeo asks for."""
    skip_without_planet()
    folder = tmp_path_factory.mktemp("planet")
    features = [
        {
            "type": "Feature",
            "geometry": mapping(box(lon - 0.006, lat - 0.006, lon + 0.006, lat + 0.006)),
            "properties": {"tile_id": name, "lon": lon, "lat": lat},
        }
        for name, (lon, lat) in PLACES.items()
    ]
    (folder / "tiles.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    names = ["sentinel2", "sentinel1", "aster", "era5", "dynamic_world", "esa_worldcover", "canopy_height_eth", "tile"]
    tables = "\n".join(f"[modalities.{name}]" for name in names)
    (folder / "planet.toml").write_text(
        f'[dataset]\nname = "data_100k_v001"\ntiles = "tiles.geojson"\nimage_size = {SIZE}\nanchor = "sentinel2"\n'
        f'[run]\nengine = "local"\nmax_concurrent = 2\n[engines.local]\nworld = "synthetic"\n{tables}\n'
    )
    kit.summary("run", folder / "planet.toml")
    kit.summary("post", folder / "planet.toml", "--workers", "1", "--fractions", "1,0,0")
    return folder / "data_100k_v001"


def test_every_modality_states_its_terms_beside_the_file_and_in_it(planet: Path) -> None:
    text = (planet / "data_100k_v001_licences.md").read_text()
    years = sorted(
        {entry["S2_DATE"][:4] for entry in json.loads((planet / "data_100k_v001_tile_info.json").read_text()).values()}
    )
    span = years[0] if len(years) == 1 else f"{years[0]}-{years[-1]}"
    assert text.count("\n## ") == 8
    assert f"Contains modified Copernicus Sentinel data {span}." in text
    assert f"Contains modified Copernicus Climate Change Service Information {span}. Neither the European" in text
    assert "not stated" not in text and "[Year]" not in text
    with h5py.File(planet / "data_100k_v001.h5") as file:
        for name in PUBLISHED.keys() | VECTORS.keys():
            for term in ("licence", "attribution", "citation", "source"):
                assert f"- {term}: {file[name].attrs[term]}\n" in text, name


def test_the_datasets_are_the_published_ones(planet: Path) -> None:
    with h5py.File(planet / "data_100k_v001.h5") as file:
        assert {*layer_names(file)} == PUBLISHED.keys() | VECTORS.keys()
        assert file["metadata"].shape == (len(PLACES),)
        for name, (bands, dtype, nodata, names) in PUBLISHED.items():
            dataset = file[name]
            assert dataset.shape == (len(PLACES), bands, SIZE, SIZE)
            assert dataset.dtype == dtype
            assert dataset.attrs["nodata"] == nodata
            assert " ".join(dataset.attrs["bands"]) == names
        for name, (bands, dtype, nodata) in VECTORS.items():
            assert file[name].shape == (len(PLACES), bands)
            assert file[name].dtype == dtype
            np.testing.assert_equal(float(file[name].attrs["nodata"]), float(nodata))
        np.testing.assert_allclose(
            file["lat"][0], [math.sin(math.radians(48.03)), math.cos(math.radians(48.03))], rtol=1e-6
        )


def check_bands(entry: dict[str, Any]) -> None:
    """`BANDS` has the modalities of the original, with the names that the bands have in Earth Engine."""
    day = dt.date.fromisoformat(entry["S2_DATE"])
    months = [(day.replace(day=1) - dt.timedelta(days=1)).strftime("%Y%m"), day.strftime("%Y%m")]
    names = ["temperature_2m", "temperature_2m_min", "temperature_2m_max", "total_precipitation_sum"]
    reduced = [f"{number}_{name}_{how}" for number, (name, how) in enumerate(zip(names, REDUCERS, strict=True))]
    expected = {
        "aster": {"b1", "slope"},
        "canopy_height_eth": {"height", "std"},
        "dynamic_world": {"label"},
        "esa_worldcover": {"Map"},
        "era5": {*(f"{month}_{name}" for month in months for name in names), *reduced},
        "sentinel2": {*S2.split(), "QA60"} | (set() if entry["S2_type"] == "l1c" else {"SCL", "MSK_CLDPRB"}),
    }
    if entry["S2_type"] == "l2a":
        expected["sentinel2"] -= {"B10"}
    for name, bands in expected.items():
        found = {*entry["BANDS"][name]}
        assert found == bands or (name == "sentinel2" and found == bands - {"MSK_CLDPRB"}) or not found, name
    assert entry["BANDS"].keys() == {*expected, "sentinel1_asc", "sentinel1_desc"}


def known(entry: dict[str, Any]) -> int:
    """How many bands of Sentinel-2 the original's conversion to HDF5 finds: it looks for each by its name."""
    bands = entry["BANDS"]["sentinel2"]
    return sum(name in bands for name in (*S2.split(), "QA60", "MSK_CLDPRB", "SCL"))


def test_what_the_public_readers_look_up_is_there(planet: Path) -> None:
    """Follows torchgeo's reader: row to id, id to tile_info, its S2_type and BANDS, and statistics by both."""
    split = json.loads((planet / "data_100k_v001_splits.json").read_text())
    info = json.loads((planet / "data_100k_v001_tile_info.json").read_text())
    stats = json.loads((planet / "data_100k_v001_band_stats.json").read_text())
    seen = set()
    with h5py.File(planet / "data_100k_v001.h5", "r") as file:
        for row in split["train"]:
            name = file["metadata"][row][0].decode("utf-8")
            entry = info[name]
            level = entry["S2_type"]
            seen.add(level)
            assert file["metadata"][row][1].decode("utf-8") == level
            assert entry["S2_DATE"][4] == "-"
            assert entry["CRS"].startswith("EPSG:32")
            assert len(entry["era5"]["year"]) == 4
            for layer in PUBLISHED.keys() | VECTORS.keys():
                key = f"{layer}_{level}" if layer.startswith("sentinel2") else layer
                assert all(len(stats[key][kind]) == file[layer].shape[1] for kind in ("mean", "std", "min", "max"))
                scaled = file[layer][row] - np.reshape(stats[key]["mean"], (-1,) + (1,) * (file[layer].ndim - 2))
                assert scaled.shape == file[layer].shape[1:]
                assert min(stats[key]["std"]) >= 0
            own = file["sentinel2"][row]
            bands = S2.split()
            check_bands(entry)
            assert entry["NO_DATA"] is False
            assert (own[bands.index("B10")].max() == 0) == (level == "l2a")
            assert (file["sentinel2_scl"][row].min() == 255) == (level == "l1c")
            for orbit in ("asc", "desc"):
                found = entry["BANDS"][f"sentinel1_{orbit}"]
                there = {
                    band.split("_")[1]
                    for band, pixels in zip(S1.split(), file["sentinel1"][row], strict=True)
                    if band.startswith(orbit) and np.isfinite(pixels).any()
                }
                assert there == set(found or ())
    assert seen == {"l1c", "l2a"}
    assert all(known(entry) == len(entry["BANDS"]["sentinel2"]) for entry in info.values())
    assert any({"HH", "HV"} <= set(entry["BANDS"]["sentinel1_asc"] or ()) for entry in info.values())
