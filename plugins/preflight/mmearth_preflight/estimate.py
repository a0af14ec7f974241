"""The plan: requests, bytes, hours and quota that the rest of a download needs, each with its source."""

import math
from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

from mmearth_core.config.schema import Config
from mmearth_core.download.run import PreparedRun
from mmearth_preflight.sample import Sample
from mmearth_preflight.work import GroupCost, centroids_to_request, group_costs

LATENCY = 1.0
"""Assumed seconds until a request is answered, unless it was measured."""


TIERS = {"community": 150.0, "contributor": 1_000.0, "partner": 100_000.0}
"""EECU-hours per month and project in Earth Engine's noncommercial tiers, since 2026-04-27
(https://developers.google.com/earth-engine/guides/noncommercial_tiers)."""


HOUR = 3600.0


CENTROIDS_PER_REQUEST = 5000
"""Earth Engine lists at most 5,000 elements in one response, so a run requests centroids in such batches."""


@frozen
class Share:
    """The share of a tier's quota that a run needs.

    Attributes:
        tier: the tier's name.
        hours: its EECU-hours per month.
        affordable: EECU-seconds that a tile may cost if the run is to fit into one month.
        share: the run's share of a month's hours; None if the cost of a tile is unknown.
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
    """The share of each tier's quota, or of one tier's.

    Args:
        tiles: tiles left to download.
        seconds_per_tile: EECU-seconds; None if unknown.
        tier: only this one; None for all.
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


@frozen
class Factors:
    """Measured figures divided by declared ones; 1 without a sample.

    Attributes:
        batch: requests to locate batches.
        pixels: requests for pixels; fewer where tiles are skipped, more where they are too large.
        again: repeated location requests per tile.
        retries: requests sent per request needed.
        wire: bytes received.
        stack: bytes of stacks.
        hdf5: bytes in the HDF5 file.
    """

    batch: float = 1.0
    pixels: float = 1.0
    again: float = 0.0
    retries: float = 1.0
    wire: float = 1.0
    stack: float = 1.0
    hdf5: float = 1.0

    @classmethod
    def of(cls, sample: Sample, groups: tuple[GroupCost, ...], batch_size: int) -> "Factors":
        """The factors that a sample measured."""
        client, tiles, batches = sample.result.client, sample.tiles, math.ceil(sample.tiles / batch_size)
        purposes = client.purposes
        located = purposes.get("locate anchor", 0) + purposes.get("locate", 0)
        return cls(
            batch=_ratio(located, batches * sum(group.batch_requests for group in groups)),
            pixels=_ratio(purposes.get("pixels", 0), tiles * sum(group.pixel_requests for group in groups)),
            again=purposes.get("locate again", 0) / tiles,
            retries=_ratio(client.meter.requests.total(), sum(purposes.values())),
            wire=_ratio(client.meter.received, tiles * sum(group.wire for group in groups)),
            stack=_ratio(sample.stacks, tiles * sum(group.stack for group in groups)),
            hdf5=_ratio(sample.hdf5, tiles * sum(group.hdf5 for group in groups)),
        )


@frozen(eq=False)
class Plan:
    """What is left to download, and what it costs.

    Attributes:
        config: the configuration, with the planned concurrency.
        tiles: number of tiles of the dataset.
        groups: what each group costs.
        without_centroid: tiles whose centroid Earth Engine has to compute.
        given_latency: seconds until a request is answered, if the user gave them.
        eecu_seconds: EECU-seconds per tile, if the user gave them.
        tier: the noncommercial tier; None for all.
        sample: what was measured, if anything.
        modalities: EECU-seconds per tile of each modality, downloaded alone; empty if not measured.
        endpoints: the samples by endpoint, the configured one first; empty if the engine has only one.
    """

    config: Config
    tiles: int
    groups: tuple[GroupCost, ...]
    without_centroid: int = 0
    given_latency: float | None = None
    eecu_seconds: float | None = None
    tier: str | None = None
    sample: Sample | None = None
    modalities: Mapping[str, float] = field(factory=dict)
    endpoints: Mapping[str, Sample] = field(factory=dict)

    @classmethod
    def of(cls, job: PreparedRun, config: Config) -> "Plan":
        """The plan of what is left of a run.

        Args:
            job: the run.
            config: its configuration, with the planned concurrency.

        Raises:
            DatasetError: when a file of the dataset is damaged.
        """
        return cls(config, int(job.stored.tiles["count"]), group_costs(job), centroids_to_request(job))

    @property
    def seconds_per_tile(self) -> float | None:
        """EECU-seconds per tile, as given or measured; None if unknown."""
        if self.eecu_seconds is not None or self.sample is None:
            return self.eecu_seconds
        return self.sample.eecu_seconds

    @property
    def factors(self) -> Factors:
        """How measured figures differ from declared ones."""
        if self.sample is None:
            return Factors()
        return Factors.of(self.sample, self.groups, self.config.run.batch_size)

    @property
    def left(self) -> int:
        """Tiles that are left, of the group with most."""
        return max((group.left for group in self.groups), default=0)

    @property
    def requests(self) -> dict[str, int]:
        """Requests by purpose."""
        factors, size = self.factors, self.config.run.batch_size
        batches = sum(math.ceil(group.left / size) * group.batch_requests for group in self.groups)
        pixels = sum(group.left * group.pixel_requests for group in self.groups)
        first = sum(group.first_requests for group in self.groups)
        locate = first + batches * factors.batch + self.left * factors.again
        return {
            "centroids": math.ceil(self.without_centroid / CENTROIDS_PER_REQUEST),
            "locate": round(locate * factors.retries),
            "pixels": round(pixels * factors.pixels * factors.retries),
        }

    @property
    def latency(self) -> float:
        """Seconds until a request is answered."""
        if self.given_latency is not None:
            return self.given_latency
        return LATENCY if self.sample is None else self.sample.latency

    @property
    def per_second(self) -> float:
        """Requests per second: limited by the concurrency and by the rate."""
        run = self.config.run
        return min(run.requests_per_second, run.max_concurrent / self.latency if self.latency else math.inf)

    @property
    def bytes(self) -> dict[str, int]:
        """Bytes transferred, in stacks and in the HDF5 file."""
        factors, groups = self.factors, self.groups
        return {
            "wire": round(sum(group.left * group.wire for group in groups) * factors.wire),
            "stacks": round(sum(group.left * group.stack for group in groups) * factors.stack),
            "hdf5": round(self.tiles * sum(group.hdf5 * factors.hdf5 + group.vectors for group in groups)),
        }

    def sources(self) -> dict[str, str]:
        """Where each figure comes from."""
        measured = None if self.sample is None else f"measured on {self.sample.tiles} tiles"
        return {
            "requests": measured or f"declared: batches of {self.config.run.batch_size}, every tile with an image",
            "wire": measured or "declared: bands x dtype x pixels; what is located comes to it",
            "stacks": measured or "declared, float32, times a third (benchmarks/stack_encoding.py)",
            "hdf5": measured or "declared, times 0.41 (the published modalities, compressed)",
            "latency": "given" if self.given_latency is not None else measured or "assumed; --sample measures it",
            "eecu": self._source_of_eecu(measured),
        }

    def _source_of_eecu(self, measured: str | None) -> str:
        if self.eecu_seconds is not None:
            return "given"
        if measured is None:
            return "unknown; --sample measures it"
        return measured if self.seconds_per_tile is not None else "unknown: the engine's answers have no profile"

    def to_json(self) -> dict[str, Any]:
        """Everything, as strict JSON."""
        requests, total = self.requests, sum(self.requests.values())
        seconds, run = self.seconds_per_tile, self.config.run
        return {
            "dataset": str(self.config.root),
            "tiles": self.tiles,
            "left": self.left,
            "groups": [{"group": group.name, "left": group.left} for group in self.groups],
            "requests": {**requests, "total": total, "a_tile": round(total / self.left, 4) if self.left else None},
            "bytes": self.bytes,
            "time": {
                "hours": total / self.per_second / HOUR,
                "concurrency": run.max_concurrent,
                "latency": round(self.latency, 4),
                "requests_per_second": round(self.per_second, 3),
                "bound_by": "rate" if self.per_second == run.requests_per_second else "concurrency",
            },
            "eecu": {
                "seconds_a_tile": seconds,
                "hours": None if seconds is None else self.left * seconds / HOUR,
                "seconds_a_tile_by_modality": dict(self.modalities),
                "tiers": [share.to_json() for share in shares(self.left, seconds, self.tier)],
            },
            "endpoints": {
                name: {"latency": round(sample.latency, 4), "eecu_seconds_a_tile": sample.eecu_seconds}
                for name, sample in self.endpoints.items()
            },
            "workload_tag": self.config.workload_tag,
            "sources": self.sources(),
            "sample": None if self.sample is None else self.sample.to_json(),
        }


def _ratio(measured: float, declared: float) -> float:
    """Measured divided by declared; 1 if nothing is declared, as there is nothing to correct."""
    return measured / declared if declared else 1.0
