"""Numbers in words: one and many, and bytes across every unit's border."""

import pytest

from mmearth_core.text import counted, size


@pytest.mark.parametrize(
    ("number", "said"), [(0, "0 tiles"), (1, "1 tile"), (2, "2 tiles"), (1_200_000, "1,200,000 tiles")]
)
def test_one_and_many(number, said):
    assert counted(number, "tile") == said


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (999, "999 bytes"),
        (1000, "1 kB"),
        (999_499, "999 kB"),
        (999_500, "1 MB"),
        (41_900_000, "41.9 MB"),
        (597e9, "597 GB"),
        (1.25e12, "1.25 TB"),
        (3.2e15, "3,200.00 TB"),
    ],
)
def test_bytes_of_every_size(count, said):
    assert size(count) == said
