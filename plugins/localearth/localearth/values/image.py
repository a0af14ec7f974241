"""Images: lazy bands, each of which is a function from a requested grid to values and a mask."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import numpy as np
from attrs import evolve, field, frozen
from numpy.typing import NDArray

from localearth.errors import EarthEngineError
from localearth.raster.grid import Grid, check_memory
from localearth.raster.mask import valid
from localearth.raster.overlap import Overlap, overlap
from localearth.raster.sampling import Positions, Sampled, positions
from localearth.values.geometry import Geometry
from localearth.values.pixel_type import PixelType, cast
from localearth.values.projection import WGS84, Projection

K = TypeVar("K")
V = TypeVar("V")

Source = Callable[[Grid, "Pull"], Sampled]
"""Computes a band on a grid: values in the band's dtype, and a mask; (height, width)."""


class Pull:
    """The pixels of one request: every source and every position is computed once per grid."""

    def __init__(self) -> None:
        self._pixels: dict[tuple[int, Grid], tuple[Source, Sampled]] = {}
        self._positions: dict[tuple[Grid, Projection], Positions] = {}
        self._overlaps: dict[tuple[Grid, Projection], Overlap] = {}
        self._centres: dict[tuple[Grid, str], tuple[NDArray[Any], NDArray[Any]]] = {}

    def __call__(self, source: Source, grid: Grid) -> Sampled:
        """The pixels of a source on a grid, with True at valid pixels. Callers must not modify them."""
        values, mask = self.weighted(source, grid)
        return values, valid(mask)

    def weighted(self, source: Source, grid: Grid) -> Sampled:
        """The pixels of a source on a grid, with a mask that may have values between 0 and 1."""
        key = id(source), grid
        found = self._pixels.get(key)
        if found is None:
            check_memory(grid.height, grid.width)
            # The source is kept with its pixels, because an id() is only unique during the object's lifetime.
            found = source, source(grid, self)
            self._pixels[key] = found
        return found[1]

    def positions(self, grid: Grid, native: Projection) -> Positions:
        """The positions of the grid's centres in a native raster."""
        return _once(self._positions, (grid, native), lambda: positions(grid, native, self.centres))

    def overlap(self, grid: Grid, native: Projection) -> Overlap:
        """The native pixels that each pixel of the grid covers; shared by bands of one resolution."""
        return _once(self._overlaps, (grid, native), lambda: overlap(grid, native))

    def centres(self, grid: Grid, crs: str) -> tuple[NDArray[Any], NDArray[Any]]:
        """The coordinates of the grid's centres in a CRS; shared by bands of all resolutions."""
        return _once(self._centres, (grid, crs), lambda: grid.centres_in(crs))


def _once(known: dict[K, V], key: K, make: Callable[[], V]) -> V:
    """The value of a key, made on first use."""
    if key not in known:
        known[key] = make()
    return known[key]


@frozen(eq=False)
class ImageBand:
    """One band of an image.

    Attributes:
        name: its name.
        type: the type of its pixels.
        projection: its default projection; pixels of 1 degree for computed bands without one.
        source: computes its pixels.
        dimensions: (width, height) in pixels of its projection; after a clip (width, height, column, row), where the
            last two are the origin. None without bounds.
        fractional: whether its mask may have values between 0 and 1.
    """

    name: str
    type: PixelType
    projection: Projection
    source: Source
    dimensions: tuple[int, ...] | None = None
    fractional: bool = False

    def numbers_only(self) -> None:
        """Refuses array pixels."""
        if self.type.dimensions:
            raise EarthEngineError(
                f"Band '{self.name}' has array pixels, which the local Earth Engine does not support here; use "
                "arrayGet or arrayFlatten."
            )

    def integers_only(self) -> None:
        """Refuses pixels that are not integers."""
        self.numbers_only()
        if not self.type.is_integer:
            raise EarthEngineError(f"Band '{self.name}' must have integer values; cast the image first.")

    def info(self) -> dict[str, Any]:
        """As `getInfo` shows it."""
        projection = self.projection.info()
        del projection["type"]
        shown: dict[str, Any] = {"id": self.name, "data_type": self.type.info()}
        if self.dimensions:
            shown["dimensions"] = list(self.dimensions[:2])
            if any(self.dimensions[2:]):
                shown["origin"] = list(self.dimensions[2:])
        transform = projection.pop("transform")
        return {**shown, **projection, "crs_transform": transform}


def window(band: ImageBand) -> tuple[int, int, int, int] | None:
    """The first column and row of a band and those after its last ones; None without bounds."""
    if band.dimensions is None:
        return None
    width, height, col, row = (*band.dimensions, 0, 0)[:4]
    return col, row, col + width, row + height


def dimensions_of(window_: tuple[int, int, int, int]) -> tuple[int, int, int, int] | None:
    """The dimensions and origin of a window; None when it is empty."""
    left, top, right, bottom = window_
    return (right - left, bottom - top, left, top) if left < right and top < bottom else None


@frozen(eq=False)
class Image:
    """An image: an element with bands.

    Attributes:
        make_bands: creates its bands on first use.
        properties: its properties, including `system:index` and `system:footprint` if it has them.
        id: the asset's id; None for a computed image.
        footprint: the region with pixels; None for an unbounded image.
    """

    make_bands: Callable[[], tuple[ImageBand, ...]]
    properties: Mapping[str, Any] = field(factory=dict)
    id: str | None = None
    footprint: Geometry | None = None
    _cache: list[tuple[ImageBand, ...]] = field(factory=list, init=False)

    @property
    def bands(self) -> tuple[ImageBand, ...]:
        """Its bands, in order."""
        if not self._cache:
            self._cache.append(self.make_bands())
        return self._cache[0]

    @property
    def names(self) -> list[str]:
        """The names of its bands."""
        return [band.name for band in self.bands]

    @property
    def geometry(self) -> Geometry | None:
        """The footprint, under the name that all elements have."""
        return self.footprint

    def with_bands(self, bands: Iterable[ImageBand]) -> "Image":
        """The same metadata with other bands."""
        chosen = tuple(bands)
        return evolve(self, make_bands=lambda: chosen)

    def with_properties(self, properties: Mapping[str, Any]) -> "Image":
        """The same bands with other properties."""
        return evolve(self, properties=properties)

    @property
    def first_band(self) -> ImageBand:
        """Its first band.

        Raises:
            EarthEngineError: when it has none.
        """
        if not self.bands:
            raise EarthEngineError("Image has no bands.")
        return self.bands[0]

    def band(self, name: str) -> ImageBand:
        """The band of that name.

        Raises:
            EarthEngineError: when it has none.
        """
        for band in self.bands:
            if band.name == name:
                return band
        raise EarthEngineError(f"No band named '{name}'. Available band names: [{', '.join(self.names)}].")

    def single(self, what: str = "image") -> ImageBand:
        """Its only band.

        Raises:
            EarthEngineError: when it has none or several.
        """
        if len(self.bands) != 1:
            raise EarthEngineError(f"The {what} must have exactly one band, not {len(self.bands)}.")
        return self.bands[0]


def of_bands(bands: Iterable[ImageBand], **metadata: Any) -> Image:
    """A new image with these bands."""
    chosen = tuple(bands)
    return Image(lambda: chosen, **metadata)


def layers(
    every: Source, names: Iterable[str], kinds: Iterable[PixelType], projection: Projection, fractional: bool = False
) -> list[ImageBand]:
    """A band for each layer of a source that computes them together, (layers, height, width)."""

    def one(number: int, name: str, kind: PixelType) -> ImageBand:
        def source(grid: Grid, pull: Pull) -> Sampled:
            values, masks = pull.weighted(every, grid)
            found = np.where(masks[number], values[number], 0)
            return found if kind.dimensions else cast(found.astype(np.float64, copy=False), kind), masks[number]

        return ImageBand(name, kind, projection, source, fractional=fractional)

    return [one(number, *each) for number, each in enumerate(zip(names, kinds, strict=True))]


def constant_band(name: str, value: float, pixel_type: PixelType) -> ImageBand:
    """A band with one value everywhere."""
    held = pixel_type.dtype.type(value)

    def source(grid: Grid, _pull: Pull) -> Sampled:
        return np.full(grid.shape, held), np.ones(grid.shape, bool)

    return ImageBand(name, pixel_type, WGS84, source)


def masked_band(name: str, kind: PixelType) -> ImageBand:
    """A band that is masked everywhere."""
    return ImageBand(name, kind, WGS84, lambda grid, _pull: blank(grid, kind.dtype))


def unique(names: Iterable[str]) -> list[str]:
    """Band names, with `_1`, `_2` ... appended to duplicates."""
    taken: set[str] = set()
    result = []
    for name in names:
        free, count = name, 0
        while free in taken:
            count += 1
            free = f"{name}_{count}"
        taken.add(free)
        result.append(free)
    return result


def blank(grid: Grid, dtype: np.dtype[Any]) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Pixels that are masked everywhere."""
    return np.zeros(grid.shape, dtype), np.zeros(grid.shape, bool)
