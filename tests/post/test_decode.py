"""From a stack to the declared type: by name, rounded, clamped, never wrapped; and stacks of any other encoding."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

from mmearth_core import Band, Layer, Modality
from mmearth_core.layers import LayerDescription
from mmearth_core.post.encode import decode
from mmearth_core.post.stack_reader import StackError, check_stack, read_planes
from mmearth_core.product.statistics import block_rows


class Probe(Modality):
    name = "probe"


def layer(dtype: str, nodata: float) -> LayerDescription:
    return LayerDescription.of(Layer("x", [Band("a", dtype, nodata)]), Probe(), 2, "probe 1")


@pytest.mark.parametrize(
    ("dtype", "nodata", "stack", "expected"),
    [
        ("uint16", 0, [-3, 65540, 7.6, np.nan], [0, 65535, 8, 0]),
        ("uint8", 255, [256, -1, 3, np.nan], [255, 0, 3, 255]),
        ("int8", -1, [-200, 200, 0.4, np.nan], [-128, 127, 0, -1]),
        ("int16", -32768, [1, 2, 3, 4], [1, 2, 3, 4]),
        ("float32", -np.inf, [1.5, np.nan, -2, 0], [1.5, -np.inf, -2, 0]),
        ("float32", np.nan, [1.5, np.nan, -2, 0], [1.5, np.nan, -2, 0]),
    ],
)
def test_values_are_rounded_and_clamped(dtype: str, nodata: float, stack: list[float], expected: list[float]) -> None:
    values = decode(layer(dtype, nodata), iter([np.array(stack, "float32")]))
    assert values.dtype == dtype
    np.testing.assert_array_equal(values, np.array([expected], dtype))


@pytest.mark.parametrize("encoding", [{}, {"compress": "deflate"}, {"compress": "zstd", "blockysize": 1}])
def test_stacks_of_any_encoding_are_read(encoding: dict[str, Any], tmp_path: Path) -> None:
    pixels = np.arange(32, dtype="float32").reshape(2, 4, 4)
    profile = {"driver": "GTiff", "width": 4, "height": 4, "count": 2, "dtype": "float32", "interleave": "band"}
    place = {"crs": "EPSG:32618", "transform": rasterio.Affine(10, 0, 0, 0, -10, 0)}
    with rasterio.open(tmp_path / "x.tif", "w", **profile, **place, **encoding) as target:
        target.write(pixels)
        target.descriptions = ("x__a", "x__b")
    check_stack(tmp_path / "x.tif", ["x__b", "x__a"], 4, "x")
    second, first = read_planes(tmp_path / "x.tif", ["x__b", "x__a"], 4)
    np.testing.assert_array_equal(np.stack([first, second]).reshape(2, 4, 4), pixels)
    with pytest.raises(StackError, match="4 x 4 pixels instead of 8 x 8"):
        check_stack(tmp_path / "x.tif", ["x__a"], 8, "x")
    with pytest.raises(StackError, match="has no bands x__c; it has x__a, x__b"):
        read_planes(tmp_path / "x.tif", ["x__a", "x__c"], 4)


def test_the_fast_reader_reads_what_rasterio_reads(made: Path, kit: Any) -> None:
    for path in sorted(made.glob("stacks/*/*/*.tif")):
        bands = kit.pixels(path)
        for plane, (name, expected) in zip(read_planes(path, list(bands), kit.size), bands.items(), strict=True):
            np.testing.assert_array_equal(plane, expected.reshape(-1), err_msg=name)


def test_a_block_fits_into_memory() -> None:
    assert [block_rows(size) for size in (64, 128, 256, 2048)] == [16, 16, 4, 1]
