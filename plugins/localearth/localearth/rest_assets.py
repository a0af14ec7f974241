"""Assets: their metadata, the images of a collection, and the pixels of an image."""

import datetime as dt
import json
import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

from shapely.errors import ShapelyError
from shapely.geometry import mapping, shape
from shapely.geometry.base import BaseGeometry

from localearth.encode import encode
from localearth.errors import EarthEngineError
from localearth.functions.image_assets import from_asset
from localearth.pixels import COEFFICIENTS
from localearth.rest_tables import geojson, page
from localearth.values.feature import Feature
from localearth.values.geometry import Geometry
from localearth.values.image import Image
from localearth.values.pixel_type import of_dtype
from localearth.values.projection import whole
from localearth.worlds.base import BandSource, ImageAsset, World, selected
from localearth.worlds.tables import milliseconds

PUBLIC = "projects/earthengine-public/assets/"
_ROOTS = re.compile(r"projects/[^/]+/assets/")
_TERM = re.compile(r"\s*(?:properties\.)?([\w:]+)\s*(>=|<=|!=|=|>|<)\s*(.+?)\s*")
_MEETS = re.compile(r"\s*intersects\((.+)\)\s*", re.DOTALL)
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    **{">=": operator.ge, "<=": operator.le, ">": operator.gt},
    **{"<": operator.lt, "=": operator.eq, "!=": operator.ne},
}
_TIMES = {"startTime": "system:time_start", "endTime": "system:time_end"}


def find_asset(world: World, name: str) -> Any:
    """The asset of a name such as `projects/earthengine-public/assets/A/B`.

    Raises:
        EarthEngineError: the world has no such asset; with the status 404, which the client takes for that.
    """
    found = world.find(name)
    if found is None:
        found = world.find(_ROOTS.sub("", name, count=1))
    if found is None:
        raise EarthEngineError(f"Asset '{name}' does not exist or doesn't allow this operation.", 404)
    return found


def asset_info(asset: Any) -> dict[str, Any]:
    """An asset's metadata, as `ee.data.getAsset` returns it."""
    name = asset.id if asset.id.startswith("projects/") else PUBLIC + asset.id
    shown: dict[str, Any] = {"name": name, "id": asset.id}
    properties = {key: encode(value) for key, value in asset.properties.items() if not key.startswith("system:")}
    if properties:
        shown["properties"] = properties
    for key, source in _TIMES.items():
        if asset.properties.get(source) is not None:
            shown[key] = _time(asset.properties[source])
    if not isinstance(asset, ImageAsset):
        return {"type": "IMAGE_COLLECTION" if hasattr(asset, "images") else "TABLE", **shown}
    if asset.footprint is not None:
        shown["geometry"] = json.loads(json.dumps(mapping(asset.footprint)))
    return {"type": "IMAGE", **shown, "bands": [_band(band) for band in asset.bands]}


def _time(milliseconds: float) -> str:
    moment = dt.datetime(1970, 1, 1) + dt.timedelta(milliseconds=milliseconds)
    return moment.isoformat(timespec="milliseconds" if moment.microsecond else "seconds") + "Z"


def _band(band: BandSource) -> dict[str, Any]:
    kind = of_dtype(band.dtype)
    data: dict[str, Any] = {"precision": {"int": "INT", "float": "FLOAT", "double": "DOUBLE"}[kind.precision]}
    if kind.low is not None and kind.high is not None:
        data["range"] = {"min": kind.low, "max": kind.high}
    affine = zip(COEFFICIENTS, band.transform, strict=True)
    grid = {
        "crsCode": band.crs,
        "dimensions": {"width": band.width, "height": band.height},
        # As in Google's JSON, a number that is 0 is left out.
        "affineTransform": {key: whole(value) for key, value in affine if value},
    }
    return {"id": band.name, "dataType": data, "grid": grid}


def list_images(world: World, name: str, query: Mapping[str, str]) -> dict[str, Any]:
    """One page of a collection's images, as `ee.data.listAssets` and `listImages` return it.

    Raises:
        EarthEngineError: it is not a collection of images, or the filter is not understood.
    """
    asset = find_asset(world, name)
    if isinstance(asset, ImageAsset) or not hasattr(asset, "images"):
        raise EarthEngineError(f"Asset '{name}' is not a collection of images, so it has no assets.")
    terms = _terms(query)
    regions = [_region(match[1]) for match in map(_MEETS.fullmatch, terms) if match]
    tests = [_condition(term) for term in terms if not _MEETS.fullmatch(term)]
    images = asset.images(regions[0] if regions else None)
    for region in regions[1:]:
        images = selected(images, region, None)
    found = [each for each in images if all(test(each.properties) for test in tests)]
    elements, token = page(found, query)
    shown = [asset_info(each) for each in elements]
    if query.get("view") == "BASIC":
        shown = [{key: each[key] for key in ("type", "name", "id")} for each in shown]
    return {"assets": shown, **token}


def _terms(query: Mapping[str, str]) -> list[str]:
    """The conditions of a request's filter."""
    return list(filter(None, re.split(r"\s+AND\s+", query.get("filter", ""))))


def _condition(term: str) -> Callable[[Mapping[str, Any]], bool]:
    """The test of one comparison of a filter, e.g. `properties.CLOUDS<30`; an absent property does not pass."""
    match = _TERM.fullmatch(term)
    if match is None:
        raise EarthEngineError(
            f"The local Earth Engine does not understand the filter {term!r}. It understands comparisons with =, !=, "
            "<, <=, > and >=, intersects(...) and AND."
        )
    name, sign, text = match.groups()
    compare = _COMPARE[sign]
    bound: Any = text.strip("\"'")
    if name in _TIMES and "properties." not in term:
        name, bound = _TIMES[name], _milliseconds(bound)
    elif bound == text:
        try:
            bound = float(text)
        except ValueError:
            bound = text

    def passes(properties: Mapping[str, Any]) -> bool:
        value = properties.get(name)
        if value is None or isinstance(value, str) != isinstance(bound, str):
            return False
        return compare(value, bound)

    return passes


def _milliseconds(text: str) -> float:
    try:
        return milliseconds(dt.datetime.fromisoformat(text))
    except ValueError:
        raise EarthEngineError(f"Invalid time {text!r} in the filter; write it as 2020-01-31T00:00:00Z.") from None


def _region(text: str) -> BaseGeometry:
    """The geometry of `intersects("...")`: GeoJSON, or the text of a Python dictionary, which the client sends."""
    content = text.strip()[1:-1].replace('\\"', '"').replace("'", '"').replace("False", "false").replace("True", "true")
    try:
        return shape(json.loads(content))
    except (ValueError, TypeError, KeyError, AttributeError, ShapelyError):
        raise EarthEngineError(f"The region {text!r} of the filter is not a GeoJSON geometry.") from None


def list_features(world: World, name: str, query: Mapping[str, str]) -> dict[str, Any]:
    """One page of a table's features, as `ee.data.listFeatures` returns it.

    Raises:
        EarthEngineError: it is not a table, or the filter is not understood.
    """
    asset = find_asset(world, name)
    if isinstance(asset, ImageAsset) or not hasattr(asset, "features"):
        raise EarthEngineError(f"Asset '{name}' is not a table.")
    tests = [_condition(term) for term in _terms(query)]
    region = _region(f'"{query["region"]}"') if query.get("region") else None
    rows = [each for each in asset.features(region) if all(test(each.properties) for test in tests)]
    elements, token = page(rows, query)
    features = [
        geojson(Feature(Geometry(each.geometry), {**each.properties, "system:index": each.index})) for each in elements
    ]
    return {"type": "FeatureCollection", "features": features, **token}


def image_of(world: World, name: str) -> Image:
    """The image asset of a name.

    Raises:
        EarthEngineError: there is no such asset, or it is not an image.
    """
    asset = find_asset(world, name)
    if not isinstance(asset, ImageAsset):
        raise EarthEngineError(f"Asset '{name}' is not an Image.")
    return from_asset(asset)
