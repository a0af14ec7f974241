"""Requests that would take the memory of the machine are refused before they do."""

import tracemalloc

import ee
import pytest
from localearth.rest import Service


@pytest.mark.parametrize(
    ("make", "count"),
    [
        (lambda: ee.List.sequence(1, 1e10), "9999999999 numbers"),
        (lambda: ee.List.sequence(1, 2, None, 10**9), "1000000000 numbers"),
        (lambda: ee.List.repeat("a", 10**9), "1000000000 elements"),
        (lambda: ee.Array([1, 2]).repeat(0, 10**9), "2000000000 numbers"),
        (lambda: ee.Kernel.square(5000), "100020001 weights"),
        (lambda: ee.FeatureCollection.randomPoints(ee.Geometry.Rectangle([8, 46, 9, 47]), 10**8), "100000000 points"),
    ],
)
def test_too_many_elements_are_refused_before_they_are_made(local, make, count):
    tracemalloc.start()
    with pytest.raises(ee.EEException, match=f"User memory limit exceeded: {count}; the local"):
        make().getInfo()
    assert tracemalloc.get_traced_memory()[1] < 50e6
    tracemalloc.stop()


def test_missing_memory_is_reported(world, monkeypatch):
    def full(*_):
        raise MemoryError

    monkeypatch.setattr("localearth.rest.evaluate", full)
    status, _, body = Service(world).handle("POST", "/v1/projects/p/value:compute", {}, b"{}")
    assert status == 400
    assert b"User memory limit exceeded: this machine has no memory left" in body
