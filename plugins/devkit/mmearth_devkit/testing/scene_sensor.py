"""Source code shared by the third-party sensors of several tests: pixels of the Virginia scene by a tile's number."""

SENSOR = """
from mmearth_core import Band, ClassLabel, Kind, Layer, Modality, Preview, hookimpl

class Sensor(Modality):
    api_version = 1

    def locate(self, scene):
        return {"lon": scene.lon, "number": int(scene.tile_id)}

def red_band():
    import ee
    return ee.Image("COPERNICUS/S2_HARMONIZED/20171208T155631_20171208T155633_T18SVG").select("B4")

def kind_band(count):
    kind = red_band().divide(100).toInt16().mod(count + 1)
    return kind.updateMask(kind.lt(count)).rename("kind")
"""
"""Goes before the code of a modality derived from `Sensor`; classes are 0 to `count` - 1, other pixels masked."""
