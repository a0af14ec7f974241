"""The options of Sentinel-1: `[modalities.sentinel1]`. The defaults are the published dataset's."""

import datetime as dt
from typing import Any

from attrs import field, frozen, validators


def _check_window(_options: object, _attribute: Any, window: tuple[dt.date, dt.date]) -> None:
    if not window[0] < window[1]:
        raise ValueError("the window ends before it begins; the end is not part of it")


@frozen
class Sentinel1Options:
    """The keys of the table."""

    collection: str = field(
        default="COPERNICUS/S1_GRD", metadata={"help": "collection of ground-range detected images, in dB"}
    )
    window: tuple[dt.date, dt.date] = field(
        # As published: the last day is left out.
        default=(dt.date(2017, 1, 1), dt.date(2020, 12, 31)),
        validator=_check_window,
        metadata={"help": "first day of the images to choose from, and the day after the last one"},
    )
    instrument_mode: str = field(default="IW", metadata={"help": "required instrumentMode of an image"})
    margin: float = field(
        default=200.0,
        validator=[validators.ge(0), validators.le(100_000)],
        metadata={"help": "metres by which the footprint of an image must extend beyond the tile"},
    )
