"""What a modality plugin implements, and the scene that it is given."""

import datetime as dt
from collections.abc import Collection, Mapping
from copy import copy
from typing import TYPE_CHECKING, Any, ClassVar, Self

from attrs import field, frozen, validators
from shapely.geometry import Polygon

from mmearth_core.contract.bands import Layer

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


API_VERSION = 1
"""The version of this contract. A modality or engine states the one that it was written for."""


@frozen
class NoOptions:
    """The options of a plugin that has none."""


class Modality:
    """A kind of data that is downloaded for every tile.

    A subclass states a few class attributes and overrides two or three of the functions below.
    They are pure: they build Earth Engine objects and read plain values, and never send a
    request. A whole plugin:

        from mmearth_core import Band, Kind, Layer, Modality, hookimpl

        class Elevation(Modality):
            name = "elevation"
            api_version = 1
            layers = (Layer("elevation", [Band("elevation", "int16", -32768, unit="m")]),)

            def image(self, scene, located):
                import ee
                return ee.Image("projects/my-project/assets/heights")

        @hookimpl
        def mmearth_modalities():
            return [Elevation]

    Attributes:
        name: the modality's name in the configuration and on the command line.
        api_version: the `API_VERSION` that the plugin was written for.
        layers: what it contributes to the dataset.
        variants: kinds of scene whose statistics are kept apart; empty when there are none.
        variant_key: of an anchor: what the tiles' variant is called in the HDF5 file's table `metadata`.
        Options: an attrs class with a default for every field, filled from `[modalities.NAME]`.
        options: the instance of `Options` in force.
        assets: the Earth Engine ids that its default options name; for the documentation only.
        licence: the terms of the data, in a line.
        citation: how the data wish to be cited.
    """

    name: ClassVar[str]
    api_version: ClassVar[int]
    layers: ClassVar[tuple[Layer, ...]]
    variants: ClassVar[tuple[str, ...]] = ()
    variant_key: ClassVar[str] = "variant"
    Options: ClassVar[type] = NoOptions
    assets: ClassVar[tuple[str, ...]] = ()
    licence: ClassVar[str] = ""
    citation: ClassVar[str] = ""

    def __init__(self, options: Any = None) -> None:
        self.options = self.Options() if options is None else options

    def configured(self, options: Any) -> Self:
        """This modality with other options."""
        twin = copy(self)
        twin.options = options
        return twin

    def locate(self, scene: Scene) -> "ee.ComputedObject | dict[str, Any] | list[Any] | None":
        """Says which images exist for a tile, as ONE object that the core evaluates.

        The core evaluates many tiles in one request; the plain result comes back as `located`
        and is kept as the tile's provenance, so it must be JSON: ids, band names, dates,
        numbers. A collection that may be empty must not be asked for its first element: use
        `collection.toList(1, k).map(describe)`, which yields [] or [record].

        Returns:
            An Earth Engine object; or a plain value, which is taken as it is and costs no
            request; or None when there is nothing to ask.
        """
        return None

    def relocate(self, scene: Scene, located: Any) -> "ee.ComputedObject | None":
        """A second question, where the first answer leaves one open. None ends the search.

        Its answer replaces `located`. It costs its own request, so it is for rare cases.
        """
        return None

    def anchor(self, scene: Scene, located: Any) -> Anchor | Skip:
        """For a modality that can anchor a dataset: the day and grid of the tile.

        Returns:
            The anchor, or `Skip` with the reason when the tile has no image.
        """
        raise NotImplementedError(f"{self.name} is no anchor")

    def image(self, scene: Scene, located: Any) -> "ee.Image | None":
        """The image whose bands are downloaded, with bands named as declared.

        Every band keeps its own resolution and type: the core resamples, casts, fills and
        renames. Bands beyond those of `present` are ignored.

        Returns:
            An image, or None when this tile has none; the layers are then no-data.
        """
        return None

    def present(self, located: Any) -> Collection[str] | None:
        """Which of the declared bands the tile's image has; the others become no-data.

        Returns:
            Band names, or None for all of them.
        """
        return None

    def values(self, located: Any) -> Mapping[str, Any]:
        """For vector layers: `{layer name: the numbers of its bands, in order}`."""
        return {}

    def info(self, located: Any) -> Mapping[str, Any]:
        """The keys that this modality writes into tile_info.json. JSON values only."""
        return {}

    @classmethod
    def can_anchor(cls) -> bool:
        """Whether this modality can fix a dataset's dates and grids."""
        return cls.anchor is not Modality.anchor

    def map_layers(self) -> tuple[Layer, ...]:
        """The layers that are downloaded as pixels."""
        return tuple(layer for layer in self.layers if layer.is_map)
