"""A user's own rasters from the manifest to the stack: longitudes from 0 to 360, scaled values, truncated files."""

import json
import logging
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import rasterio
from localearth.errors import InputError
from localearth.worlds.rasters import RastersWorld
from mmearth_devkit.testing.command_line import cli, own_process, summary
from mmearth_devkit.testing.few_tiles import write_few
from rasterio.warp import Resampling, reproject
from shapely.geometry import box

STEP, NORTH, ROWS = 0.01, 40.2, 40
AROUND = 36_000
"""Columns of a raster once around the globe."""

ASSET = "projects/sat-io/open-datasets/ASTER/GDEM"
PLACES = {"west": -75.0, "east": 20.0, "greenwich": 0.0, "past 0": 0.3, "dateline east": 179.98, "far west": -179.98}


def heights(first: float, columns: int = AROUND) -> np.ndarray:
    """Whole numbers that differ from place to place; the first column's left edge is at `first` degrees."""
    lon = np.radians(first + (np.arange(columns) + 0.5) * STEP)
    return np.rint(3000 + 2000 * np.sin(lon * 11) + 100 * np.arange(ROWS)[:, None]).astype("int16")


def raster(
    path: Path, pixels: np.ndarray, left: float, scale: float = 1.0, offset: float = 0.0, nodata: float | None = None
) -> None:
    grid = rasterio.Affine(STEP, 0, left, 0, -STEP, NORTH)
    shape = {"height": pixels.shape[0], "width": pixels.shape[1], "count": 1, "dtype": pixels.dtype}
    with rasterio.open(path, "w", "GTiff", crs="EPSG:4326", transform=grid, nodata=nodata, **shape) as file:
        file.write(pixels, 1)
        if (scale, offset) != (1.0, 0.0):
            file.scales, file.offsets = (scale,), (offset,)


def dataset(folder: Path, longitudes: dict[str, float], more: str = "") -> Path:
    """A configuration with a tile at each longitude, and a world of the raster `dem.tif`."""
    band = '{ file = "dem.tif"' + more + " }"
    (folder / "world.toml").write_text(f'[[image]]\nid = "{ASSET}"\nbands = {{ b1 = {band} }}\n')
    features = []
    for name, lon in longitudes.items():
        ring = [[lon + x * 0.0019, 40 + y * 0.0014] for x, y in ((-1, -1), (1, -1), (1, 1), (-1, 1), (-1, -1))]
        place = {"type": "Polygon", "coordinates": [ring]}
        given = {"tile_id": name, "lon": lon, "lat": 40.0, "date": "2020-06-01"}
        features.append({"type": "Feature", "geometry": place, "properties": given})
    (folder / "tiles.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    config = folder / "own.toml"
    config.write_text(
        '[dataset]\nname = "own"\ntiles = "tiles.geojson"\nanchor = "file"\nimage_size = 32\n'
        f'[engines.local]\nworld = "{folder}/world.toml"\n[run]\nengine = "local"\n'
        "[modalities.file]\n[modalities.aster]\n"
    )
    return config


def elevation(config: Path, name: str) -> tuple[np.ndarray, dict]:
    """The band `elevation` of a tile's stack, and the stack's grid."""
    (path,) = (config.parent / "own" / "stacks" / "base").glob(f"*/{name}.tif")
    with rasterio.open(path) as stack:
        number = stack.descriptions.index("aster__elevation") + 1
        return stack.read(number), {"dst_crs": stack.crs, "dst_transform": stack.transform}


def by_rasterio(pixels: np.ndarray, grid: dict) -> np.ndarray:
    """GDAL's bilinear values of a raster that begins at -180 degrees."""
    found = np.full((32, 32), np.nan, "float32")
    source = {"src_crs": "EPSG:4326", "src_transform": rasterio.Affine(STEP, 0, -180, 0, -STEP, NORTH)}
    values = pixels.astype("float32")
    reproject(values, found, **source, **grid, resampling=Resampling.bilinear, tolerance=0, dst_nodata=np.nan)
    return found


@pytest.mark.parametrize(
    "first", [0.0, -100.0, *(pytest.param(first, marks=pytest.mark.slow) for first in (100.0, -180.0))]
)
def test_longitudes_are_served_wherever_the_raster_begins(tmp_path: Path, first: float) -> None:
    raster(tmp_path / "dem.tif", heights(first), first)
    config = dataset(tmp_path, PLACES)
    assert summary("run", config)["done"] == len(PLACES)
    for name in PLACES:
        found, grid = elevation(config, name)
        np.testing.assert_allclose(found, by_rasterio(heights(-180), grid), atol=0.05, err_msg=name)
        assert np.ptp(found) > 1


def band_of(folder: Path, pixels: np.ndarray, left: float) -> object:
    raster(folder / "dem.tif", pixels, left)
    (folder / "world.toml").write_text('[[image]]\nid = "A"\nbands = { b = "dem.tif" }')
    image = RastersWorld(folder / "world.toml").find("A")
    return image.bands[0], image.footprint.bounds


@pytest.mark.parametrize(
    ("left", "columns"), [(-0.005, AROUND), (0.0, AROUND + 1), (-360.0, AROUND), (719.995, AROUND)]
)
def test_every_longitude_has_its_column(tmp_path: Path, left: float, columns: int) -> None:
    pixels = heights(left, columns)
    band, bounds = band_of(tmp_path, pixels, left)
    assert bounds[0] <= -180
    assert bounds[2] >= 180
    values, mask = band.read(0, 0, ROWS, band.width)
    assert mask.all()
    lon = band.transform[2] + (np.arange(band.width) + 0.5) * STEP
    wanted = np.floor(np.round((lon - left) % 360 / STEP, 6)).astype(int) % AROUND
    np.testing.assert_array_equal(values, pixels[:, wanted])
    for start, count in ((0, 5), (band.width - 7, 7), (17_990, 30), (4, 35_000)):
        np.testing.assert_array_equal(band.read(3, start, 2, count)[0], values[3:5, start : start + count])


@pytest.mark.parametrize(("left", "east"), [(190.0, -170.0), (-190.0, 170.0), (10.0, 10.0), (-180.005, -180.005)])
def test_a_part_of_the_globe_keeps_its_columns(tmp_path: Path, left: float, east: float) -> None:
    pixels = heights(left, 300)
    band, bounds = band_of(tmp_path, pixels, left)
    assert (band.transform[2], band.width) == (pytest.approx(east), 300)
    assert bounds[0] == pytest.approx(east)
    np.testing.assert_array_equal(band.read(0, 0, ROWS, 300)[0], pixels)


FOOTPRINTS = {
    "POLYGON ((0 -90, 360 -90, 360 90, 0 90, 0 -90))": box(-180, -90, 180, 90),
    "POLYGON ((179 0, 181 0, 181 1, 179 1, 179 0))": box(179, 0, 180, 1) | box(-180, 0, -179, 1),
    "POLYGON ((285 0, 286 0, 286 1, 285 1, 285 0))": box(-75, 0, -74, 1),
    "POLYGON ((-190 0, -180 0, -180 1, -190 1, -190 0))": box(170, 0, 180, 1),
    "POLYGON ((-182 0, -181 0, -181 1, -182 1, -182 0))": box(178, 0, 179, 1),
    "POLYGON ((10 0, 11 0, 11 1, 10 1, 10 0))": box(10, 0, 11, 1),
}


@pytest.mark.parametrize("given", FOOTPRINTS)
def test_a_footprint_continues_on_the_other_side_of_180(tmp_path: Path, given: str) -> None:
    raster(tmp_path / "dem.tif", heights(10, 100), 10)
    (tmp_path / "world.toml").write_text(f'[[image]]\nid = "A"\nfootprint = "{given}"\nbands = {{ b = "dem.tif" }}')
    found = RastersWorld(tmp_path / "world.toml").find("A").footprint
    assert found.geom_type.endswith("Polygon")
    assert found.symmetric_difference(FOOTPRINTS[given]).area == pytest.approx(0, abs=1e-9)


@pytest.mark.slow
def test_tiles_past_180_are_where_they_are(tmp_path: Path) -> None:
    """Scenes are found by their footprints, so `285` must be -75 there too."""
    for name, turn in (("plain", 0), ("east", 360)):
        config = write_few(tmp_path / name, 3, "few", size=32, partition=3)
        tiles = json.loads((tmp_path / name / "tiles.geojson").read_text())
        for feature in tiles["features"]:
            ring = feature["geometry"]["coordinates"][0]
            feature["geometry"]["coordinates"] = [[(lon + turn, lat) for lon, lat in ring]]
            del feature["properties"]["lon"], feature["properties"]["lat"]
        (tmp_path / name / "tiles.geojson").write_text(json.dumps(tiles))
        assert summary("run", config)["done"] == 3
    stacks = [sorted((tmp_path / name / "few" / "stacks").rglob("*.tif")) for name in ("plain", "east")]
    for plain, east in zip(*stacks, strict=True):
        with rasterio.open(plain) as one, rasterio.open(east) as other:
            assert (one.crs, one.transform) == (other.crs, other.transform)
            np.testing.assert_array_equal(one.read(), other.read())


@pytest.mark.parametrize(("left", "columns"), [(178.0, 400), (10.0, 34_000), (-181.0, 300)])
def test_a_raster_on_both_sides_of_180_is_refused_before_anything_is_asked_for(
    tmp_path: Path, left: float, columns: int
) -> None:
    pixels = heights(left, columns)
    raster(tmp_path / "dem.tif", pixels, left)
    config = dataset(tmp_path, PLACES)
    done = cli("run", config)
    assert done.exit_code == 2
    said = " ".join(done.stderr.split())
    assert f"band 'b1', file {tmp_path}/dem.tif: its longitudes, {left:g} to {left + columns * STEP:g}, are" in said
    assert "Cut it at 180 degrees into two files (`gdal_translate -projwin W N E S`)" in said
    assert not (config.parent / "own" / "journal").exists()
    # The remedy works.
    cut = round(((180 if left > -180 else -180) - left) / STEP)
    for part, at in ((pixels[:, :cut], left), (pixels[:, cut:], left + cut * STEP)):
        band, _ = band_of(tmp_path, part, at)
        assert -180.01 < band.transform[2] < 180
        np.testing.assert_array_equal(band.read(0, 0, ROWS, band.width)[0], part)


def test_a_scale_is_applied_where_the_manifest_says_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    pixels = heights(-180)
    pixels[:, 10_400:10_600] = -5
    raster(tmp_path / "dem.tif", pixels, -180, 0.25, -100.0, nodata=-5)
    config = dataset(tmp_path, PLACES | {"hole": -75.0}, ", apply_scale = true")
    assert summary("run", config)["done"] == len(PLACES) + 1
    assert not caplog.records
    for name in ("east", "past 0"):
        found, grid = elevation(config, name)
        np.testing.assert_allclose(found, by_rasterio(pixels * 0.25 - 100.0, grid), atol=0.02)
    assert np.isnan(elevation(config, "hole")[0]).all()


@pytest.mark.parametrize(("dtype", "scaled"), [("uint8", "float32"), ("int16", "float32"), ("int32", "float64")])
def test_scaled_values_are_those_of_rasterio(tmp_path: Path, dtype: str, scaled: str) -> None:
    pixels = np.arange(ROWS * 6, dtype=dtype).reshape(ROWS, 6)
    raster(tmp_path / "dem.tif", pixels, 10.0, 0.1, 3.5, nodata=7)
    (tmp_path / "world.toml").write_text(
        '[[image]]\nid = "A"\n[image.bands]\nb = { file = "dem.tif", apply_scale = true }\n'
        'raw = { file = "dem.tif", apply_scale = false }\nflat = { constant = 1, dtype = "uint8", like = "b" }'
    )
    band, raw, _ = RastersWorld(tmp_path / "world.toml").find("A").bands
    with rasterio.open(tmp_path / "dem.tif") as file:
        wanted = file.read(1, masked=True) * file.scales[0] + file.offsets[0]
    values, mask = band.read(0, 0, ROWS, 6)
    assert (band.dtype, values.dtype, raw.dtype) == (scaled, scaled, dtype)
    np.testing.assert_array_equal(mask, ~wanted.mask)
    np.testing.assert_allclose(values[mask], wanted.compressed(), rtol=1e-6)
    np.testing.assert_array_equal(raw.read(0, 0, ROWS, 6)[0], pixels)
    np.testing.assert_array_equal(raw.read(0, 0, ROWS, 6)[1], mask)


def warned(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]


@pytest.mark.slow
def test_tags_that_are_not_applied_are_warned_of_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    raster(tmp_path / "dem.tif", heights(-180), -180, 0.25, -100.0)
    config = dataset(tmp_path, {"east": 20.0})
    done = own_process("run", config)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("`apply_scale = true`") == 1
    assert f"band 'b1' of {tmp_path}/dem.tif (scale 0.25, offset -100.0)" in done.stderr
    found, grid = elevation(config, "east")
    np.testing.assert_allclose(found, by_rasterio(heights(-180), grid), atol=0.05)
    config.write_text(config.read_text().replace("[run]", "processes = 2\n[run]"))
    shutil.rmtree(tmp_path / "own")
    assert own_process("run", config).stderr.count("`apply_scale = true`") == 1
    for more in (", apply_scale = false", ", apply_scale = true"):
        dataset(tmp_path, {"east": 20.0}, more)
        RastersWorld(tmp_path / "world.toml")
    assert not warned(caplog)
    dataset(tmp_path, {"east": 20.0}, ", apply_scale = 1")
    with pytest.raises(InputError, match="key 'apply_scale' is 1; it must be true or false"):
        RastersWorld(tmp_path / "world.toml")


def cut(path: Path, share: float) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])


@pytest.mark.parametrize("names", [["east"], ["west", "east"]])
def test_a_truncated_raster_is_named_with_its_band(tmp_path: Path, names: Sequence[str]) -> None:
    raster(tmp_path / "dem.tif", heights(-180), -180)
    cut(tmp_path / "dem.tif", 0.4)  # rows 16 and below are gone; tiles need rows 19 and 20
    config = dataset(tmp_path, {name: PLACES[name] for name in names})
    done = summary("run", config, code=1)
    assert done["failed"] == len(names)
    (reason,) = (each["reason"] for each in done["reasons"])
    assert f"{tmp_path}/dem.tif: band 1 ('b1') cannot be read in rows" in reason
    assert "The file is truncated, damaged or gone; replace it." in reason


def test_a_file_without_its_header_is_refused_at_the_start(tmp_path: Path) -> None:
    raster(tmp_path / "dem.tif", heights(-180), -180)
    cut(tmp_path / "dem.tif", 0)
    done = cli("run", dataset(tmp_path, {"east": 20.0}))
    assert done.exit_code == 2
    assert f"band 'b1', file {tmp_path}/dem.tif: the file cannot be opened" in " ".join(done.stderr.split())
