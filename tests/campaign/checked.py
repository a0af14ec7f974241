"""One run of the campaign, held against everything that it leaves: journal, stacks, status and run log."""

import json
import threading
from collections import Counter
from pathlib import Path
from typing import Any

from localearth.faults.control import Faults

from mmearth_core.download.run_log import read_runs


class Checked:
    """One run, found consistent with all that it left.

    Attributes:
        summary: what it printed.
        exit: its status.
        stderr: what it said besides.
        failed: reasons of failed tiles.
    """

    def __init__(self, kit: Any, dataset: Any, faultless: Any, *options: str) -> None:
        before = len(dataset.journal())
        done = kit.cli("run", dataset.config, "--json", *options)
        self.exit, self.stderr = int(done.exit_code), " ".join(done.stderr.split())
        assert self.exit in (0, 1, 2, 3), done.output
        self.summary = summary = json.loads(done.stdout)

        # Every tile ends, or is left: none is lost.
        entries = dataset.entries()
        ended = Counter(entry["outcome"] for entry in entries.values())
        counts = {outcome: summary[outcome] for outcome in ("done", "skipped", "failed")}
        assert counts == {outcome: ended[outcome] for outcome in counts}
        assert sum(counts.values()) + summary["left"] == summary["tiles"] == kit.tiles

        # None is twice: a run adds one line for each tile that it ends.
        added = dataset.journal()[before:] if not before else None
        assert len(dataset.journal()) - before == summary["ended_in_this_run"]
        if added is not None:
            assert len({entry["tile_id"] for entry in added}) == len(added)

        # What is done is what it would be without faults; of what is not, nothing is there.
        reference = faultless.stacks()
        assert dataset.stacks() == {path: reference[path] for path in reference if ended_done(entries, Path(path).stem)}
        right = faultless.entries()
        for tile_id, entry in entries.items():
            if entry["outcome"] == "failed":
                assert entry["reason"].startswith(("locate: ", "pixels: ")), entry
            else:
                assert entry == right[tile_id]
        self.failed = [entry["reason"] for entry in entries.values() if entry["outcome"] == "failed"]

        # Exit status, summary, run log and status say the same.
        stopped = summary["stopped"] is not None
        refused = stopped and not summary["ended_in_this_run"]
        assert self.exit == (2 if refused else 3 if stopped else 1 if counts["failed"] or summary["left"] else 0)
        if stopped:
            assert f"stopped: {summary['stopped']}" in self.stderr
        told = Counter[str]()
        for row in summary["reasons"]:
            told[row["outcome"]] += row["tiles"]
        assert (told["failed"], told["skipped"]) == (counts["failed"], counts["skipped"])
        assert stopped or told["left"] == summary["left"]
        record = read_runs(dataset.root / "runs.jsonl")[-1]
        assert (record["exit"], record["why"], record["left"]) == (self.exit, summary["stopped"], summary["left"])
        assert sum(record["ended"].values()) == summary["ended_in_this_run"]
        assert (record["requests"], record["retries"]) == (summary["requests"], summary["retries"])
        status = kit.cli("status", dataset.config, "--json")
        assert int(status.exit_code) == (0 if self.exit == 0 else 1), status.output
        shown = json.loads(status.stdout)
        assert {key: shown[key] for key in (*counts, "left", "tiles")} == {
            key: summary[key] for key in (*counts, "left", "tiles")
        }
        assert shown["last_run"]["exit"] == self.exit

    def asked(self, faults: Faults) -> None:
        """The run has counted what was really asked."""
        for phase, kind in (("locate", "value:compute"), ("pixels", "image:computePixels")):
            asked = self.summary["requests"].get(kind, 0)
            # A server may notice only now that a client has left, and counts that request then.
            for _ in range(6000):
                if requests_of(faults, phase) >= asked:
                    break
                threading.Event().wait(0.01)
            assert requests_of(faults, phase) == asked


def requests_of(faults: Faults, phase: str) -> int:
    return sum(faults.snapshot()["requests"].get(phase, {}).values())


def ended_done(entries: dict[str, Any], tile_id: str) -> bool:
    return tile_id in entries and entries[tile_id]["outcome"] == "done"


def completed(kit: Any, dataset: Any, faultless: Any) -> None:
    """The faults are over: another run makes what one without faults has made."""
    dataset.write()
    run = Checked(kit, dataset, faultless, "--retry-failed")
    assert run.exit == 0
    assert dataset.stacks() == faultless.stacks()
    assert dataset.entries() == faultless.entries()
