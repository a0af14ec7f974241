"""The manifest: its contents, and the message of each error."""

import datetime as dt
import http.server
import threading
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import rasterio
from localearth.errors import InputError, SetupError
from localearth.worlds.manifest import ConstantBand, FileBand, read_manifest
from localearth.worlds.rasters import RastersWorld
from localearth.worlds.tables import milliseconds

SCENES = """
[[collection]]
id = "MY/SCENES"
folder = "scenes/{index}"
image_properties = { CLOUD = 1, SENSOR = "toy" }
[collection.bands]
red = "red.tif"
nir = { file = "{index}_nir.tif", band = 2, nodata = 7 }
quality = { constant = 3, dtype = "uint8", like = "red" }
[[collection.image]]
index = "b"
time = 2020-07-14T17:59:11+02:00
properties = { CLOUD = 3.5, MADE = 2020-07-15 }
[[collection.image]]
index = "a"
time = 2019-01-01
end = 2019-01-02T00:00:00
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "toy.toml"
    path.write_text(text)
    return path


def touch(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def raster(path: Path, **changes: object) -> None:
    profile = {
        "driver": "GTiff",
        "width": 4,
        "height": 3,
        "count": 1,
        "dtype": "uint16",
        "crs": "EPSG:32618",
        "transform": rasterio.Affine(10, 0, 435_000, 0, -10, 4_179_000),
    } | changes
    with rasterio.open(path, "w", **profile) as file:
        file.write(np.ones((profile["count"], 3, 4), profile["dtype"]))


def test_collection_defaults_reach_its_images(tmp_path: Path) -> None:
    touch(tmp_path, "scenes/a/red.tif", "scenes/a/a_nir.tif", "scenes/b/red.tif", "scenes/b/b_nir.tif")
    manifest = read_manifest(write(tmp_path, SCENES))
    assert manifest.name == "toy"
    (collection,) = manifest.collections
    b, a = collection.images
    assert (b.id, a.id) == ("MY/SCENES/b", "MY/SCENES/a")
    assert b.bands == (
        FileBand("red", tmp_path / "scenes/b/red.tif", 1, None, None, None),
        FileBand("nir", tmp_path / "scenes/b/b_nir.tif", 2, None, 7, None),
        ConstantBand("quality", 3, "uint8", "red"),
    )
    assert b.properties == {
        "CLOUD": 3.5,
        "SENSOR": "toy",
        "MADE": milliseconds(dt.date(2020, 7, 15)),
        "system:time_start": 1_594_742_351_000,
    }
    assert a.properties["system:time_end"] - a.properties["system:time_start"] == 86_400_000


def test_milliseconds_are_kept_to_the_last() -> None:
    assert milliseconds(dt.datetime(2019, 12, 3, 16, 0, 30, 999_000, dt.UTC)) == 1_575_388_830_999


def test_files_inside_an_installed_package(tmp_path: Path) -> None:
    text = '[[image]]\nid = "A"\nbands = { b = "package:localearth/worlds/virginia.toml" }'
    (image,) = read_manifest(write(tmp_path, text)).images
    assert isinstance(image.bands[0], FileBand)
    assert image.bands[0].path.read_text().startswith("# The shipped world")


def test_a_missing_package_says_how_to_install_it(tmp_path: Path) -> None:
    text = '[[image]]\nid = "A"\nbands = { b = "package:no_such_package_here/a.tif" }'
    with pytest.raises(SetupError, match=r"no_such_package_here.*Install the distribution that has it\.$"):
        read_manifest(write(tmp_path, text))
    with pytest.raises(SetupError, match=r"Install it with `make rasters`\.$"):
        read_manifest(write(tmp_path, f'install = "make rasters"\n{text}'))
    with pytest.raises(SetupError, match=r"Python package '\.\.', which is not"):
        read_manifest(write(tmp_path, text.replace("no_such_package_here/a.tif", "../x")))


FAULTS = {
    "unknown key": ('[[image]]\nid = "A"\nband = {}', r"image 'A': unknown key 'band'.*allowed here are: bands, end,"),
    "unknown top key": ('[[images]]\nid = "A"', r"unknown key 'images'.*collection, description, folder, image,"),
    "unknown band key": (
        '[[image]]\nid = "A"\nbands = { b = { file = "a.tif", nodatta = 1 } }',
        r"image 'A', band 'b': unknown key 'nodatta'.*band, crs, file, nodata",
    ),
    "no id": ("[[image]]\nbands = {}", r"image number 1: key 'id' is missing; it must be a string"),
    "missing file": (
        '[[image]]\nid = "A"\nbands = { b = "no.tif" }',
        r"band 'b': key 'file': there is no file .*no\.tif",
    ),
    "no source": ('[[image]]\nid = "A"\nbands = { b = { band = 2 } }', r"band 'b': set either 'file'"),
    "two sources": (
        '[[image]]\nid = "A"\nbands = { b = { file = "a.tif", constant = 1 } }',
        r"either 'file' \(a raster\) or 'constant'",
    ),
    "a number for a band": ('[[image]]\nid = "A"\nbands = { b = 7 }', r"band 'b' is 7; it must be a file name"),
    "no bands": ('[[image]]\nid = "A"', r"image 'A': it has no band"),
    "bad time": (
        '[[image]]\nid = "A"\ntime = "2020-01-01"\nbands = { b = "a.tif" }',
        r"key 'time' is '2020-01-01'; it must be a date and time",
    ),
    "system property": (
        '[[image]]\nid = "A"\nproperties = { "system:index" = "x" }\nbands = { b = "a.tif" }',
        r"property 'system:index' in 'properties' cannot be set there",
    ),
    "true as property": (
        '[[image]]\nid = "A"\nproperties = { x = true }\nbands = { b = "a.tif" }',
        r"property 'x' in 'properties' is True; Earth Engine's properties are",
    ),
    "like nothing": (
        '[[image]]\nid = "A"\nbands = { b = "a.tif", q = { constant = 0, dtype = "uint8", like = "z" } }',
        r"band 'q' is like 'z', which is not a band of a file. Bands of files: b",
    ),
    "constant of no dtype": (
        '[[image]]\nid = "A"\nbands = { b = "a.tif", q = { constant = 0, dtype = "byte", like = "b" } }',
        r"dtype 'byte' is not one of uint8, int8,",
    ),
    "duplicate id": (
        '[[image]]\nid = "A/x"\nbands = { b = "a.tif" }\n'
        '[[collection]]\nid = "A"\n[[collection.image]]\nindex = "x"\nbands = { b = "a.tif" }',
        r"the id 'A/x' is duplicated",
    ),
    "slash in an index": (
        '[[collection]]\nid = "A"\n[[collection.image]]\nindex = "x/y"\nbands = { b = "a.tif" }',
        r"collection 'A', image 'x/y': index 'x/y' must be one part",
    ),
    "not TOML": ("id = = 1", r"toy\.toml: the world's manifest cannot be read: .*line 1"),
    "nothing": ('name = "empty"', r"there are no assets"),
    "not tables": ("image = [1]", r"key 'image' must be a list of tables, written \[\[image\]\]"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_name_the_file_the_place_and_what_is_allowed(tmp_path: Path, fault: str) -> None:
    touch(tmp_path, "a.tif")
    text, message = FAULTS[fault]
    with pytest.raises(InputError, match=message) as caught:
        read_manifest(write(tmp_path, text))
    assert str(tmp_path / "toy.toml") in str(caught.value)
    assert "\n" not in str(caught.value)


RASTER_FAULTS = {
    "no raster": ("empty.tif", "", r"cannot be opened as a raster"),
    "no such band": ("good.tif", ", band = 2", r"there is no band 2; number of bands: 1"),
    "no CRS": ("nocrs.tif", "", r'the file has no CRS; set one for the band, for example crs = "EPSG:4326"'),
    "no CRS by that name": ("nocrs.tif", ', crs = "EPSG:nothing"', r"unknown CRS 'EPSG:nothing'"),
    "no georeferencing": ("nogrid.tif", "", r"the file is not georeferenced"),
    "complex pixels": ("complex.tif", "", r"unsupported pixel type complex64; Earth Engine's assets have uint8"),
}


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
@pytest.mark.parametrize("fault", RASTER_FAULTS)
def test_faults_of_rasters_show_when_the_world_opens(tmp_path: Path, fault: str) -> None:
    touch(tmp_path, "empty.tif")
    raster(tmp_path / "good.tif")
    raster(tmp_path / "nocrs.tif", crs=None)
    raster(tmp_path / "nogrid.tif", transform=rasterio.Affine.identity())
    raster(tmp_path / "complex.tif", dtype="complex64")
    file, more, message = RASTER_FAULTS[fault]
    text = f'[[image]]\nid = "A"\nbands = {{ b = {{ file = "{file}"{more} }} }}'
    with pytest.raises(InputError, match=message) as caught:
        RastersWorld(write(tmp_path, text))
    assert file in str(caught.value)


VRT = """<VRTDataset rasterXSize="4" rasterYSize="4"><SRS>EPSG:4326</SRS>
<GeoTransform>0, 1, 0, 4, 0, -1</GeoTransform><VRTRasterBand dataType="Byte" band="1"><SimpleSource>
<SourceFilename>{url}</SourceFilename></SimpleSource></VRTRasterBand></VRTDataset>"""


class Counting(http.server.BaseHTTPRequestHandler):
    """Notes what is asked for, and has nothing."""

    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        self.send_error(404)

    def do_HEAD(self) -> None:
        self.do_GET()

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.mark.parametrize("name", ["away.vrt", "away.tif"])
@pytest.mark.parametrize("source", ["/vsicurl/{url}/a.tif", "{url}/a.tif"])
def test_no_raster_is_fetched_from_the_network(source: str, name: str, tmp_path: Path) -> None:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Counting) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        (tmp_path / name).write_text(VRT.format(url=source.format(url=url)))
        manifest = write(tmp_path, f'[[image]]\nid = "A"\nbands = {{ b = "{name}" }}')
        with pytest.raises(InputError, match=rf"{name}: .* Convert others, such as a VRT.*`gdal_translate {name} copy"):
            RastersWorld(manifest).assets["A"].bands[0].read(0, 0, 4, 4)
        write(tmp_path, f'[[image]]\nid = "A"\nbands = {{ b = "/vsicurl/{url}/a.tif" }}')
        with pytest.raises(InputError, match="there is no file /vsicurl/"):
            RastersWorld(manifest)
        server.shutdown()
    assert Counting.asked == []


@pytest.mark.parametrize(
    ("constant", "dtype"), [("300", "uint8"), ("-1", "uint16"), ("0.5", "int16"), ("inf", "uint8"), ("nan", "int16")]
)
def test_a_constant_must_fit_its_dtype(tmp_path: Path, constant: str, dtype: str) -> None:
    raster(tmp_path / "a.tif")
    text = (
        '[[image]]\nid = "A"\n'
        f'bands = {{ b = "a.tif", q = {{ constant = {constant}, dtype = "{dtype}", like = "b" }} }}'
    )
    with pytest.raises(InputError, match=f"band 'q': the constant {constant}.* does not fit {dtype}"):
        RastersWorld(write(tmp_path, text))


@pytest.mark.parametrize(
    ("footprint", "message"),
    [
        ('"nothing"', r"footprint 'nothing' is neither a band of the image \(b\) nor WKT or a GeoJSON"),
        ('{ type = "Blob" }', r"is neither a band of the image"),
        ('"POINT (1 2)"', r"is not a valid polygon"),
        ('"POLYGON ((0 0, 1 1, 0 1, 1 0, 0 0))"', r"is not a valid polygon"),
    ],
)
def test_a_footprint_must_be_a_polygon(tmp_path: Path, footprint: str, message: str) -> None:
    raster(tmp_path / "a.tif")
    with pytest.raises(InputError, match=message):
        RastersWorld(write(tmp_path, f'[[image]]\nid = "A"\nfootprint = {footprint}\nbands = {{ b = "a.tif" }}'))
