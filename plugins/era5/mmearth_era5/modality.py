"""ERA5-Land: the climate of a tile, computed on the server while it is located; there are no pixels to download."""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mmearth_core import Modality, Scene
from mmearth_era5.layers import CLIMATE, LAYERS, PERIODS, QUANTITIES, band_name
from mmearth_era5.options import Era5Options
from mmearth_era5.periods import Period, periods

if TYPE_CHECKING:
    import ee

_INFO_KEYS = {"prev_month": "month1", "curr_month": "month2", "year": "year"}
"""The published dataset's names of the periods in tile_info."""


class Era5(Modality):
    """Twelve numbers per tile.

    `located` is `{"values": {band: number or None}, "images": {period: number of months found},
    "periods": {period: {"last", "months"}}}`.

    First the months are reduced, pixel by pixel, then the mean over the tile is taken, as published. It is the mean of
    points 100 m apart (option `scale`), each with the value of the cell that it lies in. At the native 11 km the tile
    would cover about one hundredth of a cell, and Earth Engine drops a cell that is covered by less than 1/256
    (https://developers.google.com/earth-engine/guides/reducers_weighting), so a tile at a corner could get no value.
    """

    name = "era5"
    api_version = 1
    layers = LAYERS
    Options = Era5Options
    assets = ("ECMWF/ERA5_LAND/MONTHLY_AGGR",)
    licence = "Licence to Use Copernicus Products: free of charge, with attribution and the Commission's disclaimer"
    attribution = (
        "Contains modified Copernicus Climate Change Service Information [Year]. Neither the European Commission nor "
        "ECMWF is responsible for any use that may be made of the Copernicus Information or Data it contains."
    )
    citation = (
        "Muñoz Sabater, J. (2019): ERA5-Land monthly averaged data from 1950 to present. Copernicus Climate Change "
        "Service (C3S) Climate Data Store. doi:10.24381/cds.68d2bb30"
    )
    source = "https://developers.google.com/earth-engine/datasets/catalog/ECMWF_ERA5_LAND_MONTHLY_AGGR"

    def locate(self, scene: Scene) -> "ee.Dictionary":
        """Reduces all three periods to one image of twelve bands, and that image over the tile."""
        import ee

        wanted = periods(scene.date, self.options.months)
        collections = {name: self._months(period) for name, period in wanted.items()}
        image = ee.Image.cat([_reduced(name, collection) for name, collection in collections.items()])
        return ee.Dictionary(
            {
                "values": image.reduceRegion(ee.Reducer.mean(), scene.geometry, self.options.scale),
                "images": {name: collection.size() for name, collection in collections.items()},
                "periods": {name: {"last": period.last, "months": period.months} for name, period in wanted.items()},
            }
        )

    def values(self, located: Any) -> Mapping[str, list[float]]:
        """The twelve numbers in declared order; nan for the sea and for a period with missing months."""
        found = self._found(located)
        return {CLIMATE.name: [math.nan if value is None else value for value in found.values()]}

    def info(self, located: Any) -> Mapping[str, Any]:
        """The numbers by period, and the bands, under the published dataset's keys; and why numbers are missing."""
        found = self._found(located)
        numbers = {
            key: [found[band_name(period, quantity)] for quantity in QUANTITIES] for period, key in _INFO_KEYS.items()
        }
        why = self._why_missing(located, found)
        return {
            "era5": numbers,
            "BANDS": {"era5": _source_names(located)},
            **({"MISSING": {CLIMATE.name: why}} if why else {}),
        }

    def _months(self, period: Period) -> "ee.ImageCollection":
        import ee

        collection = ee.ImageCollection(self.options.collection)
        months = collection.filterDate(period.start.isoformat(), period.end.isoformat())
        chosen: ee.ImageCollection = months.select([quantity.source for quantity in QUANTITIES])
        return chosen

    def _found(self, located: Any) -> dict[str, float | None]:
        """Every declared band's number, or None."""
        return {
            band_name(period, quantity): (
                _number(located["values"].get(band_name(period, quantity))) if _is_whole(located, period) else None
            )
            for period in PERIODS
            for quantity in QUANTITIES
        }

    def _why_missing(self, located: Any, found: Mapping[str, float | None]) -> str | None:
        if all(value is not None for value in found.values()):
            return None
        short = [period for period in PERIODS if not _is_whole(located, period)]
        if not short:
            return f"{self.options.collection} has no value at the tile (sea)"
        counts = (
            f"{located['images'][period]} of the {located['periods'][period]['months']} months up to "
            f"{located['periods'][period]['last']}"
            for period in short
        )
        return f"{self.options.collection} has only {', '.join(counts)}"


def _reduced(period: str, collection: "ee.ImageCollection") -> "ee.Image":
    """The four quantities of a period under their declared names; masked where no month has a value."""
    import ee

    sources = [quantity.source for quantity in QUANTITIES]
    # An image without valid pixels changes no result, but gives a period without images its bands.
    blank = ee.Image.constant([0.0] * len(sources)).rename(sources).updateMask(0)
    months = collection.merge(ee.ImageCollection([blank]))
    # Select after reducing: selecting from a collection maps a function over it, which costs the client ten times more.
    reduced = [getattr(months, quantity.reducer)().select([quantity.source]) for quantity in QUANTITIES]
    image: ee.Image = ee.Image.cat(reduced)
    return image.rename([band_name(period, quantity) for quantity in QUANTITIES])


def _is_whole(located: Any, period: str) -> bool:
    """Whether every month of a period exists: a sum over fewer would be misleading."""
    return bool(located["images"][period] == located["periods"][period]["months"])


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _source_names(located: Any) -> list[str]:
    """The bands as the published dataset names them: by month, and for the year by place, band and reducer."""
    names = [
        f"{located['periods'][period]['last']}_{quantity.source}"
        for period in ("prev_month", "curr_month")
        for quantity in QUANTITIES
    ]
    return names + [f"{place}_{quantity.source}_{quantity.reducer}" for place, quantity in enumerate(QUANTITIES)]
