"""Statistics: equal to numpy's over all values at once, however they were gathered."""

import json
import shutil
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmearth_core import Band, Kind, Layer, Modality
from mmearth_core.layers import LayerDescription
from mmearth_core.product.hdf5 import stored_layers
from mmearth_core.product.statistics import LayerStatistics

RELATIVE = 1e-9


def stored(dtype: str, nodata: float, bands: int = 2, kind: Kind = Kind.REGRESSION) -> LayerDescription:
    layer = Layer("x", [Band(f"b{number}", dtype, nodata) for number in range(bands)], kind=kind)

    class Probe(Modality):
        name = "probe"

    return LayerDescription.of(layer, Probe(), 8, "probe 1")


def reference(values: np.ndarray, valid: np.ndarray) -> dict[str, list[float]]:
    """Numpy's, in extended precision, over (rows, bands, ...)."""
    columns = [values[:, band][valid[:, band]].astype(np.longdouble) for band in range(values.shape[1])]
    std = [(float(column.std()) if np.ptp(column) else 0.0) if column.size else 1.0 for column in columns]
    low = [float(column.min()) if column.size else 0.0 for column in columns]
    high = [float(column.max()) if column.size else 1.0 for column in columns]
    return {
        "mean": [float(column.mean()) if column.size else 0.0 for column in columns],
        "std": [true or 1.0 for true in std],
        "true_std": std,
        "min": low,
        "max": [top if top > bottom else bottom + 1 for bottom, top in zip(low, high, strict=True)],
        "true_max": high,
        "count": [column.size for column in columns],
    }


def test_the_files_statistics_are_numpys_by_variant(made: Path) -> None:
    stats = json.loads((made / "data_1M_v001_band_stats.json").read_text())
    expected = set()
    with h5py.File(made / "data_1M_v001.h5") as file:
        variants = np.array([text.decode() for text in file["metadata"]["S2_type"]])
        for name, layer in stored_layers(file).items():
            every = file[name][:]
            for variant in layer.variants or (None,):
                values = every if variant is None else every[variants == variant]
                entry = stats[name if variant is None else f"{name}_{variant}"]
                expected.add(name if variant is None else f"{name}_{variant}")
                valid = values != layer.fill
                if values.dtype.kind == "f":
                    valid &= np.isfinite(values)
                for key, numbers in reference(values, valid).items():
                    np.testing.assert_allclose(entry[key], numbers, rtol=RELATIVE, atol=0, err_msg=f"{name} {key}")
                per_band = values[:, 0].size
                assert [c + n for c, n in zip(entry["count"], entry["nodata"], strict=True)] == [per_band] * len(
                    layer.bands
                )
                if layer.kind is Kind.CLASSES:
                    found, times = np.unique(values[:, 0][valid[:, 0]], return_counts=True)
                    assert entry["classes"] == [dict(zip(map(str, found.tolist()), times.tolist(), strict=True))]
    assert stats.keys() == expected
    assert stats["sentinel2_scl_l1c"] | {"classes": None} == {
        "mean": [0.0], "std": [1.0], "min": [0.0], "max": [1.0], "count": [0],
        "nodata": stats["sentinel2_scl_l1c"]["nodata"], "true_std": [1.0], "true_max": [1.0], "classes": None,
    }  # fmt: skip


def test_statistics_made_anew_from_the_file_are_the_same_to_the_last_bit(made: Path, tmp_path: Path, kit: Any) -> None:
    shutil.copytree(made.parent, tmp_path / "copy")
    path = tmp_path / "copy" / "data_1M_v001" / "data_1M_v001_band_stats.json"
    before = path.read_bytes()
    path.unlink()
    kit.summary("post", "stats", tmp_path / "copy" / "data.toml", "--workers", "1")
    assert path.read_bytes() == before


@given(
    dtype=st.sampled_from(["uint8", "int8", "uint16", "int16", "float32"]),
    mean=st.sampled_from([0.0, 100.0]),
    seed=st.integers(0, 2**32),
    cuts=st.lists(st.integers(1, 30), max_size=4),
    missing=st.sampled_from([0.0, 0.3, 1.0]),
    kind=st.sampled_from([Kind.REGRESSION, Kind.CLASSES]),
)
def test_pieces_add_up(dtype: str, mean: float, seed: int, cuts: list[int], missing: float, kind: Kind) -> None:
    noise = np.random.default_rng(seed)
    nodata = {"uint8": 255, "int8": -128, "uint16": 65535, "int16": -32768, "float32": -np.inf}[dtype]
    layer = stored(dtype, nodata, kind=kind)
    least = 0 if dtype.startswith("u") else -127
    values = (noise.normal(mean, 5, (31, 2, 9)).clip(least, 127)).round().astype(dtype)
    values[:, 1][noise.random((31, 9)) < missing] = layer.fill
    whole = LayerStatistics([layer])
    for part in np.split(values, sorted(set(cuts))):
        piece = LayerStatistics([layer])
        for row in part:
            piece.add("x", None, row)
        whole.merge(piece)
    entry = whole.entries()["x"]
    for key, numbers in reference(values, values != layer.fill).items():
        np.testing.assert_allclose(entry[key], numbers, rtol=RELATIVE, atol=1e-12)
    for band, classes in enumerate(entry.get("classes", ())):
        found, times = np.unique(values[:, band][values[:, band] != layer.fill], return_counts=True)
        assert classes == {str(int(value)): count for value, count in zip(found, times.tolist(), strict=True)}


def test_a_large_mean_costs_no_digits() -> None:
    layer = stored("float32", np.nan, bands=1)
    values = (np.float32(2**23) + np.arange(8, dtype="float32"))[:, None].repeat(512, 0)
    statistics = LayerStatistics([layer])
    statistics.add_vectors("x", [None] * len(values), values)
    entry = statistics.entries()["x"]
    assert entry["std"] == pytest.approx([np.std(np.arange(8))], rel=RELATIVE)
    assert entry["mean"] == [2**23 + 3.5]


@pytest.mark.parametrize("value", [0.1, -0.1, 273.15, -1e9, 1e30, 3e-39])
def test_rounding_does_not_make_a_constant_band_vary(value: float) -> None:
    layer = stored("float32", np.nan, bands=1)
    statistics = LayerStatistics([layer])
    for count in (3, 7, 11):
        statistics.add("x", None, np.full((1, count), value, "float32"))
    entry = statistics.entries()["x"]
    (low,), (high,) = entry["min"], entry["max"]
    assert (entry["std"], entry["true_std"], entry["true_max"]) == ([1.0], [0.0], [float(np.float32(value))])
    assert low == float(np.float32(value))
    # A reader in float32 can divide by the range, too.
    assert np.float32(high) - np.float32(low) >= (1 if abs(value) < 2**24 else np.spacing(np.float32(low)))


def test_infinities_and_nan_never_reach_the_json() -> None:
    layer = stored("float32", -np.inf, bands=1)
    statistics = LayerStatistics([layer])
    statistics.add("x", None, np.array([[1, np.inf, np.nan, -np.inf, 3]], "float32"))
    entry = statistics.entries()["x"]
    assert (entry["mean"], entry["max"], entry["count"], entry["nodata"]) == ([2.0], [3.0], [2], [3])


def test_squares_of_a_huge_tile_are_still_exact() -> None:
    layer = stored("uint16", 0, bands=1)
    statistics = LayerStatistics([layer])
    values = np.full((1, 2100 * 2100), 65535, np.uint16)
    values[0, 0] = 65534
    statistics.add("x", None, values)
    count = values.size
    exact = np.sqrt(count - 1) / count
    assert statistics.entries()["x"]["std"] == pytest.approx([exact], rel=RELATIVE)
