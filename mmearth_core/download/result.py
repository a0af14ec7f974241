"""The result of a run: what was done, what it cost, and how it ended."""

import datetime as dt
import os
import socket
from collections.abc import Mapping
from typing import Any

from attrs import frozen

from mmearth_core import __version__
from mmearth_core.download.journal import Outcome
from mmearth_core.download.prepare import Job
from mmearth_core.download.run_log import RunRecord
from mmearth_core.download.shard import Shard
from mmearth_core.download.tally import Tally
from mmearth_core.earth.client import EarthClient
from mmearth_core.errors import ExitCode


@frozen
class Result:
    """What a run did.

    Attributes:
        tally: how the tiles ended.
        requests: requests sent, by kind, retries included.
        purposes: requests by what they were for, retries not counted.
        retries: requests tried again, by the kind of fault.
        slow_downs: how often the number of requests under way was halved.
        received: bytes received.
        stopped: why the run ended early and what to do; None when it went to its end.
        refused: whether it ended as nothing can be done until somebody acts, so that it must not be begun again by
            itself.
        abandoned: whether requests were still under way at the end of the grace; only the process's end ends them.
    """

    tally: Tally
    requests: Mapping[str, int]
    purposes: Mapping[str, int]
    retries: Mapping[str, int]
    slow_downs: int
    received: int
    stopped: str | None = None
    refused: bool = False
    abandoned: bool = False

    @classmethod
    def of(cls, tally: Tally, client: EarthClient, stopped: str | None, refused: bool, abandoned: bool) -> "Result":
        """The result of a run that has ended."""
        return cls(
            tally=tally,
            requests=dict(client.meter.requests),
            purposes=dict(client.purposes),
            retries=dict(client.retries.most_common()),
            slow_downs=client.pace.cuts,
            received=client.meter.received,
            stopped=stopped,
            refused=refused,
            abandoned=abandoned,
        )

    @property
    def exit_code(self) -> ExitCode:
        """That of the command."""
        if self.refused:
            return ExitCode.BAD_INPUT
        return ExitCode.STOPPED if self.stopped else self.tally.exit_code

    def summary(self) -> dict[str, Any]:
        """Everything as JSON."""
        return {
            **self.tally.summary(),
            "requests": dict(self.requests),
            "purposes": dict(self.purposes),
            "retries": dict(self.retries),
            "slow_downs": self.slow_downs,
            "bytes_received": self.received,
            "stopped": self.stopped,
        }

    def record(self, job: Job, shard: Shard) -> RunRecord:
        """The run's line of the run log; it ends now."""
        end = dt.datetime.now(dt.UTC)
        return RunRecord(
            start=_text(end - dt.timedelta(seconds=self.tally.seconds)),
            end=_text(end),
            shard=str(shard),
            host=socket.gethostname(),
            pid=os.getpid(),
            job=_slurm_job(os.environ),
            engine=job.engine.source,
            versions={"mmearth-core": __version__, **job.effective.plugins},
            groups=[group.name for group in job.groups],
            ended={str(outcome): self.tally.now[outcome] for outcome in Outcome},
            left=self.tally.known_left,
            requests=dict(self.requests),
            retries=dict(self.retries),
            received=self.received,
            seconds=round(self.tally.seconds, 3),
            exit=int(self.exit_code),
            why=self.stopped,
        )


def _text(time: dt.datetime) -> str:
    return time.isoformat(timespec="seconds")


def _slurm_job(environment: Mapping[str, str]) -> str | None:
    array, task = environment.get("SLURM_ARRAY_JOB_ID"), environment.get("SLURM_ARRAY_TASK_ID")
    return f"{array}_{task}" if array and task else environment.get("SLURM_JOB_ID")
