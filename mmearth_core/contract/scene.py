"""The scene: one tile as a plugin sees it, and the anchor that fixes its date and grid."""

import datetime as dt
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from attrs import field, frozen, validators
from shapely.geometry import Polygon

if TYPE_CHECKING:
    import ee


def _a_day(_anchor: object, _attribute: object, date: Any) -> None:
    # A datetime is a date to Python, but not to whoever reads it back.
    if type(date) is not dt.date:
        raise TypeError(f"an anchor's date is a datetime.date, not {date!r}")


@frozen
class Anchor:
    """What the anchor modality fixes for all others; plain values, never server objects.

    Attributes:
        date: the day (UTC) that every other modality of the tile refers to.
        crs: the projected CRS of the tile's grid, in metres, e.g. `"EPSG:32618"`.
        variant: which of the anchor's `variants` the tile is, if it declares any.
    """

    date: dt.date = field(validator=_a_day)
    crs: str = field(validator=validators.instance_of(str))
    variant: str | None = field(default=None, validator=validators.optional(validators.instance_of(str)))


@frozen
class Skip:
    """Returned by `Modality.anchor` for a tile that has no image: skipped, not failed.

    Attributes:
        reason: one sentence for the journal, equal for equal causes so that they can be counted.
    """

    reason: str


@frozen(eq=False)
class Scene:
    """One tile, as handed to `Modality.locate` and `Modality.image`.

    Attributes:
        tile_id: the tile's id.
        polygon: its outline, longitude and latitude in degrees (EPSG:4326).
        lon: longitude of the tile's centroid, degrees, as the tiles file or Earth Engine gives it.
        lat: latitude of the tile's centroid, degrees.
        attributes: the further columns of the tiles file, by name.
        anchor: None while the anchor itself is located; set for every other call.
    """

    tile_id: str
    polygon: Polygon
    lon: float
    lat: float
    attributes: Mapping[str, Any] = field(factory=dict)
    anchor: Anchor | None = None

    @property
    def geometry(self) -> "ee.Geometry":
        """The tile's outline as an `ee.Geometry` (built on the client; no request)."""
        import ee

        outline: ee.Geometry = ee.Geometry.Polygon([[list(point) for point in self.polygon.exterior.coords]])
        return outline

    @property
    def date(self) -> dt.date:
        """The anchor's day.

        Raises:
            RuntimeError: while the anchor itself is being located, when there is none yet.
        """
        if self.anchor is None:
            raise RuntimeError(
                "scene.date: the anchor is not located yet; the anchor's own locate() must not ask for it."
            )
        return self.anchor.date
