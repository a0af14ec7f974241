"""Pixels: bands that were not requested are refused, and no-data becomes NaN."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mmearth_core import Band, Layer
from mmearth_core.contract.bands import DTYPES
from mmearth_core.download.pixels import PixelRequest, check_pixels, lay_out, masked_layers
from mmearth_core.download.stack import FLOAT_NODATA, StackBand
from mmearth_core.errors import PixelError

SIZE = 4
NODATA = {"uint8": 255, "int8": -128, "uint16": 0, "int16": -32768, "float32": float("nan")}


def stack_band(name, dtype, nodata=None):
    band = Band(name, dtype, NODATA[dtype] if nodata is None else nodata)
    return StackBand("m", Layer("l", [band]), band)


ASKED = (stack_band("a", "uint16"), stack_band("b", "float32"))


def received(fields, shape=(SIZE, SIZE)):
    return np.zeros(shape, dtype=fields)


def test_what_was_asked_for_passes_in_any_order():
    check_pixels(received([("l__a", "<u2"), ("l__b", "<f4")]), ASKED, SIZE, SIZE)
    check_pixels(received([("l__b", "<f4"), ("l__a", "<u2")]), ASKED, SIZE, SIZE)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ([("l__a", "<u2")], "Requested 2 bands and received 1: missing l__b, not requested none"),
        (
            [("l__a", "<u2"), ("l__b", "<f4"), ("l__c", "<f4")],
            "Requested 2 bands and received 3: missing none, not requested l__c",
        ),
        ([("a", "<u2"), ("b", "<f4")], "missing l__a, l__b, not requested a, b"),
        ([("l__a", "<u2"), ("l__b", "<f8")], "Band l__b: requested float32, received float64"),
        ([("l__a", "<i2"), ("l__b", "<f4")], "Band l__a: requested uint16, received int16"),
        ("<f4", "Requested 2 bands and received 0: missing l__a, l__b"),
    ],
)
def test_other_bands_or_types_are_refused(fields, said):
    with pytest.raises(PixelError) as caught:
        check_pixels(received(fields), ASKED, SIZE, SIZE)
    assert said in str(caught.value)


@pytest.mark.parametrize("shape", [(SIZE, SIZE - 1), (SIZE + 1, SIZE), (SIZE,), (1, SIZE, SIZE), (1, 1)])
def test_another_shape_is_refused(shape):
    with pytest.raises(PixelError, match="Requested 4 x 4 pixels; received " + " x ".join(map(str, shape))):
        check_pixels(received([("l__a", "<u2"), ("l__b", "<f4")], shape), ASKED, SIZE, SIZE)


@st.composite
def bands_and_pixels(draw):
    """Bands of any types, and arrays for some of them."""
    dtypes = draw(st.lists(st.sampled_from(DTYPES), min_size=1, max_size=5))
    nodata = [draw(st.sampled_from([float("nan"), float("-inf"), 0.0])) if d == "float32" else None for d in dtypes]
    bands = [stack_band(f"b{i}", *one) for i, one in enumerate(zip(dtypes, nodata, strict=True))]
    arrays = {}
    for band in bands:
        if draw(st.booleans()):
            special = st.sampled_from([band.band.nodata] if band.band.is_integer else [FLOAT_NODATA, band.band.nodata])
            kind = np.dtype(band.band.dtype)
            elements = hnp.from_dtype(kind) | special.map(kind.type)
            arrays[band.name] = draw(hnp.arrays(kind, (SIZE, SIZE), elements=elements))
    return bands, arrays


def structured(arrays):
    array = np.zeros((SIZE, SIZE), dtype=[(name, values.dtype) for name, values in reversed(arrays.items())])
    for name, values in arrays.items():
        array[name] = values
    return array


def requested(array, bands):
    """One request of the whole tile, with its answer."""
    return [(PixelRequest(tuple(bands), 0, 0, *array.shape), array)]


def plainly(band, values):
    """The layout of one band, pixel by pixel."""
    row = np.empty((SIZE, SIZE), dtype=np.float32)
    for place in np.ndindex(SIZE, SIZE):
        value = float(values[place])
        row[place] = np.nan if value in (float(band.band.nodata), FLOAT_NODATA) else value
    return row


@settings(deadline=None)
@given(bands_and_pixels())
def test_layout_is_the_plain_statement(drawn):
    bands, arrays = drawn
    stack = lay_out(requested(structured(arrays), [band for band in bands if band.name in arrays]), bands, SIZE)
    assert stack.dtype == np.float32
    assert stack.shape == (len(bands), SIZE, SIZE)
    for row, band in zip(stack, bands, strict=True):
        if band.name in arrays:
            np.testing.assert_array_equal(row, plainly(band, arrays[band.name]))
        else:
            assert np.isnan(row).all()


@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", "int16"])
def test_every_integer_survives(dtype):
    limits = np.iinfo(dtype)
    values = np.array([[limits.min, limits.max], [limits.min + 1, limits.max - 1]], dtype=dtype)
    band = stack_band("a", dtype, nodata=7)
    stack = lay_out_one(values, band)
    np.testing.assert_array_equal(stack[0].astype(np.int64), values.astype(np.int64))


def lay_out_one(values, band):
    array = np.rec.fromarrays([values], names=["l__a"])
    return lay_out(requested(array, [band]), [band], 2)


def test_parts_of_a_tile_are_joined():
    values = np.arange(SIZE * SIZE, dtype=np.uint16).reshape(SIZE, SIZE)
    band = stack_band("a", "uint16")
    whole = PixelRequest((band,), 0, 0, SIZE, SIZE)
    quarters = [quarter for half in whole.halves(SIZE) for quarter in half.halves(SIZE)]
    windows = [np.s_[one.top : one.top + one.rows, one.left : one.left + one.columns] for one in quarters]
    parts = [
        (one, np.rec.fromarrays([values[window]], names=["l__a"]))
        for one, window in zip(quarters, windows, strict=True)
    ]
    assert len(parts) == 4
    np.testing.assert_array_equal(lay_out(parts, [band], SIZE)[0], plainly(band, values))


def test_float_nodata_becomes_nan_and_other_values_do_not():
    values = np.array([[FLOAT_NODATA, np.nan], [-np.inf, 0.0]], dtype=np.float32)
    to_nan = lay_out_one(values, stack_band("a", "float32", float("-inf")))[0]
    np.testing.assert_array_equal(to_nan, np.array([[np.nan, np.nan], [np.nan, 0.0]], dtype=np.float32))
    kept = lay_out_one(values, stack_band("a", "float32", float("nan")))[0]
    np.testing.assert_array_equal(kept, np.array([[np.nan, np.nan], [-np.inf, 0.0]], dtype=np.float32))


def test_a_tile_without_image_is_all_missing():
    assert np.isnan(lay_out([], ASKED, SIZE)).all()


def test_layers_that_came_wholly_masked_are_named_and_those_not_asked_for_are_not():
    two, one, absent = (Layer(name, [Band(each, "uint16", 0) for each in "ab"]) for name in ("two", "one", "absent"))
    bands = [StackBand("m", layer, band) for layer in (two, one, absent) for band in layer.bands]
    stack = np.full((len(bands), SIZE, SIZE), np.nan, np.float32)
    stack[3, 0, 0] = 7  # one pixel of the second band of `one`
    assert masked_layers(stack, bands, bands[:4]) == ["two"]
    assert masked_layers(stack, bands, bands[2:4]) == []
    assert masked_layers(stack, bands, bands[:1]) == ["two"], "a layer of which a part was asked for"
    assert masked_layers(stack, bands, []) == []
