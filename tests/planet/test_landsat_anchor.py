"""A dataset of the example's Landsat anchor: 30 m, with radar, heights and land cover on its grid, from end to end.

Where its pixels are is measured with rasterio: the source raster is brought to the grid of a stack by GDAL, and the
shift between both is fitted.
"""

import datetime as dt
import importlib.util
import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from click.testing import CliRunner
from mmearth_devkit import try_modality
from mmearth_devkit.testing.command_line import cli, summary
from mmearth_devkit.testing.third_party import declare
from rasterio.enums import Resampling
from rasterio.warp import reproject, transform_bounds
from shapely.geometry import shape

from mmearth_core import Anchor, Scene
from mmearth_core.config.schema import RunOptions
from mmearth_core.dataset import Dataset
from mmearth_core.earthengine.client import EarthClient
from mmearth_core.registry import discover, engine_of

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "mmearth-landsat"
NAMES = ["brittany", "nebraska", "himalaya", "patagonia"]
OTHERS = ["aster", "sentinel1", "dynamic_world", "esa_worldcover"]
SIZE = 128

Pixels = Any


@pytest.fixture(scope="module", autouse=True)
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The example, installed for this module."""
    site = tmp_path_factory.mktemp("site")
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text())["project"]
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(EXAMPLE)
        patch.syspath_prepend(site)
        declare(site, project["name"], project["version"], project["entry-points"])
        yield


@pytest.fixture(scope="module")
def config(kit: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The configuration that docs/writing-an-anchor.md shows, run and post-processed."""
    folder = tmp_path_factory.mktemp("project")
    (text,) = re.findall(r"```toml\n(.*?)```", (ROOT / "docs" / "writing-an-anchor.md").read_text(), re.DOTALL)
    made = folder / "landsat.toml"
    made.write_text(text)
    assert set(tomllib.loads(text)["modalities"]) == {"landsat_anchor", *OTHERS}
    (folder / "landsat-tiles.geojson").write_text(json.dumps(kit.tiles(NAMES)))
    assert kit.run(made)["done"] == len(NAMES)
    summary("post", made, "--workers", "1", "--fractions", "0.5,0.25,0.25")
    return made


def test_every_tile_is_on_landsat_s_own_pixels(config: Path, kit: Any) -> None:
    dataset = config.parent / "landsat"
    stored = tomllib.loads((dataset / "mmearth.toml").read_text())["dataset"]
    assert (stored["pixel_size"], stored["origin"]) == (30, [15, 15])
    for stack in stacks(config).values():
        with rasterio.open(stack) as tile:
            assert (tile.res, tile.shape) == ((30, 30), (SIZE, SIZE))
            assert (tile.bounds.left % 30, tile.bounds.top % 30) == (15, 15)
    opened = Dataset(dataset / "landsat.h5")
    assert (opened.pixel_size, len(opened)) == (30, len(NAMES))
    info = json.loads((dataset / "landsat_tile_info.json").read_text())
    for entry in info.values():
        assert entry["LANDSAT_ANCHOR"]["id"].startswith("LANDSAT/LC08/C02/T1_L2/LC08_")
        assert entry["LANDSAT_ANCHOR"]["cloud_cover"] <= 30


def test_commands_understand_it(config: Path) -> None:
    done = cli("verify", config)
    assert done.exit_code == 0, done.output
    for words in (
        ("view", config, "nebraska", "-o", config.parent / "tile.png"),
        ("report", config, "-o", config.parent / "report.html"),
        ("status", config),
    ):
        done = cli(*words)
        assert done.exit_code == 0, done.output
    assert (config.parent / "tile.png").stat().st_size > 10_000


def test_a_network_learns_a_step(config: Path) -> None:
    spec = importlib.util.spec_from_file_location("train", ROOT / "examples" / "train.py")
    assert spec is not None and spec.loader is not None
    train = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(train)
    words = (config.parent / "landsat" / "landsat.h5", "--image", "landsat_sr", "--epochs", "1")
    done = CliRunner().invoke(train.main, [str(word) for word in words])
    assert done.exit_code == 0, done.output
    assert "2 tiles to train on, 1 to validate" in done.output and "epoch 1: loss" in done.output


def stacks(config: Path) -> dict[str, Path]:
    return {path.stem: path for path in config.parent.glob("landsat/stacks/base/*/*.tif")}


class Sources:
    """The source rasters of a tile's bands, each on its own grid."""

    def __init__(self, config: Path, name: str, kit: Any) -> None:
        """Opens the planet; `name` is of a tile."""
        self.client = EarthClient(engine_of(discover(), "local:synthetic"), RunOptions())
        entry = kit.journal(config.parent / "landsat", "base")[name]
        anchor = Anchor(dt.date.fromisoformat(entry["anchor"]["date"]), entry["anchor"]["crs"])
        (feature,) = kit.tiles([name])["features"]
        polygon = shape(feature["geometry"])
        self.scene = Scene(name, polygon, *polygon.centroid.coords[0], feature["properties"], anchor)
        self.located = entry["located"]

    def read(self, modality: str, band: str, tile: Any) -> tuple[Pixels, Affine, str]:
        """Pixels, transform and CRS of a band's own raster around a tile."""
        made = discover().modality(modality).make()
        image = made.image(self.scene, self.located[modality]).select([band])
        projection = self.client.compute(image.projection(), "test")
        own, crs = Affine(*projection["transform"]), projection["crs"]
        if crs == "EPSG:4326" and own[0] == 1:  # a composite has pixels of one degree; its images have 10 m
            own, crs = Affine(10, 0, 0, 0, -10, 0), str(tile.crs)
        west, south, east, north = transform_bounds(tile.crs, crs, *tile.bounds)
        left, top = (round(each) - 5 for each in apply(~own, west, north))
        right, bottom = (round(each) + 5 for each in apply(~own, east, south))
        window = Affine(*own[:2], apply(own, left, top)[0], *own[3:5], apply(own, left, top)[1])
        names = ("scaleX", "shearX", "translateX", "shearY", "scaleY", "translateY")
        request = {
            "dimensions": {"width": right - left, "height": bottom - top},
            "affineTransform": dict(zip(names, window[:6], strict=True)),
            "crsCode": crs,
        }
        pixels = self.client.pixels(image.toDouble().unmask(-9999, False), request)[band]
        return np.where(pixels == -9999, np.nan, pixels), window, crs


def apply(transform: Affine, x: float, y: float) -> tuple[float, float]:
    a, b, c, d, e, f = transform[:6]
    return a * x + b * y + c, d * x + e * y + f


def brought(pixels: Pixels, window: Affine, crs: str, tile: Any, how: Resampling, moved: float = 0.0) -> Pixels:
    """A raster on the grid of a tile, by GDAL; `moved` by metres to the east."""
    made = np.full(tile.shape, np.nan)
    a, b, x, d, e, y = tile.transform[:6]
    target = Affine(a, b, x - moved, d, e, y)
    reproject(
        pixels,
        made,
        src_transform=window,
        src_crs=crs,
        dst_transform=target,
        dst_crs=tile.crs,
        resampling=how,
        src_nodata=np.nan,
        dst_nodata=np.nan,
        tolerance=0,
    )
    return made


def shift(found: Pixels, expected: Pixels) -> tuple[float, float]:
    """How far an image is from another one, in pixels east and south: a least-squares fit of its gradients."""
    south, east = np.gradient(expected)
    known = np.isfinite(found) & np.isfinite(east) & np.isfinite(south)
    assert known.mean() > 0.2
    gradients = np.column_stack([east[known], south[known], np.ones(known.sum())])
    (x, y, _), *_ = np.linalg.lstsq(gradients, (expected - found)[known], rcond=None)
    return x, y


BANDS = {
    "landsat_sr__red": ("landsat_anchor", "red", Resampling.nearest),
    "landsat_sr__swir2": ("landsat_anchor", "swir2", Resampling.nearest),
    "landsat_st__temperature": ("landsat_anchor", "temperature", Resampling.nearest),
    "landsat_qa__qa": ("landsat_anchor", "qa", Resampling.nearest),
    "aster__elevation": ("aster", "elevation", Resampling.average),
    "sentinel1__asc_VV": ("sentinel1", "asc_VV", Resampling.average),
    "sentinel1__desc_VV": ("sentinel1", "desc_VV", Resampling.average),
    "dynamic_world__landcover": ("dynamic_world", "landcover", Resampling.mode),
    "esa_worldcover__map": ("esa_worldcover", "map", Resampling.mode),
}
"""Bands of the stack: the modality, its band, and what GDAL does with its pixels."""


@pytest.mark.parametrize("name", ["nebraska", "brittany"])
@pytest.mark.parametrize("band", BANDS)
def test_no_band_is_shifted_against_its_source(band: str, name: str, config: Path, kit: Any) -> None:
    modality, own, how = BANDS[band]
    with rasterio.open(stacks(config)[name]) as tile:
        found = tile.read(tile.descriptions.index(band) + 1).astype(float)
        if np.isnan(found).all():
            pytest.skip("no image of this orbit")
        pixels, *place = Sources(config, name, kit).read(modality, own, tile)
        is_radar = modality == "sentinel1"
        pixels = 10 ** (pixels / 10) if is_radar else pixels
        expected, moved = (brought(pixels, *place, tile, how, metres) for metres in (0, 20))
    known = np.isfinite(found) & np.isfinite(expected)
    assert (np.isfinite(found) == np.isfinite(expected)).mean() > 0.95  # coasts: slivers of a pixel
    if how is Resampling.mode:
        assert (found == expected)[known].mean() > 0.97
        most = np.bincount(found[known].astype(int)).argmax()
        found, expected, moved = (np.where(known, each == most, np.nan) for each in (found, expected, moved))
    elif is_radar:
        found = 10 ** (found / 10)
        assert np.median(np.abs(found / expected - 1)[known]) < 0.05
    else:
        difference = np.abs(found - expected)[known]
        assert difference.max() < max(0.51, 0.01 * np.ptp(expected[known]))
    assert max(map(abs, shift(found, expected))) < 0.1
    # That the measurement works: 20 m are two thirds of a pixel, and the nearest pixel is a whole one away.
    east, south = shift(moved, expected)
    assert 0.4 < east < 1.2 and abs(south) < 0.15


@pytest.mark.parametrize("modality", ["landsat_anchor", "sentinel2", "canopy_height_eth", *OTHERS])
def test_the_kit_finds_no_shift_on_pixels_of_30_m(modality: str) -> None:
    size = None if modality == "landsat_anchor" else 30
    record = try_modality(discover().modality(modality).make(), pixel_size=size, processes=False)
    assert (record.pixel_size, record.failures, record.wrong_pixels, record.misalignments) == (30, [], [], [])
    assert len(record.shifts) > 0
    assert max(shift.in_pixels for shift in record.shifts) < 0.1


def test_the_command_prints_the_shift_of_each_band() -> None:
    done = cli("plugin", "check", "landsat_anchor", "--shifts", "--quick", "--json")
    assert done.exit_code == 0, done.output
    facts = json.loads(done.stdout)["landsat_anchor"]
    assert facts["findings"] == []
    assert {"landsat_sr__red", "landsat_st__temperature"} <= set(facts["shifts"])
    assert max(facts["shifts"].values()) < 0.1
