"""The tiles of a trial of a modality: with data, at another place, and without data."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

import shapely
from attrs import evolve
from shapely.affinity import translate
from shapely.geometry import Polygon

from mmearth_core import Anchor, Scene
from mmearth_devkit.stage import Stage
from mmearth_devkit.trial_record import TriedTile

NO_DATA_DAY = dt.date(1971, 6, 15)
"""A day before the first satellite of Earth Engine's catalogue with images of the whole Earth, Landsat 1 of 1972."""


def default_scene(stage: Stage) -> Scene:
    """A tile at the first place that a stage proposes, on the grid of its UTM zone."""
    return _scene(*stage.places()[0])


def _scene(polygon: Polygon, day: dt.date, columns: Mapping[str, Any], variant: str | None = None) -> Scene:
    centre = polygon.centroid
    anchor = Anchor(day, _utm_zone(centre.x, centre.y), variant)
    return Scene("check", polygon, centre.x, centre.y, {**columns, "date": day.isoformat()}, anchor)


def tiles_of(stage: Stage, scene: Scene | None, anchored: bool) -> list[TriedTile]:
    """The tiles of a trial: with data, at another place, far from both, and on a day without data.

    The last and the first one differ in place and day, so that what is kept from either shows in the other.
    """
    if scene is None:
        first, another, *_ = stage.places()
        scene = _scene(*first)
    else:
        west, _, east, _ = scene.polygon.bounds
        day = scene.anchor.date if scene.anchor else NO_DATA_DAY
        another = translate(scene.polygon, east - west), day, scene.attributes
    other, day, columns = another
    # Not quite the antipode, so that a tile at the prime meridian does not get across 180 degrees.
    turn = 170 if scene.lon < 0 else -170
    far = shapely.transform(scene.polygon, lambda x, y: (x + turn, -y), interleaved=False).reverse()
    variant = scene.anchor.variant if scene.anchor else None
    scenes = {
        "": scene,
        f"of another place {_where(other, day)}": _scene(other, day, columns, variant),
        f"of a place without data {_where(far, day)}": _scene(far, day, {}, variant),
        f"of a day without data {_where(other, NO_DATA_DAY)}": _scene(other, NO_DATA_DAY, columns, variant),
    }
    if anchored:
        return [TriedTile(None, evolve(each, anchor=None), label) for label, each in scenes.items()]
    return [TriedTile(each, each, label) for label, each in scenes.items()]


def _where(polygon: Polygon, day: dt.date) -> str:
    centre = polygon.centroid
    return f"(longitude {centre.x:.4f}, latitude {centre.y:.4f}, {day})"


def _utm_zone(lon: float, lat: float) -> str:
    """The UTM zone of a point in degrees, without the exceptions for Norway and Svalbard."""
    zone = int((lon + 180) % 360 // 6) + 1
    return f"EPSG:{(32600 if lat >= 0 else 32700) + zone}"
