"""Earth Engine's limits on computing, for projects that pay nothing."""

from typing import Any

from attrs import frozen

TIERS = {"community": 150.0, "contributor": 1_000.0, "partner": 100_000.0}
"""EECU-hours a month for each project of Earth Engine's noncommercial tiers, since 2026-04-27
(https://developers.google.com/earth-engine/guides/noncommercial_tiers)."""


HOUR = 3600.0


@frozen
class Share:
    """What a run takes of one tier.

    Attributes:
        tier: its name.
        hours: EECU-hours that it has a month.
        affordable: EECU-seconds that a tile may cost for the run to fit into one month.
        share: the part of a month's hours that the run takes; None when a tile's cost is not known.
    """

    tier: str
    hours: float
    affordable: float | None
    share: float | None

    def to_json(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "tier": self.tier,
            "eecu_hours_a_month": self.hours,
            "eecu_seconds_a_tile_that_fit": self.affordable,
            "share_of_a_month": self.share,
        }


def shares(tiles: int, seconds_per_tile: float | None, tier: str | None = None) -> list[Share]:
    """What a run takes of each tier, or of one.

    Args:
        tiles: still to be downloaded.
        seconds_per_tile: EECU-seconds; None when they are not known.
        tier: only this one.
    """
    return [
        Share(
            name,
            hours,
            hours * HOUR / tiles if tiles else None,
            None if seconds_per_tile is None else tiles * seconds_per_tile / HOUR / hours,
        )
        for name, hours in TIERS.items()
        if tier in (None, name)
    ]
