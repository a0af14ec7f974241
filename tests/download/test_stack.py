"""The stack: bands come back by name, and any GeoTIFF reader sees what they are."""

import hashlib
import json
import re
import subprocess
import sys
import warnings

import numpy as np
import pytest
import rasterio
import rioxarray
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.io import MemoryFile

from mmearth_core import Band, Kind, Layer, Preview
from mmearth_core.contract.grid import Grid
from mmearth_core.download.stack import StackBand, encode_stack, read_stack, write_stack
from mmearth_core.post.stack_reader import StackError, check_stack

OPTICAL = Layer("optical", [Band("red", "uint16", 0, unit="1e-4"), Band("blue", "uint16", 0, unit="1e-4")])
HEIGHT = Layer("height", [Band("ground", "float32", float("-inf"), unit="m")])
MASK = Layer("mask", [Band("cloud", "uint8", 255)], kind=Kind.CLASSES)
BANDS = tuple(StackBand("m", layer, band) for layer in (OPTICAL, HEIGHT, MASK) for band in layer.bands)
NAMES = ["optical__red", "optical__blue", "height__ground", "mask__cloud"]


def grid(size=16):
    return Grid("EPSG:32618", 433_210, 4_160_120, size)


def pixels(size=16, seed=0):
    values = np.random.default_rng(seed).integers(0, 1000, (len(BANDS), size, size)).astype(np.float32)
    values[values < 100] = np.nan
    return values


@pytest.fixture
def path(tmp_path):
    (tmp_path / "stacks").mkdir()
    return tmp_path / "stacks" / "tile.tif"


@pytest.mark.parametrize("size", [1, 16, 128, 300])
def test_round_trip_and_checksum(path, size):
    content = encode_stack("tile", pixels(size), BANDS, grid(size), INFO)
    assert write_stack(path, content) == hashlib.sha256(path.read_bytes()).hexdigest()
    np.testing.assert_array_equal(read_stack(path, NAMES), pixels(size))


@settings(deadline=None)
@given(st.permutations(range(len(BANDS))), st.integers(1, len(BANDS)))
def test_bands_are_read_by_name_in_any_order(stack_on_disk, order, count):
    wanted = order[:count]
    found = read_stack(stack_on_disk, [NAMES[i] for i in wanted])
    np.testing.assert_array_equal(found, pixels()[list(wanted)])


IDS = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"], exclude_characters="\ufffd"), max_size=25)
QUOTE = '"'
MARKUP = st.text("&<>\"';#=/xamp lt39;\\u-[]", max_size=25)
"""Text such as `&amp;lt;` and `&#39`, which GDAL escapes in a tag."""


@settings(deadline=None, max_examples=300)
@given(st.one_of(IDS, MARKUP).map(str.strip).filter(len), st.one_of(IDS, MARKUP), st.booleans())
def test_any_id_is_read_back_by_both_readers(tmp_path_factory, tile_id, other, is_old):
    path = tmp_path_factory.mktemp("ids") / "tile.tif"
    path.write_bytes(encode_stack(tile_id, pixels(1), BANDS, grid(1), []))
    if is_old:
        with rasterio.open(path, "r+") as stack:
            stack.update_tags(TILE_ID=tile_id)
    with rasterio.open(path) as stack:
        tag = stack.tags()["TILE_ID"]
    assert tile_id == tag or tile_id == json.loads(tag)
    check_stack(path, NAMES, 1, tile_id)
    if other not in (tile_id, tag):
        with pytest.raises(StackError, match=re.escape(f"the stack is that of another tile, {tag.strip(QUOTE)!r}")):
            check_stack(path, NAMES, 1, other)


@pytest.fixture(scope="session")
def stack_on_disk(tmp_path_factory):
    path = tmp_path_factory.mktemp("stack") / "tile.tif"
    write_stack(path, encode_stack("tile", pixels(), BANDS, grid(), INFO))
    return path


def test_a_band_that_is_not_there(stack_on_disk):
    with pytest.raises(KeyError, match="optical__green"):
        read_stack(stack_on_disk, ["optical__red", "optical__green"])


def test_equal_input_gives_equal_bytes_also_in_another_process():
    content = encode_stack("tile", pixels(), BANDS, grid(), INFO)
    assert encode_stack("tile", pixels(), BANDS, grid(), INFO) == content
    assert encode_stack("other", pixels(), BANDS, grid(), INFO) != content
    script = """if True:
        import hashlib, runpy, sys
        test = runpy.run_path(sys.argv[1])
        content = test["encode_stack"]("tile", test["pixels"](), test["BANDS"], test["grid"](), test["INFO"])
        print(hashlib.sha256(content).hexdigest())
    """
    done = subprocess.run([sys.executable, "-c", script, __file__], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("tile_id", ["tile", "0_x", "Zürich <a & b> 'c' \"d\"", "a=b"])
def test_a_plain_reader_sees_what_the_bands_are(tile_id):
    content = encode_stack(tile_id, pixels(), BANDS, grid(), [])
    with MemoryFile(content) as memory, memory.open() as source:
        assert source.driver == "GTiff"
        assert source.crs.to_epsg() == 32618
        assert tuple(source.transform)[:6] == (10, 0, 433_210, 0, -10, 4_160_120)
        assert (source.width, source.height, source.count) == (16, 16, 4)
        assert set(source.dtypes) == {"float32"}
        assert all(np.isnan(value) for value in source.nodatavals)
        assert list(source.descriptions) == NAMES
        assert (source.units, source.scales) == ((None, None, "m", None), (1e-4, 1e-4, 1, 1))
        assert set(source.offsets) == {0}
        assert source.tags()["TILE_ID"] == tile_id
        tags = [source.tags(number) for number in source.indexes]
        assert [tag["modality"] for tag in tags] == ["m"] * 4
        assert [(tag["hdf5_dtype"], tag["hdf5_nodata"]) for tag in tags] == [
            ("uint16", "0"),
            ("uint16", "0"),
            ("float32", "-inf"),
            ("uint8", "255"),
        ]
        assert not any({"dtype", "nodata", "_FillValue"} & tag.keys() for tag in tags)
        masks = source.read_masks()
        np.testing.assert_array_equal(masks == 0, np.isnan(pixels()))


INFO = [
    {"DATE": "2020-07-04"},
    {"S2_DATE": "2020-07-04", "S2_ID": "2020", "COUNT": 3, "BANDS": {"optical": ["red"], "radar": None}},
    {
        "era5": {"month1": [1.5, None]},
        "SURE": True,
        "MISSING": {"mask": "no image; 'sea' <&> a=b"},
        "ns": 1,
        "a:b=c": "x",
    },
]
TAGGED = {
    "S2_DATE": "2020-07-04", "S2_ID": '"2020"', "COUNT": "3", "BANDS.optical": '["red"]', "era5.month1": "[1.5, null]",
    "SURE": "true", "MISSING.mask": "no image; 'sea' <&> a=b", "ns_": "1", "a_b_c": "x", "DATE": "2020-07-04",
}  # fmt: skip


def test_what_modalities_report_is_in_the_tags():
    content = encode_stack("tile", pixels(), BANDS, grid(), INFO)
    with MemoryFile(content) as memory, memory.open() as source:
        assert source.tags() == {**TAGGED, "TILE_ID": "tile", "AREA_OR_POINT": "Area"}


@pytest.mark.parametrize("tile_id", ["000", "12", "1e3", "nan", "-inf", "1_000", "{1,2}", '"a"', "٣", "tile"])
def test_rioxarray_keeps_ids_as_text_and_sees_scales_and_no_data(path, tile_id):
    write_stack(path, encode_stack(tile_id, pixels(), BANDS, grid(), INFO))
    check_stack(path, NAMES, 16, tile_id)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Scales differ across bands")
        warnings.filterwarnings("ignore", category=PendingDeprecationWarning)  # rioxarray's, about affine
        with rioxarray.open_rasterio(path) as found, rasterio.open(path) as source:
            attributes = found.attrs
            assert isinstance(attributes["TILE_ID"], str)
            assert attributes["TILE_ID"] == (tile_id if tile_id == "tile" else json.dumps(tile_id))
            assert (attributes["S2_ID"], attributes["DATE"], attributes["COUNT"]) == ('"2020"', "2020-07-04", 3)
            assert attributes["scales"] == source.scales == (1e-4, 1e-4, 1, 1)
            assert np.isnan(attributes["_FillValue"]) and np.isnan(found.rio.nodata)
            assert found.dtype == np.float32
            assert attributes["long_name"] == tuple(NAMES)
            assert found.rio.crs.to_epsg() == 32618 and found.rio.transform() == source.transform
            np.testing.assert_array_equal(found.values, pixels())


def shown(bands):
    with (
        MemoryFile(encode_stack("tile", pixels()[: len(bands)], bands, grid(), INFO)) as memory,
        memory.open() as source,
    ):
        np.testing.assert_array_equal(source.read(), pixels()[: len(bands)])
        return [each.name for each in source.colorinterp]


def test_the_bands_of_the_first_preview_in_colour_are_red_green_and_blue():
    def layer(name, preview):
        return Layer(name, [Band(each, "uint8", 0) for each in "bgr"], preview=preview)

    def bands(*layers):
        return [StackBand("m", each, band) for each in layers for band in each.bands]

    grey, colour = Preview(("g",)), Preview(("r", "g", "b"))
    assert shown(bands(layer("a", colour))) == ["blue", "green", "red"]
    assert shown(bands(layer("a", grey))) == ["gray", "undefined", "undefined"]
    both = bands(layer("a", grey), layer("b", Preview(("b", "g", "r"))))[:6]
    content = encode_stack("tile", np.zeros((6, 16, 16), np.float32), both, grid(), INFO)
    with MemoryFile(content) as memory, memory.open() as source:
        assert [each.name for each in source.colorinterp] == ["undefined"] * 3 + ["red", "green", "blue"]
        assert source.descriptions[3] == "b__b"


@pytest.mark.parametrize(
    ("unit", "scale", "left"),
    [("1e-4", 1e-4, None), ("0.01", 0.01, None), ("1", 1, None), ("m", 1, "m"), ("0", 1, "0"), ("nan", 1, "nan")],
)
def test_a_unit_that_is_a_number_is_a_scale(unit, scale, left):
    layer = Layer("a", [Band("b", "uint8", 0, unit=unit)])
    content = encode_stack("tile", pixels()[:1], [StackBand("m", layer, layer.bands[0])], grid(), INFO)
    with MemoryFile(content) as memory, memory.open() as source:
        assert (source.units, source.scales) == ((left,), (scale,))
        np.testing.assert_array_equal(source.read(), pixels()[:1])


def test_no_file_beside_the_stack(path):
    write_stack(path, encode_stack("tile", pixels(), BANDS, grid(), INFO))
    with rasterio.open(path) as source:
        source.read()
    assert list(path.parent.iterdir()) == [path]
