"""The anchor `file`: the tiles file itself has each tile's date and CRS, so any other modality can be used alone."""

import datetime as dt
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from attrs import field, frozen

from mmearth_core.contract.modality import VARIANT_BYTES, Anchor, Modality, Scene, Skip


@frozen
class FileAnchorOptions:
    """`[modalities.file]`."""

    date: str = field(default="date", metadata={"help": "column of the tiles file with the day, YYYY-MM-DD"})
    crs: str = field(
        default="crs", metadata={"help": "column of the tiles file with the CRS; the UTM zone if it is absent or empty"}
    )
    variant: str | None = field(
        default=None, metadata={"help": "column of the tiles file with the variant, if there are several variants"}
    )


class FileAnchor(Modality):
    """Takes each tile's date and CRS from columns of the tiles file; downloads nothing itself."""

    name = "file"
    api_version = 1
    layers = ()
    Options = FileAnchorOptions

    def check_tile(self, attributes: Mapping[str, Any]) -> None:
        """Refuses a value that cannot be read, and a configured column that does not exist."""
        for key in _READERS:
            column = getattr(self.options, key)
            if column not in (None, FileAnchorOptions().crs, *attributes):
                names = ", ".join(attributes)
                raise ValueError(f"there is no column {column!r}, `{key}` of [modalities.file]. There are: {names}.")
            self._read(key, attributes)

    def locate(self, scene: Scene) -> dict[str, Any]:
        """Reads the tile's columns; needs no request."""
        located = {key: self._read(key, scene.attributes) for key in _READERS}
        return located | {"crs": located["crs"] or utm_zone(scene.lon, scene.lat)}

    def _read(self, key: str, attributes: Mapping[str, Any]) -> str | None:
        column = getattr(self.options, key)
        text = _text(attributes.get(column))
        if text is None:
            return None
        try:
            return _READERS[key](text)
        except ValueError as error:
            raise ValueError(f"column {column!r} is {text!r}, {error}. Correct it, or leave it empty.") from error

    def anchor(self, scene: Scene, located: Any) -> Anchor | Skip:
        """Returns the day and CRS of the tile, or the reason why it has none."""
        if located["date"] is None:
            return Skip(f"the tile has no date in column {self.options.date!r}")
        return Anchor(dt.date.fromisoformat(located["date"]), located["crs"], located["variant"])

    def info(self, located: Any) -> Mapping[str, Any]:
        """Returns the date and variant of the tile, under the names of their columns."""
        columns = {self.options.date: located["date"], self.options.variant: located["variant"]}
        return {column: text for column, text in columns.items() if column is not None}


def _text(value: Any) -> str | None:
    """A value as text, or None if it is missing; a gap elsewhere in the column may have made 7 a 7.0."""
    if value is None or value != value:
        return None
    return (f"{value:.0f}" if isinstance(value, float) and value.is_integer() else str(value).strip()) or None


@lru_cache(maxsize=1024)
def _day(text: str) -> str:
    """The day of this value alone: in UTC if it has an offset."""
    try:
        # fromisoformat() also reads weeks, of which this would be the Monday.
        moment = dt.datetime.fromisoformat("" if "W" in text else text)
        return (moment.astimezone(dt.UTC) if moment.tzinfo else moment).date().isoformat()
    except (ValueError, OverflowError):
        raise ValueError("not a date of the form YYYY-MM-DD or YYYY-MM-DDThh:mm:ss+hh:mm") from None


@lru_cache(maxsize=1024)
def _crs(text: str) -> str:
    """A CRS, from text or from the number of an EPSG code."""
    from pyproj import CRS
    from pyproj.exceptions import CRSError

    crs = f"EPSG:{text}" if text.isdecimal() else text
    try:
        known = CRS.from_user_input(crs)
    except CRSError as error:
        raise ValueError(f"not a CRS that PROJ knows, such as EPSG:32618 ({error})") from None
    if not known.is_projected or any(axis.unit_conversion_factor != 1.0 for axis in known.axis_info[:2]):
        raise ValueError("not a CRS that is projected in metres, such as EPSG:32618")
    return crs


def _variant(text: str) -> str:
    if len(text.encode()) > VARIANT_BYTES:
        raise ValueError(f"longer than the {VARIANT_BYTES} bytes of a variant")
    return text


_READERS: dict[str, Callable[[str], str]] = {"date": _day, "crs": _crs, "variant": _variant}
"""How the columns that the options name are read."""


def utm_zone(lon: float, lat: float) -> str:
    """The UTM zone of a point in degrees, without the exceptions for Norway and Svalbard."""
    zone = int((lon + 180) % 360 // 6) + 1
    return f"EPSG:{(32600 if lat >= 0 else 32700) + zone}"
