"""The options of Sentinel-2: `[modalities.sentinel2]`. The defaults are the published dataset's."""

import datetime as dt
from typing import Any

from attrs import field, frozen, validators


def _seed_windows() -> dict[str, tuple[dt.date, dt.date]]:
    # As published: December 2018 counts for 2019, and the last day of a year is left out.
    return {
        "2017": (dt.date(2017, 1, 1), dt.date(2017, 12, 31)),
        "2018": (dt.date(2018, 1, 1), dt.date(2018, 11, 30)),
        "2019": (dt.date(2018, 12, 1), dt.date(2019, 12, 31)),
        "2020": (dt.date(2020, 1, 1), dt.date(2020, 12, 31)),
    }


def _check_windows(_options: object, _attribute: Any, windows: dict[str, tuple[dt.date, dt.date]]) -> None:
    if not windows or not all(year.isdecimal() for year in windows):
        raise ValueError("give at least one year, e.g. 2021 = [2021-01-01, 2022-01-01]")
    years = sorted(int(year) for year in windows)
    if years != list(range(years[0], years[-1] + 1)):
        raise ValueError("the years must follow on one another, as one of them is drawn")
    for year, (start, end) in windows.items():
        if not start < end:
            raise ValueError(f"the window of {year} ends before it begins; the end is not part of it")


@frozen
class Sentinel2Options:
    """The keys of the table."""

    l1c: str = field(
        default="COPERNICUS/S2_HARMONIZED", metadata={"help": "collection of level 1C, top of the atmosphere"}
    )
    l2a: str = field(default="COPERNICUS/S2_SR_HARMONIZED", metadata={"help": "collection of level 2A, at the surface"})
    cloud_percentage: float = field(
        default=10.0,
        validator=[validators.gt(0), validators.le(100)],
        metadata={"help": "CLOUDY_PIXEL_PERCENTAGE of an image must be below this"},
    )
    margin: float = field(
        default=200.0,
        validator=[validators.ge(0), validators.le(100_000)],
        metadata={"help": "metres by which the footprint of an image must extend beyond the tile"},
    )
    windows: dict[str, tuple[dt.date, dt.date]] = field(
        factory=_seed_windows,
        validator=_check_windows,
        metadata={"help": "for each year to draw from, the first day and the day after the last one"},
    )
    cloud_classes: bool = field(
        default=False,
        metadata={
            "help": "also download the layer `sentinel2_cloudclasses`: MSK_CLASSI_*, which has data from 2024 on"
        },
    )
