"""The ETH canopy height of 2020 and its standard deviation."""

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from mmearth_core import Band, Layer, Modality, Preview, Resampling, Scene
from mmearth_landcover.valid import count_valid

if TYPE_CHECKING:
    import ee

# Source: Lang et al. 2023, A high-resolution canopy height model of the Earth (doi:10.1038/s41559-023-02206-6).
CANOPY = Layer(
    "canopy_height_eth",
    [
        Band(
            "height",
            "uint8",
            255,
            unit="m",
            description="height of the canopy's top, 10 m",
            resampling=Resampling.BILINEAR,
            pixel_size=10,
        ),
        Band(
            "std",
            "uint8",
            255,
            unit="m",
            description="standard deviation of the predicted height, 10 m",
            resampling=Resampling.BILINEAR,
            pixel_size=10,
        ),
    ],
    description="canopy height in 2020",
    preview=Preview(("height",), low=0, high=40, colormap="Greens"),
)


@frozen
class CanopyHeightOptions:
    """`[modalities.canopy_height_eth]`. The defaults are the published dataset's."""

    height: str = field(
        default="users/nlang/ETH_GlobalCanopyHeight_2020_10m_v1",
        metadata={"help": "an image whose first band is the height, in metres"},
    )
    std: str = field(
        default="users/nlang/ETH_GlobalCanopyHeightSD_2020_10m_v1",
        metadata={"help": "an image whose first band is its standard deviation, in metres"},
    )


class CanopyHeightEth(Modality):
    """Canopy height and its standard deviation.

    `located` is `{"valid"}`: how many pixels have a height in the tile.
    """

    name = "canopy_height_eth"
    api_version = 1
    layers = (CANOPY,)
    Options = CanopyHeightOptions
    assets = ("users/nlang/ETH_GlobalCanopyHeight_2020_10m_v1", "users/nlang/ETH_GlobalCanopyHeightSD_2020_10m_v1")
    licence = "CC BY 4.0"
    attribution = (
        "Canopy height 2020 by N. Lang, W. Jetz, K. Schindler and J. D. Wegner (ETH Zurich), CC BY 4.0, resampled. "
        "Contains modified Copernicus Sentinel data 2020."
    )
    citation = (
        "Lang, N., Jetz, W., Schindler, K., & Wegner, J. D. (2023): A high-resolution canopy height model of the "
        "Earth. Nature Ecology & Evolution 7, 1778-1789. doi:10.1038/s41559-023-02206-6"
    )
    source = "https://langnico.github.io/globalcanopyheight/"

    def __init__(self, options: CanopyHeightOptions | None = None) -> None:
        super().__init__(options)
        if (self.options.height, self.options.std) != self.assets:
            # The terms of other assets are not known.
            self.licence = self.attribution = self.citation = self.source = ""

    def locate(self, scene: Scene) -> "ee.Dictionary":
        """Counts the heights in the tile, so that an empty layer has its reason."""
        import ee

        return ee.Dictionary({"valid": count_valid(self._band(self.options.height, "height"), scene.geometry)})

    def image(self, scene: Scene, located: Any) -> "ee.Image":
        """Both assets side by side."""
        import ee

        both: ee.Image = ee.Image.cat([self._band(self.options.height, "height"), self._band(self.options.std, "std")])
        return both

    def present(self, located: Any) -> Collection[str] | None:
        """Nothing where no pixel has a height."""
        return None if located["valid"] else ()

    def info(self, located: Any) -> Mapping[str, Any]:
        """The bands, or why there is none."""
        if located["valid"]:
            return {"BANDS": {"canopy_height_eth": [band.name for band in CANOPY.bands]}}
        why = f"{self.options.height} has no height in the tile (sea, ice, or beyond its limits)"
        return {"BANDS": {"canopy_height_eth": []}, "MISSING": {"canopy_height_eth": why}}

    def _band(self, asset: str, name: str) -> "ee.Image":
        import ee

        band: ee.Image = ee.Image(asset).select([0], [name])
        return band
