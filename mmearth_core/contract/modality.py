"""Modalities: what a plugin implements, and the scene and anchor that it works with."""

import datetime as dt
import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from copy import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar

from attrs import field, frozen, validators
from attrs.converters import optional
from numpy.typing import ArrayLike
from shapely.geometry import Polygon

from mmearth_core.contract.bands import Layer
from mmearth_core.contract.grid import Grid

if TYPE_CHECKING:
    import ee

Images = TypeVar("Images", "ee.Image", "ee.ImageCollection")


def _is_day(_anchor: object, _attribute: object, date: Any) -> None:
    # In Python a datetime is also a date, but the journal would hold it in another form.
    if type(date) is not dt.date:
        raise TypeError(f"an anchor's date is a datetime.date, not {date!r}")


VARIANT_BYTES = 10
"""The dataset's `metadata` table holds variants of at most 10 bytes."""


def _is_variant(_anchor: object, _attribute: object, variant: Any) -> None:
    if not isinstance(variant, str) or len(variant.encode()) > VARIANT_BYTES:
        raise TypeError(f"an anchor's variant is text of at most {VARIANT_BYTES} bytes, not {variant!r}")


def _as_transform(numbers: Iterable[float]) -> tuple[float, ...]:
    transform = tuple(map(float, numbers))
    if len(transform) != 6 or not all(map(math.isfinite, transform)):
        raise ValueError(f"an anchor's transform is six finite numbers, not {transform!r}")
    return transform


@frozen
class Anchor:
    """What the anchor modality sets for all modalities of a tile; plain values, never server-side objects.

    Attributes:
        date: the day (UTC) that the other modalities of the tile refer to.
        crs: the projected CRS of the tile's grid, in metres, such as `"EPSG:32618"`; WKT where it has no code.
        variant: the variant of the tile, one of the anchor's `variants`; at most 10 bytes; None if it has none.
        transform: the grid of the image that was located, the `transform` of its `projection()`: six numbers. It is
            compared with the grid that the modality proposes by `pixel_size` and `origin`, and not stored.
    """

    date: dt.date = field(validator=_is_day)
    crs: str = field(validator=validators.instance_of(str))
    variant: str | None = field(default=None, validator=validators.optional(_is_variant))
    transform: tuple[float, ...] | None = field(default=None, converter=optional(_as_transform), eq=False)

    def to_json(self) -> dict[str, Any]:
        """What the journal stores of it."""
        return {"date": self.date.isoformat(), "crs": self.crs, "variant": self.variant}


@frozen
class Skip:
    """Returned by `Modality.anchor` for a tile without an image: the tile is skipped, which is not a failure.

    Attributes:
        reason: one sentence for the journal, the same for the same cause, so that tiles can be counted by reason.
    """

    reason: str


@frozen(eq=False)
class Scene:
    """One tile, as passed to the functions of a modality.

    Attributes:
        tile_id: the id of the tile.
        polygon: the outline, longitude and latitude in degrees (EPSG:4326).
        lon: longitude of the centroid in degrees, from the tiles file or from Earth Engine.
        lat: latitude of the centroid in degrees.
        attributes: the other columns of the tiles file, by name.
        anchor: day, CRS and variant of the tile; None while the anchor modality itself is located.
    """

    tile_id: str
    polygon: Polygon
    lon: float
    lat: float
    attributes: Mapping[str, Any] = field(factory=dict)
    anchor: Anchor | None = None

    @property
    def geometry(self) -> "ee.Geometry":
        """The outline as an `ee.Geometry`; sends no request."""
        import ee

        outline: ee.Geometry = ee.Geometry.Polygon([[list(point) for point in self.polygon.exterior.coords]])
        return outline

    @property
    def date(self) -> dt.date:
        """The day of the anchor.

        Raises:
            RuntimeError: the anchor is not located yet.
        """
        if self.anchor is None:
            raise RuntimeError(
                "scene.date: the anchor is not located yet; the anchor's own locate() must not use scene.date."
            )
        return self.anchor.date


# The version of this contract; each modality and engine declares the one for which it was written.
API_VERSION = 1


@frozen
class NoOptions:
    """The options of a plugin without options."""


class Plugin:
    """What modalities and engines have in common: a name, the version of the contract, and options."""

    name: ClassVar[str]
    api_version: ClassVar[int]
    Options: ClassVar[type] = NoOptions

    def __init__(self, options: Any = None) -> None:
        self.options = self.Options() if options is None else options

    def configured(self, options: Any) -> Self:
        """Returns a copy of it with other options."""
        twin = copy(self)
        twin.options = options
        return twin


TERMS = ("licence", "attribution", "citation", "source")
"""The texts of a modality about the use of its data, which are passed on with every dataset."""


class Modality(Plugin):
    """A kind of data that is downloaded for every tile.

    A subclass sets some class attributes and overrides two or three of the methods below. These methods are pure: they
    build Earth Engine objects and read plain values (`pixels` also reads files), and never send a request. An exception
    that one raises fails the tile, with the name of the plugin in the reason. A complete plugin:

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
        name: the name in the configuration and on the command line: letters, digits and single underscores.
        api_version: the `API_VERSION` for which the plugin was written.
        layers: the layers of the dataset that it provides.
        resampled: True if `image` returns bilinear bands that are already interpolated, as composites must be: the core
            then does not resample them (see `resample`). For larger pixels, the core computes the image on pixels of
            each band's `pixel_size` in the tile's CRS; so composites of classes may declare it, too.
        variants: kinds of scene with separate statistics, such as processing levels; empty if there are none.
        variant_key: for an anchor: the column of the HDF5 table `metadata` with the variant of each tile.
        pixel_size: for an anchor: the pixel size that it proposes for the dataset, metres; None for 10. A `pixel_size`
            in the configuration replaces it.
        origin: for an anchor: a corner of a pixel of this grid, one number for x and y or `(x, y)`.
        Options: an attrs class with a default for every field; the core fills it from `[modalities.NAME]`.
        options: the instance of `Options` in use.
        assets: the Earth Engine ids in the default options; for the documentation only.
        licence: the terms of the data, in one line.
        citation: the reference to cite for the data.
        attribution: the text that the licence requires of those who pass the data on, in which `[Year]` becomes the
            years of the dataset's days; `"none required"` if it requires none.
        source: a link to the data's page.

    These four texts are stored with every dataset; one that is empty counts as not stated. If `layers`, the texts,
    `pixel_size` or `origin` depend on the options, set them in `__init__`, after `super().__init__(options)`; the class
    has those of the default options.
    """

    layers: tuple[Layer, ...]
    resampled: ClassVar[bool] = False
    variants: ClassVar[tuple[str, ...]] = ()
    variant_key: ClassVar[str] = "variant"
    pixel_size: float | None = None
    origin: float | tuple[float, float] = 0
    assets: ClassVar[tuple[str, ...]] = ()
    licence: str = ""
    citation: str = ""
    attribution: str = ""
    source: str = ""

    def check_tile(self, attributes: Mapping[str, Any]) -> None:
        """Checks the columns of a tile, when the tiles file is read and before any request.

        Args:
            attributes: all columns of the tiles file but the geometry; None or NaN where a value is missing.

        Raises:
            ValueError: when they cannot be used. The message follows the file, the row and the tile's id.
        """

    def locate(self, scene: Scene) -> "ee.ComputedObject | dict[str, Any] | list[Any] | None":
        """Describes which images exist for a tile, as ONE server-side object.

        The core evaluates the objects of many tiles in one request. The other methods receive the plain result as
        `located`; it is stored as the provenance of the tile, so it must be JSON: ids, band names, dates, numbers.
        Do not take the first element of a collection that may be empty: `collection.toList(1).map(describe)` gives
        [] or [record].

        Returns:
            An Earth Engine object; or a plain value, which is used as it is and needs no request; or None if there is
            nothing to locate.
        """
        return None

    def relocate(self, scene: Scene, located: Any) -> "ee.ComputedObject | None":
        """Describes a second search, for rare cases in which the first result is not enough.

        It costs one request of its own for each tile.

        Returns:
            An Earth Engine object, whose result replaces `located`; or None if no second search is needed.
        """
        return None

    def anchor(self, scene: Scene, located: Any) -> Anchor | Skip:
        """Sets the day and grid of the tile; only for a modality that can be the anchor of a dataset.

        Returns:
            The anchor, or `Skip` with the reason if the tile has no image.
        """
        raise NotImplementedError(f"{self.name} cannot be an anchor")

    def image(self, scene: Scene, located: Any) -> "ee.Image | Sequence[ee.Image | None] | None":
        """Returns the image to download; its bands have the declared names.

        If the layers have time steps, it returns a list of one image per step, None for a step without one.

        Each band keeps its own resolution and type: the core resamples and casts it, replaces masked pixels by
        no-data, and renames it. Bands that are not in `present` are ignored.

        A composite, which is what `mosaic()`, `median()`, `qualityMosaic()`, `reduce()` and the like make of a
        collection, has no grid of its own to be interpolated or averaged on. If a band of it is, either pass the
        collection to `resample` first and declare `resampled = True`; or, if all images share one grid, as the tiles of
        an elevation model do, give it to the composite:
        `composite.setDefaultProjection(collection.first().projection())`. The core refuses other composites.

        Returns:
            An image, or a list of images, or None if the tile has none; its layers are then no-data.
        """
        return None

    def pixels(self, scene: Scene, grid: Grid) -> Mapping[str, ArrayLike] | None:
        """Makes the pixels of a tile on this machine, without a request; for data that are not in Earth Engine.

        A modality that overrides it has neither `image` nor `present`. Threads call it at the same time, so each must
        open its files itself. The core checks the arrays; it does not resample, round or clamp them.

        Args:
            scene: the tile.
            grid: its pixels.

        Returns:
            By layer name, an array of numbers of the shape (bands, size, size), or (steps, bands, size, size), with NaN
            or the band's no-data value where there is none. Layers that it leaves out, or all if it is None, are
            no-data.
        """
        return None

    def prepared(self, folder: Path) -> Self:
        """Checks the user's files that the options name, before a run sends its first request.

        Args:
            folder: the folder of the configuration file, to which the paths in it are relative.

        Returns:
            The modality to run. Its options may have been completed, such as by digests of the files: they are kept
            with the dataset, and a later run must have the same.

        Raises:
            ValueError: names the key, what was found and what is allowed; the message follows the table's name.
            OSError: a file cannot be read.
        """
        return self

    def present(self, located: Any) -> Collection[str] | None:
        """Returns the declared bands that the image of this tile has; the others become no-data.

        Returns:
            Band names, or None for all declared bands.
        """
        return None

    def values(self, located: Any) -> Mapping[str, Any]:
        """Returns the numbers of the vector layers: `{layer name: one number per band, in order}`.

        A layer with time steps has a list of such numbers per step, or None for a step without any.
        """
        return {}

    def info(self, located: Any) -> Mapping[str, Any]:
        """Returns the keys and values that this modality adds to each tile in tile_info.json; JSON values only.

        Under `MISSING` it says why a layer has no data, as `{layer: reason}`. Under `MASKED` it may say the same of a
        layer whose pixels are often all masked: the core moves the reason to `MISSING` if they are. Under `STEPS` it
        says what each time step of a layer is made of, None without an image:
        `{layer: [{"date": "2020-07", "ids": ["OWNER/SCENES/A", "OWNER/SCENES/B"]}, None, ...]}`.
        """
        return {}

    def assumptions(self) -> "Mapping[str, ee.ComputedObject]":
        """Returns what this modality assumes of its assets, for `mmearth-core doctor` to check.

        For example, that an elevation model is masked over sea, and not 0. The default assumes nothing.

        Returns:
            By statement: an Earth Engine object whose value is true, or not 0, if the statement is true.
        """
        return {}

    @classmethod
    def can_anchor(cls) -> bool:
        """Whether this modality can be the anchor of a dataset, as it overrides `anchor`."""
        return cls.anchor is not Modality.anchor

    @classmethod
    def is_local(cls) -> bool:
        """Whether this modality makes its pixels on this machine, as it overrides `pixels`."""
        return cls.pixels is not Modality.pixels

    def map_layers(self) -> tuple[Layer, ...]:
        """Returns the layers that are downloaded as pixels."""
        return tuple(layer for layer in self.layers if layer.is_map)


def resample(images: Images) -> Images:
    """Has Earth Engine interpolate images bilinearly wherever their pixels are used, as images of a composite must be.

    Resample before you combine, and declare `resampled = True` in the modality:

        images = ee.ImageCollection("OWNER/SCENES").filterBounds(scene.geometry).select(["red"])
        return mmearth_core.resample(images).median()

    Select the bands first: classes and flags must not be interpolated. Properties such as `system:time_start` are kept.

    Args:
        images: an image, or a collection whose images have a grid of their own; not a composite.

    Returns:
        The same with bands of floats.
    """
    import ee

    def interpolated(image: Any) -> Any:
        # As float, so that values between integers are not lost. addBands keeps all properties; casts may not.
        return image.addBands(srcImg=image.toFloat().resample("bilinear"), overwrite=True)

    result: Images = images.map(interpolated) if isinstance(images, ee.ImageCollection) else interpolated(images)
    return result
