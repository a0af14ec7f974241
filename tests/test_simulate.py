"""benchmarks/simulate.py: its simulated time obeys the real budget's laws, and the whole of it runs."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mmearth_core.budget.gate import JITTER, SLACK
from mmearth_core.config.schema import RunOptions

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture
def bench(monkeypatch):
    """Runs a simulation with given numbers of tiles and tasks and a given cost of calls."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    from simulation.array import simulate
    from simulation.sample import Cost, Leg, Sample
    from simulation.server import Service

    def run(tiles, tasks, cpu=0.001, seed=1, per_second=1000.0, **service):
        two = Cost((Leg(0.0, 0.0, 0.0), Leg(0.0, 0.0, 0.0)), 0.0, 25)
        sample = Sample((two,), (Cost((Leg(cpu, 0.0, 0.0),), 0.0),), 1.0, 0.0)
        options = RunOptions(requests_per_second=per_second)
        return simulate(tiles, tasks, sample, Service(**{"per_second": 1000, **service}), options, seed)

    return run


def test_a_run_is_bound_by_the_server_where_nothing_costs_us_anything(bench):
    course = bench(6000, 1, cpu=0.0, spread=0.0, unavailable=0.0)
    limit = 40 / 0.3 / 1.08
    assert course.requests == 6000 * 1.08
    assert course.peak == 40
    assert 0.97 * limit < course.rate < limit


def test_the_rate_of_requests_is_used_up(bench):
    course = bench(6000, 1, cpu=0.0, spread=0.0, unavailable=0.0, per_second=100.0)
    assert 0.97 * 100 / 1.08 < (1 + SLACK + JITTER) * course.rate < 100 / 1.08


def test_a_task_is_bound_by_its_processor(bench):
    course = bench(1000, 1, cpu=0.05)
    assert 18 < course.rate < 20
    assert course.busiest > 0.95


@pytest.mark.parametrize("tasks", [1, 10, 40])
def test_all_tasks_together_keep_the_budget(bench, tasks):
    course = bench(4000, tasks, cpu=0.0, per_second=100.0)
    assert len(course.ends) == 4000
    assert course.peak <= 40
    assert course.peak_rate <= 100
    assert course.refused == 0
    assert course.failed > 0
    assert course.requests == 4000 * 1.08 + course.failed


def test_a_server_that_allows_less_than_we_were_told_slows_us_down_and_every_tile_ends(bench):
    course = bench(2000, 4, at_once=10)
    assert course.refused > 0
    assert len(course.ends) == 2000
    assert (np.diff(course.ends) >= 0).all()


def test_a_seed_fixes_everything(bench):
    first, again, other = (bench(1000, 3, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.ends, again.ends)
    assert first.requests == again.requests
    assert not np.array_equal(first.ends, other.ends)


@pytest.mark.slow
def test_the_benchmark_runs():
    done = subprocess.run(
        [
            sys.executable,
            BENCHMARKS / "simulate.py",
            "--tiles",
            "500",
            "--tasks",
            "2",
            "--sample",
            "2",
            "--repeats",
            "4",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "CPU ms per tile" in done.stdout
    assert done.stdout.count("2 tasks") == 2
    assert done.stdout.count("MMEarth-data") == 2
