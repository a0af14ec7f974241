"""Shards: every partition is somebody's, and nobody's twice."""

from itertools import chain

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmearth_core.download.selection import Shard, parse_shard, shard_from_slurm
from mmearth_core.errors import ConfigError


def slurm(task, first, last, count=None):
    count = last - first + 1 if count is None else count
    names = ("ID", "MIN", "MAX", "COUNT")
    return {f"SLURM_ARRAY_TASK_{name}": str(n) for name, n in zip(names, (task, first, last, count), strict=True)}


@settings(deadline=None)
@given(st.lists(st.integers(), unique=True), st.integers(1, 50))
def test_each_partition_is_in_exactly_one_shard(partitions, count):
    shares = [Shard(index, count).share(partitions) for index in range(count)]
    assert sorted(chain(*shares)) == sorted(partitions)
    sizes = [len(share) for share in shares]
    assert max(sizes) - min(sizes) <= 1


@settings(deadline=None)
@given(st.dictionaries(st.integers(0), st.integers(1, 9)), st.integers(1, 5), st.none() | st.integers(0, 40))
def test_of_its_tiles_a_shard_takes_the_first(sizes, count, limit):
    for index in range(count):
        shard = Shard(index, count)
        own = [(partition, tile) for partition, size in shard.share(list(sizes.items())) for tile in range(size)]
        taken = shard.tiles(sizes, limit)
        assert list(taken) == list(shard.share(list(sizes)))
        assert [(partition, tile) for partition, size in taken.items() for tile in range(size)] == own[:limit]


def test_neighbouring_partitions_go_to_different_shards():
    assert list(Shard(1, 3).share(range(8))) == [1, 4, 7]


@settings(deadline=None)
@given(st.integers(1, 10**6).flatmap(lambda count: st.tuples(st.integers(0, count - 1), st.just(count))))
def test_text_round_trip(pair):
    shard = Shard(*pair)
    assert parse_shard(str(shard)) == shard


@pytest.mark.parametrize("text", ["", "1", "/", "1/", "/4", "a/4", "1.0/4", "-1/4", "1/4/2", "1:4"])
def test_no_shard(text):
    with pytest.raises(ConfigError, match=r"--shard '.*': write I/N with I from 0 to N-1"):
        parse_shard(text)


@pytest.mark.parametrize("text", ["4/4", "5/4", "0/0"])
def test_shard_out_of_range(text):
    with pytest.raises(ConfigError, match=f"Shard {text}: write I/N with I from 0 to N-1"):
        parse_shard(text)


def test_outside_an_array():
    assert shard_from_slurm({"SLURM_JOB_ID": "17"}) is None


@settings(deadline=None)
@given(st.integers(0, 1000), st.integers(1, 60))
def test_the_tasks_of_an_array_are_the_shards(first, count):
    tasks = range(first, first + count)
    shards = [shard_from_slurm(slurm(task, first, tasks[-1])) for task in tasks]
    assert shards == [Shard(index, count) for index in range(count)]


def test_an_older_slurm_without_the_highest_task():
    environment = slurm(5, 4, 7)
    del environment["SLURM_ARRAY_TASK_MAX"]
    assert shard_from_slurm(environment) == Shard(1, 4)


@pytest.mark.parametrize(
    ("environment", "array"),
    [
        (slurm(3, 0, 5, count=4), "0-5 has 4 tasks"),  # --array=0,1,3,5
        (slurm(4, 0, 8, count=5), "0-8 has 5 tasks"),  # --array=0-8:2
    ],
)
def test_gaps_and_steps_are_refused(environment, array):
    with pytest.raises(ConfigError, match=rf"{array}: it has gaps, .* Submit a range without gaps, e.g. --array=0-"):
        shard_from_slurm(environment)


def test_a_task_outside_its_array_is_refused():
    with pytest.raises(ConfigError, match="no task would take some of the tiles"):
        shard_from_slurm(slurm(9, 0, 3))


@pytest.mark.parametrize("spoilt", [{"SLURM_ARRAY_TASK_MIN": "x"}, {"SLURM_ARRAY_TASK_COUNT": ""}])
def test_an_environment_that_cannot_be_read(spoilt):
    with pytest.raises(ConfigError, match=r"cannot be read from the environment .* Give --shard I/N"):
        shard_from_slurm({**slurm(0, 0, 3), **spoilt})


def test_an_environment_without_the_count():
    with pytest.raises(ConfigError, match="cannot be read from the environment"):
        shard_from_slurm({"SLURM_ARRAY_TASK_ID": "3"})
