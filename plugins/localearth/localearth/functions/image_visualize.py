"""`Image.visualize`: one or three bands as bytes, for pictures and map tiles."""

from typing import Any

import numpy as np
from attrs import evolve
from numpy.typing import NDArray

from localearth.errors import EarthEngineError
from localearth.raster.grid import Grid
from localearth.raster.sampling import Sampled
from localearth.registry import function
from localearth.values.colours import rgb
from localearth.values.image import Image, ImageBand, Pull
from localearth.values.pixel_type import LIMITS

RGB = ("vis-red", "vis-green", "vis-blue")
"""The names of the bands of a picture."""


@function(
    "Image.visualize",
    note="Without `min` and `max`, integers are stretched between the limits of their range, as 0 and 1 after gt "
    "(assumed for ranges that no type has). Both are needed for a constant, and for signed integers if one is given. "
    "Colours of `palette` as names of CSS or hexadecimal numbers. `opacity` multiplies the mask. "
    "Fractions of a byte are cut off (assumed).",
)
def visualize(
    image: Image,
    bands: Any,
    gain: Any,
    bias: Any,
    low: Any,
    high: Any,
    gamma: Any,
    opacity: float | None,
    palette: Any,
    force_rgb: bool,
) -> Image:
    """Stretches bands to 0 to 255, or to the colours of a palette."""
    chosen = [_dimmed(band, opacity) for band in _chosen(image, bands)]
    for band in chosen:
        band.numbers_only()
    count = len(chosen)
    linear = gain is not None or bias is not None
    if opacity is not None and not 0 < opacity <= 1:
        raise EarthEngineError(
            "argument 'opacity': Scale must be greater than zero and less than or equal to one, but was "
            f"{float(opacity)}."
        )
    if linear and (low is not None or high is not None):
        raise EarthEngineError("'gain' and 'bias' cannot be specified together with 'min' and 'max'.")
    if palette is not None and count > 1:
        raise EarthEngineError("Cannot provide a palette when visualizing more than one band.")
    if palette is not None and (gamma is not None or linear):
        raise EarthEngineError("Only 'min' and 'max' are supported together with 'palette'.")
    colours = None if palette is None else _colours(palette)
    if colours is not None and len(colours) == 1:
        steps = [(0.0, 0.0)]  # every stretch shows the only colour
    elif linear:
        steps = list(zip(_each("gain", gain, 1.0, count), _each("bias", bias, 0.0, count), strict=True))
    else:
        limits = zip(chosen, _each("min", low, None, count), _each("max", high, None, count), strict=True)
        steps = [_step(band, *edges) for band, *edges in limits]
    if colours is not None:
        return image.with_bands(_coloured(name, chosen[0], steps[0], colours[:, n]) for n, name in enumerate(RGB))
    powers = _each("gamma", gamma, 1.0, count)
    made = [_stretched(*each) for each in zip(chosen, steps, powers, strict=True)]
    if count == 2:
        # The second band is blue, and green is 0 (guide "Image Visualization").
        made.insert(1, _stretched(chosen[0], (0.0, 0.0), 1.0))
    names = ("vis-gray",) if count == 1 and not force_rgb else RGB
    return image.with_bands(evolve(band, name=name) for name, band in zip(names, made * 3, strict=False))


def _dimmed(band: ImageBand, opacity: float | None) -> ImageBand:
    """A band with its mask times the opacity."""
    if opacity in (None, 1):
        return band

    def source(grid: Grid, pull: Pull) -> Sampled:
        values, mask = pull.weighted(band.source, grid)
        return values, (mask * opacity).astype(np.float32)

    return evolve(band, source=source, fractional=True)


def _chosen(image: Image, bands: Any) -> tuple[ImageBand, ...]:
    names = bands.split(",") if isinstance(bands, str) else bands
    # Without names the first three (documented).
    found = image.bands[:3]
    if names is not None:
        names = [str(name).strip() for name in (names if isinstance(names, list) else [names])]
        found = tuple(map(image.band, names))
    if not 1 <= len(found) <= 3:
        raise EarthEngineError(f"Must use 1, 2 or 3 bands, not {len(found)}: set 'bands'.")
    return found


def _numbers(name: str, value: Any) -> list[float]:
    parts = value.split(",") if isinstance(value, str) else value if isinstance(value, list) else [value]
    try:
        return [float(part) for part in parts]
    except (TypeError, ValueError):
        raise EarthEngineError(f"'{name}' must be a number or a list of numbers, not {value!r}.") from None


def _each(name: str, value: Any, default: float | None, count: int) -> list[Any]:
    """One number per band."""
    if value is None:
        return [default] * count
    found = _numbers(name, value)
    if len(found) == 1:
        return found * count
    if len(found) != count:
        raise EarthEngineError(f"'{name}' has {len(found)} values for {count} bands; give one, or one per band.")
    return found


def _step(band: ImageBand, low: float | None, high: float | None) -> tuple[float, float]:
    """The factor and the offset with which `low` becomes 0 and `high` 255."""
    start, end = low, high
    if start is None or end is None:
        least, most = _defaults(band, low is None and high is None)
        start, end = least if start is None else start, most if end is None else end
    if not end > start:
        raise EarthEngineError(f"'max' ({end:g}) must be greater than 'min' ({start:g}).")
    factor = 255 / (end - start)
    return factor, -start * factor


def _defaults(band: ImageBand, both: bool) -> tuple[float, float]:
    """The defaults of `min` and `max`: 0 and 1 for floats, otherwise the limits of the range.

    The guide says so of the full range of 16-bit data, and it shows the result of comparisons, whose range is 0 to 1,
    as black and white.

    Raises:
        EarthEngineError: for a constant, or where one limit of signed integers is missing: the documentation does not
            say what is then stretched.
    """
    if not band.type.is_integer:
        return 0.0, 1.0
    least, most = band.type.bounds
    if least == most or (least < 0 and not both):
        raise EarthEngineError(
            f"arguments 'min' and 'max': the local Earth Engine does not know their defaults for band '{band.name}' of "
            f"integers from {least} to {most}; give both."
        )
    return least, most


def _colours(palette: Any) -> NDArray[np.float64]:
    """The colours, (n, 3)."""
    found = palette.split(",") if isinstance(palette, str) else palette
    if not isinstance(found, list) or not found:
        raise EarthEngineError(f"'palette' must be a list of colours, not {palette!r}.")
    return np.array([rgb(str(text)) for text in found], np.float64)


def _bytes(values: NDArray[np.float64]) -> NDArray[np.uint8]:
    return np.clip(np.nan_to_num(values), 0, 255).astype(np.uint8)


def _stretched(band: ImageBand, step: tuple[float, float], gamma: float) -> ImageBand:
    def source(grid: Grid, pull: Pull) -> Sampled:
        values, mask = pull.weighted(band.source, grid)
        stretched = values.astype(np.float64) * step[0] + step[1]
        if gamma != 1:
            stretched = 255 * (np.clip(stretched, 0, 255) / 255) ** (1 / gamma)
        return _bytes(stretched), mask

    return evolve(band, type=LIMITS["uint8"], source=source)


def _coloured(name: str, band: ImageBand, step: tuple[float, float], layer: NDArray[np.float64]) -> ImageBand:
    """One of the three bands of a palette; colours between two of the palette are interpolated (documented)."""

    def source(grid: Grid, pull: Pull) -> Sampled:
        values, mask = pull.weighted(band.source, grid)
        share = np.clip(np.nan_to_num(values.astype(np.float64) * step[0] + step[1]), 0, 255) / 255
        return _bytes(np.interp(share * (len(layer) - 1), np.arange(len(layer)), layer)), mask

    return evolve(band, name=name, type=LIMITS["uint8"], source=source)
