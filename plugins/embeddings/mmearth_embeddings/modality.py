"""The annual satellite embeddings of AlphaEarth Foundations: 64 numbers per pixel of 10 m."""

import math
import re
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any, Literal

from attrs import field, frozen

from mmearth_core import Band, Layer, Modality, Preview, Resampling, Scene

if TYPE_CHECKING:
    import ee

COLLECTION = "GOOGLE/SATELLITE_EMBEDDING/V1/ANNUAL"

NAMES = [f"A{number:02d}" for number in range(64)]

FIRST_YEAR = 2017
"""The first year of the collection. Source: its page in the Earth Engine catalogue."""

# The authors publish embeddings as int8 too, with the value (q / 127.5)^2 * sign(q), and -128 where there is none.
# Source: https://developers.google.com/earth-engine/guides/aef_on_gcs_readme.
SCALE = 127.5
NODATA = -128
_SHOWN = 0.3
"""The values that the catalogue's own picture shows as the darkest and the brightest are -0.3 and 0.3."""

_MOST = 16
"""So many images of a year are located at most; where corners of images of two zones meet there are eight."""


@frozen
class EmbeddingsOptions:
    """`[modalities.embeddings]`."""

    collection: str = field(default=COLLECTION, metadata={"help": "collection with one image per year and area"})
    dtype: Literal["float32", "int8"] = field(
        default="float32",
        metadata={"help": "float32, or int8 as its authors publish it: (q / 127.5)^2 * sign(q) gives the value back"},
    )


def _layer(dtype: str) -> Layer:
    is_int8 = dtype == "int8"
    shown = SCALE * math.sqrt(_SHOWN) if is_int8 else _SHOWN
    return Layer(
        "embeddings",
        [
            Band(
                name,
                dtype,
                NODATA if is_int8 else math.nan,
                description=f"axis {name[1:]} of the embedding, no unit, 10 m",
                pixel_size=10,
                # The codes are not proportional to the values, so the mean of codes is not the code of the mean.
                coarser=Resampling.NEAREST if is_int8 else Resampling.MEAN,
            )
            for name in NAMES
        ],
        description="satellite embedding of the anchor's year",
        preview=Preview(("A01", "A16", "A09"), low=-shown, high=shown),
    )


class Embeddings(Modality):
    """The embedding of the anchor's year.

    `located` has `{"index", "zone"}` of each image of the year at the tile: its name and its UTM zone, such as "32N".
    """

    name = "embeddings"
    api_version = 1
    layers = (_layer("float32"),)
    Options = EmbeddingsOptions
    assets = (COLLECTION,)
    licence = "CC BY 4.0"
    attribution = "The AlphaEarth Foundations Satellite Embedding dataset is produced by Google and Google DeepMind."
    citation = (
        "Brown, C. F., Kazmierski, M. R., Pasquarella, V. J. et al. (2025): AlphaEarth Foundations: An embedding field "
        "model for accurate and efficient global mapping from sparse label data. arXiv:2507.22291. "
        "doi:10.48550/arXiv.2507.22291"
    )
    source = "https://developers.google.com/earth-engine/datasets/catalog/GOOGLE_SATELLITE_EMBEDDING_V1_ANNUAL"

    def __init__(self, options: EmbeddingsOptions | None = None) -> None:
        super().__init__(options)
        self.layers = (_layer(self.options.dtype),)
        if self.options.collection != COLLECTION:
            # The terms of other collections are not known.
            self.licence = self.attribution = self.citation = self.source = ""

    def locate(self, scene: Scene) -> "ee.List":
        """Lists the images of the year at the tile."""
        import ee

        def describe(element: Any) -> "ee.Dictionary":
            image = ee.Image(element)
            return ee.Dictionary({"index": image.get("system:index"), "zone": image.get("UTM_ZONE")})

        year = scene.date.year
        here = ee.ImageCollection(self.options.collection).filterBounds(scene.geometry)
        images = here.filterDate(f"{year}-01-01", f"{year + 1}-01-01").sort("system:index")
        records: ee.List = images.toList(_MOST).map(describe)
        return records

    def image(self, scene: Scene, located: Any) -> "ee.Image":
        """The images side by side; where they overlap, those of the tile's own UTM zone, whose pixels are its own."""
        import ee

        # A mosaic shows its last image on top. In another zone, pixels lie on another grid.
        zone = _zone(scene.anchor.crs if scene.anchor else "")
        ordered = sorted(located, key=lambda record: record["zone"] == zone)
        images = [ee.Image(f"{self.options.collection}/{record['index']}").select(NAMES) for record in ordered]
        grid = images[-1].select([0]).projection()
        embedding: ee.Image = ee.ImageCollection(images).mosaic().setDefaultProjection(grid)
        if self.options.dtype == "int8":
            codes = embedding.abs().sqrt().multiply(SCALE).multiply(embedding.signum())
            embedding = codes.round().clamp(-127, 127)
        return embedding

    def present(self, located: Any) -> Collection[str] | None:
        """Nothing in a year without an image."""
        return None if located else ()

    def info(self, located: Any) -> Mapping[str, Any]:
        """The images, or why there is none."""
        if not located:
            why = f"{self.options.collection} has no image of the anchor's year at the tile; it starts in {FIRST_YEAR}"
            return {"BANDS": {"embeddings": []}, "MISSING": {"embeddings": why}}
        ids = [f"{self.options.collection}/{record['index']}" for record in located]
        return {"BANDS": {"embeddings": NAMES}, "EMBEDDING_ID": ids}


def _zone(crs: str) -> str:
    """The UTM zone of a CRS as the images name it, such as "32N"; empty for another CRS."""
    code = re.fullmatch(r"EPSG:32([67])(\d\d)", crs)
    return f"{int(code[2])}{'N' if code[1] == '6' else 'S'}" if code else ""
