"""Modalities that each make one mistake; a sound one first."""

import math
import uuid

import numpy as np
from attrs import field, frozen

from mmearth_core import Band, ClassLabel, Kind, Layer, Modality, Resampling

HEIGHT = Band("h", "int16", -32768, unit="m", description="height above the sea")


class Sound(Modality):
    name = "sound"
    api_version = 1
    layers = (Layer("sound", [HEIGHT], description="terrain"),)

    def image(self, scene, located):
        import ee

        return ee.Image("OWNER/HEIGHTS").select(["h"])


class FromCollection(Sound):
    """Sound, and not simple: a collection, a description of what there is, an option."""

    @frozen
    class Options:
        collection: str = field(default="OWNER/DAYS", metadata={"help": "images with a band `h`"})

    def locate(self, scene):
        import ee

        day = ee.Date(scene.date.isoformat())
        here = ee.ImageCollection(self.options.collection).filterBounds(scene.geometry)
        return (
            here.filterDate(day.advance(-9, "day"), day.advance(9, "day"))
            .toList(1)
            .map(lambda element: ee.Dictionary({"index": ee.Image(element).get("system:index")}))
        )

    def image(self, scene, located):
        import ee

        return ee.Image(f"{self.options.collection}/{located[0]['index']}") if located else None


class Silent(Sound):
    layers = (Layer("sound", [Band("h", "int16", -32768, unit="m")]),)


class Unitless(Sound):
    layers = (Layer("sound", [Band("h", "int16", -32768, description="height")], description="terrain"),)


class Unhelpful(Sound):
    @frozen
    class Options:
        depth: int = 3


class Nosy(Sound):
    def locate(self, scene):
        import ee

        return {"bands": ee.Image("OWNER/HEIGHTS").bandNames().getInfo()}


class Browsing(Sound):
    def image(self, scene, located):
        import urllib.request

        try:
            urllib.request.urlopen("http://127.0.0.1:9/", timeout=1)
        except OSError:
            return super().image(scene, located)
        raise AssertionError("somebody answers there")


class Insistent(Sound):
    def locate(self, scene):
        return {"first": True}

    def relocate(self, scene, located):
        import ee

        return ee.Dictionary({"first": False})


class Random(Sound):
    def image(self, scene, located):
        return super().image(scene, located).set("made", uuid.uuid4().hex)


class Unsorted(Sound):
    def locate(self, scene):
        import ee

        return ee.Dictionary({"words": list({"one", "two", "three", "four", "five", "six", "seven", "eight"})})


class Mistyped(Sound):
    def image(self, scene, located):
        import ee

        return ee.Image("OWNER/HEIGTHS").select(["h"])


class Malformed(Sound):
    def image(self, scene, located):
        import ee

        return ee.Image("OWNER//HEIGHTS ").select(["h"])


class Elsewhere(Sound):
    def image(self, scene, located):
        import ee

        return ee.Image("projects/somebody/assets/of/their/own").select(["h"])


class Lacking(Sound):
    def image(self, scene, located):
        import ee

        return ee.Image("OWNER/HEIGHTS").select(["h"], ["height"])


class Surplus(Sound):
    def image(self, scene, located):
        import ee

        return ee.Image("OWNER/HEIGHTS")


class TooNarrow(Sound):
    layers = (Layer("sound", [Band("h", "uint8", 255, unit="m", description="height")], description="terrain"),)

    def image(self, scene, located):
        # 255 itself, the no-data value, is another fault.
        heights = super().image(scene, located)
        return heights.updateMask(heights.neq(255))


class Unbounded(Sound):
    """The logarithm of 0 is infinite."""

    layers = (Layer("sound", [Band("h", "float32", -1, unit="m", description="height")], description="terrain"),)

    def image(self, scene, located):
        return super().image(scene, located).log()


class Rounding(Sound):
    def image(self, scene, located):
        import ee

        return ee.Image("OWNER/COARSE").divide(1000).rename("h")


class UnknownClass(Sound):
    layers = (
        Layer(
            "sound",
            [Band("kind", "uint8", 0, description="cover", classes=[ClassLabel(1, "wood"), ClassLabel(2, "field")])],
            Kind.CLASSES,
            "cover",
        ),
    )

    def image(self, scene, located):
        import ee

        return ee.Image("OWNER/KINDS")


class Colliding(Sound):
    layers = (Layer("sound", [Band("h", "int16", 7, unit="m", description="height")], description="terrain"),)


class Shifted(Sound):
    """10 m pixels on a grid of its own, half a pixel off: each takes the value of a neighbour."""

    def image(self, scene, located):
        return super().image(scene, located).reproject(scene.anchor.crs, [10, 0, 5, 0, -10, 5])


class OwnGrid(Sound):
    """The same with 30 m pixels: the raster's corner, (500 000, 5 000 000), is taken for a centre."""

    layers = (
        Layer(
            "sound",
            [Band("h", "float32", -1, unit="m", description="height", resampling=Resampling.BILINEAR)],
            description="terrain",
        ),
    )

    def image(self, scene, located):
        import ee

        return ee.Image("OWNER/COARSE").rename("h").reproject(scene.anchor.crs, [30, 0, 499_985, 0, -30, 5_000_015])


class Composite(OwnGrid):
    """A mosaic has no grid on which the core could interpolate."""

    def image(self, scene, located):
        import ee

        return ee.ImageCollection([ee.Image("OWNER/COARSE").rename("h")]).mosaic()


class Reserved(Sound):
    def info(self, located):
        return {"GRID": {"size": 0}}


class Unexplained(Sound):
    def info(self, located):
        return {"MISSING": "no image"}


class Failing(Sound):
    def image(self, scene, located):
        return located["images"][0]


class Nowhere(Sound):
    def present(self, located):
        return ()


class Masked(Sound):
    def image(self, scene, located):
        import ee

        return ee.Image("OWNER/EMPTY")


class Vector(Modality):
    name = "vector"
    api_version = 1
    layers = (
        Layer(
            "vector",
            [Band(name, "float32", -1, unit="m", description=f"{name} of the heights") for name in ("least", "most")],
            Kind.VECTOR,
            "heights of the tile",
        ),
    )

    def locate(self, scene):
        import ee

        image = ee.Image("OWNER/HEIGHTS").select(["h"])
        return image.reduceRegion(ee.Reducer.minMax(), scene.geometry, 10)

    def values(self, located):
        return {"vector": [located["h_min"], located["h_max"]]}


class ShortVector(Vector):
    def values(self, located):
        return {"vector": [located["h_min"]]}


class WrongVector(Vector):
    def values(self, located):
        return {**super().values(located), "heights": [1.0]}


class NoDataVector(Vector):
    layers = (
        Layer(
            "vector",
            [
                Band("least", "uint8", 255, unit="m", description="least"),
                Band("most", "uint8", 255, unit="m", description="most"),
            ],
            Kind.VECTOR,
            "heights of the tile",
        ),
    )


class NothingFound(Vector):
    def values(self, located):
        return {"vector": [None, float("nan")]}


class OnlyNoData(Vector):
    def values(self, located):
        return {"vector": [-1, -1]}


class Infinite(Vector):
    def values(self, located):
        return {"vector": [located["h_min"], math.inf]}


class Wordy(Vector):
    def values(self, located):
        return {"vector": ["12.5", located["h_max"]]}


class Thrifty(Vector):
    """Returns nothing where there is nothing."""

    def values(self, located):
        return super().values(located) if located["h_min"] is not None else {}


class WordForAll(Vector):
    def values(self, located):
        return {"vector": "ab"}


class Unreturned(Vector):
    def values(self, located):
        """Forgets to return."""


class Uninformed(Sound):
    def info(self, located):
        """Forgets to return."""


class Lasting(Vector):
    """Keeps the first tile's height on its class."""

    kept = None

    def locate(self, scene):
        import ee

        return ee.Image("OWNER/HEIGHTS").select(["h"]).reduceRegion(ee.Reducer.mean(), scene.geometry, 10)

    def values(self, located):
        Lasting.kept = Lasting.kept or located["h"]
        return {"vector": [0, Lasting.kept]}


class InfiniteNoData(Vector):
    """Sound: infinity is the declared no-data, and numpy's numbers are numbers."""

    layers = (
        Layer(
            "vector",
            [Band(name, "float32", -math.inf, unit="m", description=name) for name in ("least", "most")],
            Kind.VECTOR,
            "heights of the tile",
        ),
    )

    def values(self, located):
        return {"vector": np.array([-np.inf, np.float32(located["h_max"] or 0)])}
