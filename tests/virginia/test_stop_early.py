"""A run that is stopped before it has read all journals: its counts are still those of the dataset, as in `status`."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from mmearth_devkit.testing.command_line import cli, summary

from mmearth_core.download.journal import Journal
from mmearth_core.download.run_log import read_runs
from mmearth_core.download.stop import StopRequest
from mmearth_core.tiles.index import TileIndex

COUNTS = ("tiles", "done", "skipped", "failed", "left")

StopAt = Callable[[type, str], None]


@pytest.fixture
def stop_at(monkeypatch: pytest.MonkeyPatch) -> StopAt:
    """`stop_at(owner, method)`: the run is asked to end when it next calls that."""
    stops: list[StopRequest] = []
    make = StopRequest.__init__

    def remember(self: StopRequest, *arguments: Any) -> None:
        make(self, *arguments)
        stops.append(self)

    def prepare(owner: type, method: str) -> None:
        call = getattr(owner, method)

        def calls(*arguments: Any) -> Any:
            if stops:
                stops[-1].request("SIGINT")
            return call(*arguments)

        monkeypatch.setattr(owner, method, calls)

    monkeypatch.setattr(StopRequest, "__init__", remember)
    return prepare


@pytest.fixture
def begun(config: Path) -> Path:
    """The configuration of 40 tiles; the last of four partitions is done, but for one tile that has failed."""
    config.write_text(config.read_text().replace("[run]", "[run]\nbatch_size = 2\nmax_concurrent = 1", 1))
    assert summary("run", config, "--shard", "3/4")["done"] == 10
    journal = config.parent / "virginia" / "journal" / "base" / "00003.jsonl"
    entry = json.loads(journal.read_text().splitlines()[-1])
    kept = {key: entry[key] for key in ("tile_id", "ordinal")}
    with journal.open("a") as file:
        file.write(json.dumps({**kept, "outcome": "failed", "reason": "verify: another checksum"}) + "\n")
    return config


def told(done: Result) -> dict[str, Any]:
    printed: dict[str, Any] = json.loads(done.stdout)
    return printed


def counts(config: Path) -> dict[str, int]:
    shown = told(cli("status", config, "--json"))
    return {key: shown[key] for key in COUNTS}


@pytest.mark.parametrize("options", [(), ("--retry-failed",)], ids=["", "again"])
@pytest.mark.parametrize(("moment", "ended"), [((TileIndex, "sizes"), 0), ((Journal, "append"), 1)])
def test_the_counts_are_those_of_the_dataset(
    options: tuple[str, ...], moment: tuple[type, str], ended: int, begun: Path, stop_at: StopAt
) -> None:
    stop_at(*moment)
    done = cli("run", begun, "--json", *options)
    assert done.exit_code == 3, done.output
    said = told(done)
    assert said["ended_in_this_run"] >= ended
    assert (said["done"], said["failed"]) == (9 + said["ended_in_this_run"], 1)
    assert {key: said[key] for key in COUNTS} == counts(begun)
    assert said["uncounted"] is None
    assert said["reasons"] == [{"outcome": "failed", "reason": "verify: another checksum", "tiles": 1}]
    record = read_runs(begun.parent / "virginia" / "runs.jsonl")[-1]
    assert (record["left"], record["ended"]["done"]) == (said["left"], said["ended_in_this_run"])


def test_of_a_share_with_a_limit_only_that_is_counted(begun: Path, stop_at: StopAt) -> None:
    stop_at(TileIndex, "sizes")
    said = told(cli("run", begun, "--json", "--shard", "1/2", "--limit", "13"))
    # Ten tiles of partition 1, of which none is done, and three of partition 3.
    assert {key: said[key] for key in COUNTS} == {"tiles": 13, "done": 3, "skipped": 0, "failed": 0, "left": 10}


def test_a_run_that_had_nothing_to_do_was_not_stopped(begun: Path, stop_at: StopAt) -> None:
    assert summary("run", begun, "--retry-failed")["done"] == 40
    stop_at(TileIndex, "sizes")
    said = summary("run", begun)
    assert (said["done"], said["left"], said["stopped"]) == (40, 0, None)


def test_what_cannot_be_counted_is_not_told_as_none(begun: Path, stop_at: StopAt) -> None:
    journal = begun.parent / "virginia" / "journal" / "base" / "00003.jsonl"
    journal.write_text("no entry\n" + journal.read_text())
    stop_at(TileIndex, "sizes")
    done = cli("run", begun, "--json")
    assert done.exit_code == 3, done.output
    said = told(done)
    assert said["left"] is None
    assert f"{journal}, line 1: not a journal entry" in said["uncounted"]
    assert read_runs(begun.parent / "virginia" / "runs.jsonl")[-1]["left"] is None
    shown = cli("run", begun).stdout
    assert f"0 failed, of what could be counted: {journal}, line 1: not a journal entry" in shown
