"""ESA WorldCover: land cover of one year, 2020 by default."""

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from mmearth_core import Band, ClassLabel, Kind, Layer, Modality, Preview, Scene
from mmearth_landcover.valid import count_valid

if TYPE_CHECKING:
    import ee

_MOST = 16
"""So many images of a collection at a tile are refused; the published collections have one for the world."""

# Source: the Earth Engine catalogue pages of ESA/WorldCover/v100 and v200, which share their classes.
CLASSES = (
    ClassLabel(10, "tree cover", "#006400"),
    ClassLabel(20, "shrubland", "#ffbb22"),
    ClassLabel(30, "grassland", "#ffff4c"),
    ClassLabel(40, "cropland", "#f096ff"),
    ClassLabel(50, "built-up", "#fa0000"),
    ClassLabel(60, "bare or sparse vegetation", "#b4b4b4"),
    ClassLabel(70, "snow and ice", "#f0f0f0"),
    ClassLabel(80, "permanent water bodies", "#0064c8"),
    ClassLabel(90, "herbaceous wetland", "#0096a0"),
    ClassLabel(95, "mangroves", "#00cf75"),
    ClassLabel(100, "moss and lichen", "#fae6a0"),
)

LAND_COVER = Layer(
    "esa_worldcover",
    [Band("map", "uint8", 255, description="land cover, 10 m", classes=CLASSES, pixel_size=10)],
    kind=Kind.CLASSES,
    description="land cover of one year",
    preview=Preview(("map",), low=0, high=100),
)


@frozen
class EsaWorldCoverOptions:
    """`[modalities.esa_worldcover]`. The defaults are the published dataset's."""

    collection: str = field(
        default="ESA/WorldCover/v100",
        metadata={"help": "collection with the band `Map`: v100 is of 2020, ESA/WorldCover/v200 of 2021"},
    )


_CITATIONS = {
    "ESA/WorldCover/v100": (
        "2020",
        "Zanaga, D., Van De Kerchove, R., De Keersmaecker, W. et al. (2021): ESA WorldCover 10 m 2020 v100. "
        "doi:10.5281/zenodo.5571936",
    ),
    "ESA/WorldCover/v200": (
        "2021",
        "Zanaga, D., Van De Kerchove, R., Daems, D. et al. (2022): ESA WorldCover 10 m 2021 v200. "
        "doi:10.5281/zenodo.7254221",
    ),
}
"""The year and the citation of each collection."""


def _terms(collection: str) -> tuple[str, str, str, str]:
    """Licence, attribution, citation and source of a collection; empty for one that is not known."""
    if collection not in _CITATIONS:
        return "", "", "", ""
    year, citation = _CITATIONS[collection]
    attribution = (
        f"© ESA WorldCover project / Contains modified Copernicus Sentinel data ({year}) processed by ESA "
        "WorldCover consortium."
    )
    page = collection.replace("/", "_")
    return "CC BY 4.0", attribution, citation, f"https://developers.google.com/earth-engine/datasets/catalog/{page}"


class EsaWorldCover(Modality):
    """Land cover in eleven classes.

    `located` is a list of `{"index", "valid"}`: the collection's images at the tile, and how many of their pixels in
    the tile have a class.
    """

    name = "esa_worldcover"
    api_version = 1
    layers = (LAND_COVER,)
    Options = EsaWorldCoverOptions
    assets = ("ESA/WorldCover/v100",)
    licence, attribution, citation, source = _terms("ESA/WorldCover/v100")

    def __init__(self, options: EsaWorldCoverOptions | None = None) -> None:
        super().__init__(options)
        self.licence, self.attribution, self.citation, self.source = _terms(self.options.collection)

    def locate(self, scene: Scene) -> "ee.List":
        """Lists the collection's images at the tile."""
        import ee

        def describe(element: Any) -> "ee.Dictionary":
            image = ee.Image(element)
            valid = count_valid(image.select(["Map"]), scene.geometry)
            return ee.Dictionary({"index": image.get("system:index"), "valid": valid})

        here = ee.ImageCollection(self.options.collection).filterBounds(scene.geometry)
        records: ee.List = here.toList(_MOST).map(describe)
        return records

    def image(self, scene: Scene, located: Any) -> "ee.Image":
        """The images that have a class in the tile, the last one on top."""
        import ee

        if len(located) == _MOST:
            raise ValueError(
                f"{self.options.collection} has {_MOST} images or more at one tile. Set `collection` in "
                "[modalities.esa_worldcover] to one of which few images touch a tile."
            )
        images = [ee.Image(name).select(["Map"], ["map"]) for name in self._ids(located)]
        if len(images) == 1:
            return images[0]
        # The images of a map share one grid, on which the core counts the pixels of a larger one.
        whole: ee.Image = ee.ImageCollection(images).mosaic()
        return whole.setDefaultProjection(images[0].projection())

    def present(self, located: Any) -> Collection[str] | None:
        """Nothing where no pixel has a class."""
        return None if self._ids(located) else ()

    def info(self, located: Any) -> Mapping[str, Any]:
        """The band and the images, or why there is none."""
        names = self._ids(located)
        if names:
            return {"BANDS": {"esa_worldcover": ["Map"]}, "WORLDCOVER_ID": names}
        why = f"{self.options.collection} has no class in the tile (open sea, or beyond its limits)"
        return {"BANDS": {"esa_worldcover": []}, "MISSING": {"esa_worldcover": why}}

    def _ids(self, located: Any) -> list[str]:
        return [f"{self.options.collection}/{record['index']}" for record in located if record["valid"]]
