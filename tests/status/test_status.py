"""Status: reports the journals, as JSON and as text, also during a run, and changes nothing."""

import io
import json
import os
import re
import threading
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest
from rich.console import Console

from mmearth_core.budget import SharedBudget
from mmearth_core.config.schema import load_config
from mmearth_core.download.journal import Outcome, TileOutcome
from mmearth_core.status import read_status


def last_lines(config: Path) -> dict[str, dict]:
    """The last line of each tile, read by json alone."""
    lines = [line for path in config.parent.glob("data/journal/base/*.jsonl") for line in path.read_text().splitlines()]
    return {entry["tile_id"]: entry for entry in map(json.loads, lines)}


def files(folder: Path) -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in folder.rglob("*")}


def test_it_counts_what_the_journals_say(kit, half_made):
    before = files(half_made.parent)
    told = kit.summary("status", half_made, code=1)
    assert files(half_made.parent) == before
    counted = Counter(entry["outcome"] for entry in last_lines(half_made).values())
    assert {name: told[name] for name in ("done", "skipped", "failed")} == dict(counted)
    assert counted == {"done": 15, "skipped": 1, "failed": 2}
    assert (told["tiles"], told["left"], told["sent_back"]) == (kit.tiles, 6, 0)
    assert told["tasks"] == [] and told["tiles_per_second"] is None and told["expected_end"] is None
    assert told["last_run"]["exit"] == 1
    assert told["next"] == [f"mmearth-core run {half_made}", f"mmearth-core redownload {half_made}"]
    (failed, skipped) = told["reasons"]
    assert (failed["outcome"], failed["tiles"]) == ("failed", 2) and "memory limit" in failed["reason"]
    assert sorted(failed["examples"]) == list(kit.heavy)
    assert (skipped["outcome"], skipped["examples"]) == ("skipped", [kit.sea])


def test_it_agrees_with_the_summary_of_a_run(kit, config):
    summary = kit.summary("run", config, code=1)
    told = kit.summary("status", config, code=1)
    assert {name: told[name] for name in ("tiles", "done", "skipped", "failed", "left")} == {
        name: summary[name] for name in ("tiles", "done", "skipped", "failed", "left")
    }
    assert [(r["outcome"], r["tiles"]) for r in told["reasons"]] == [
        (r["outcome"], r["tiles"]) for r in summary["reasons"]
    ]


def test_partitions_that_are_not_finished_or_all_of_them(kit, half_made):
    unfinished = kit.summary("status", half_made, code=1)["partitions"]
    every = kit.summary("status", half_made, "--partitions", code=1)["partitions"]
    assert [each["partition"] for each in every] == [0, 1, 2, 3]
    assert unfinished == every[1:]
    assert every[0] == {
        **{"group": "base", "partition": 0, "tiles": 6, "done": 5},
        **{"skipped": 1, "failed": 0, "left": 0, "sent_back": 0},
    }


def test_for_people(kit, half_made):
    text = kit.cli("status", half_made).output
    assert text.startswith("15 done, 1 skipped, 2 failed, 6 left\n")
    assert "18/24 tiles finished (75.0 %)" in text
    assert "4 partitions: 1 finished, 1 not started, 2 with tiles left or failed" in text
    assert "No process is running. The last run ended " in text
    assert re.search(r"failed 2: pixels: User memory limit exceeded\..* \(e\.g\. 007, 013\)", text)
    assert f"Next: mmearth-core run {half_made}" in text
    bar = text.splitlines()[1]
    assert len(bar) == 60 and Counter(bar) == {"█": 37, "▒": 8, "░": 15}


def test_a_dataset_that_was_never_begun(kit, fresh):
    told = kit.summary("status", fresh, code=1)
    assert told["tiles"] == 0 and told["modalities_not_begun"] == ["sentinel2"]
    assert told["next"] == [f"mmearth-core run {fresh}"]
    assert "Nothing is downloaded yet" in kit.cli("status", fresh).output
    assert not (fresh.parent / "data").exists()


def test_a_finished_dataset(kit, config):
    kit.mended(config)
    kit.summary("run", config, "--retry-failed", code=0)
    told = kit.summary("status", config, code=0)
    assert (told["done"], told["skipped"], told["failed"], told["left"]) == (23, 1, 0, 0)
    assert told["partitions"] == [] and told["next"] == [f"mmearth-core post {config}"]
    shown = kit.cli("status", config)
    assert shown.exit_code == 0 and "23 done, 1 skipped" in shown.output
    config.write_text(config.read_text() + "[modalities.tile]\n")
    told = kit.summary("status", config, code=1)
    assert told["modalities_not_begun"] == ["tile"] and told["next"] == [f"mmearth-core run {config}"]


def test_what_post_sends_back(kit, config):
    stack = next((config.parent / "data").glob("stacks/base/00000/*.tif"))
    stack.write_bytes(b"")
    assert kit.cli("post", config, "--workers", "1").exit_code == 1
    told = kit.summary("status", config, code=1)
    assert (told["done"], told["failed"], told["sent_back"]) == (14, 3, 1)
    assert "3 failed, 6 left; 1 of the failed were returned by post or verify" in kit.cli("status", config).output


def test_a_line_that_is_being_written_does_not_count(kit, config):
    journal = config.parent / "data" / "journal" / "base" / "00003.jsonl"
    whole = TileOutcome("018", 18, Outcome.FAILED, 'pixels: a "quoted" \\ ünusual reason').to_line()
    journal.write_bytes(whole + whole.replace(b"018", b"019")[:30])
    told = kit.summary("status", config, code=1)
    assert (told["failed"], told["left"]) == (3, 5)
    assert {"outcome": "failed", "reason": 'pixels: a "quoted" \\ ünusual reason', "tiles": 1, "examples": ["018"]} in (
        told["reasons"]
    )


def test_lines_in_another_order_of_keys_and_damaged_ones(kit, config):
    journal = config.parent / "data" / "journal" / "base" / "00003.jsonl"
    journal.write_text('{"outcome": "skipped", "reason": "by hand", "ordinal": 18, "tile_id": "018"}\n')
    assert kit.summary("status", config, code=1)["skipped"] == 2
    journal.write_text('{"outcome": "gone", "ordinal": 18, "tile_id": "018"}\n')
    outcome = kit.cli("status", config)
    assert outcome.exit_code == 2 and "line 1: not a journal entry" in " ".join(outcome.output.split())


def test_who_is_at_work(kit, config):
    data = config.parent / "data"
    with (
        closing(SharedBudget(data / "budget", 2, 100.0, beat=0.01)) as budget,
        closing(SharedBudget(data / "budget", 2, 100.0)) as other,
    ):
        budget.report(dataset=str(data), shard="3/40", done=7, skipped=0, failed=1, left=4, notice="waiting: 429")
        other.report(dataset=str(data.parent / "another"))
        status = wait_for(lambda: read_status(load_config(config)), lambda status: "3/40" in shards(status))
    (worker,) = [worker for worker in status.workers if worker.shard == "3/40"]
    assert (worker.pid, worker.ended, worker.left, worker.notice) == (os.getpid(), 8, 4, "waiting: 429")
    assert f"mmearth-core run {config}" not in status.next_steps()
    drawn = draw(status)
    assert re.search(r"^\d+ running", drawn, re.MULTILINE) and "3/40" in drawn and "waiting: 429" in drawn


@pytest.mark.parametrize("partitions", [False, True])
def test_many_partitions_stay_compact(kit, config, partitions):
    status = read_status(load_config(config))
    for number in range(4, 300):
        status.partitions["base", number] = status.partitions["base", 1]
    lines = draw(status, partitions).splitlines()
    assert (len(lines) > 300) is partitions and (len(lines) < 30) is not partitions


def shards(status) -> set[str]:
    return {worker.shard for worker in status.workers}


def draw(status, partitions: bool = False) -> str:
    from mmearth_core.cli.status import render

    console = Console(file=io.StringIO(), width=120)
    console.print(render(status, partitions))
    return console.file.getvalue()


def wait_for(look, fits):
    """Looks until it fits; heartbeats come by themselves."""
    pause = threading.Event()
    for _ in range(1000):
        if fits(result := look()):
            return result
        pause.wait(0.02)
    raise AssertionError("it never came")
