"""Checks the pixels that arrived and lays them out as a stack; nothing is ever guessed."""

from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from mmearth_core.download.finish import STAND_IN, StackBand
from mmearth_core.errors import PixelError


def check_pixels(array: NDArray[np.void], asked: Sequence[StackBand], rows: int, columns: int) -> None:
    """Refuses pixels that are not what was asked for.

    Args:
        array: what arrived.
        asked: the bands asked for.
        rows: asked for.
        columns: asked for.

    Raises:
        PixelError: names the first difference in band names, types or shape.
    """
    names, received = {band.name for band in asked}, set(array.dtype.names or ())
    if names != received:
        raise PixelError(
            f"Asked for {len(names)} bands and received {len(received)}: missing "
            f"{', '.join(sorted(names - received)) or 'none'}, "
            f"unasked {', '.join(sorted(received - names)) or 'none'}."
        )
    for band in asked:
        dtype = array.dtype[band.name]
        if dtype != np.dtype(band.band.dtype):
            raise PixelError(f"Band {band.name}: asked for {band.band.dtype}, received {dtype}.")
    if array.shape != (rows, columns):
        raise PixelError(f"Asked for {rows} x {columns} pixels; received {' x '.join(map(str, array.shape))}.")


def lay_out(array: NDArray[np.void] | None, bands: Collection[StackBand], size: int) -> NDArray[np.float32]:
    """Makes the stack's pixels of what arrived.

    Args:
        array: checked pixels; None when the tile has no image at all.
        bands: all bands of the stack; those that `array` lacks become no-data.
        size: rows and columns.

    Returns:
        (bands, size, size), NaN where no-data.
    """
    stack = np.empty((len(bands), size, size), dtype=np.float32)
    received = set(array.dtype.names or ()) if array is not None else set()
    for row, stack_band in zip(stack, bands, strict=True):
        if array is None or stack_band.name not in received:
            row.fill(np.nan)
            continue
        # A field's values lie far apart: they are read once. float32 holds all values of the integer types.
        np.copyto(row, array[stack_band.name], casting="same_kind")
        row[row == stack_band.band.nodata] = np.nan
        if not stack_band.band.is_integer:
            row[row == np.float32(STAND_IN)] = np.nan
    return stack


def masked_layers(stack: NDArray[np.float32], bands: Collection[StackBand], asked: Collection[StackBand]) -> list[str]:
    """The layers that were asked for and came without one valid pixel, such as land cover at sea.

    Args:
        stack: (bands, size, size), NaN where no-data.
        bands: one for each row of `stack`.
        asked: the bands asked for.

    Returns:
        Their names, in order.
    """
    valid = dict.fromkeys((stack_band.layer.name for stack_band in asked), False)
    for row, stack_band in zip(stack, bands, strict=True):
        name = stack_band.layer.name
        if name in valid and not valid[name]:
            valid[name] = not bool(np.isnan(row).all())
    return [name for name, has_data in valid.items() if not has_data]
