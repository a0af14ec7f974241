"""The anchor `file`: the tiles file itself has each tile's date and CRS, so any other modality can be used alone."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

from mmearth_core.contract.modality import Anchor, Modality, Scene, Skip


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

    def locate(self, scene: Scene) -> dict[str, Any]:
        """Reads the tile's columns; needs no request."""
        options: FileAnchorOptions = self.options
        row = scene.attributes
        date = row.get(options.date)
        return {
            "date": None if date is None else str(date)[:10],
            "crs": _crs(row.get(options.crs)) or utm_zone(scene.lon, scene.lat),
            "variant": _text(row.get(options.variant)) if options.variant else None,
        }

    def anchor(self, scene: Scene, located: Any) -> Anchor | Skip:
        """Returns the day and CRS of the tile, or the reason why it has none."""
        column = self.options.date
        if located["date"] is None:
            return Skip(f"the tile has no date in column {column!r}")
        try:
            date = dt.date.fromisoformat(located["date"])
        except ValueError:
            return Skip(f"column {column!r} is not a date of the form YYYY-MM-DD")
        return Anchor(date=date, crs=located["crs"], variant=located["variant"])

    def info(self, located: Any) -> Mapping[str, Any]:
        """Returns the date and variant of the tile, under the names of their columns."""
        options: FileAnchorOptions = self.options
        variant = {} if options.variant is None else {options.variant: located["variant"]}
        return {options.date: located["date"], **variant}


def _crs(value: Any) -> str | None:
    """A CRS as text, from text or from the bare number of an EPSG code."""
    return f"EPSG:{value:.0f}" if isinstance(value, int | float) else _text(value)


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def utm_zone(lon: float, lat: float) -> str:
    """The UTM zone of a point in degrees, without the exceptions for Norway and Svalbard."""
    zone = int((lon + 180) % 360 // 6) + 1
    return f"EPSG:{(32600 if lat >= 0 else 32700) + zone}"
