"""Files of pixels: GeoTIFF with no-data, pictures, thumbnails and map tiles; read with GDAL."""

import io
import zipfile
from contextlib import contextmanager

import ee
import numpy as np
import pytest
import rasterio
from localearth.rest import Service
from localearth.transport import LocalTransport
from rasterio.warp import transform as warp

# Pictures have no position.
pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")

UTM = "EPSG:32618"
X, Y = 399960.0, 4200000.0
GRID = {
    "crsCode": UTM,
    "dimensions": {"width": 3, "height": 2},
    "affineTransform": {"scaleX": 10, "translateX": X, "scaleY": -10, "translateY": Y},
}


def western(image):
    """An image that is masked in the last of its three columns."""
    return image.clip(ee.Geometry.Rectangle([X, Y - 20, X + 20, Y], UTM, False))


@contextmanager
def opened(content):
    with rasterio.MemoryFile(content) as memory, memory.open() as file:
        yield file


@pytest.fixture
def get(client, world):
    """Fetches the path of an address: (status, content type, content)."""
    client.local = LocalTransport(world)
    service: Service = client.local.service

    def fetch(url):
        status, headers, content = service.handle("GET", "/" + url.split("/", 3)[3], {}, None)
        return status, headers["content-type"], content

    return fetch


@pytest.mark.parametrize(
    ("cast", "dtype", "nodata"),
    [
        ("toUint8", "uint8", 0),
        ("toUint16", "uint16", 0),
        ("toUint32", "uint32", 0),
        ("toInt8", "int8", -128),
        ("toInt16", "int16", -32768),
        ("toInt32", "int32", -(2**31)),
        ("toFloat", "float32", -np.inf),
        ("toDouble", "float64", -np.inf),
    ],
)
def test_masked_pixels_of_a_geotiff_have_the_no_data_value_of_the_type(local, cast, dtype, nodata):
    image = western(getattr(ee.Image(5), cast)())
    content = ee.data.computePixels({"expression": image, "fileFormat": "GEO_TIFF", "grid": GRID})
    with opened(content) as file:
        assert (file.dtypes, file.nodata) == ((dtype,), nodata)
        np.testing.assert_array_equal(file.read(1), np.array([[5, 5, nodata]] * 2, dtype))
        assert file.read(1, masked=True).mean() == 5


def test_integers_of_64_bits_are_sent_as_google_sends_them(local):
    image = western(ee.Image(5).toInt64())
    with opened(ee.data.computePixels({"expression": image, "fileFormat": "GEO_TIFF", "grid": GRID})) as file:
        assert (file.dtypes, file.nodata) == (("float64",), -np.inf)
        np.testing.assert_array_equal(file.read(1), [[5, 5, 0]] * 2)


def test_bands_of_several_types_share_one_no_data_value(local):
    image = western(ee.Image(5).toUint8()).addBands(ee.Image(-1).toInt16())
    with opened(ee.data.computePixels({"expression": image, "fileFormat": "GEO_TIFF", "grid": GRID})) as file:
        assert (file.dtypes, file.nodatavals) == (("int16",) * 2, (-32768,) * 2)
        np.testing.assert_array_equal(file.read()[:, 0], [[5, 5, -32768], [-1, -1, -1]])


def test_every_file_of_a_zip_has_its_own_type_and_grid(get):
    scene = ee.Image("TEST/SCENES/20170101T000000_S").select(["B2", "B1"])
    image = scene.addBands(scene.select("B2").toFloat().rename("f"), ["f"])
    content = get(image.updateMask(0).getDownloadURL({}))[2]
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        found = {}
        for name in archive.namelist():
            with opened(archive.read(name)) as file:
                found[name] = file.shape, file.dtypes[0], file.nodata, file.res
    assert found == {
        "download.B2.tif": ((240, 240), "uint16", 0, (10, 10)),
        "download.B1.tif": ((40, 40), "uint16", 0, (60, 60)),
        "download.f.tif": ((240, 240), "float32", -np.inf, (10, 10)),
    }


def test_a_picture_is_transparent_or_black_where_it_is_masked(local):
    image = western(ee.Image([200, 100, 50]).toUint8())
    request = {"expression": image, "grid": GRID}
    with opened(ee.data.computePixels({**request, "fileFormat": "PNG"})) as file:
        assert (file.driver, file.count) == ("PNG", 4)
        np.testing.assert_array_equal(file.read()[:, 0], [[200, 200, 0], [100, 100, 0], [50, 50, 0], [255, 255, 0]])
    with opened(ee.data.computePixels({**request, "fileFormat": "JPEG"})) as file:
        assert (file.driver, file.count) == ("JPEG", 3)
    whole = ee.Image([200, 100, 50]).toUint8()
    assert ee.data.computePixels({**request, "expression": whole, "fileFormat": "AUTO_JPEG_PNG"})[:2] == b"\xff\xd8"
    assert ee.data.computePixels({**request, "fileFormat": "AUTO_JPEG_PNG"})[:4] == b"\x89PNG"


@pytest.mark.parametrize(
    ("parameters", "rgb"),
    [
        ({"min": 0, "max": 20}, [(191,)]),
        ({"min": 0, "max": 10}, [(255,)]),
        ({"gain": 10, "bias": 5}, [(155,)]),
        ({"min": 0, "max": 20, "gamma": 2}, [(int(255 * 0.75**0.5),)]),
        ({"min": 0, "max": 20, "palette": ["000000", "FF0000"]}, [(191,), (0,), (0,)]),
        ({"min": 10, "max": 20, "palette": "0f0,#000000,0000FF"}, [(0,), (0,), (0,)]),
        ({"min": 0, "max": 20, "forceRgbOutput": True}, [(191,)] * 3),
    ],
)
def test_visualize_stretches_to_bytes(local, parameters, rgb):
    picture = ee.Image(15).toFloat().visualize(**parameters)
    got = ee.data.computePixels({"expression": picture, "fileFormat": "NUMPY_NDARRAY", "grid": GRID})
    names = ("vis-red", "vis-green", "vis-blue") if len(rgb) == 3 else ("vis-gray",)
    assert got.dtype.names == names
    assert [tuple(np.unique(got[name])) for name in names] == rgb


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"min": 2}, r"'max' \(1\) must be greater than 'min' \(2\)"),
        ({"min": 1, "max": 1}, r"'max' \(1\) must be greater than 'min' \(1\)"),
        ({"min": 0, "gain": 2}, "cannot be specified together"),
        ({"min": 0, "max": 1, "palette": ["reddish"]}, "colour 'reddish' is not supported"),
        ({"min": 0, "max": 1, "palette": {"0": "red"}}, "'palette' must be a list of colours, not {'0': 'red'}"),
        ({"min": [0, 1], "max": 3}, "'min' has 2 values for 1 bands"),
        ({"min": 0, "max": 3, "bands": ["b"]}, "No band named 'b'"),
        ({"gain": 2, "palette": ["FFFFFF"]}, "together with 'palette'"),
    ],
)
def test_visualize_refuses_what_it_does_not_know(local, parameters, said):
    with pytest.raises(ee.EEException, match=f"Image.visualize: .*{said}"):
        ee.Image(1.5).visualize(**parameters).getInfo()


DEFAULTS = {
    "floats": (lambda: ee.Image(0.25).toFloat(), {}, 63),
    "floats with a maximum": (lambda: ee.Image(0.25).toDouble(), {"max": 0.5}, 127),
    "bytes": (lambda: ee.Image(77).toByte(), {}, 77),
    "16 bits": (lambda: ee.Image(32896).toUint16(), {}, 128),
    "16 bits with a maximum": (lambda: ee.Image(1500).toUint16(), {"max": 3000}, 127),
    "signed": (lambda: ee.Image(0).toInt16(), {}, int(255 * 32768 / 65535)),
    "a comparison": (lambda: ee.Image(1).gt(0), {}, 255),
}


@pytest.mark.parametrize("name", DEFAULTS)
def test_visualize_stretches_by_the_type_without_limits(local, name):
    image, parameters, expected = DEFAULTS[name]
    picture = image().visualize(**parameters)
    got = ee.data.computePixels({"expression": picture, "fileFormat": "NUMPY_NDARRAY", "grid": GRID})
    assert np.unique(got["vis-gray"]).tolist() == [expected]


def test_a_palette_of_one_colour_needs_no_limits(local):
    got = ee.data.computePixels(
        {"expression": ee.Image(0).visualize(palette="FF8000"), "fileFormat": "NUMPY_NDARRAY", "grid": GRID}
    )
    assert got[0, 0].tolist() == (255, 128, 0)


def test_visualize_shows_two_bands_as_red_and_blue(local):
    picture = ee.Image([10, 20]).toByte().visualize()
    got = ee.data.computePixels({"expression": picture, "fileFormat": "NUMPY_NDARRAY", "grid": GRID})
    assert got[0, 0].tolist() == (10, 0, 20)


@pytest.mark.parametrize(
    ("image", "parameters"), [(lambda: ee.Image(1), {}), (lambda: ee.Image(1).toInt16(), {"max": 9})]
)
def test_visualize_needs_limits_where_the_type_has_none_for_certain(local, image, parameters):
    with pytest.raises(ee.EEException, match=r"'min' and 'max': .* for band 'constant' of integers from"):
        image().visualize(**parameters).getInfo()


def test_visualization_options_of_a_request_are_applied(local):
    options = {"ranges": [{"min": 0, "max": 20}], "paletteColors": ["000000", "FF0000"]}
    content = ee.data.computePixels(
        {
            "expression": ee.Image([15, 3]).rename("a", "b").toFloat(),
            "fileFormat": "PNG",
            "grid": GRID,
            "bandIds": ["a"],
            "visualizationOptions": options,
        }
    )
    with opened(content) as file:
        np.testing.assert_array_equal(file.read()[:, 0, 0], [191, 0, 0])


@pytest.mark.parametrize(
    ("options", "pixel"),
    [({"gamma": 2}, [220]), ({"gamma": {"value": 2}}, [220]), ({"opacity": 0.5}, [191, 127])],
)
def test_gamma_and_opacity_of_a_request_are_applied(local, options, pixel):
    options = {"ranges": [{"min": 0, "max": 20}], **options}
    request = {"expression": ee.Image(15).toFloat(), "fileFormat": "PNG", "grid": GRID}
    with opened(ee.data.computePixels({**request, "visualizationOptions": options})) as file:
        np.testing.assert_array_equal(file.read()[:, 0, 0], pixel)
    for other, said in (
        ({"palette": "red"}, r"unknown key 'palette' \('red'\); the keys are ranges, paletteColors, gamma, opacity"),
        ({"opacity": "half"}, "argument 'opacity': Invalid type"),
    ):
        with pytest.raises(ee.EEException, match=f"visualizationOptions.*{said}"):
            ee.data.computePixels({**request, "visualizationOptions": other})


def test_pixels_that_are_no_picture_are_refused(local):
    request = {"expression": ee.Image([1, 2]).toFloat(), "fileFormat": "PNG", "grid": GRID}
    with pytest.raises(
        ee.EEException, match="one or three bands of 8 bits, not 2; constant, constant_1 have more than"
    ):
        ee.data.computePixels(request)


def test_pictures_without_limits_are_stretched_by_the_type(get, world):
    scene = ee.Image("TEST/SCENES/20170101T000000_S").select("B3")
    region = ee.Geometry.Rectangle([X, Y - 600, X + 600, Y], UTM, False)
    values = world.find("TEST/SCENES/20170101T000000_S").bands[2].pixels[:60, :60]
    with opened(
        get(scene.getThumbURL({"region": region, "dimensions": "60x60", "crs": UTM, "format": "png"}))[2]
    ) as file:
        np.testing.assert_array_equal(file.read(1), values * (255 / 65535) // 1)
    assert "mapid" in scene.getMapId()


def test_a_thumbnail_has_512_pixels_unless_it_is_given_a_size(get, world):
    scene = ee.Image("TEST/SCENES/20170101T000000_S")
    show = {"bands": ["B3"], "min": 0, "max": 5000}
    with opened(get(scene.getThumbURL({**show, "format": "png"}))[2]) as file:
        assert max(file.shape) == 512
    status, kind, content = get(scene.getThumbURL({**show, "dimensions": 24, "crs": UTM}))
    assert (status, kind) == (200, "image/jpeg")
    with opened(content) as file:
        assert file.shape == (24, 24)
    region = ee.Geometry.Rectangle([X, Y - 600, X + 600, Y], UTM, False)
    exact = {**show, "region": region, "dimensions": "60x60", "crs": UTM, "format": "png"}
    values = world.find("TEST/SCENES/20170101T000000_S").bands[2].pixels[:60, :60]
    with opened(get(scene.getThumbURL(exact))[2]) as file:
        np.testing.assert_array_equal(file.read(1), (values * (255 / 5000)).astype(np.uint8))


def test_map_tiles_show_the_pixel_under_each_centre(get, world):
    scene = ee.Image("TEST/SCENES/20170101T000000_S")
    shown = scene.getMapId({"bands": ["B3"], "min": 0, "max": 5000, "format": "png"})
    zoom = 15
    (lon,), (lat,) = warp(UTM, "EPSG:4326", [X + 1200], [Y - 1200])
    col = int((lon + 180) / 360 * 2**zoom)
    row = int((1 - np.arcsinh(np.tan(np.radians(lat))) / np.pi) / 2 * 2**zoom)
    content = shown["tile_fetcher"].fetch_tile(col, row, zoom)
    assert get(shown["tile_fetcher"].format_tile_url(col, row, zoom))[2] == content
    with opened(content) as file:
        assert file.shape == (256, 256)
        got = file.read()
    step = 40_075_016.685578488 / 2**zoom / 256
    i, j = 131, 77  # row and column of a pixel of the tile
    x = (col * 256 + j + 0.5) * step - 20_037_508.342789244
    y = 20_037_508.342789244 - (row * 256 + i + 0.5) * step
    (east,), (north,) = warp("EPSG:3857", UTM, [x], [y])
    place = int((Y - north) / 10), int((east - X) / 10)
    assert got[0, i, j] == int(world.find("TEST/SCENES/20170101T000000_S").bands[2].pixels[place] * (255 / 5000))
    with pytest.raises(ee.EEException, match="no map tile 2/4/0"):
        ee.data._execute_cloud_call(
            ee.data._get_cloud_projects_raw().maps().tiles().get(parent=shown["mapid"], x=4, y=0, zoom=2)
        )
