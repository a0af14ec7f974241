"""The run log: whole lines whatever happens, in any number of processes."""

import json
import subprocess
import sys
from pathlib import Path

from mmearth_core.download.run_log import append_run, read_runs

RECORD = {
    "start": "2026-11-22T10:00:00+00:00",
    "end": "2026-11-22T11:00:00+00:00",
    "shard": "3/40",
    "host": "node7",
    "pid": 17,
    "job": "123_3",
    "engine": "probe:ö",
    "versions": {"mmearth-core": "1.0"},
    "groups": ["base"],
    "ended": {"done": 10, "skipped": 1, "failed": 2},
    "left": 5,
    "requests": {"image:computePixels": 13},
    "retries": {"429": 4},
    "received": 1000,
    "seconds": 3600.0,
    "exit": 3,
    "why": "The run was stopped by SIGTERM.",
}


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "runs.jsonl"
    assert read_runs(path) == []
    records = [{**RECORD, "pid": number, "why": None} for number in range(3)]
    for record in records:
        append_run(path, record)
    assert read_runs(path) == records
    assert [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] == records


def test_a_line_that_a_crash_has_cut_costs_only_itself(tmp_path: Path) -> None:
    path = tmp_path / "runs.jsonl"
    append_run(path, RECORD)
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:40])
    append_run(path, {**RECORD, "pid": 18})
    assert read_runs(path) == [RECORD, {**RECORD, "pid": 18}]


def test_lines_of_other_kinds_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "runs.jsonl"
    path.write_bytes(b'[]\n{"start": 1}\nnothing\n\xff\n')
    append_run(path, RECORD)
    assert read_runs(path) == [RECORD]


def test_a_folder_that_cannot_be_written_is_no_error_of_the_run(tmp_path: Path) -> None:
    append_run(tmp_path / "missing" / "runs.jsonl", RECORD)
    assert list(tmp_path.iterdir()) == []


MANY = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[3])
from test_run_log import RECORD, append_run
for number in range(50):
    append_run(Path(sys.argv[1]), {**RECORD, "host": sys.argv[2], "pid": number})
"""


def test_many_processes_write_at_once(tmp_path: Path) -> None:
    path = tmp_path / "runs.jsonl"
    command = [sys.executable, "-c", MANY, str(path)]
    writers = [subprocess.Popen([*command, name, str(Path(__file__).parent)]) for name in ("a", "b", "c")]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    found = sorted((record["host"], record["pid"]) for record in read_runs(path))
    assert found == [(name, number) for name in ("a", "b", "c") for number in range(50)]
