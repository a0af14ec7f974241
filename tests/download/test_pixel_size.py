"""The grid of a dataset: from the configuration, from the anchor, from the dataset so far; and what is refused."""

import json
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio
from mmearth_devkit.testing.command_line import cli, summary
from pyproj import Transformer
from rasterio.warp import Resampling, reproject
from shapely.geometry import box, mapping

PLUGIN = """
import datetime as dt
import ee
from mmearth_core import Anchor, Band, Layer, Modality, hookimpl

class Thirty(Modality):
    name = "thirty"
    api_version = 1
    layers = (Layer("thirty", [Band("value", "uint16", 0, BAND)]),)
    GRID

    def locate(self, scene):
        return ee.Dictionary({"projection": ee.Image("FIELD").projection(), "crs": CRS})

    def anchor(self, scene, located):
        numbers = [float(each) for each in (TRANSFORM)]
        return Anchor(dt.date(2020, 1, 1), located["crs"], transform=numbers)

    def image(self, scene, located):
        return ee.Image("FIELD")

@hookimpl
def mmearth_modalities():
    return [Thirty]
"""

CONFIG = """
[dataset]
name = "field"
tiles = "tiles.geojson"
image_size = 16
anchor = "ANCHOR"
MORE
[run]
engine = "local:WORLD"
[modalities.thirty]
"""

UTM, LEFT, TOP = "EPSG:32632", 500_025, 5_400_015
FIELD = np.arange(1, 10_001, dtype=np.uint16).reshape(100, 100)
PROPOSED = "pixel_size, origin = 30, 15"
OWN = 'located["projection"]["transform"]'

Make = Callable[..., Path]


@pytest.fixture
def make(install: Callable[..., Path], tmp_path: Path) -> Make:
    """Installs an anchor of a raster of 30 m whose origin is 15, with two tiles on it, and writes a configuration."""

    def write(grid: str = PROPOSED, more: str = "", transform: str = OWN, band: str = "pixel_size=30") -> Path:
        source = PLUGIN.replace("GRID", grid).replace("TRANSFORM", transform).replace("BAND", band)
        source = source.replace("CRS", repr(UTM))
        module = tmp_path / "site-packages" / "mmearth_thirty.py"
        if module.exists():
            module.write_text(source)
            sys.modules.pop("mmearth_thirty")
        else:
            install("mmearth-thirty", source)
        profile = {"driver": "GTiff", "crs": UTM, "count": 1, "dtype": "uint16", "width": 100, "height": 100}
        with rasterio.open(tmp_path / "field.tif", "w", transform=(30, 0, LEFT, 0, -30, TOP), **profile) as target:
            target.write(FIELD, 1)
        to_degrees = Transformer.from_crs(UTM, "EPSG:4326", always_xy=True)
        tiles = []
        for number in range(2):
            x, y = to_degrees.transform(LEFT + 1000 + 500 * number, TOP - 1500)
            properties = {"tile_id": f"t{number}", "lon": x, "lat": y, "date": "2020-07-14"}
            outline = mapping(box(x - 0.002, y - 0.001, x + 0.002, y + 0.001))
            tiles.append({"type": "Feature", "geometry": outline, "properties": properties})
        (tmp_path / "tiles.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": tiles}))
        (tmp_path / "world.toml").write_text('[[image]]\nid = "FIELD"\nbands = { value = "field.tif" }\n')
        text = CONFIG.replace("WORLD", str(tmp_path / "world.toml")).replace("MORE", more).replace("ANCHOR", "thirty")
        (tmp_path / "field.toml").write_text(text)
        return tmp_path / "field.toml"

    return write


def stored(config: Path) -> dict[str, object]:
    dataset = tomllib.loads((config.parent / "field" / "mmearth.toml").read_text())["dataset"]
    return {key: dataset[key] for key in ("pixel_size", "origin") if key in dataset}


def stack(config: Path, tile: str = "t0") -> rasterio.DatasetReader:
    (path,) = config.parent.glob(f"field/stacks/base/*/{tile}.tif")
    return rasterio.open(path)


def said(*arguments: object) -> str:
    done = cli(*arguments)
    assert done.exit_code == 2, done.output
    return " ".join(done.stderr.split())


def test_an_anchor_proposes_its_own_grid_so_its_pixels_are_as_they_are(make: Make) -> None:
    config = make()
    assert summary("run", config)["done"] == 2
    assert stored(config) == {"pixel_size": 30, "origin": [15, 15]}
    for tile in ("t0", "t1"):
        with stack(config, tile) as source, rasterio.open(config.parent / "field.tif") as field:
            assert (source.transform.a, source.transform.c % 30, source.transform.f % 30) == (30, 15, 15)
            row, column = field.index(source.bounds.left + 1, source.bounds.top - 1)
            np.testing.assert_array_equal(source.read(1), FIELD[row : row + 16, column : column + 16])


@pytest.mark.parametrize(
    ("more", "wanted"),
    [
        ("origin = [5, 7.5]", {"pixel_size": 30, "origin": [5, 7.5]}),
        pytest.param("pixel_size = 30", {"pixel_size": 30, "origin": [15, 15]}, marks=pytest.mark.slow),
        pytest.param("pixel_size = 60", {"pixel_size": 60}, marks=pytest.mark.slow),
        pytest.param("pixel_size = 10", {}, marks=pytest.mark.slow),
        pytest.param("pixel_size = 20\norigin = 5", {"pixel_size": 20, "origin": [5, 5]}, marks=pytest.mark.slow),
    ],
)
def test_the_configuration_has_precedence(make: Make, more: str, wanted: dict[str, object]) -> None:
    config = make(more=more)
    done = summary("run", config)
    assert done["done"] == 2
    assert stored(config) == wanted
    x, y = wanted.get("origin", [0, 0])
    with stack(config) as source:
        size = wanted.get("pixel_size", 10)
        assert (source.transform.a, (source.transform.c - x) % size, (source.transform.f - y) % size) == (size, 0, 0)
    # With the grid of the dataset so far, whatever is left out.
    config.write_text(config.read_text().replace(more, ""))
    assert summary("run", config)["purposes"] == {}


@pytest.mark.parametrize(
    ("transform", "found"),
    [
        (f"[30, 0, {LEFT + 15}, 0, -30, {TOP}]", "has pixels of 30 x 30 m with a corner at 500040, 5400015"),
        pytest.param(f"[60, 0, {LEFT}, 0, -60, {TOP}]", "has pixels of 60 x 60 m", marks=pytest.mark.slow),
        pytest.param(f"[30, 0.1, {LEFT}, 0, -30, {TOP}]", "has pixels of 30 x 30 m", marks=pytest.mark.slow),
    ],
)
def test_an_image_on_another_grid_than_its_anchor_proposes_fails_the_tile(
    make: Make, transform: str, found: str
) -> None:
    config = make(transform=f"{OWN} if scene.tile_id == 't0' else {transform}")
    done = summary("run", config, code=1)
    assert (done["done"], done["failed"], done["purposes"]["pixels"]) == (1, 1, 1)
    (reason,) = (each["reason"] for each in done["reasons"])
    assert reason.startswith(f"pixels: The anchor's image {found}")
    assert "Set `pixel_size` and `origin` in [dataset]" in reason
    # As it says: with a grid of the configuration, images are resampled.
    config.write_text(config.read_text().replace("[run]", "pixel_size = 30\norigin = 15\n[run]"))
    assert summary("run", config, "--retry-failed")["done"] == 2


def test_a_dataset_of_an_earlier_version_continues_at_10_m_whatever_its_anchor_proposes_now(make: Make) -> None:
    config = make(grid="", band="")
    assert summary("run", config, "--limit", "1")["done"] == 1
    assert stored(config) == {}
    config = make(grid="pixel_size = 10", band="pixel_size=30", transform="[10, 0, 0, 0, -10, 0]")
    assert summary("run", config)["done"] == 2
    assert (stored(config), "pixel_size" in (config.parent / "field" / "mmearth.toml").read_text()) == ({}, False)
    for tile in ("t0", "t1"):
        with stack(config, tile) as source:
            assert (source.transform.a, source.transform.c % 10, source.transform.f % 10) == (10, 0, 0)


def test_a_band_without_its_pixel_size_is_refused_before_the_run_on_larger_pixels(make: Make) -> None:
    config = make(band="")
    text = said("run", config)
    assert "[dataset] pixel_size: modality 'thirty', band 'value' does not state its own pixel size" in text
    assert "cannot be resampled to 30 m. Set `pixel_size` of the Band in its plugin" in text
    assert not (config.parent / "field").exists()
    config = make(band="pixel_size=1", more="pixel_size = 1000")
    text = said("run", config)
    assert "has pixels of 1 m, of which Earth Engine cannot combine more than 256 x 256. Set at most 256" in text


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ("pixel_size = 0", "pixel_size: 'pixel_size' must be > 0: 0"),
        ("pixel_size = 100001", "must be <= 100000"),
        ("pixel_size = nan", "pixel_size: found nan, expected a number"),
        ('pixel_size = "30 m"', 'pixel_size: found "30 m", expected a number'),
        ("origin = [1, 2, 3]", "origin: found [1, 2, 3], expected a number or a list of 2: a number, a number"),
    ],
)
def test_grids_that_are_refused(make: Make, more: str, words: str) -> None:
    assert words in said("run", make(more=more))


@pytest.mark.parametrize("grid", ["pixel_size = -30", "pixel_size = '30'", "origin = (1, 2, 3)", "origin = None"])
def test_a_plugin_with_an_impossible_proposal_is_not_used(make: Make, grid: str) -> None:
    text = said("run", make(grid=grid))
    assert "which are no grid in metres. Write, for example, `pixel_size = 30` and `origin = 15`" in text


SINUSOIDAL = "+proj=sinu +lon_0=0 +x_0=0 +y_0=0 +R=6371007.181 +units=m +no_defs"


@pytest.mark.slow
@pytest.mark.parametrize("form", ["text", "wkt"])
def test_the_grid_of_modis_which_has_no_code(make: Make, form: str) -> None:
    config = make(grid="", more="pixel_size = 463.312716528")
    import pyproj

    crs = SINUSOIDAL if form == "text" else pyproj.CRS(SINUSOIDAL).to_wkt("WKT1_GDAL")
    module = config.parent / "site-packages" / "mmearth_thirty.py"
    module.write_text(module.read_text().replace(repr(UTM), repr(crs)))
    sys.modules.pop("mmearth_thirty", None)
    config.write_text(config.read_text().replace("image_size = 16", "image_size = 4"))
    assert summary("run", config)["done"] == 2
    summary("post", config, "--workers", "1")
    assert cli("verify", config).exit_code == 0
    with stack(config) as source:
        column = source.transform.c / source.transform.a
        assert (source.transform.a, column) == (pytest.approx(463.312716528), pytest.approx(round(column), abs=1e-6))
        wanted = np.full((4, 4), np.nan)
        reproject(
            FIELD.astype(float), wanted, src_transform=rasterio.Affine(30, 0, LEFT, 0, -30, TOP), src_crs=UTM,
            dst_transform=source.transform, dst_crs=SINUSOIDAL, src_nodata=0, dst_nodata=np.nan,
            resampling=Resampling.average, tolerance=0,
        )  # fmt: skip
        known = np.isfinite(wanted)
        assert known.any()
        # Rows of the raster differ by 100; GDAL's average takes a box around a sheared pixel.
        assert np.nanmax(np.abs(source.read(1) - wanted)[known]) < 30
