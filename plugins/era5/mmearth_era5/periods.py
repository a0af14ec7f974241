"""The three periods of a tile as half-open intervals of whole months."""

import datetime as dt

from attrs import frozen


@frozen
class Period:
    """An interval of whole months.

    Attributes:
        start: the first day.
        end: the day after the last.
        months: number of months.
    """

    start: dt.date
    end: dt.date
    months: int

    @property
    def last(self) -> str:
        """The last month as the collection's images are named, e.g. `201807`."""
        return f"{(self.end - dt.timedelta(days=1)):%Y%m}"


def shifted(month: dt.date, months: int) -> dt.date:
    """The first day of the month that is some months later."""
    count = month.year * 12 + month.month - 1 + months
    return dt.date(count // 12, count % 12 + 1, 1)


def periods(date: dt.date, months: int) -> dict[str, Period]:
    """The periods of a tile.

    Args:
        date: the anchor's day.
        months: the length of the year.

    Returns:
        The month before, the month, and the months ending with it, under the names in `layers.PERIODS`.
    """
    this, after = shifted(date, 0), shifted(date, 1)
    return {
        "prev_month": Period(shifted(date, -1), this, 1),
        "curr_month": Period(this, after, 1),
        "year": Period(shifted(after, -months), after, months),
    }
