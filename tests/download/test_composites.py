"""Composites: right in both ways that a plugin has, against GDAL; and refused before any pixel where they are wrong."""

import json
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from mmearth_devkit.testing.command_line import cli, summary
from rasterio.warp import Resampling, reproject
from shapely.geometry import box, mapping

from mmearth_core.download.run_log import read_runs

DOCS = Path(__file__).parents[2] / "docs" / "plugins.md"

SIDE, SECOND, LEFT, TOP = 240, 1 / 3600, 9.0003, 48.0702
"""The rasters: pixels of an arc second, here 21 m x 31 m, from this corner."""
SEAM = 120
"""The column at which the eastern part begins: in the middle of the first tile."""

GDAL = 0.1
"""Metres by which its bilinear values may differ; neighbours differ by up to 200 m."""

PLUGIN = """
import ee
from mmearth_core import Band, Kind, Layer, Modality, Resampling, hookimpl, resample

class Heights(Modality):
    name = "reliefs"
    api_version = 1
    height = Band("height", "float32", -9999, unit="m", resampling=Resampling.METHOD, pixel_size=31)
    layers = (Layer("reliefs", [height]),)
    resampled = RESAMPLED

    def image(self, scene, located):
        whole = ee.Image("HEIGHTS/WHOLE")
        parts = ee.ImageCollection("HEIGHTS/PARTS")
        years = ee.ImageCollection("HEIGHTS/YEARS")
        return IMAGE

@hookimpl
def mmearth_modalities():
    return [Heights]
"""

WORLD = """
[[image]]
id = "HEIGHTS/WHOLE"
bands = { height = "whole.tif" }
[[collection]]
id = "HEIGHTS/PARTS"
image = [
    { index = "west", bands = { height = "west.tif" } }, { index = "east", bands = { height = "east.tif" } },
]
[[collection]]
id = "HEIGHTS/YEARS"
[[collection.image]]
index = "2019"
time = 2019-07-01
bands = { height = "2019.tif" }
[[collection.image]]
index = "2020"
time = 2020-07-01
bands = { height = "2020.tif" }
[[collection.image]]
index = "2021"
time = 2021-07-01
bands = { height = "2021.tif" }
"""

CONFIG = """
[dataset]
name = "relief"
tiles = "tiles.geojson"
image_size = 64
[run]
engine = "local:world.toml"
batch_size = 2
[modalities.file]
[modalities.reliefs]
"""

RANDOM = np.random.default_rng(5)
WHOLE, *YEARS = (RANDOM.uniform(100, 300, (SIDE, SIDE)).astype("float32") for _ in range(4))

Make = Callable[..., Path]


def save(path: Any, pixels: np.ndarray, column: int = 0) -> None:
    transform = rasterio.Affine(SECOND, 0, LEFT + column * SECOND, 0, -SECOND, TOP)
    profile = {"driver": "GTiff", "crs": "EPSG:4326", "transform": transform, "dtype": "float32", "count": 1}
    with rasterio.open(path, "w", width=pixels.shape[1], height=pixels.shape[0], **profile) as target:
        target.write(pixels, 1)


@pytest.fixture
def make(install: Callable[..., Path], tmp_path: Path) -> Make:
    """Installs a plugin that returns this image, and writes a dataset's configuration."""

    def write(
        image: str, resampled: bool = False, method: str = "BILINEAR", more: Sequence[tuple[str, str, str]] = ()
    ) -> Path:
        source = PLUGIN.replace("IMAGE", image).replace("RESAMPLED", str(resampled)).replace("METHOD", method)
        for code, name, _ in more:
            source = source.replace("@hookimpl", f"{code}\n@hookimpl").replace("return [", f"return [{name}, ")
        module = tmp_path / "site-packages" / "mmearth_reliefs.py"
        if module.exists():
            module.write_text(source)
            sys.modules.pop("mmearth_reliefs")
        else:
            install("mmearth-reliefs", source)
        save(tmp_path / "whole.tif", WHOLE)
        save(tmp_path / "west.tif", WHOLE[:, :SEAM])
        save(tmp_path / "east.tif", WHOLE[:, SEAM:], SEAM)
        for year, pixels in zip((2019, 2020, 2021), YEARS, strict=True):
            save(tmp_path / f"{year}.tif", pixels)
        tiles = []
        for number, (column, row) in enumerate([(SEAM, 60), (60, 120), (180, 120), (120, 200)]):
            x, y = LEFT + column * SECOND, TOP - row * SECOND
            properties = {"tile_id": f"t{number}", "lon": x, "lat": y, "date": "2020-07-14"}
            outline = mapping(box(x - 0.004, y - 0.003, x + 0.004, y + 0.003))
            tiles.append({"type": "Feature", "geometry": outline, "properties": properties})
        (tmp_path / "tiles.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": tiles}))
        (tmp_path / "world.toml").write_text(WORLD)
        tables = "".join(f"[modalities.{modality}]\n" for _, _, modality in more)
        (tmp_path / "relief.toml").write_text(CONFIG.replace("world.toml", f"{tmp_path}/world.toml") + tables)
        return tmp_path / "relief.toml"

    return write


def reliefs(config: Path, band: str = "reliefs__height") -> Mapping[str, tuple[dict[str, Any], np.ndarray]]:
    """The grid of each stack, and the pixels of a band."""
    found = {}
    for path in sorted((config.parent / "relief" / "stacks" / "base").glob("*/*.tif")):
        with rasterio.open(path) as stack:
            grid = {"crs": stack.crs, "transform": stack.transform, "width": stack.width, "height": stack.height}
            found[path.stem] = grid, stack.read(stack.descriptions.index(band) + 1)
    return found


def by_gdal(pixels: np.ndarray, grid: dict[str, Any], method: Resampling = Resampling.bilinear) -> np.ndarray:
    """A raster on the grid of a tile."""
    values = np.full((grid["height"], grid["width"]), np.nan, "float32")
    reproject(
        pixels,
        values,
        src_transform=rasterio.Affine(SECOND, 0, LEFT, 0, -SECOND, TOP),
        src_crs="EPSG:4326",
        dst_transform=grid["transform"],
        dst_crs=grid["crs"],
        resampling=method,
        tolerance=0,
    )
    return values


@pytest.mark.parametrize(
    ("image", "resampled", "expected"),
    [
        ("whole", False, lambda to: to(WHOLE)),
        ("resample(whole)", True, lambda to: to(WHOLE)),
        ("resample(ee.ImageCollection([whole])).mosaic()", True, lambda to: to(WHOLE)),
        ("parts.mosaic().setDefaultProjection(parts.first().projection())", False, lambda to: to(WHOLE)),
        ("resample(years).median()", True, lambda to: np.median([to(year) for year in YEARS], axis=0)),
        ("resample(years).filterDate('2020-01-01', '2021-01-01').mosaic()", True, lambda to: to(YEARS[1])),
        ("resample(years).qualityMosaic('height')", True, lambda to: np.max([to(year) for year in YEARS], axis=0)),
        (
            "years.median().setDefaultProjection(years.first().projection())",
            False,
            lambda to: to(np.median(YEARS, axis=0).astype("float32")),
        ),
        (
            "resample(years).reduce(ee.Reducer.max()).rename('height')",
            True,
            lambda to: np.max([to(year) for year in YEARS], axis=0),
        ),
    ],
)
def test_a_composite_is_gdals_bilinear(make: Make, image: str, resampled: bool, expected: Any) -> None:
    config = make(image, resampled)
    done = summary("run", config)
    assert (done["done"], done["purposes"].get("projections", 0)) == (4, 0 if resampled else 1)
    stacks = reliefs(config)
    assert set(stacks) == {"t0", "t1", "t2", "t3"}
    for name, (grid, values) in stacks.items():
        wanted = expected(lambda pixels, grid=grid: by_gdal(pixels, grid))
        assert np.ptp(wanted) > 50
        np.testing.assert_allclose(values, wanted, atol=GDAL, err_msg=name)


def test_what_the_docs_show_is_right(make: Make) -> None:
    section = DOCS.read_text().partition("\n## Composites\n")[2].partition("\n## ")[0]
    median, relief = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    assets = {
        "LANDSAT/LC08/C02/T1_L2": "HEIGHTS/YEARS",
        "SR_B4": "height",
        "projects/my-project/assets/heights": "HEIGHTS/PARTS",
    }
    for documented, here in assets.items():
        median, relief = median.replace(documented, here), relief.replace(documented, here)
    config = make("whole", more=[(median, "RedMedian", "red_median"), (relief, "Relief", "relief")])
    assert summary("run", config)["done"] == 4
    for grid, values in reliefs(config, "red_median__red").values():
        np.testing.assert_allclose(values, np.median([by_gdal(year, grid) for year in YEARS], axis=0), atol=GDAL)
    for grid, values in reliefs(config, "relief__height").values():
        np.testing.assert_allclose(values, by_gdal(WHOLE, grid), atol=GDAL)


def test_of_nearest_bands_a_composite_needs_nothing(make: Make) -> None:
    config = make("parts.mosaic()", method="NEAREST")
    done = summary("run", config)
    assert (done["done"], "projections" in done["purposes"]) == (4, False)
    for grid, values in reliefs(config).values():
        # Where a pixel's centre lies on an edge of the raster's, either neighbour is right.
        assert (values == by_gdal(WHOLE, grid, Resampling.nearest)).mean() > 0.998


def test_resampled_parts_leave_a_seam_where_they_meet(make: Make) -> None:
    """Why parts of one grid are given that grid instead: an image's outermost half pixels have no neighbours."""
    config = make("resample(parts).mosaic()", True)
    assert summary("run", config)["done"] == 4
    grid, values = reliefs(config)["t0"]
    gap = np.isnan(values)
    assert (gap.any(axis=0).sum(), gap.all(axis=0).any()) == (pytest.approx(3, abs=1), True)
    np.testing.assert_allclose(values[~gap], by_gdal(WHOLE, grid)[~gap], atol=GDAL)


COMPOSITES = [
    "ee.ImageCollection([whole]).mosaic()",
    "parts.mosaic()",
    "years.median()",
    "years.mean().add(1)",
    "years.qualityMosaic('height')",
    "years.reduce(ee.Reducer.median()).rename('height')",
    "ee.Image.cat([whole.rename('other'), years.max()])",
    "resample(years).median()",
    "ee.Image(3).rename('height')",
    "ee.Terrain.slope(parts.mosaic()).rename('height')",
    "parts.mosaic().multiply(2).unmask(whole).clip(scene.geometry)",
]


@pytest.mark.parametrize(
    "image", [*COMPOSITES[:3], *(pytest.param(each, marks=pytest.mark.slow) for each in COMPOSITES[3:])]
)
def test_a_composite_that_the_core_would_interpolate_is_refused_before_any_pixel(make: Make, image: str) -> None:
    config = make(image)
    done = cli("run", config, "--json")
    assert done.exit_code == 2, done.output
    printed = json.loads(done.stdout)
    assert (printed["done"], printed["failed"], printed["left"]) == (0, 0, 4)
    assert printed["purposes"] == {"projections": 1}
    assert [path for path in (config.parent / "relief").rglob("*") if path.suffix in {".jsonl", ".tif"}] == [
        config.parent / "relief" / "runs.jsonl"
    ]
    (logged,) = read_runs(config.parent / "relief" / "runs.jsonl")
    for text in (" ".join(done.stderr.split()), logged["why"]):
        assert "mmearth-reliefs 1.0: modality 'reliefs', band 'height': image() returns a composite" in text
        assert "`mmearth_core.resample(collection).median()`" in text
        assert "`resampled = True`" in text
        assert "`composite.setDefaultProjection(collection.first().select(BAND).projection())`" in text


def test_composites_that_the_core_would_average_are_refused_too(make: Make) -> None:
    config = make("parts.mosaic()", method="NEAREST")
    config.write_text(config.read_text().replace("image_size = 64", "image_size = 16\npixel_size = 100"))
    done = cli("run", config, columns=300)
    assert done.exit_code == 2, done.output
    assert "so its pixels cannot be interpolated or averaged" in " ".join(done.stderr.split())
    config = make("parts.mosaic().setDefaultProjection(parts.first().projection())", method="NEAREST")
    config.write_text(config.read_text().replace("image_size = 64", "image_size = 16\npixel_size = 100"))
    done = summary("run", config)
    assert (done["done"], done["purposes"]["projections"]) == (4, 1)
    for grid, values in reliefs(config).values():
        # GDAL's average takes the box around a turned pixel of the tile.
        np.testing.assert_allclose(values, by_gdal(WHOLE, grid, Resampling.average), atol=12)


def test_when_the_plugin_is_fixed_the_run_continues(make: Make) -> None:
    assert cli("run", make("parts.mosaic()")).exit_code == 2
    config = make("parts.mosaic().setDefaultProjection(parts.first().projection())")
    assert summary("run", config)["done"] == 4


@pytest.mark.parametrize(
    ("image", "tile"),
    [
        ("parts.mosaic() if scene.tile_id == 't3' else whole", "t3"),
        # The server decides: at t1 there is only one part.
        (
            "ee.Image(ee.Algorithms.If(parts.filterBounds(scene.geometry).size().eq(1), parts.mosaic(), whole))"
            ".select(['height'])",
            "t1",
        ),
    ],
)
def test_a_mosaic_of_some_tiles_only_is_found_at_the_first_of_them(make: Make, image: str, tile: str) -> None:
    config = make(image)
    config.write_text(config.read_text().replace("batch_size = 2", "batch_size = 1\nmax_concurrent = 1"))
    done = cli("run", config)
    assert done.exit_code == 2, done.output
    assert "image() returns a composite" in done.stderr
    assert tile not in reliefs(config)


def test_where_the_projection_is_refused_the_tile_fails_and_the_next_one_is_asked(make: Make) -> None:
    config = make("years.median() if scene.tile_id != 't0' else ee.ImageCollection('NOWHERE').median()")
    done = cli("run", config, "--json")
    assert done.exit_code == 2, done.output
    assert "image() returns a composite" in done.stderr
    assert reliefs(config) == {}


def test_without_an_answer_no_pixel_is_requested_and_the_next_batch_asks_again(make: Make) -> None:
    config = make("whole")
    fault = '\n[[engines.local.faults]]\nkind = "503"\nphase = "locate"\nfirst = 1\n'
    config.write_text(config.read_text().replace("batch_size = 2", "batch_size = 2\nretry_seconds = 0") + fault)
    done = cli("run", config, "--json")
    printed = json.loads(done.stdout)
    assert (printed["done"], printed["left"], printed["purposes"]["projections"]) == (2, 2, 2), done.output
    assert set(reliefs(config)) == {"t2", "t3"}


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        ("1 / 0", "reliefs.image raised ZeroDivisionError: division by zero"),
        ("parts", "reliefs.image raised AttributeError: 'ImageCollection' object has no attribute 'toFloat'"),
        ("3", "reliefs.image raised AttributeError: 'int' object has no attribute 'select'"),
    ],
)
def test_a_broken_image_is_reported_as_that_of_its_tile(make: Make, image: str, reason: str) -> None:
    config = make(f"whole if scene.tile_id != 't1' else {image}")
    done = summary("run", config, code=1)
    assert (done["done"], done["failed"]) == (3, 1)
    assert done["reasons"][0]["reason"] == f"pixels: {reason}"
