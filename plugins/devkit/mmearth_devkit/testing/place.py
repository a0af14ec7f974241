"""Source code of a modality without mistakes."""

PLACE = """
from mmearth_core import Band, Layer, Modality, hookimpl

class Place(Modality):
    name = "place"
    api_version = 1
    layers = (Layer("place", [Band("lon", "float32", -999, unit="degree", description="lon")], "vector", "where"),)

    def locate(self, scene):
        return {"lon": scene.lon}

    def values(self, located):
        return {"place": [located["lon"]]}
"""
