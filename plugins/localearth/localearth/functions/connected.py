"""Connected pixels of equal values, on the requested grid."""

import numpy as np
from numpy.typing import NDArray

from localearth.errors import EarthEngineError
from localearth.raster.grid import Grid, step_ends
from localearth.raster.sampling import Sampled
from localearth.registry import function
from localearth.values.image import Image, ImageBand, Pull
from localearth.values.pixel_type import PixelType

MOST = 1024
"""Maximum of `maxSize`: a margin of as many pixels is computed around the grid."""


def labels(values: NDArray[np.generic], valid: NDArray[np.bool_], diagonal: bool) -> NDArray[np.int64]:
    """A number for each group of connected equal pixels: the position of its first pixel."""
    found = np.arange(values.size).reshape(values.shape)
    offsets = [(0, 1), (1, 0)] + ([(1, 1), (1, -1)] if diagonal else [])
    pairs = []
    for down, right in offsets:
        one, two = step_ends(values.shape, down, right)
        same = valid[one] & valid[two] & (values[one] == values[two])
        pairs.append((found[one][same], found[two][same]))
    left, right_ = (np.concatenate(each) for each in zip(*pairs, strict=True))
    flat = found.ravel().copy()
    while True:
        a, b = flat[left], flat[right_]
        if (a == b).all():
            return flat.reshape(values.shape)
        low = np.minimum(a, b)
        # Both the pixels' numbers and the pixels that they name take the smaller number; then names are followed.
        np.minimum.at(flat, a, low)
        np.minimum.at(flat, b, low)
        while (flat != flat[flat]).any():
            flat = flat[flat]


def check_size(most: int) -> None:
    """Refuses a `maxSize` whose margin would be too large.

    Raises:
        EarthEngineError: when it is not from 1 to `MOST`.
    """
    if not 1 <= most <= MOST:
        raise EarthEngineError(f"argument 'maxSize': must be from 1 to {MOST}, not {most}.")


@function("Image.connectedPixelCount", note=f"`maxSize` at most {MOST}. Masked pixels stay masked.")
def connected_pixel_count(image: Image, most: int, diagonal: bool) -> Image:
    """The number of connected pixels with the same value, at most `maxSize`."""
    check_size(most)
    kind = PixelType("int", 0, most)

    def one(band: ImageBand) -> ImageBand:
        band.numbers_only()

        def source(grid: Grid, pull: Pull) -> Sampled:
            # A group that reaches beyond this margin has at least `maxSize` pixels within it.
            values, valid = pull(band.source, grid.around(most))
            group = labels(values, valid, diagonal)
            count = np.minimum(np.bincount(group.ravel())[group], most)
            part = grid.inner(most)
            return np.where(valid[part], count[part], 0).astype(kind.dtype), valid[part]

        return ImageBand(band.name, kind, band.projection, source)

    return image.with_bands(map(one, image.bands))
