"""Merged statistics are those of all values at once."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from mmearth_curate.derive.merge import merged_stats

from mmearth_core.layers import LayerDescription
from mmearth_core.product.statistics import LayerStatistics

LAYER = LayerDescription("x", "m", "regression", "float64", "nan", ["a"], [""], [""], (1, 5, 5), variants=("v",))


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(st.integers(0, 4), max_size=6),
    mean=st.sampled_from([0.0, 273.15, 1e6, -1e9]),
    scale=st.sampled_from([1e-3, 1.0, 1e4]),
    missing=st.floats(0, 1),
    seed=st.integers(0, 99),
)
def test_parts_merge_to_the_whole(rows: list[int], mean: float, scale: float, missing: float, seed: int) -> None:
    random = np.random.default_rng(seed)
    parts, values = [], [np.empty(0)]
    for count in rows:
        statistics = LayerStatistics([LAYER])
        for _ in range(count):
            row = random.normal(mean * random.random(), scale, (1, 25))
            row[random.random(row.shape) < missing] = np.nan
            statistics.add("x", "v", row)
            values.append(row.ravel())
        parts.append(statistics.entries())
    merged = merged_stats([LAYER], parts, sum(rows))
    assert merged is not None
    every = np.concatenate(values)
    good = every[np.isfinite(every)]
    assert merged["x_v"]["count"] == [good.size]
    assert merged["x_v"]["nodata"] == [every.size - good.size]
    if good.size:
        np.testing.assert_allclose(merged["x_v"]["mean"], [good.mean()], rtol=1e-9, atol=1e-9 * scale)
        std = 0.0 if good.size == 1 else good.std()
        np.testing.assert_allclose(merged["x_v"]["true_std"], [std], rtol=1e-9)
        np.testing.assert_allclose(merged["x_v"]["std"], [std or 1.0], rtol=1e-9)
        assert (merged["x_v"]["min"], merged["x_v"]["true_max"]) == ([good.min()], [good.max()])
    else:
        assert [merged["x_v"][what] for what in ("mean", "std", "min", "max")] == [[0.0], [1.0], [0.0], [1.0]]


def test_statistics_of_other_rows_or_another_make_are_not_merged() -> None:
    statistics = LayerStatistics([LAYER])
    statistics.add("x", "v", np.ones((1, 25)))
    part = statistics.entries()
    assert merged_stats([LAYER], [part], 1) is not None
    assert merged_stats([LAYER], [part, part], 1) is None
    assert merged_stats([LAYER], [part, {}], 2) is None
    foreign = {"x_v": {"mean": [1.0], "std": [0.0], "min": [1.0], "max": [1.0]}}
    assert merged_stats([LAYER], [part, foreign], 2) is None
