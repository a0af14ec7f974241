"""A collection of elevation tiles, GeoTIFFs of a manifest: across their seam, values are those of one whole raster."""

import datetime as dt

import numpy as np
import pytest
import rasterio
from affine import Affine
from localearth.worlds.rasters import RastersWorld
from mmearth_aster.modality import TERMS, Aster, AsterOptions
from mmearth_localearth.testing import download, to_lonlat
from pyproj import Transformer
from rasterio.warp import Resampling, reproject
from shapely.geometry import box

from mmearth_core import Anchor

UTM, SECOND, SIDE, SIZE = "EPSG:32632", 1 / 3600, 120, 16
WEST, NORTH = 9.0, 46.0
"""The corner of the north-western tile; the others follow to the east and south."""
ASSET, WHOLE = "COPERNICUS/DEM/GLO30_2024_1", "MY/WHOLE"
ANCHOR = Anchor(dt.date(2018, 7, 14), UTM)
GLO30 = AsterOptions(collection=ASSET, band="DEM")
to_utm = Transformer.from_crs("EPSG:4326", UTM, always_xy=True).transform


def write(path, heights, west, north):
    profile = {"driver": "GTiff", "count": 1, "dtype": "float32", "crs": "EPSG:4326", "nodata": -9999}
    transform = Affine(SECOND, 0, west, 0, -SECOND, north)
    with rasterio.open(
        path, "w", height=heights.shape[0], width=heights.shape[1], transform=transform, **profile
    ) as file:
        file.write(heights.astype("float32"), 1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two by two tiles, and the whole in one raster."""
    folder = tmp_path_factory.mktemp("dem")
    row, col = np.mgrid[0 : 2 * SIDE, 0 : 2 * SIDE]
    relief = 500 + 2.5 * col + 4 * row + np.random.default_rng(5).normal(0, 30, row.shape)
    paths = {}
    for name, top, left in (("N45_E008", 0, 0), ("N45_E009", 0, SIDE), ("N44_E008", SIDE, 0), ("N44_E009", SIDE, SIDE)):
        paths[name] = folder / f"{name}.tif"
        heights = relief[top : top + SIDE, left : left + SIDE]
        write(paths[name], heights, WEST + left * SECOND, NORTH - top * SECOND)
    write(folder / "whole.tif", relief, WEST, NORTH)
    images = "".join(f'[[collection.image]]\nindex = "{name}"\nbands = {{ DEM = "{name}.tif" }}\n' for name in paths)
    whole = f'[[image]]\nid = "{WHOLE}"\nbands = {{ DEM = "whole.tif" }}\n'
    (folder / "world.toml").write_text(f'[[collection]]\nid = "{ASSET}"\n{images}{whole}')
    return folder


def tile(east, south):
    """A tile of 160 m whose middle is some metres to the east and south of the corner where the four rasters meet."""
    x, y = to_utm(WEST + SIDE * SECOND, NORTH - SIDE * SECOND)
    x, y = 10 * round((x + east) / 10), 10 * round((y - south) / 10)
    return to_lonlat(box(x - 79, y - 79, x + 79, y + 79), UTM), (x - 80, y + 80)


def fetch(folder, tmp_path, polygon, options):
    modality = Aster(options)
    result = download(RastersWorld(folder / "world.toml"), [modality], polygon, ANCHOR, tmp_path, SIZE)
    return result, modality.info(result.located(modality))


# The corner of all four, the seam of two, a tile that ends 10 m before the seam, and one far from any.
@pytest.mark.parametrize(
    ("east", "south"),
    [
        pytest.param(0, 0, marks=pytest.mark.slow),
        (0, 1200),
        (-90, 1200),
        pytest.param(900, -900, marks=pytest.mark.slow),
    ],
)
def test_values_across_the_seam_are_those_of_one_raster(folder, tmp_path, east, south):
    polygon, (left, top) = tile(east, south)
    result, info = fetch(folder, tmp_path, polygon, GLO30)
    wanted = np.full((SIZE, SIZE), np.nan, "float32")
    with rasterio.open(folder / "whole.tif") as source:
        grid = {"dst_crs": UTM, "dst_transform": Affine(10, 0, left, 0, -10, top)}
        reproject(rasterio.band(source, 1), wanted, **grid, resampling=Resampling.bilinear, tolerance=0)
    np.testing.assert_allclose(result.bands["aster__elevation"], wanted, atol=0.02)
    single, _ = fetch(folder, tmp_path, polygon, AsterOptions(asset=WHOLE, band="DEM"))
    for band in ("aster__elevation", "aster__slope"):
        np.testing.assert_allclose(result.bands[band], single.bands[band], rtol=1e-5, err_msg=band)
        assert np.isfinite(result.bands[band]).all()
    assert result.requests == {"locate": 1, "projections": 1, "pixels": 1}
    assert info == {"BANDS": {"aster": ["DEM", "slope"]}}


def test_slopes_at_the_seam_are_those_of_gdal(folder, tmp_path):
    # ZevenbergenThorne's formula of the four neighbours, in metres at this latitude, on the whole raster by numpy.
    with rasterio.open(folder / "whole.tif") as source:
        heights = source.read(1).astype(float)
    latitude = NORTH - (np.arange(2 * SIDE) + 0.5) * SECOND
    metres = np.pi / 180 * 6378137 * SECOND
    slope = np.zeros_like(heights)
    dx = (heights[1:-1, 2:] - heights[1:-1, :-2]) / (2 * metres * np.cos(np.radians(latitude[1:-1, None])))
    dy = (heights[2:, 1:-1] - heights[:-2, 1:-1]) / (2 * metres)
    slope[1:-1, 1:-1] = np.degrees(np.arctan(np.hypot(dx, dy)))
    polygon, (left, top) = tile(0, 1200)
    x, y = np.meshgrid(left + 5 + 10 * np.arange(SIZE), top - 5 - 10 * np.arange(SIZE))
    lon, lat = Transformer.from_crs(UTM, "EPSG:4326", always_xy=True).transform(x, y)
    col, row = (lon - WEST) / SECOND - 0.5, (NORTH - lat) / SECOND - 0.5
    i, j = np.floor(row).astype(int), np.floor(col).astype(int)
    down, right = row - i, col - j
    upper = slope[i, j] * (1 - right) + slope[i, j + 1] * right
    lower = slope[i + 1, j] * (1 - right) + slope[i + 1, j + 1] * right
    assert j.min() < SIDE - 1 < j.max(), "the tile must be on the seam"
    result, _ = fetch(folder, tmp_path, polygon, GLO30)
    np.testing.assert_allclose(result.bands["aster__slope"], upper * (1 - down) + lower * down, rtol=5e-3)


def test_a_tile_without_an_elevation_tile_is_no_data_with_its_reason(folder, tmp_path):
    polygon, _ = tile(20_000, 0)
    result, info = fetch(folder, tmp_path, polygon, GLO30)
    assert (result.entry.outcome, result.requests) == ("done", {"locate": 1})
    assert all(np.isnan(band).all() for band in result.bands.values())
    assert info["BANDS"] == {"aster": []}
    assert info["MISSING"] == {"aster": f"{ASSET} has no height in the tile (beyond its extent, or masked)"}


def test_an_image_near_the_tile_alone_is_no_height_in_it(folder, tmp_path):
    # 200 m east of the last raster, which is close enough to be asked for.
    polygon, _ = tile(SIDE * SECOND * 77_300 + 200, 900)
    result, info = fetch(folder, tmp_path, polygon, GLO30)
    assert [record["valid"] for record in result.located(Aster())] == [0]
    assert info["BANDS"] == {"aster": []}


def test_a_collection_that_is_not_cut_into_tiles_is_refused(folder, tmp_path):
    images = "".join(f'[[collection.image]]\nindex = "i{n}"\nbands = {{ DEM = "whole.tif" }}\n' for n in range(120))
    (folder / "many.toml").write_text(f'[[collection]]\nid = "{ASSET}"\n{images}')
    world = RastersWorld(folder / "many.toml")
    result = download(world, [Aster(GLO30)], tile(0, 0)[0], ANCHOR, tmp_path, SIZE)
    assert result.entry.outcome == "failed"
    assert "100 images or more at one tile, so it is not an elevation model cut into tiles" in result.entry.reason


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (AsterOptions(), "ASTER Global Digital Elevation Model V003"),
        (AsterOptions(asset="NASA/NASADEM_HGT/001", band="elevation"), "NASADEM Merged DEM"),
        (AsterOptions(asset="USGS/SRTMGL1_003", band="elevation"), "Shuttle Radar Topography Mission"),
        (GLO30, "Copernicus Global Digital Elevation Model GLO-30, 2024_1 release"),
    ],
)
def test_the_terms_are_those_of_the_model_in_use(options, words):
    modality = Aster(options)
    assert words in modality.citation
    assert modality.source.startswith("https://")
    assert ("Airbus Defence and Space" in modality.attribution) == (options.collection is not None)
    assert modality.attribution != ""


def test_the_terms_of_an_unknown_model_are_not_those_of_another():
    modality = Aster(AsterOptions(asset="MY/DEM", band="elevation"))
    assert {modality.licence, modality.attribution, modality.citation, modality.source} == {""}
    assert "MY/DEM" not in TERMS
