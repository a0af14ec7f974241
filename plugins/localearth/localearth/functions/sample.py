"""Pixels of an image as features: sample, sampleRegions and stratifiedSample.

A region selects the pixels whose centre is in it, as with unweighted reducers; a point or line those that it touches.
Pixels come row by row. Which pixels a seed draws is this implementation's own choice: the same on every run, but not
Google's.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from attrs import frozen
from numpy.typing import NDArray
from shapely.geometry import Point

from localearth.errors import EarthEngineError
from localearth.functions.image_region import check_tile_scale, image_projection, region_of, region_or_footprint
from localearth.functions.support import check_count, generator
from localearth.registry import function
from localearth.values.array import make
from localearth.values.collection import Collection, lazy
from localearth.values.feature import Feature, index_of
from localearth.values.geometry import Geometry
from localearth.values.image import Image, Pull
from localearth.values.projection import Projection, reproject, whole

LIMIT = 10_000_000
"""Maximum number of pixels around a region."""

FEATURES = 1_000_000
"""Maximum number of features of a sample, some 600 bytes each; Earth Engine refuses them by memory."""

_DRAWN = "Not the pixels that Google draws for a seed. `tileScale` has no influence."


@frozen(eq=False)
class Pixels:
    """The pixels of an image in a region.

    Attributes:
        columns: for every band, its name, values and validity, each with n rows.
        lon: longitudes of the centres, (n,).
        lat: latitudes of the centres, (n,).
    """

    columns: list[tuple[str, NDArray[Any], NDArray[np.bool_]]]
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]

    @property
    def complete(self) -> NDArray[np.bool_]:
        """Whether no band of a pixel is masked, (n,)."""
        found = np.ones(len(self.lon), bool)
        for _, _, valid in self.columns:
            found &= valid
        return found

    def feature(self, at: int, properties: dict[str, Any], geometries: bool) -> Feature:
        """A pixel as a feature."""
        values = {name: _number(column[at]) if valid[at] else None for name, column, valid in self.columns}
        place = Geometry(Point(float(self.lon[at]), float(self.lat[at]))) if geometries else None
        return Feature(place, {**properties, **values})

    def features(self, chosen: NDArray[Any], geometries: bool) -> list[Feature]:
        """Some of the pixels as features.

        Raises:
            EarthEngineError: there would be too many.
        """
        check_count(len(chosen), "features", FEATURES)
        return [self.feature(at, {}, geometries) for at in chosen.tolist()]


def sampled_pixels(image: Image, geometry: Geometry, projection: Projection) -> Pixels:
    """The pixels of an image in a region, row by row."""
    region = region_of(geometry, projection, LIMIT, weighted=False)
    pull = Pull()
    columns = []
    for band in image.bands:
        values, mask = pull(band.source, region.grid)
        columns.append((band.name, values[region.centre], mask[region.centre]))
    x, y = (each[region.centre] for each in region.grid.centres())
    lon, lat = reproject(region.grid.crs, "EPSG:4326", x, y)
    return Pixels(columns, lon, lat)


def _number(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return make(value)
    number = value.item()
    return whole(number) if isinstance(number, float) else number


@function("Image.sample", note="`numPixels` draws exactly as many pixels. " + _DRAWN)
def sample(
    image: Image,
    region: Geometry | None,
    scale: float | None,
    projection: Projection | None,
    factor: float | None,
    count: int | None,
    seed: int,
    drop: bool,
    tile_scale: float,
    geometries: bool,
) -> Collection:
    """The pixels of an image in a region as features."""
    check_tile_scale(tile_scale)
    if factor is not None and count is not None:
        raise EarthEngineError("Only one of 'factor' and 'numPixels' may be specified.")
    if factor is not None and not 0 < factor <= 1:
        raise EarthEngineError(f"argument 'factor': must be above 0 and at most 1, not {factor}.")
    if count is not None and count < 0:
        raise EarthEngineError(f"argument 'numPixels': must not be negative, not {count}.")
    where, target = region_or_footprint(image, region, "region"), image_projection(image, projection, None, scale)

    def make() -> list[Feature]:
        found = sampled_pixels(image, where, target)
        chosen = np.arange(len(found.lon))
        if factor is not None and factor < 1:
            chosen = chosen[generator(seed).random(len(chosen)) < factor]
        if count is not None and count < len(chosen):
            chosen = np.sort(generator(seed).choice(chosen, count, replace=False))
        if drop:
            chosen = chosen[found.complete[chosen]]
        return found.features(chosen, geometries)

    return lazy(make)


@function("Image.sampleRegions", note="`tileScale` has no influence.")
def sample_regions(
    image: Image,
    collection: Collection,
    names: list[str] | None,
    scale: float | None,
    projection: Projection | None,
    tile_scale: float,
    geometries: bool,
) -> Collection:
    """The pixels in every region as features, with the region's properties; pixels with a masked band are left out."""
    check_tile_scale(tile_scale)
    target = image_projection(image, projection, None, scale)

    def each() -> Iterator[Feature]:
        total = 0
        for feature in collection.elements:
            if feature.geometry is None:
                raise EarthEngineError("Image.sampleRegions: a feature has no geometry.", placed=True)
            found = sampled_pixels(image, feature.geometry, target)
            kept = {
                name: value
                for name, value in feature.properties.items()
                if (name in names if names is not None else not name.startswith("system:"))
            }
            chosen = np.flatnonzero(found.complete).tolist()
            total += len(chosen)
            check_count(total, "features", FEATURES)
            for number, at in enumerate(chosen):
                kept["system:index"] = f"{index_of(feature)}_{number}"
                yield found.feature(at, kept, geometries)

    return lazy(lambda: list(each()))


@function("Image.stratifiedSample", note=_DRAWN)
def stratified_sample(
    image: Image,
    number: int,
    class_band: str | None,
    region: Geometry | None,
    scale: float | None,
    projection: Projection | None,
    seed: int,
    class_values: list[int] | None,
    class_points: list[int] | None,
    drop: bool,
    tile_scale: float,
    geometries: bool,
) -> Collection:
    """A number of pixels of every class, or all of a class that has fewer."""
    check_tile_scale(tile_scale)
    if len(class_values or ()) != len(class_points or ()):
        raise EarthEngineError("'classValues' and 'classPoints' must have the same size.")
    special = dict(zip(class_values or (), class_points or (), strict=True))
    if number < 0 or any(points < 0 for points in special.values()):
        raise EarthEngineError("Numbers of points must not be negative.")
    where, target = region_or_footprint(image, region, "region"), image_projection(image, projection, None, scale)
    label = image.first_band if class_band is None else image.band(class_band)
    if not label.type.is_integer:
        raise EarthEngineError(f"argument 'classBand': band '{label.name}' must have integer values.")

    def make() -> list[Feature]:
        found = sampled_pixels(image, where, target)
        _, classes, valid = found.columns[image.bands.index(label)]
        values = np.asarray(classes)
        usable = valid & found.complete if drop else valid
        random = generator(seed)
        chosen: list[int] = []
        for value in np.unique(values[usable]).tolist():
            members = np.flatnonzero(usable & (values == value))
            wanted = special.get(value, number)
            if wanted < len(members):
                members = np.sort(random.choice(members, wanted, replace=False))
            chosen += members.tolist()
        return found.features(np.array(chosen, int), geometries)

    return lazy(make)
