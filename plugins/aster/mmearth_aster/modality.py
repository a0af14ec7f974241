"""ASTER GDEM or another elevation model: elevation, and the slope computed from it on its own grid."""

import math
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from mmearth_core import Band, Layer, Modality, Preview, Resampling, Scene

if TYPE_CHECKING:
    import ee

_SCALE = 30
"""One arc second, in metres: the pixels of the elevation model."""

_AROUND = 300
"""Metres around a tile whose heights it may depend on: two pixels, even of a model of 90 m."""

_MOST = 100
"""More images of a collection than any tile of an elevation model has."""

_OCEAN = (-40.0, 30.0)
"""Longitude and latitude of a place in the Atlantic, 1,300 km from the nearest land."""

# Source: ASTER Global Digital Elevation Model V003 (doi:10.5067/ASTER/ASTGTM.003).
TERRAIN = Layer(
    "aster",
    [
        Band(
            "elevation",
            "float32",
            -math.inf,
            unit="m",
            description="height above the geoid, 30 m; may be 0 over the sea",
            resampling=Resampling.BILINEAR,
            pixel_size=_SCALE,
        ),
        Band(
            "slope",
            "float32",
            -math.inf,
            unit="degree",
            description="slope from the four neighbours' heights, 0 is level, 30 m",
            resampling=Resampling.BILINEAR,
            pixel_size=_SCALE,
        ),
    ],
    description="terrain",
    # In this colormap green, for land, starts at a quarter of the range: at 0 m.
    preview=Preview(("elevation",), low=-1000, high=3000, colormap="terrain"),
)


@frozen
class Terms:
    """The terms of an elevation model; see `mmearth_core.Modality`."""

    licence: str = ""
    citation: str = ""
    source: str = ""
    attribution: str = "none required"


_CATALOGUE = "https://developers.google.com/earth-engine/datasets/catalog/"
_WORLDDEM = (
    "produced using Copernicus WorldDEM-30 © DLR e.V. 2010-2014 and © Airbus Defence and Space GmbH 2014-2018 provided "
    "under COPERNICUS by the European Union and ESA; all rights reserved. The organisations in charge of the "
    "Copernicus programme by law or by delegation do not incur any liability for any use of the Copernicus WorldDEM-30."
)
_NASA = "no restrictions on use (NASA)"

# Sources: the pages of the Earth Engine catalogue and, for ASTER, the product's page.
TERMS = {
    "projects/sat-io/open-datasets/ASTER/GDEM": Terms(
        "no restrictions on use, sale or redistribution (NASA and METI)",
        "NASA/METI/AIST/Japan Spacesystems and U.S./Japan ASTER Science Team (2019): ASTER Global Digital Elevation "
        "Model V003. NASA EOSDIS Land Processes DAAC. doi:10.5067/ASTER/ASTGTM.003",
        "https://lpdaac.usgs.gov/products/astgtmv003/",
    ),
    "NASA/NASADEM_HGT/001": Terms(
        _NASA,
        "NASA JPL (2020): NASADEM Merged DEM Global 1 arc second V001. NASA EOSDIS Land Processes DAAC. "
        "doi:10.5067/MEaSUREs/NASADEM/NASADEM_HGT.001",
        f"{_CATALOGUE}NASA_NASADEM_HGT_001",
    ),
    "USGS/SRTMGL1_003": Terms(
        _NASA,
        "Farr, T. G. et al. (2007): The Shuttle Radar Topography Mission. Reviews of Geophysics 45, RG2004. "
        "doi:10.1029/2005RG000183",
        f"{_CATALOGUE}USGS_SRTMGL1_003",
    ),
    **{
        asset: Terms(
            "Licence for the use of the Copernicus WorldDEM-30: free of charge, with attribution",
            f"European Space Agency: Copernicus Global Digital Elevation Model GLO-30, {release}. "
            "doi:10.5270/ESA-c5d3d65",
            _CATALOGUE + asset.replace("/", "_"),
            _WORLDDEM,
        )
        for asset, release in {
            "COPERNICUS/DEM/GLO30": "2021 release",
            "COPERNICUS/DEM/GLO30_2024_1": "2024_1 release",
        }.items()
    },
}
"""The terms of known elevation models, by asset; those of others are not stated."""


@frozen
class AsterOptions:
    """`[modalities.aster]`. The defaults are the published dataset's."""

    asset: str = field(
        default="projects/sat-io/open-datasets/ASTER/GDEM",
        metadata={"help": "image of heights in metres; any elevation model"},
    )
    band: str = field(default="b1", metadata={"help": "band with the heights"})
    collection: str | None = field(
        default=None,
        metadata={"help": "instead of `asset`: a collection of images, the tiles of an elevation model"},
    )

    @property
    def model(self) -> str:
        """The asset in use."""
        return self.asset if self.collection is None else self.collection


class Aster(Modality):
    """Elevation and slope.

    `located` is `{"valid"}`: how many pixels of the elevation model have a height in the tile. If the model is a
    collection, it is a list of `{"index", "valid"}`: its images at the tile and around it.
    """

    name = "aster"
    api_version = 1
    layers = (TERRAIN,)
    Options = AsterOptions
    assets = ("projects/sat-io/open-datasets/ASTER/GDEM",)
    licence = TERMS[assets[0]].licence
    attribution = TERMS[assets[0]].attribution
    citation = TERMS[assets[0]].citation
    source = TERMS[assets[0]].source

    def __init__(self, options: AsterOptions | None = None) -> None:
        super().__init__(options)
        terms = TERMS.get(self.options.model, Terms(attribution=""))
        self.licence, self.attribution = terms.licence, terms.attribution
        self.citation, self.source = terms.citation, terms.source

    def locate(self, scene: Scene) -> "ee.Dictionary | ee.List":
        """Counts the heights in the tile, so that an empty layer has its reason."""
        import ee

        def count(image: "ee.Image") -> "ee.ComputedObject":
            counted = image.select([self.options.band]).reduceRegion(ee.Reducer.count(), scene.geometry, _SCALE)
            return counted.get(self.options.band)

        def describe(element: Any) -> "ee.Dictionary":
            image = ee.Image(element)
            return ee.Dictionary({"index": image.get("system:index"), "valid": count(image)})

        if self.options.collection is None:
            return ee.Dictionary({"valid": count(ee.Image(self.options.asset))})
        # Also images that do not touch the tile: its outermost heights and slopes depend on their pixels.
        around = ee.ImageCollection(self.options.collection).filterBounds(scene.geometry.buffer(_AROUND))
        records: ee.List = around.sort("system:index").toList(_MOST).map(describe)
        return records

    def image(self, scene: Scene, located: Any) -> "ee.Image":
        """Both bands on the model's own grid; the core resamples them to the tile's grid.

        The slope is computed before resampling: the slope of resampled heights would show the interpolation.
        """
        import ee

        heights = self._heights(located)
        both: ee.Image = ee.Image.cat([heights.rename("elevation"), ee.Terrain.slope(heights).rename("slope")])
        return both

    def present(self, located: Any) -> Collection[str] | None:
        """Nothing where no pixel has a height; all bands elsewhere."""
        return None if _valid(located) else ()

    def info(self, located: Any) -> Mapping[str, Any]:
        """The bands, and why there is none."""
        if _valid(located):
            return {"BANDS": {"aster": [self.options.band, "slope"]}}
        why = f"{self.options.model} has no height in the tile (beyond its extent, or masked)"
        return {"BANDS": {"aster": []}, "MISSING": {"aster": why}}

    def assumptions(self) -> Mapping[str, "ee.ComputedObject"]:
        """Far from any land one image of heights is masked, not 0: `present` takes a tile without a height for none."""
        import ee

        if self.options.collection is not None:
            return {}
        ocean = ee.Geometry.Point(_OCEAN).buffer(500)
        counted = self._heights(None).reduceRegion(ee.Reducer.count(), ocean, _SCALE).get(self.options.band)
        return {"the open sea is masked, not 0": ee.Number(counted).eq(0)}

    def _heights(self, located: Any) -> "ee.Image":
        """The band with the heights, on the grid of the model."""
        import ee

        if self.options.collection is None:
            heights: ee.Image = ee.Image(self.options.asset).select([self.options.band])
            return heights
        if len(located) == _MOST:
            raise ValueError(
                f"{self.options.collection} has {_MOST} images or more at one tile, so it is not an elevation model "
                "cut into tiles. Set `collection` in [modalities.aster] to one of which few images touch a tile."
            )
        # Images of an elevation model share one grid, which the composite must be given. Where they do not, as across
        # the few parallels where the pixels of some models become wider, it is that of most of the tile.
        most = max(range(len(located)), key=lambda each: located[each]["valid"] or 0)
        ids = [f"{self.options.collection}/{record['index']}" for record in located]
        images = [ee.Image(each).select([self.options.band]) for each in ids]
        composite: ee.Image = ee.ImageCollection(images).mosaic()
        return composite.setDefaultProjection(images[most].projection())


def _valid(located: Any) -> int:
    """How many pixels have a height in the tile."""
    records = located if isinstance(located, list) else [located]
    return sum(record["valid"] or 0 for record in records)
