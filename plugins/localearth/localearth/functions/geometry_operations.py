"""Operations on geometries, registered for both geometries and features."""

from typing import Any

from localearth.functions import geometry as shapes
from localearth.functions.geometry import MEASURES, OVERLAYS, PREDICATES, SHAPES, planar
from localearth.functions.support import refuse
from localearth.promote import promote
from localearth.registry import function
from localearth.values.edges import middle, turned
from localearth.values.feature import Feature
from localearth.values.geometry import Geometry
from localearth.values.projection import Projection

_NOTE = "`proj` must be EPSG:4326; `maxError` is ignored."
_BOUNDS = (
    "`proj` without a transform; `maxError` is ignored. The ring begins at the lower left corner (assumed, as many "
    "scripts do)."
)


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
    for name, (text, measure) in MEASURES.items():

        def measured(value: Any, _margin: Any, projection: Projection | None, measure: Any = measure) -> float:
            planar(projection)
            return float(measure(of(value)))

        _both(name, text, measured)
    for name, (text, change) in SHAPES.items():

        def changed(
            value: Any, _margin: Any, projection: Projection | None, change: Any = change, name: str = name
        ) -> Any:
            if name == "bounds" and projection is not None:
                return like(value, shapes.bounds_in(of(value), projection))
            planar(projection)
            boxed = name == "bounds"
            geometry = of(value)
            shape = geometry.drawn if boxed else geometry.followed(geometry.drawn)
            return like(value, Geometry(change(shape), geodesic=not boxed))

        _both(name, text, changed, _BOUNDS if name == "bounds" else _NOTE)


def _register_two() -> None:
    """Registers the operations of two geometries."""
    for name, (text, overlay) in OVERLAYS.items():

        def laid(left: Any, right: Any, _margin: Any, projection: Projection | None, overlay: Any = overlay) -> Any:
            planar(projection)
            one, two = (each.followed(each.globe) for each in (of(left), of(right)))
            return like(left, Geometry(overlay(one, two)))

        _both(name, text, laid)
    for name, (text, test) in PREDICATES.items():

        def tested(
            left: Any, right: Any, _margin: Any, projection: Projection | None, test: Any = test, name: str = name
        ) -> bool:
            planar(projection)
            one, two = of(left), of(right)
            found = bool(test(one.globe, two.globe))
            if found or name == "disjoint" or (one.globe is one.lonlat and two.globe is two.lonlat):
                return found
            # At 180 degrees itself, where `globe` divides shapes.
            return bool(test(one.lonlat, turned(two.lonlat, middle(one.lonlat))))

        _both(name, text, tested)


_register_one()
_register_two()


@function("Geometry.buffer", "Feature.buffer", note=_NOTE + " Round corners have 16 segments per quarter circle.")
def buffer(value: Any, distance: float, _margin: Any, projection: Projection | None) -> Any:
    """The geometry with a buffer in metres, which may be negative."""
    planar(projection)
    return like(value, shapes.buffered(of(value), distance))


@function("Geometry.centroid", "Feature.centroid", note=_NOTE)
def centroid(value: Any, _margin: Any, projection: Projection | None) -> Any:
    """The centre of its highest-dimensional parts."""
    planar(projection)
    return like(value, shapes.centroid(of(value)))


@function("Geometry.distance", "Feature.distance", note=_NOTE + " `spherical` is refused.")
def distance(left: Any, right: Any, _margin: Any, projection: Projection | None, spherical: bool) -> float:
    """Metres between the nearest points."""
    planar(projection)
    if spherical:
        raise refuse("spherical", spherical, "distances are measured on the ellipsoid")
    return shapes.distance(of(left), of(right))


@function("Geometry.withinDistance", "Feature.withinDistance", note=_NOTE)
def within_distance(left: Any, right: Any, limit: float, _margin: Any, projection: Projection | None) -> bool:
    """Whether the distance is at most a limit in metres."""
    planar(projection)
    return shapes.distance(of(left), of(right)) <= limit


@function("Geometry.transform", "Feature.transform", note="Projections without a transform; vertices are exact.")
def transform(value: Any, projection: Projection, _margin: Any, geodesic: bool | None) -> Any:
    """The geometry in another projection."""
    return like(value, shapes.transformed(of(value), projection, geodesic))
