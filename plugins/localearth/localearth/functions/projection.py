"""Projections."""

from localearth.errors import EarthEngineError
from localearth.functions.support import refuse
from localearth.promote import promote
from localearth.registry import function
from localearth.values.function import ErrorMargin
from localearth.values.projection import IDENTITY, Projection, compose, lookup


@function("Projection", "Proj", note="`transformWkt` is refused.")
def make(crs: object, transform: list[float] | None, wkt: str | None) -> Projection:
    """A projection from a code or WKT, and a transform."""
    if wkt is not None:
        raise refuse("transformWkt", wkt, "give 'transform', a list of six numbers")
    base: Projection = promote("Projection", "crs", "Projection", crs)
    if transform is None:
        return base
    if len(transform) != 6:
        raise EarthEngineError(f"The transform must have 6 elements, not {len(transform)}.")
    return Projection(base.crs, transform)


@function("Projection.crs")
def crs_of(projection: Projection) -> str | None:
    """The code, e.g. `EPSG:32618`; null for WKT without an authority."""
    return None if projection.is_wkt else projection.crs


@function("Projection.wkt")
def wkt_of(projection: Projection) -> str:
    """The CRS as WKT (version 1, as PROJ writes it)."""
    return str(lookup(projection.crs).to_wkt("WKT1_GDAL"))


@function("Projection.transform")
def transform_of(projection: Projection) -> str:
    """The transform as WKT: the matrix elements that differ from the identity's."""
    a, b, c, d, e, f = projection.transform
    elements = zip(("0_0", "0_1", "0_2", "1_0", "1_1", "1_2"), (a, b, c, d, e, f), IDENTITY, strict=True)
    rows = ['PARAM_MT["Affine"', '  PARAMETER["num_row", 3]', '  PARAMETER["num_col", 3]']
    rows += [f'  PARAMETER["elt_{name}", {value}]' for name, value, usual in elements if value != usual]
    return ", \n".join(rows) + "]"


@function("Projection.nominalScale")
def nominal_scale(projection: Projection) -> float:
    """The nominal size of a pixel in metres; degrees are converted as on the equator."""
    return projection.nominal_scale


@function("Projection.atScale")
def at_scale(projection: Projection, metres: float) -> Projection:
    """The projection with another nominal pixel size and the same origin."""
    return projection.at_scale(metres)


@function("Projection.scale")
def scale(projection: Projection, x: float, y: float) -> Projection:
    """The projection with pixels scaled by two factors and the same origin."""
    if not x or not y:
        raise EarthEngineError("The factors must not be 0.")
    return projection.scaled(x, y)


@function("Projection.translate")
def translate(projection: Projection, x: float, y: float) -> Projection:
    """The projection moved by a number of pixels."""
    return Projection(projection.crs, compose(projection.transform, (1, 0, x, 0, 1, y)))


@function("ErrorMargin")
def error_margin(value: float | None, unit: str) -> ErrorMargin:
    """The allowed error of a geometry."""
    return ErrorMargin.of(value, unit)
