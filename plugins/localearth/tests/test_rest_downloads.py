"""getDownloadURL of the real client, and the plain GET that follows."""

import io
import json
import zipfile
from urllib.parse import urlsplit

import ee
import numpy as np
import pytest
import rasterio
from shapely.geometry import box, mapping

UTM = "EPSG:32618"


@pytest.fixture
def get(local):
    """Fetches a URL, as a program without the client would: (status, content type, content)."""
    from localearth import transport

    service = transport.LocalTransport(local).service

    class Shared(transport.LocalTransport):
        def __init__(self):
            self.service = service

    ee.Reset()
    ee.Initialize(credentials=None, project="local", http_transport=Shared())

    def fetch(url):
        status, headers, content = service.handle("GET", urlsplit(url).path, {}, None)
        return status, headers["content-type"], content

    return fetch


def image():
    return ee.Image("TEST/SCENES/20170101T000000_S")


def region(kit, left, top, right, bottom):
    x, y = kit.origin
    return mapping(kit.lonlat(box(x + left, y - bottom, x + right, y - top)))


@pytest.fixture
def expected(local):
    """A window of the band B2 of the world's first scene, in 10 m pixels."""

    def window(rows, cols):
        (band,) = [band for band in local.assets["TEST/SCENES/20170101T000000_S"].bands if band.name == "B2"]
        return band.pixels[rows, cols]

    return window


def test_geotiff_with_region_scale_and_crs(get, kit, expected):
    url = image().getDownloadURL(
        {
            "region": region(kit, 203, 101, 1197, 799),
            "scale": 10,
            "crs": UTM,
            "bands": ["B3", "B2"],
            "format": "GEO_TIFF",
        }
    )
    status, kind, content = get(url)
    assert (status, kind) == (200, "image/tiff")
    with rasterio.MemoryFile(content).open() as file:
        assert file.crs == UTM
        assert file.descriptions == ("B3", "B2")
        assert file.transform.to_gdal() == (kit.origin[0] + 200, 10, 0, kit.origin[1] - 100, 0, -10)
        np.testing.assert_array_equal(file.read(2), expected(slice(10, 80), slice(20, 120)))


def test_npy_is_a_structured_array(get, kit, expected):
    url = image().getDownloadURL(
        {"region": region(kit, 200, 100, 400, 200), "scale": 10, "crs": UTM, "format": "NPY", "bands": ["B2", "QA60"]}
    )
    array = np.load(io.BytesIO(get(url)[2]))
    assert array.dtype.names == ("B2", "QA60")
    assert array.shape == (10, 20)
    np.testing.assert_array_equal(array["B2"], expected(slice(10, 20), slice(20, 40)))


def test_an_exact_rectangle_by_transform_and_dimensions(get, kit, expected):
    x, y = kit.origin
    url = image().getDownloadURL(
        {
            "crs": UTM,
            "crs_transform": [10, 0, x + 50, 0, -10, y - 30],
            "dimensions": [7, 4],
            "format": "NPY",
            "bands": ["B2"],
        }
    )
    array = np.load(io.BytesIO(get(url)[2]))
    np.testing.assert_array_equal(array["B2"], expected(slice(3, 7), slice(5, 12)))


def test_dimensions_divide_the_region(get, kit, expected):
    url = (
        image()
        .select("B2")
        .getDownloadURL(
            {"region": region(kit, 100, 100, 300, 200), "dimensions": [20, 10], "crs": UTM, "format": "NPY"}
        )
    )
    array = np.load(io.BytesIO(get(url)[2]))
    np.testing.assert_array_equal(array["B2"], expected(slice(10, 20), slice(10, 30)))


def test_the_longer_side_may_be_given(get, kit):
    params = {"region": region(kit, 100, 100, 500, 200), "dimensions": 80, "crs": UTM, "format": "NPY"}
    array = np.load(io.BytesIO(get(image().select("B2").getDownloadURL(params))[2]))
    assert array.shape == (20, 80)


def test_without_a_grid_the_image_comes_on_its_own(get, kit, expected):
    array = np.load(io.BytesIO(get(image().select("B2").getDownloadURL({"format": "NPY"}))[2]))
    np.testing.assert_array_equal(array["B2"], expected(slice(None), slice(None)))


@pytest.mark.parametrize(
    ("params", "names"),
    [
        ({}, ["download.B2.tif", "download.B3.tif"]),
        ({"filePerBand": False, "name": "mine"}, ["mine.tif"]),
    ],
)
def test_zips_of_geotiffs(get, kit, params, names):
    grid = {"region": region(kit, 200, 100, 400, 200), "scale": 10, "crs": UTM}
    status, kind, content = get(image().select(["B2", "B3"]).getDownloadURL({**grid, **params}))
    assert (status, kind) == (200, "application/zip")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.namelist() == names
        with rasterio.MemoryFile(archive.read(names[0])).open() as file:
            assert (file.height, file.width) == (10, 20)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"format": "ZARR"}, "does not support the file format ZARR"),
        ({"format": "PNG", "bands": ["B2", "B99"]}, "Band 'B99' was not found"),
        ({"scale": 0.05}, "dimensions .* must be less than or equal to 10000"),
        ({"scale": 0.2, "bands": ["B2"]}, "Total request size .* must be less than or equal to 33554432 bytes"),
        ({"bands": ["B99"]}, "Band 'B99' was not found"),
        ({"scale": -1}, "must be positive"),
    ],
)
def test_a_download_that_cannot_be_made_is_refused_at_once(get, kit, change, said):
    params = {"region": region(kit, 200, 100, 1200, 1100), "scale": 10, "crs": UTM, "format": "NPY", **change}
    with pytest.raises(ee.EEException, match=said):
        image().select(["B2", "B3"]).getDownloadURL(params)


def test_an_image_without_bounds_needs_a_region(get):
    with pytest.raises(ee.EEException, match="no bounds: set the region"):
        ee.Image(1).getDownloadURL({"format": "NPY"})
    with pytest.raises(ee.EEException, match=r"clipToBoundsAndScale.*must not be unbounded"):
        ee.Image(1).getDownloadURL({"format": "NPY", "scale": 10})


def test_an_unknown_download_id_is_not_found(get):
    status, _, content = get("http://any/v1/projects/local/thumbnails/abc:getPixels")
    assert status == 404
    assert "projects/local/thumbnails/abc" in json.loads(content)["error"]["message"]


def test_equal_requests_have_one_name_and_only_the_newest_are_kept(get, kit, monkeypatch):
    from localearth import rest_downloads

    monkeypatch.setattr(rest_downloads, "KEPT", 2)
    params = {"region": region(kit, 200, 100, 400, 200), "scale": 10, "crs": UTM, "format": "NPY"}
    first = image().select("B2").getDownloadURL(dict(params))
    assert image().select("B2").getDownloadURL(dict(params)) == first
    others = [image().select(name).getDownloadURL(dict(params)) for name in ("B3", "B5")]
    assert [get(url)[0] for url in (first, *others)] == [404, 200, 200]


def test_methods_that_do_not_fit_are_refused(local):
    from localearth.rest import Service

    service = Service(local)
    assert service.handle("GET", "/v1/projects/p/thumbnails", {}, None)[0] == 405
    assert service.handle("POST", "/v1/projects/p/thumbnails/x:getPixels", {}, b"{}")[0] == 405
    assert service.handle("POST", "/v1/projects/p/thumbnails", {}, b"no JSON")[0] == 400
