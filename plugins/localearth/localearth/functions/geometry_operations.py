"""Operations on geometries, registered for both geometries and features."""

from typing import Any

from localearth.functions import geometry as shapes
from localearth.functions.geometry import MEASURES, OVERLAYS, PREDICATES, SHAPES, flat, planar, without_transform
from localearth.functions.support import refuse
from localearth.promote import promote
from localearth.registry import function
from localearth.values.edges import middle, turned
from localearth.values.feature import Feature
from localearth.values.geometry import Geometry, parts
from localearth.values.projection import WGS84, Projection

_NOTE = "`maxError` is ignored."
_UNITS = "With `proj`, in units of its coordinates; it must have no transform. `maxError` is ignored."
_PLANE = "With `proj`, the result is in that projection (assumed). `maxError` is ignored."
_BOUNDS = "`maxError` is ignored. The ring begins at the lower left corner (assumed, as many scripts do)."


def of(value: Any) -> Geometry:
    """The geometry of a geometry or of an element."""
    return value if isinstance(value, Geometry) else promote("Feature", "geometry", "Geometry", value)


def like(value: Any, result: Geometry) -> Any:
    """The result as a geometry or, for a feature, as the feature with that geometry."""
    return result if isinstance(value, Geometry) else Feature(result, value.properties)


def _both(name: str, doc: str, run: Any, note: str = _NOTE) -> None:
    run.__doc__ = doc
    function(f"Geometry.{name}", f"Feature.{name}", note=note)(run)


def _register_one() -> None:
    """Registers the operations of one geometry."""
    for name, (text, ground, plane) in MEASURES.items():

        def measured(
            value: Any, _margin: Any, projection: Projection | None, ground: Any = ground, plane: Any = plane
        ) -> float:
            geometry = of(value)
            if projection is None:
                return float(ground(geometry))
            return float(plane(parts(geometry.in_pixels(without_transform(projection)))))

        _both(name, text, measured, _UNITS)
    for name, (text, change) in SHAPES.items():

        def changed(
            value: Any, _margin: Any, projection: Projection | None, change: Any = change, name: str = name
        ) -> Any:
            geometry = of(value)
            boxed = name == "bounds"
            if projection is not None:
                shape = geometry.in_pixels(projection) if boxed else flat(geometry, projection)
                return like(value, planar(change(shape), projection))
            shape = geometry.drawn if boxed else geometry.followed(geometry.drawn)
            return like(value, Geometry(change(shape), geodesic=not boxed))

        _both(name, text, changed, _BOUNDS if name == "bounds" else _PLANE)


def _register_two() -> None:
    """Registers the operations of two geometries."""
    for name, (text, overlay) in OVERLAYS.items():

        def laid(left: Any, right: Any, _margin: Any, projection: Projection | None, overlay: Any = overlay) -> Any:
            both = of(left), of(right)
            if projection is not None:
                one, two = (each.globe if projection == WGS84 else flat(each, projection) for each in both)
                return like(left, planar(overlay(one, two), projection))
            one, two = (each.followed(each.globe) for each in both)
            return like(left, Geometry(overlay(one, two)))

        _both(name, text, laid, _PLANE)
    for name, (text, test) in PREDICATES.items():

        def tested(
            left: Any, right: Any, _margin: Any, projection: Projection | None, test: Any = test, name: str = name
        ) -> bool:
            one, two = of(left), of(right)
            if projection is not None and projection != WGS84:
                return bool(test(flat(one, projection), flat(two, projection)))
            found = bool(test(one.globe, two.globe))
            if found or name == "disjoint" or (one.globe is one.lonlat and two.globe is two.lonlat):
                return found
            # At 180 degrees itself, where `globe` divides shapes.
            return bool(test(one.lonlat, turned(two.lonlat, middle(one.lonlat))))

        _both(name, text, tested)


_register_one()
_register_two()


@function("Geometry.buffer", "Feature.buffer", note=_UNITS + " Round corners have 16 segments per quarter circle.")
def buffer(value: Any, distance: float, _margin: Any, projection: Projection | None) -> Any:
    """The geometry with a buffer in metres, which may be negative."""
    if projection is None:
        return like(value, shapes.buffered(of(value), distance))
    shape = flat(of(value), without_transform(projection))
    return like(value, planar(shape.buffer(distance, quad_segs=16), projection))


@function("Geometry.centroid", "Feature.centroid", note="With `proj`, the same point (assumed). " + _NOTE)
def centroid(value: Any, _margin: Any, projection: Projection | None) -> Any:
    """The centre of its highest-dimensional parts."""
    found = shapes.centroid(of(value))
    return like(value, found if projection is None else shapes.transformed(found, projection, None))


def _distance(left: Any, right: Any, projection: Projection | None) -> float:
    if projection is None:
        return shapes.distance(of(left), of(right))
    one, two = (flat(of(each), without_transform(projection)) for each in (left, right))
    if one.is_empty or two.is_empty:
        raise shapes.no_distance()
    return float(one.distance(two))


@function("Geometry.distance", "Feature.distance", note=_UNITS + " `spherical` is refused.")
def distance(left: Any, right: Any, _margin: Any, projection: Projection | None, spherical: bool) -> float:
    """Metres between the nearest points."""
    if spherical and projection is None:
        raise refuse("spherical", spherical, "distances are measured on the ellipsoid")
    return _distance(left, right, projection)


@function("Geometry.withinDistance", "Feature.withinDistance", note=_UNITS + " False for an empty one (assumed).")
def within_distance(left: Any, right: Any, limit: float, _margin: Any, projection: Projection | None) -> bool:
    """Whether the distance is at most a limit in metres."""
    empty = of(left).shape.is_empty or of(right).shape.is_empty
    return not empty and _distance(left, right, projection) <= limit


@function(
    "Geometry.transform",
    "Feature.transform",
    note="Coordinates are pixels of a projection with a transform (assumed). Vertices are exact.",
)
def transform(value: Any, projection: Projection, _margin: Any, geodesic: bool | None) -> Any:
    """The geometry in another projection."""
    return like(value, shapes.transformed(of(value), projection, geodesic))
