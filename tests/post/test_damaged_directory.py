"""Whatever a byte of a stack's directory becomes, its bands are read or it is called damaged; nothing else happens."""

import struct
from pathlib import Path

import numpy as np
import pytest
import rasterio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mmearth_core.post.stack_reader import StackError, check_stack, read_planes

SIZE, NAMES = 16, [f"layer__{number}" for number in range(5)]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("stack") / "sound.tif"
    profile = {"driver": "GTiff", "width": SIZE, "height": SIZE, "count": len(NAMES), "dtype": "float32"}
    encoding = {"compress": "zstd", "zstd_level": 1, "interleave": "band", "blockysize": SIZE}
    place = {"crs": "EPSG:32618", "transform": rasterio.Affine(10, 0, 3e5, 0, -10, 4e6), "nodata": np.nan}
    with rasterio.open(path, "w", **profile, **encoding, **place) as target:
        target.write(np.arange(len(NAMES) * SIZE * SIZE, dtype="f4").reshape(-1, SIZE, SIZE))
        target.descriptions = NAMES
    return path


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=300)
@given(data=st.data())
def test_a_byte_of_the_directory(stack: Path, tmp_path: Path, data: st.DataObject) -> None:
    content = bytearray(stack.read_bytes())
    (start,) = struct.unpack_from("<I", content, 4)
    entries = struct.unpack_from("<H", content, start)[0]
    place = data.draw(st.one_of(st.integers(0, 7), st.integers(start, start + 2 + 12 * entries - 1)))
    content[place] = data.draw(st.integers(0, 255))
    path = tmp_path / "damaged.tif"
    path.write_bytes(content)
    try:
        check_stack(path, NAMES, SIZE, "x")
        planes = list(read_planes(path, NAMES, SIZE))
    except StackError as error:
        assert str(error).startswith("the stack ")
    else:
        assert [plane.shape for plane in planes] == [(SIZE * SIZE,)] * len(NAMES)
