"""The layer of ERA5-Land: four quantities of three periods.

Source: the Earth Engine catalogue page of ECMWF/ERA5_LAND/MONTHLY_AGGR. Layout and no-data are the published MMEarth's.
"""

import math

from attrs import frozen

from mmearth_core import Band, Kind, Layer, Preview


@frozen
class Quantity:
    """One quantity.

    Attributes:
        source: its band in the collection.
        name: suffix of the declared bands' names.
        unit: its unit.
        description: of its monthly value.
        reducer: combines the months to a year: mean, min, max or sum.
    """

    source: str
    name: str
    unit: str
    description: str
    reducer: str


QUANTITIES = (
    Quantity("temperature_2m", "avg_temp", "K", "mean temperature of the air 2 m above ground", "mean"),
    Quantity("temperature_2m_min", "min_temp", "K", "lowest temperature of the air 2 m above ground", "min"),
    Quantity("temperature_2m_max", "max_temp", "K", "highest temperature of the air 2 m above ground", "max"),
    Quantity("total_precipitation_sum", "total_precip", "m", "sum of rain and snow, as depth of water", "sum"),
)
# Precipitation may be slightly negative, as the source packs numbers with little precision; it is stored as it is.

PERIODS = {
    "prev_month": "the month before the anchor's",
    "curr_month": "the anchor's month",
    "year": "the year up to and including the anchor's month",
}
"""The periods: prefix of the bands' names, and description."""


def band_name(period: str, quantity: Quantity) -> str:
    """The declared name of a band, e.g. `prev_month_avg_temp`."""
    return f"{period}_{quantity.name}"


CLIMATE = Layer(
    "era5",
    [
        Band(
            band_name(period, quantity),
            "float32",
            math.nan,
            unit=quantity.unit,
            description=f"{quantity.description}: {words}",
        )
        for period, words in PERIODS.items()
        for quantity in QUANTITIES
    ],
    kind=Kind.VECTOR,
    description="climate of the tile around the anchor's day",
    preview=Preview(
        [*(band_name("curr_month", quantity) for quantity in QUANTITIES), "year_avg_temp", "year_total_precip"]
    ),
)

LAYERS = (CLIMATE,)
