"""ASTER GDEM: elevation, and the slope computed from it on its own grid."""

import math
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from mmearth_core import Band, Layer, Modality, Preview, Resampling, Scene

if TYPE_CHECKING:
    import ee

_SCALE = 30
"""One arc second, in metres: the pixels of the elevation model."""

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
            description="height above the geoid EGM96, 30 m",
            resampling=Resampling.BILINEAR,
        ),
        Band(
            "slope",
            "float32",
            -math.inf,
            unit="degree",
            description="slope from the four neighbours' heights, 0 is level, 30 m",
            resampling=Resampling.BILINEAR,
        ),
    ],
    description="terrain",
    # In this colormap green, for land, starts at a quarter of the range: at 0 m.
    preview=Preview(("elevation",), low=-1000, high=3000, colormap="terrain"),
)


@frozen
class AsterOptions:
    """`[modalities.aster]`. The defaults are the published dataset's."""

    asset: str = field(
        default="projects/sat-io/open-datasets/ASTER/GDEM",
        metadata={"help": "image of heights in metres; any elevation model"},
    )
    band: str = field(default="b1", metadata={"help": "band with the heights"})


class Aster(Modality):
    """Elevation and slope.

    `located` is `{"valid"}`: how many pixels of the elevation model have a height in the tile.
    """

    name = "aster"
    api_version = 1
    layers = (TERRAIN,)
    Options = AsterOptions
    assets = ("projects/sat-io/open-datasets/ASTER/GDEM",)
    licence = "no restrictions on use, sale or redistribution (NASA and METI)"
    citation = (
        "NASA/METI/AIST/Japan Spacesystems and U.S./Japan ASTER Science Team (2019): ASTER Global Digital Elevation "
        "Model V003. NASA EOSDIS Land Processes DAAC. doi:10.5067/ASTER/ASTGTM.003"
    )

    def locate(self, scene: Scene) -> "ee.Dictionary":
        """Counts the heights in the tile, so that an empty layer (sea) has its reason."""
        import ee

        counted = self._heights().reduceRegion(ee.Reducer.count(), scene.geometry, _SCALE)
        return ee.Dictionary({"valid": counted.get(self.options.band)})

    def image(self, scene: Scene, located: Any) -> "ee.Image":
        """Both bands on the model's own grid; the core resamples them to the tile's grid.

        The slope is computed before resampling: the slope of resampled heights would show the interpolation.
        """
        import ee

        heights = self._heights()
        both: ee.Image = ee.Image.cat([heights.rename("elevation"), ee.Terrain.slope(heights).rename("slope")])
        return both

    def present(self, located: Any) -> Collection[str] | None:
        """Nothing where no pixel has a height; all bands elsewhere."""
        return None if located["valid"] else ()

    def info(self, located: Any) -> Mapping[str, Any]:
        """The bands, and why there is none."""
        if located["valid"]:
            return {"BANDS": {"aster": [band.name for band in TERRAIN.bands]}}
        return {
            "BANDS": {"aster": []},
            "MISSING": {"aster": f"{self.options.asset} has no height in the tile (sea, or beyond its limits)"},
        }

    def assumptions(self) -> Mapping[str, "ee.ComputedObject"]:
        """Far from any land the model is masked, not 0: `present` takes a tile without a height for sea."""
        import ee

        ocean = ee.Geometry.Point(_OCEAN).buffer(500)
        counted = self._heights().reduceRegion(ee.Reducer.count(), ocean, _SCALE).get(self.options.band)
        return {"the open sea is masked, not 0": ee.Number(counted).eq(0)}

    def _heights(self) -> "ee.Image":
        import ee

        heights: ee.Image = ee.Image(self.options.asset).select([self.options.band])
        return heights
