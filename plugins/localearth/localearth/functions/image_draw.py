"""Features as pictures: `draw` and `style`."""

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from attrs import frozen
from numpy.typing import NDArray
from shapely.geometry import MultiLineString, Point, Polygon, box
from shapely.geometry.base import BaseGeometry

from localearth.errors import EarthEngineError
from localearth.functions.image_mask import update_mask
from localearth.functions.image_visualize import RGB
from localearth.functions.support import check_keys, refuse
from localearth.promote import is_number
from localearth.raster.grid import Grid
from localearth.raster.sampling import Sampled
from localearth.raster.strokes import MITRE, centres_in, in_grid, stroke, touched
from localearth.registry import function
from localearth.values.collection import Collection
from localearth.values.colours import rgb
from localearth.values.geometry import parts, valid
from localearth.values.image import Image, ImageBand, Pull, of_bands
from localearth.values.pixel_type import LIMITS, PixelType
from localearth.values.projection import WGS84

Paint = tuple[tuple[int, int, int], float]
"""A colour and its opacity."""

_FILL = 0.66
"""Opacity of areas for which no colour is given (documented)."""

_STYLES = ("color", "pointSize", "pointShape", "width", "fillColor", "lineType")

_SHORT = {"o": "circle", "s": "square", "d": "diamond", "x": "cross", "+": "plus", "p": "pentagram", "h": "hexagram"}
_SHORT |= {"^": "triangle", "v": "triangle_down", "<": "triangle_left", ">": "triangle_right"}

_POLYGONS = {"diamond": (4, 0.0), "pentagon": (5, 0.0), "hexagon": (6, 0.0)}
_POLYGONS |= {"triangle": (3, 0.0), "triangle_up": (3, 0.0), "triangle_down": (3, 180.0)}
_POLYGONS |= {"triangle_left": (3, -90.0), "triangle_right": (3, 90.0)}
"""Markers that are regular polygons: the number of corners, and the direction of one, clockwise from the top."""

_STARS = {"pentagram": (5, 0.382), "star5": (5, 0.382), "hexagram": (6, 0.577), "star6": (6, 0.577)}
"""Markers that are stars: the number of points, and the inner radius as a share of the outer one."""

_MARKERS = ("circle", "square", "cross", "plus", *_STARS, *_POLYGONS, *_SHORT)


def _paint(name: str, text: Any) -> Paint:
    """A colour of CSS; eight digits end with the opacity."""
    if not isinstance(text, str):
        raise EarthEngineError(f"argument '{name}': must be the text of a colour, not {text!r}.")
    with_opacity = re.fullmatch(r"#?([0-9a-fA-F]{6})([0-9a-fA-F]{2})", text.strip())
    try:
        return (rgb(with_opacity[1]), int(with_opacity[2], 16) / 255) if with_opacity else (rgb(text), 1.0)
    except EarthEngineError as error:
        raise EarthEngineError(f"argument '{name}': {error.message}") from None


def _point_at(x: float, y: float, radius: float, degrees: float) -> tuple[float, float]:
    """The point at a distance from another, in a direction clockwise from the top."""
    angle = math.radians(degrees)
    return x + radius * math.sin(angle), y - radius * math.cos(angle)


def _marker(name: str, x: float, y: float, radius: float) -> BaseGeometry:
    """The shape of a marker around a point, in pixels."""
    if name == "circle":
        return Point(x, y).buffer(radius)
    if name == "square":
        return box(x - radius, y - radius, x + radius, y + radius)
    if name in ("cross", "plus"):
        turns = (45, 135) if name == "cross" else (0, 90)
        return MultiLineString([[_point_at(x, y, radius, turn), _point_at(x, y, radius, turn + 180)] for turn in turns])
    if name in _STARS:
        count, inner = _STARS[name]
        radii = (radius, radius * inner)
        return Polygon([_point_at(x, y, radii[i % 2], 180 * i / count) for i in range(2 * count)])
    count, start = _POLYGONS[name]
    return Polygon([_point_at(x, y, radius, start + 360 * i / count) for i in range(count)])


@frozen
class _Style:
    """How a feature is drawn; widths and sizes in pixels."""

    color: Paint
    fill: Paint
    width: float
    size: float
    marker: str

    def areas(self, shape: BaseGeometry) -> Iterator[tuple[BaseGeometry, Paint]]:
        """The areas of a single shape in the order in which they are painted, with their colours."""
        if shape.geom_type == "Point":
            shape = _marker(self.marker, shape.x, shape.y, self.size)
        line = shape
        if shape.geom_type == "Polygon":
            yield shape, self.fill
            line = shape.boundary
        if self.width > 0:
            yield stroke(line, self.width), self.color


def _style(given: Mapping[str, Any]) -> _Style:
    if given["lineType"] != "solid":
        raise refuse("lineType", given["lineType"], "it draws solid lines")
    for name in ("width", "pointSize"):
        if not is_number(given[name]) or given[name] < 0:
            raise EarthEngineError(f"argument '{name}': must be a number of pixels, not {given[name]!r}.")
    color, fill, marker = _paint("color", given["color"]), given["fillColor"], given["pointShape"]
    if marker not in _MARKERS:
        raise EarthEngineError(f"argument 'pointShape': must be one of {', '.join(_MARKERS)}; not {marker!r}.")
    filled = (color[0], color[1] * _FILL) if fill is None else _paint("fillColor", fill)
    return _Style(color, filled, given["width"], given["pointSize"], _SHORT.get(marker, marker))


def _over(layers: NDArray[np.float64], area: BaseGeometry, paint: Paint) -> None:
    """Paints an area over red, green, blue and opacity, (4, height, width)."""
    colour, opacity = paint
    if area.is_empty:
        return
    rows, cols = touched(area, *layers.shape[1:])
    part = layers[:, rows, cols]
    if not opacity or not part.size:
        return
    share = np.where(centres_in(area, rows, cols), opacity, 0)
    below = part[3] * (1 - share)
    total = share + below
    for channel, level in zip(part[:3], colour, strict=True):
        channel[:] = np.divide(share * level + below * channel, total, out=channel.copy(), where=total > 0)
    part[3] = total


_NOTE = (
    "Bands vis-red, vis-green and vis-blue; the mask is the opacity. A pixel is drawn if its centre is inside, without "
    "antialiasing; lines have square ends and mitred corners; markers have `pointSize` as radius (assumed)."
)


@function("Collection.style", note=_NOTE + " `lineType` 'solid' only. `neighborhood` is ignored.")
def style(
    collection: Collection,
    color: str,
    size: int,
    marker: str,
    width: float,
    fill: str | None,
    own: str | None,
    _neighborhood: int,
    line: str,
) -> Image:
    """The features as a picture, later ones over earlier ones."""
    general = dict(zip(_STYLES, (color, size, marker, width, fill, line), strict=True))
    drawn = []
    for feature in collection.elements:
        special = feature.properties.get(own) if own else None
        special = {} if special is None else special
        if not isinstance(special, Mapping):
            raise EarthEngineError(f"argument 'styleProperty': '{own}' must be a dictionary, not {special!r}.")
        check_keys("argument 'styleProperty'", special, _STYLES)
        if feature.geometry is not None:
            drawn.append((feature.geometry, _style({**general, **special})))
    margin = max((each.size + each.width * MITRE for _, each in drawn), default=0)

    def every(grid: Grid, _pull: Pull) -> Sampled:
        layers = np.zeros((4, *grid.shape))
        for geometry, how in drawn:
            for shape in parts(valid(in_grid(geometry, grid, margin))):
                for area, paint in how.areas(shape):
                    _over(layers, area, paint)
        return layers, layers[3] > 0

    def one(layer: int, name: str, kind: PixelType) -> ImageBand:
        def source(grid: Grid, pull: Pull) -> Sampled:
            layers, mask = pull(every, grid)
            return np.round(layers[layer]).astype(np.uint8) if layer < 3 else layers[3].astype(np.float32), mask

        return ImageBand(name, kind, WGS84, source)

    colours = of_bands(one(layer, name, LIMITS["uint8"]) for layer, name in enumerate(RGB))
    return update_mask(colours, of_bands([one(3, "opacity", PixelType("float", 0, 1))]))


@function("Collection.draw", note=_NOTE + " Areas are filled as by `style`.")
def draw(collection: Collection, color: str, radius: int, width: int) -> Image:
    """The features in one colour, their areas half transparent."""
    return style(collection, color, radius, "circle", width, None, None, 0, "solid")
