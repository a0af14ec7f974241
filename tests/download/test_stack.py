"""The stack: bands come back by name, and any GeoTIFF reader sees what they are."""

import hashlib
import re
import subprocess
import sys

import numpy as np
import pytest
import rasterio
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.io import MemoryFile

from mmearth_core import Band, Kind, Layer
from mmearth_core.download.stack import StackBand, encode_stack, read_stack, write_stack
from mmearth_core.post.stack_reader import StackError, check_stack
from mmearth_core.tiles.grid import Grid

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
    content = encode_stack("tile", pixels(size), BANDS, grid(size))
    assert write_stack(path, content) == hashlib.sha256(path.read_bytes()).hexdigest()
    np.testing.assert_array_equal(read_stack(path, NAMES), pixels(size))


@settings(deadline=None)
@given(st.permutations(range(len(BANDS))), st.integers(1, len(BANDS)))
def test_bands_are_read_by_name_in_any_order(stack_on_disk, order, count):
    wanted = order[:count]
    found = read_stack(stack_on_disk, [NAMES[i] for i in wanted])
    np.testing.assert_array_equal(found, pixels()[list(wanted)])


IDS = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"], exclude_characters="\ufffd"), max_size=25)
MARKUP = st.text("&<>\"';#=/xamp lt39;\\u-[]", max_size=25)
"""Text such as `&amp;lt;` and `&#39`, which GDAL escapes in a tag."""


@settings(deadline=None, max_examples=300)
@given(st.one_of(IDS, MARKUP).map(str.strip).filter(len), st.one_of(IDS, MARKUP))
def test_any_id_is_read_back_by_both_readers(tmp_path_factory, tile_id, other):
    path = tmp_path_factory.mktemp("ids") / "tile.tif"
    path.write_bytes(encode_stack(tile_id, pixels(1), BANDS, grid(1)))
    with rasterio.open(path) as stack:
        assert stack.tags()["TILE_ID"] == tile_id
    check_stack(path, NAMES, 1, tile_id)
    if other != tile_id:
        with pytest.raises(StackError, match=re.escape(f"the stack is that of another tile, {tile_id!r}")):
            check_stack(path, NAMES, 1, other)


@pytest.fixture(scope="session")
def stack_on_disk(tmp_path_factory):
    path = tmp_path_factory.mktemp("stack") / "tile.tif"
    write_stack(path, encode_stack("tile", pixels(), BANDS, grid()))
    return path


def test_a_band_that_is_not_there(stack_on_disk):
    with pytest.raises(KeyError, match="optical__green"):
        read_stack(stack_on_disk, ["optical__red", "optical__green"])


def test_equal_input_gives_equal_bytes_also_in_another_process():
    content = encode_stack("tile", pixels(), BANDS, grid())
    assert encode_stack("tile", pixels(), BANDS, grid()) == content
    assert encode_stack("other", pixels(), BANDS, grid()) != content
    script = """if True:
        import hashlib, runpy, sys
        test = runpy.run_path(sys.argv[1])
        content = test["encode_stack"]("tile", test["pixels"](), test["BANDS"], test["grid"]())
        print(hashlib.sha256(content).hexdigest())
    """
    done = subprocess.run([sys.executable, "-c", script, __file__], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("tile_id", ["tile", "0_1", "Zürich <a & b> 'c' \"d\"", "a=b"])
def test_a_plain_reader_sees_what_the_bands_are(tile_id):
    with MemoryFile(encode_stack(tile_id, pixels(), BANDS, grid())) as memory, memory.open() as source:
        assert source.driver == "GTiff"
        assert source.crs.to_epsg() == 32618
        assert tuple(source.transform)[:6] == (10, 0, 433_210, 0, -10, 4_160_120)
        assert (source.width, source.height, source.count) == (16, 16, 4)
        assert set(source.dtypes) == {"float32"}
        assert all(np.isnan(value) for value in source.nodatavals)
        assert list(source.descriptions) == NAMES
        assert source.units == ("1e-4", "1e-4", "m", "1")
        assert source.tags()["TILE_ID"] == tile_id
        tags = [source.tags(number) for number in source.indexes]
        assert [tag["modality"] for tag in tags] == ["m"] * 4
        assert [(tag["dtype"], tag["nodata"]) for tag in tags] == [
            ("uint16", "0"),
            ("uint16", "0"),
            ("float32", "-inf"),
            ("uint8", "255"),
        ]
        masks = source.read_masks()
        np.testing.assert_array_equal(masks == 0, np.isnan(pixels()))


def test_no_file_beside_the_stack(path):
    write_stack(path, encode_stack("tile", pixels(), BANDS, grid()))
    with rasterio.open(path) as source:
        source.read()
    assert list(path.parent.iterdir()) == [path]
