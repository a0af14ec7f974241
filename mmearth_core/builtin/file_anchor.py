"""The anchor `file`: date and CRS come with the tiles, so that any one modality is a working product.

They are columns of the tiles file, or keys of the `tile_info` that [dataset] joins to it.
"""

import datetime as dt
from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

from mmearth_core.contract.modality import Anchor, Modality, Scene, Skip


@frozen
class FileAnchorOptions:
    """`[modalities.file]`."""

    date: str = field(default="date", metadata={"help": "the tiles' column with the day, YYYY-MM-DD"})
    crs: str = field(
        default="crs", metadata={"help": "the tiles' column with the CRS; where it is absent, the UTM zone is taken"}
    )
    variant: str | None = field(
        default=None, metadata={"help": "the tiles' column with the variant, if there are several"}
    )


class FileAnchor(Modality):
    """Takes each tile's date and CRS from columns of the tiles file; downloads nothing itself."""

    name = "file"
    api_version = 1
    layers = ()
    Options = FileAnchorOptions

    def locate(self, scene: Scene) -> dict[str, Any]:
        """Reads the tile's columns; costs no request."""
        options: FileAnchorOptions = self.options
        row = scene.attributes
        date = row.get(options.date)
        return {
            "date": None if date is None else str(date)[:10],
            "crs": _crs(row.get(options.crs)) or utm_zone(scene.lon, scene.lat),
            "variant": _text(row.get(options.variant)) if options.variant else None,
        }

    def anchor(self, scene: Scene, located: Any) -> Anchor | Skip:
        """The day and CRS of the tile, or why it has none."""
        column = self.options.date
        if located["date"] is None:
            return Skip(f"the tile has no date in column {column!r}")
        try:
            date = dt.date.fromisoformat(located["date"])
        except ValueError:
            return Skip(f"column {column!r} is no date of the form YYYY-MM-DD")
        return Anchor(date=date, crs=located["crs"], variant=located["variant"])

    def info(self, located: Any) -> Mapping[str, Any]:
        """The date and variant that the tile came with, under their columns' names."""
        options: FileAnchorOptions = self.options
        variant = {} if options.variant is None else {options.variant: located["variant"]}
        return {options.date: located["date"], **variant}


def _crs(value: Any) -> str | None:
    """A CRS as columns have it: text, or the bare number of an EPSG code."""
    return f"EPSG:{value:.0f}" if isinstance(value, int | float) else _text(value)


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def utm_zone(lon: float, lat: float) -> str:
    """The UTM zone of a place, by longitude alone (without the exceptions for Norway and Svalbard)."""
    zone = int((lon + 180) % 360 // 6) + 1
    return f"EPSG:{(32600 if lat >= 0 else 32700) + zone}"
