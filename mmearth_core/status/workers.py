"""Who is at work on a dataset just now, and how fast."""

import datetime as dt
from pathlib import Path
from typing import Any

from attrs import frozen

from mmearth_core.budget import LiveTask, live_tasks
from mmearth_core.config.schema import Config
from mmearth_core.download.journal import Outcome


@frozen
class Worker:
    """A process at work on the dataset.

    Attributes:
        host: the machine it runs on.
        pid: its number there.
        shard: its share; empty as long as it has not said so.
        began: when it began, UTC, ISO 8601; empty likewise.
        ended: tiles that have ended in its hands.
        left: tiles of its share that have not ended.
        rate: tiles a second since it began; None when that cannot be said yet.
        slots: requests that it may have under way.
        sign: seconds since its last sign of life.
        notice: what holds it up, in a few words.
    """

    host: str
    pid: int
    shard: str
    began: str
    ended: int
    left: int | None
    rate: float | None
    slots: int
    sign: float
    notice: str

    @classmethod
    def of(cls, task: LiveTask, now: dt.datetime) -> "Worker":
        """What a process says about itself."""
        said = task.counters
        ended = sum(int(said.get(str(outcome), 0)) for outcome in Outcome)
        return cls(
            host=task.host,
            pid=task.pid,
            shard=str(said.get("shard", "")),
            began=task.began,
            ended=ended,
            left=int(said["left"]) if "left" in said else None,
            rate=_rate(ended, task, now),
            slots=task.slots,
            sign=task.age,
            notice=str(said.get("notice", "")),
        )

    def to_json(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "host": self.host,
            "pid": self.pid,
            "shard": self.shard,
            "began": self.began,
            "ended": self.ended,
            "left": self.left,
            "tiles_per_second": None if self.rate is None else round(self.rate, 3),
            "slots": self.slots,
            "seconds_since_sign_of_life": round(self.sign, 1),
            "notice": self.notice,
        }


def workers(config: Config, now: dt.datetime) -> tuple[list[Worker], int]:
    """Who is at work on a configuration's dataset, and how many share its budget for other datasets.

    Args:
        config: the configuration.
        now: the time.

    Raises:
        OSError: when the budget's folder cannot be read.
    """
    # A process says what it works on a few seconds after it has joined.
    unsaid = str(config.root) if config.run.budget is None else None
    own, others = list[Worker](), 0
    for task in live_tasks(config.budget):
        dataset = task.counters.get("dataset", unsaid)
        if dataset is not None and Path(dataset).resolve() == config.root.resolve():
            own.append(Worker.of(task, now))
        else:
            others += 1
    return own, others


def _rate(ended: int, task: LiveTask, now: dt.datetime) -> float | None:
    try:
        seconds = (now - dt.datetime.fromisoformat(task.began)).total_seconds() - task.age
    except ValueError:
        return None
    return ended / seconds if ended and seconds >= 1 else None
