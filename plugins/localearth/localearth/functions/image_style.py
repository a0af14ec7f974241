"""`FeatureCollection.style`: features as a picture."""

import numpy as np
from attrs import evolve, frozen
from numpy.typing import NDArray
from shapely.geometry import box
from shapely.geometry.base import BaseGeometry

from localearth.errors import EarthEngineError
from localearth.functions.image_paint import MITRE, draw, shapes_near, stroked
from localearth.functions.image_visualize import RGB
from localearth.functions.support import refuse
from localearth.promote import is_number
from localearth.raster.grid import Grid
from localearth.raster.sampling import Sampled
from localearth.registry import function
from localearth.values.collection import Collection
from localearth.values.colours import rgb
from localearth.values.image import Image, ImageBand, Pull, of_bands
from localearth.values.pixel_type import LIMITS
from localearth.values.projection import WGS84


@frozen
class _Style:
    """How a feature is drawn.

    Attributes:
        color: the colour of lines and outlines.
        pointSize: the radius of points, pixels.
        pointShape: the marker of points.
        width: the width of lines and outlines, pixels.
        fillColor: the colour of polygons and points; None for `color` with an opacity of 0.66.
        lineType: the kind of lines.
    """

    color: str
    pointSize: float  # noqa: N815 - the attributes have Google's names, which features may override
    pointShape: str  # noqa: N815
    width: float
    fillColor: str | None  # noqa: N815
    lineType: str  # noqa: N815

    def check(self) -> None:
        """Refuses what is not supported."""
        if self.pointShape not in ("circle", "o", "square", "s"):
            raise refuse("pointShape", self.pointShape, "use circle or square")
        if self.lineType != "solid":
            raise refuse("lineType", self.lineType, "use solid")
        for name, value in (("width", self.width), ("pointSize", self.pointSize)):
            if not is_number(value) or value < 0:
                raise EarthEngineError(f"argument '{name}': must be a number of pixels, not {value!r}.")

    def outline(self) -> tuple[int, int, int] | None:
        """The colour of lines and outlines; None if there are none."""
        return _opaque("color", self.color) if self.width else None

    def fill(self) -> tuple[int, int, int] | None:
        """The colour of polygons and points; None if they are transparent."""
        if self.fillColor is None:
            raise refuse("fillColor", None, "its default has an opacity of 0.66; give an opaque or transparent colour")
        return _opaque("fillColor", self.fillColor)

    def draw(self, into: NDArray[np.uint8], shape: BaseGeometry, grid: Grid) -> None:
        """Draws a single shape, in columns and rows, into an array of red, green, blue and opacity."""
        if shape.geom_type == "Point":
            x, y, size = shape.x, shape.y, self.pointSize
            square = self.pointShape in ("square", "s")
            shape = box(x - size, y - size, x + size, y + size) if square else shape.buffer(size)
        if shape.geom_type == "Polygon" and (colour := self.fill()):
            draw(into, shape, (*colour, 1), grid)
        if colour := self.outline():
            draw(into, stroked(shape, self.width), (*colour, 1), grid)


def _opaque(argument: str, text: str) -> tuple[int, int, int] | None:
    """A colour; None if it is transparent."""
    code = text.strip().removeprefix("#")
    if len(code) != 8:
        return rgb(text)
    if code[6:].lower() not in ("00", "ff"):
        raise refuse(argument, text, "give an opaque or transparent colour")
    return rgb(code[:6]) if code[6:] != "00" else None


@function(
    "Collection.style",
    note="A picture: no pixel is partly covered (assumed). Colours opaque or transparent, so that polygons and points "
    "need `fillColor`. `pointShape` circle and square, whose size is the radius (assumed); `lineType` solid. "
    "`neighborhood` is ignored.",
)
def style(
    collection: Collection,
    color: str,
    size: float,
    marker: str,
    width: float,
    fill: str | None,
    by: str | None,
    _neighborhood: int,
    line: str,
) -> Image:
    """The features of a collection as bands of red, green and blue, later ones over earlier ones."""
    default = _Style(color, size, marker, width, fill, line)

    def over(grid: Grid, _pull: Pull) -> Sampled:
        found = np.zeros((*grid.shape, 4), np.uint8)
        for feature in collection.elements:
            own = None if by is None else feature.properties.get(by)
            try:
                chosen = evolve(default, **(own or {}))
            except TypeError:
                raise EarthEngineError(f"argument 'styleProperty': {own!r} is not a style.") from None
            chosen.check()
            reach = max(chosen.width * MITRE, chosen.pointSize + chosen.width)
            for shape in [] if feature.geometry is None else shapes_near(feature.geometry, grid, reach):
                chosen.draw(found, shape, grid)
        return found, found[..., 3] > 0

    def one(layer: int, name: str) -> ImageBand:
        def source(grid: Grid, pull: Pull) -> Sampled:
            values, mask = pull(over, grid)
            return values[..., layer], mask

        return ImageBand(name, LIMITS["uint8"], WGS84, source)

    return of_bands(one(layer, name) for layer, name in enumerate(RGB))
