"""The sensor of a third party: charts of a small sea, which anchor, and its tide."""

import datetime as dt

import ee

from mmearth_core import Anchor, Band, Kind, Layer, Modality, Skip, hookimpl


class Chart(Modality):
    name = "chart"
    api_version = 1
    layers = (
        Layer("chart", [Band("depth", "int16", -32768, unit="m")]),
        Layer("ground", [Band("mud", "uint8", 255)]),
    )

    def locate(self, scene):
        charts = ee.ImageCollection("TEST/CHART").filterBounds(scene.geometry)
        return charts.toList(3).map(lambda chart: ee.Image(chart).get("system:index"))

    def anchor(self, scene, located):
        return Anchor(dt.date(2020, 5, 17), "EPSG:32618") if located else Skip("no chart holds the tile")

    def image(self, scene, located):
        return ee.Image(f"TEST/CHART/{located[0]}")


class Tide(Modality):
    name = "tide"
    api_version = 1
    layers = (
        Layer("tide", [Band("height", "float32", float("nan"))]),
        Layer("moon", [Band("day", "float32", float("nan"))], kind=Kind.VECTOR),
    )

    def locate(self, scene):
        return ee.Dictionary({"charts": ee.ImageCollection("TEST/CHART").size(), "tile": scene.tile_id})

    def image(self, scene, located):
        return ee.Image("TEST/TIDE")

    def values(self, located):
        return {"moon": [located["charts"]]}


@hookimpl
def mmearth_modalities():
    return [Chart, Tide]
