"""Composites of collections with too many images to list: only the images near each requested grid are listed.

An image far away contributes to a grid if a mapped function moves its pixels there, as `translate` does, or fills
pixels from a neighbourhood. How far is found by a trial: the function is applied to an image without valid pixels, and
what it reads beyond the grid is how far images are looked for. If a band of the composite has valid pixels then, all
images contribute to it everywhere.
"""

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Any, NoReturn

import numpy as np
import shapely
from attrs import evolve
from shapely.geometry import Point, Polygon
from shapely.geometry.base import BaseGeometry

from localearth.errors import EarthEngineError
from localearth.raster.grid import Grid, outline_lonlat
from localearth.raster.sampling import Sampled
from localearth.values.collection import Collection, of_elements
from localearth.values.edges import wrapped
from localearth.values.geometry import Geometry
from localearth.values.image import Image, ImageBand, Pull, blank
from localearth.values.pixel_type import DOUBLE, cast
from localearth.values.reducer import Reducer
from localearth.values.row_reducers import RowReducer

_MARGIN = 0.05
"""Degrees around a grid in which images are always looked for: footprints may be a little too small."""

_FURTHEST = 3.0
"""Maximum number of degrees by which functions may move pixels."""


def counts_images(reducer: Any) -> bool:
    """Whether the types of a reducer's outputs depend on the number of images."""
    if not isinstance(reducer, Reducer) or isinstance(reducer, RowReducer):
        return False
    return reducer.types(DOUBLE, 1) != reducer.types(DOUBLE, 2)


def by_place(compose: Callable[..., Image]) -> Callable[..., Image]:
    """Makes a composite list only the images near each requested grid if its collection is too long to list.

    Its bands and their types are those of the first image; where none that passes the filters is found soon, those of
    another one.
    """

    @wraps(compose)
    def run(collection: Collection, *arguments: Any) -> Image:
        if not collection.is_walked or any(map(counts_images, arguments)):
            return compose(collection, *arguments)

        def composed(images: Collection) -> Image:
            return compose(images, *arguments)

        @lru_cache(maxsize=8)
        def of_grid(grid: Grid) -> dict[str, ImageBand]:
            reach, everywhere = _trial(collection, composed, grid)
            images = collection.near(wrapped(_outline(grid).buffer(_MARGIN + reach)))
            found = {band.name: band for band in composed(images).bands} if images.elements else {}
            return found | {name: evolve(first.band(name), source=_refused) for name in everywhere}

        def one(band: ImageBand) -> ImageBand:
            def source(grid: Grid, pull: Pull) -> Sampled:
                found = of_grid(grid).get(band.name)
                if found is None:
                    return blank(grid, band.type.dtype)
                values, mask = pull.weighted(found.source, grid)
                return cast(values, band.type), mask

            return evolve(band, source=source)

        try:
            found = collection.head(1)
        except EarthEngineError:
            # No image that passes the filters was found soon; any other image has the same bands.
            found = collection.sample()
        first = composed(of_elements(found, of_images=True))
        return first.with_bands(map(one, first.bands))

    return run


def _outline(grid: Grid) -> BaseGeometry:
    """The outline of a grid in EPSG:4326, which may go beyond 180 degrees."""
    points = shapely.get_coordinates(outline_lonlat(grid))
    lon = points[:, 0] - 360 * np.round((points[:, 0] - points[0, 0]) / 360)
    return outline_lonlat(grid) if grid.crs == "EPSG:4326" else Polygon(np.column_stack([lon, points[:, 1]]))


def _trial(collection: Collection, compose: Callable[[Collection], Image], grid: Grid) -> tuple[float, set[str]]:
    """What a composite is of images that have no valid pixels.

    Returns:
        Degrees around the grid in which it reads pixels, and the bands that have valid pixels.
    """
    read: list[Grid] = []
    far = Geometry(Point(_outline(grid).centroid.x % 360 - 180, 0).buffer(1), geodesic=False)

    def emptied(image: Image) -> Image:
        return evolve(
            image, make_bands=lambda: tuple(_emptied(each, grid, read) for each in image.bands), footprint=far
        )

    bands = compose(of_elements(collection.sample(emptied), of_images=True)).bands
    reach, everywhere = 0.0, set()
    for row, col in {(0, 0), (grid.height - 1, grid.width - 1)}:
        pixel, pull = grid.window(row, col, 1, 1), Pull()
        everywhere |= {band.name for band in bands if pull(band.source, pixel)[1].any()}
        reach = max([reach, *(_beyond(_outline(pixel), each) for each in read)])
        read.clear()
    if reach > _FURTHEST:
        raise _refusal(f"moves pixels, or has neighbourhoods, of more than {_FURTHEST:g} degrees")
    return reach, everywhere


def _refused(_grid: Grid, _pull: Pull) -> NoReturn:
    raise _refusal("has pixels where its images have none, as constants and unmask(..., False) have")


def _emptied(band: ImageBand, grid: Grid, read: list[Grid]) -> ImageBand:
    """A band without valid pixels, which notes the grids on which it is read."""

    def source(asked: Grid, _pull: Pull) -> Sampled:
        read.append(asked)
        return blank(asked, band.type.dtype)

    return evolve(band, source=source, projection=grid.projection, dimensions=None)


def _beyond(outline: BaseGeometry, grid: Grid) -> float:
    """The largest distance of a grid's outline from another outline, degrees."""
    points = shapely.get_coordinates(outline_lonlat(grid))
    lon = points[:, 0] - 360 * np.round((points[:, 0] - outline.centroid.x) / 360)
    return float(shapely.distance(shapely.points(lon, points[:, 1]), outline).max())


def _refusal(why: str) -> EarthEngineError:
    return EarthEngineError(
        f"a collection without filterBounds {why}: the local Earth Engine would have to list all of its images. Filter "
        "the collection by bounds, before other functions."
    )
