"""Sentinel-1: for each orbit direction, the image nearest to the anchor's day, with the polarisations that it has."""

import datetime as dt
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from mmearth_core import Modality, Scene
from mmearth_sentinel1.layers import BACKSCATTER, LAYERS, PASSES, POLARISATIONS, band_name
from mmearth_sentinel1.options import Sentinel1Options

if TYPE_CHECKING:
    import ee

_DAY_MS = 86_400_000
_DISTANCE = "mmearth_distance"
"""A property set while sorting: how far an image is from the anchor's day, in milliseconds."""


class Sentinel1(Modality):
    """Radar backscatter of the ascending and of the descending orbit.

    `located` is `{"asc": [] or [record], "desc": [] or [record]}`; a record is `{"index", "date", "bands", "time"}`,
    with `time` in milliseconds since 1970. The nearest image is chosen first, whatever its polarisations.
    """

    name = "sentinel1"
    api_version = 1
    layers = LAYERS
    Options = Sentinel1Options
    assets = ("COPERNICUS/S1_GRD",)
    licence = (
        "Copernicus Sentinel data: free, full and open, with attribution "
        "(Commission Delegated Regulation (EU) No 1159/2013)"
    )
    attribution = "Contains modified Copernicus Sentinel data [Year]."
    citation = "European Space Agency: Copernicus Sentinel-1 GRD data [Year], from Google Earth Engine."
    source = "https://developers.google.com/earth-engine/datasets/catalog/COPERNICUS_S1_GRD"

    def locate(self, scene: Scene) -> "ee.Dictionary":
        """Filters the collection by place, date, mode and orbit, and takes the nearest image of each orbit."""
        import ee

        start, end = self.options.window
        candidates = (
            ee.ImageCollection(self.options.collection)
            .filterBounds(scene.geometry)
            .filterDate(start.isoformat(), end.isoformat())
            .filter(ee.Filter.eq("instrumentMode", self.options.instrument_mode))
            .filter(ee.Filter.contains(leftField=".geo", rightValue=scene.geometry.buffer(self.options.margin)))
        )
        midnight = _midnight_ms(scene.date)

        def measure(image: Any) -> Any:
            distance = ee.Number(image.get("system:time_start")).subtract(midnight)
            # A quarter of a millisecond breaks the tie between two images at equal distance: the earlier one is nearer.
            return image.set(_DISTANCE, distance.add(0.25).abs())

        # Sorted by index first: images of one instant keep this order, because sorting is stable.
        measured = candidates.map(measure).sort("system:index").sort(_DISTANCE)
        return ee.Dictionary(
            {
                direction: measured.filter(ee.Filter.eq("orbitProperties_pass", name)).toList(1).map(_describe)
                for direction, name in PASSES.items()
            }
        )

    def image(self, scene: Scene, located: Any) -> "ee.Image | None":
        """The bands of both images under their declared names."""
        import ee

        parts = []
        for direction in PASSES:
            bands = _polarisations(located, direction)
            if bands:
                names = [band_name(direction, band) for band in bands]
                parts.append(ee.Image(self._id(located, direction)).select(list(bands), names))
        return ee.Image.cat(parts) if parts else None

    def present(self, located: Any) -> Collection[str]:
        """The polarisations that each of the images has; none for an orbit without an image."""
        return [band_name(direction, band) for direction in PASSES for band in _polarisations(located, direction) or ()]

    def info(self, located: Any) -> Mapping[str, Any]:
        """The polarisations under the published dataset's keys, the images, and why an orbit is missing."""
        bands: dict[str, Any] = {}
        images: dict[str, Any] = {}
        missing = []
        for direction, name in PASSES.items():
            found = _polarisations(located, direction)
            bands[f"sentinel1_{direction}"] = None if found is None else list(found)
            if found is None:
                missing.append(self._why_not(name))
            else:
                images[f"S1_{direction}_ID"] = self._id(located, direction)
                images[f"S1_{direction}_DATE"] = located[direction][0]["date"]
                if not found:
                    missing.append(f"the nearest {name.lower()} image has none of {', '.join(POLARISATIONS)}")
        why = {"MISSING": {BACKSCATTER.name: "; ".join(missing)}} if missing else {}
        return {"BANDS": bands, **images, **why}

    def _id(self, located: Any, direction: str) -> str:
        return f"{self.options.collection}/{located[direction][0]['index']}"

    def _why_not(self, name: str) -> str:
        start, end = self.options.window
        return (
            f"no {name.lower()} image of mode {self.options.instrument_mode} covers the tile and "
            f"{self.options.margin:g} m around it from {start} to before {end}"
        )


def _polarisations(located: Any, direction: str) -> tuple[str, ...] | None:
    """The polarisations of an orbit's image in declared order; None without an image."""
    if not located[direction]:
        return None
    bands = located[direction][0]["bands"]
    return tuple(band for band in POLARISATIONS if band in bands)


def _midnight_ms(day: dt.date) -> int:
    """00:00 UTC of a day, in milliseconds since 1970."""
    return (day - dt.date(1970, 1, 1)).days * _DAY_MS


def _describe(element: Any) -> "ee.Dictionary":
    import ee

    image = ee.Image(element)
    return ee.Dictionary(
        {
            "index": image.get("system:index"),
            "date": image.date().format("YYYY-MM-dd"),
            "bands": image.bandNames(),
            "time": image.get("system:time_start"),
        }
    )
