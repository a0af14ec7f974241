"""Draws one layer of one tile with the bands, range, colormap or class colours that its plugin declares."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mmearth_core import ClassLabel, Layer, Preview
from mmearth_core.errors import DeclarationError

Picture = NDArray[np.uint8]
"""Red, green and blue, (rows, columns, 3)."""


NODATA_COLOUR, NODATA_LINE = (232, 232, 229), (214, 214, 210)
"""A light neutral colour with thin diagonal lines, which cannot be confused with data."""

LINE_SPACING = 8
"""Distance from one diagonal line to the next, pixels."""


_FULL = 256
"""Width up to which sheets show every pixel of a picture; of wider ones they show a part, and lines are wider."""


UNDECLARED_COLOUR = (255, 0, 255)
"""The conspicuous colour of class values that the plugin does not declare."""


def render_layer(layer: Layer, values: NDArray[np.floating], variant: str | None = None) -> Picture:
    """Draws a layer.

    Args:
        layer: its declaration; it must have a `preview`.
        values: (bands, rows, columns) in the layer's own units, NaN (or infinite) where there is no data.
        variant: the tile's variant, which may have its own preview.

    Returns:
        The picture. A pixel without data in any band shown is hatched.

    Raises:
        ValueError: when the layer has no preview, or the shape of the values is wrong.
        DeclarationError: when its colormap does not exist.
    """
    preview = layer.variant_previews.get(variant or "", layer.preview)
    if preview is None:
        raise ValueError(f"Layer {layer.name!r} declares no preview, so it cannot be drawn.")
    if values.ndim != 3 or values.shape[0] != len(layer.bands):
        raise ValueError(
            f"Layer {layer.name!r}: values of shape {values.shape}, not ({len(layer.bands)}, rows, columns)."
        )
    names = [band.name for band in layer.bands]
    chosen = [names.index(name) for name in preview.bands]
    return render_bands(values[chosen], preview, layer.bands[chosen[0]].classes, layer.name)


def render_bands(values: NDArray[np.floating], preview: Preview, classes: Sequence[ClassLabel], layer: str) -> Picture:
    """Draws one band, or three as red, green and blue.

    Args:
        values: (1 or 3, rows, columns) values of the preview's bands, NaN (or infinite) without data.
        preview: the preview.
        classes: the classes of a single band; empty for a quantity.
        layer: the layer's name, for the error.

    Raises:
        DeclarationError: when the colormap does not exist.
    """
    shown = values.astype(np.float64)
    valid = np.isfinite(shown).all(axis=0)
    shown[:, ~valid] = preview.ranges[0][0]
    if len(shown) == 3:
        picture = _to_bytes(np.moveaxis(_stretch(shown, preview), 0, -1))
    elif classes:
        picture = _class_colours(shown[0], classes)
    else:
        picture = colours_of(_stretch(shown, preview)[0], preview.colormap, layer)
    picture[~valid] = hatch(*valid.shape)[~valid]
    return picture


def _stretch(values: NDArray[np.float64], preview: Preview) -> NDArray[np.float64]:
    """Values, (bands, rows, columns), scaled to 0..1 by the preview's ranges and gamma."""
    low, high = np.asarray(preview.ranges).T[:, :, None, None]
    scaled = np.clip((values - low) / (high - low), 0.0, 1.0)
    return np.asarray(scaled ** (1.0 / preview.gamma))


def _to_bytes(scaled: NDArray[np.float64]) -> Picture:
    return np.rint(scaled * 255).astype(np.uint8)


def colours_of(scaled: NDArray[np.float64], name: str, layer: str) -> Picture:
    """The colours of numbers from 0 to 1 in a colormap of matplotlib.

    Raises:
        DeclarationError: when the colormap does not exist; names the layer.
    """
    # Imported here, because it is slow and most commands draw nothing.
    import matplotlib

    if name not in matplotlib.colormaps:
        raise DeclarationError(
            f"Layer {layer!r}: its preview uses the colormap {name!r}, which matplotlib does not have. "
            "Choose one of matplotlib's colormaps, such as viridis, magma, terrain or Greens."
        )
    return _to_bytes(np.asarray(matplotlib.colormaps[name](scaled))[..., :3])


def _class_colours(values: NDArray[np.float64], classes: Sequence[ClassLabel]) -> Picture:
    picture = np.full((*values.shape, 3), UNDECLARED_COLOUR, np.uint8)
    for label in classes:
        picture[values == label.value] = rgb(label)
    return picture


def rgb(label: ClassLabel) -> tuple[int, ...]:
    """Red, green and blue of a class."""
    return tuple(bytes.fromhex(label.colour[1:]))


def hatch(rows: int, columns: int) -> Picture:
    """The hatching for pixels without data."""
    row, column = np.indices((rows, columns)) // -(-columns // _FULL)
    on_line = (row + column) % LINE_SPACING == 0
    return np.where(on_line[..., None], NODATA_LINE, NODATA_COLOUR).astype(np.uint8)
