"""The grid of a tile's pixels."""

import re
from functools import lru_cache
from typing import Any

from affine import Affine
from attrs import field, frozen

from mmearth_core.errors import TilesError
from mmearth_core.text import whole

PIXEL = 10
"""The pixel size of a dataset by default, metres, as in MMEarth. No other module of the core knows a number for it."""


_CODE = re.compile(r"EPSG:\d+", re.IGNORECASE)


@lru_cache(maxsize=128)
def _as_wkt(crs: str) -> str:
    from pyproj import CRS
    from pyproj.exceptions import CRSError

    try:
        return CRS.from_user_input(crs).to_wkt("WKT1_GDAL")
    except CRSError as error:
        raise TilesError(f"CRS {crs!r} has no EPSG code and no WKT 1, so Earth Engine cannot read it.") from error


@frozen
class Grid:
    """A square grid of square pixels, north up.

    Attributes:
        crs: a projected CRS in metres: a code such as `"EPSG:32618"`, WKT, or another text that PROJ reads.
        left: x of the west edge, metres.
        top: y of the north edge, metres.
        size: rows and columns.
        pixel_size: rows and columns of a pixel, metres.
    """

    crs: str
    left: float = field(converter=whole)
    top: float = field(converter=whole)
    size: int
    pixel_size: float = field(default=PIXEL, converter=whole)

    @property
    def affine(self) -> Affine:
        """From (column, row) to (x, y)."""
        return Affine(self.pixel_size, 0, self.left, 0, -self.pixel_size, self.top)

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """West, south, east, north, metres."""
        side = self.size * self.pixel_size
        return self.left, self.top - side, self.left + side, self.top

    @property
    def server_crs(self) -> str:
        """The CRS as Earth Engine reads it: its EPSG code, or WKT 1.

        Raises:
            TilesError: it has neither.
        """
        return self.crs if _CODE.fullmatch(self.crs) else _as_wkt(self.crs)

    def request(self) -> dict[str, Any]:
        """The `grid` of an `image:computePixels` request."""
        x = {"scaleX": self.pixel_size, "shearX": 0, "translateX": self.left}
        y = {"shearY": 0, "scaleY": -self.pixel_size, "translateY": self.top}
        key = "crsCode" if self.crs == self.server_crs else "crsWkt"
        return {"dimensions": {"width": self.size, "height": self.size}, "affineTransform": x | y, key: self.server_crs}
