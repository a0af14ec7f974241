"""Terrain height for mmearth-core."""

from attrs import field, frozen

from mmearth_core import Band, Layer, Modality, Preview, Resampling, hookimpl

HEIGHT = Band("elevation", "int16", -32768, unit="m", resampling=Resampling.BILINEAR)


@frozen
class Options:
    asset: str = field(default="USGS/SRTMGL1_003", metadata={"help": "an image with a band `elevation`, in metres"})


class Elevation(Modality):
    """Height above sea level, from the 30 m Shuttle Radar Topography Mission."""

    name = "elevation"
    api_version = 1
    layers = (Layer("elevation", [HEIGHT], preview=Preview(["elevation"], 0, 3000)),)
    Options = Options

    def image(self, scene, located):
        import ee

        return ee.Image(self.options.asset)


@hookimpl
def mmearth_modalities():
    return [Elevation]
