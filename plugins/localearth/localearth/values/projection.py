"""Projections: a coordinate reference system and the affine transform of its pixels."""

import math
import re
import threading
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from attrs import field, frozen
from numpy.typing import NDArray
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError

from localearth.errors import EarthEngineError

Affine = tuple[float, float, float, float, float, float]
IDENTITY: Affine = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
METRES_PER_DEGREE = math.pi * 6378137.0 / 180.0
"""Length of a degree on the equator of WGS 84, metres; defines nominal scales of geographic systems."""

_DEFINITIONS = {"SR-ORG:6974": "+proj=sinu +R=6371007.181 +units=m +no_defs"}
"""Codes of Google that PROJ does not know: the sinusoidal system of MODIS, on NASA's sphere."""

_local = threading.local()


def definition(crs: str) -> str:
    """What PROJ and GDAL understand of a code or WKT."""
    return _DEFINITIONS.get(crs.upper(), crs)


def _unknown(crs: str) -> EarthEngineError:
    return EarthEngineError(f"The CRS of a map projection could not be parsed: '{crs[:60]}'.")


@lru_cache(maxsize=256)
def lookup(crs: str) -> CRS:
    """The coordinate reference system of a code or WKT.

    Raises:
        EarthEngineError: when the text is not a known CRS.
    """
    try:
        return CRS.from_user_input(definition(crs))
    except CRSError:
        raise _unknown(crs) from None


@lru_cache(maxsize=256)
def canonical(crs: str) -> str:
    """The code of a CRS: WKT with an authority is that code (documented at ee.Projection.crs); other WKT stays.

    Raises:
        EarthEngineError: when the text is not a known CRS.
    """
    if "[" not in crs:
        # Google reads codes and WKT, but neither PROJ strings nor names, which programs report.
        if not re.match(r"[\w-]+:", crs):
            raise _unknown(crs)
        lookup(crs)
        return crs.upper() if re.fullmatch(r"[A-Za-z-]+:\d+", crs) else crs
    authority = lookup(crs).to_json_dict().get("id")
    return f"{authority['authority']}:{authority['code']}" if authority else crs


@lru_cache(maxsize=256)
def metres_per_unit(crs: str) -> float:
    """The nominal length of one coordinate unit, metres."""
    system = lookup(crs)
    if system.is_geographic:
        return METRES_PER_DEGREE
    return float(system.axis_info[0].unit_conversion_factor)


def transformer(source: str, target: str) -> Transformer:
    """The transformation between two systems, in x, y order; one per thread, as PROJ requires."""
    known: dict[tuple[str, str], Transformer] = _local.__dict__.setdefault("transformers", {})
    found = known.get((source, target))
    if found is None:
        found = Transformer.from_crs(lookup(source), lookup(target), always_xy=True)
        known[source, target] = found
    return found


def reproject(source: str, target: str, x: NDArray[Any], y: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Transforms coordinates to another system; those outside its domain become infinite."""
    if source == target:
        return x, y
    there = transformer(source, target).transform(x, y)
    return np.asarray(there[0]), np.asarray(there[1])


def invert(t: Affine) -> Affine:
    """The inverse of an affine transform."""
    a, b, c, d, e, f = t
    det = a * e - b * d
    if det == 0:
        raise EarthEngineError("The projection's transform cannot be inverted.")
    return (e / det, -b / det, (b * f - c * e) / det, -d / det, a / det, (c * d - a * f) / det)


def apply(t: Affine, x: Any, y: Any) -> tuple[Any, Any]:
    """The x and y of points after an affine transform."""
    a, b, c, d, e, f = t
    return a * x + b * y + c, d * x + e * y + f


def compose(outer: Affine, inner: Affine) -> Affine:
    """The transform that applies `inner` first."""
    a, b, c, d, e, f = outer
    g, h, i, j, k, m = inner
    return (a * g + b * j, a * h + b * k, a * i + b * m + c, d * g + e * j, d * h + e * k, d * i + e * m + f)


def _affine(values: Sequence[float]) -> Affine:
    a, b, c, d, e, f = values
    return float(a), float(b), float(c), float(d), float(e), float(f)


@frozen
class Projection:
    """A coordinate reference system with a transform from pixels to its coordinates."""

    crs: str
    transform: Affine = field(default=IDENTITY, converter=_affine)

    @property
    def nominal_scale(self) -> float:
        """The nominal size of a pixel in metres: the square root of its area."""
        a, b, _, d, e, _ = self.transform
        return math.sqrt(abs(a * e - b * d)) * metres_per_unit(self.crs)

    def scaled(self, x: float, y: float) -> "Projection":
        """The projection with pixels x times as wide and y times as high and the same origin."""
        a, b, c, d, e, f = self.transform
        return Projection(self.crs, (a * x, b * y, c, d * x, e * y, f))

    def at_scale(self, metres: float) -> "Projection":
        """The projection with pixels of a nominal size and the same origin."""
        if not metres > 0:
            raise EarthEngineError(f"The scale must be positive, not {metres}.")
        factor = metres / self.nominal_scale
        return self.scaled(factor, factor)

    @property
    def is_wkt(self) -> bool:
        """Whether the CRS has no code."""
        return "[" in self.crs

    def info(self) -> dict[str, Any]:
        """As `getInfo` shows it."""
        shown: dict[str, Any] = {"type": "Projection"}
        shown["wkt" if self.is_wkt else "crs"] = self.crs
        return {**shown, "transform": [whole(v) for v in self.transform]}


def whole(value: float) -> float:
    """A whole number without `.0`, as in JavaScript and Google's JSON."""
    return int(value) if math.isfinite(value) and value == int(value) and abs(value) < 2**53 else value


WGS84 = Projection("EPSG:4326")


def resolve(crs: Projection, transform: list[float] | None, scale: float | None) -> Projection:
    """The projection given by the arguments `crs`, `crsTransform` and `scale`."""
    if transform is not None and scale is not None:
        raise EarthEngineError("Arguments 'crsTransform' and 'scale' may not both be specified.")
    if transform is not None:
        if len(transform) != 6:
            raise EarthEngineError(f"crsTransform must have 6 elements, not {len(transform)}.")
        return Projection(crs.crs, transform)
    return crs if scale is None else crs.at_scale(scale)
