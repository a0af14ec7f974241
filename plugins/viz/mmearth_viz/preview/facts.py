"""What tile_info tells of a tile in a few words: when and where it is, whatever its plugins call these things."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from attrs import frozen
from mmearth_curate.derive.tile_info import Entry

TILE = "TILE"
"""Where tile_info keeps the columns of the tiles file."""


_DATE = re.compile(r"(\d{4})-(\d{2})-(\d{2})(T.*)?")


@frozen
class Facts:
    """A tile in a few words.

    Attributes:
        date: of the first image that is told of; None if no date is.
        place: latitude and longitude; None if they are not told.
        labels: the texts that the tiles file has of it, days left out: the first one is told already.
    """

    date: str | None
    place: tuple[float, float] | None
    labels: tuple[str, ...]

    @classmethod
    def of(cls, entry: Entry) -> "Facts":
        """Reads a tile's entry."""
        date = next((value[:10] for _, value in texts(entry) if is_date(value)), None)
        lat, lon = entry.get("lat"), entry.get("lon")
        known = all(isinstance(each, int | float) for each in (lat, lon))
        columns = entry.get(TILE)
        columns = columns if isinstance(columns, Mapping) else {}
        labels = [value for _, value in texts(columns) if value and not is_date(value)]
        place = (float(lat), float(lon)) if known else None  # type: ignore[arg-type] # both are numbers
        return cls(date, place, tuple(labels))

    @property
    def where(self) -> str:
        """The place as people write it; empty if it is not known."""
        return "" if self.place is None else coordinates(*self.place)

    def line(self, variant: str | None) -> str:
        """Everything on one line."""
        return " · ".join(text for text in (self.date, variant, self.where, *self.labels[:3]) if text)


def texts(entry: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The keys whose values are texts, with these."""
    return ((key, value) for key, value in entry.items() if isinstance(value, str))


def is_date(text: str) -> bool:
    """Whether a text is a day, or a moment, as ISO 8601 writes it."""
    return _DATE.fullmatch(text) is not None


def coordinates(lat: float, lon: float) -> str:
    """A place as people write it."""
    return f"{abs(lat):.2f}° {'N' if lat >= 0 else 'S'}, {abs(lon):.2f}° {'E' if lon >= 0 else 'W'}"
