"""Dynamic World through the real client on a world of arrays: the year's mode against numpy, and years without it."""

import datetime as dt

import numpy as np
import pytest
from mmearth_landcover import mmearth_modalities
from mmearth_landcover.dynamic_world import DynamicWorld, DynamicWorldOptions
from mmearth_localearth.testing import ArrayBand, ArrayCollection, ArrayWorld, download, image, to_lonlat
from shapely.geometry import box

from mmearth_core import Anchor, Kind

UTM = "EPSG:32632"
LEFT, TOP, SIDE = 500_000, 5_000_000, 40
TILE = to_lonlat(box(LEFT + 101, TOP - 259, LEFT + 259, TOP - 101), UTM)
INSIDE = np.s_[10:26, 10:26]
ANCHOR = Anchor(dt.date(2018, 7, 14), UTM)


def labelled(index, day, labels, valid=None, left=LEFT):
    shown = np.ones(labels.shape, bool) if valid is None else valid
    transform = (10, 0, left, 0, -10, TOP)
    bands = [
        ArrayBand("water", np.zeros(labels.shape, np.float32), UTM, transform),
        ArrayBand("label", labels.astype(np.uint8), UTM, transform, shown),
    ]
    return image(f"GOOGLE/DYNAMICWORLD/V1/{index}", bands, day)


def uniform(index, day, label, **more):
    return labelled(index, day, np.full((SIDE, SIDE), label), **more)


def fetch(tmp_path, *images, options=None, anchor=ANCHOR):
    world = ArrayWorld(ArrayCollection("GOOGLE/DYNAMICWORLD/V1", images))
    modality = DynamicWorld(options)
    result = download(world, [modality], TILE, anchor, tmp_path)
    return result, modality.info(result.located(modality))


def test_declares_the_dataset_s_layer():
    (modality,) = (each for each in mmearth_modalities() if each.name == "dynamic_world")
    (layer,) = modality.layers
    (band,) = layer.bands
    assert (layer.name, layer.kind, band.name, band.dtype, band.nodata) == (
        "dynamic_world",
        Kind.CLASSES,
        "landcover",
        "uint8",
        0,
    )
    names = "water trees grass flooded_vegetation crops shrub_and_scrub built bare snow_and_ice"
    assert [label.value for label in band.classes] == list(range(1, 10))
    assert " ".join(label.name for label in band.classes) == names
    assert band.resampling == "nearest" and layer.preview is not None


def test_most_frequent_label_of_the_year_plus_one(tmp_path):
    random = np.random.default_rng(5)
    labels = random.integers(0, 9, (7, SIDE, SIDE))
    valid = random.uniform(size=labels.shape) < 0.5
    scenes = [labelled(f"s{n}", dt.datetime(2018, 1 + n, 3), labels[n], valid[n]) for n in range(7)]
    result, info = fetch(tmp_path, *scenes)
    counts = np.array([((labels == label) & valid).sum(axis=0) for label in range(9)])
    best = counts.max(axis=0)
    # Where two labels are equally frequent either is right.
    clear = ((counts == best).sum(axis=0) == 1) & (best > 0)
    wanted = np.where(clear, counts.argmax(axis=0) + 1.0, np.nan)[INSIDE]
    got = result.bands["dynamic_world__landcover"]
    assert clear[INSIDE].sum() > 50
    assert (got[clear[INSIDE]] == wanted[clear[INSIDE]]).all()
    nothing = (best == 0)[INSIDE]
    assert nothing.any() and np.isnan(got[nothing]).all() and np.isfinite(got[~nothing]).all()
    assert result.requests == {"locate": 1, "pixels": 1}
    assert info == {"BANDS": {"dynamic_world": ["label"]}, "DW_IMAGES": 7}


def test_only_the_anchor_s_year_counts_and_not_its_last_day(tmp_path):
    scenes = [
        *(uniform(f"before{n}", dt.datetime(2017, 12, 29 + n, 23), 1) for n in range(3)),
        uniform("first", dt.datetime(2018, 1, 1), 4),
        *(uniform(f"last{n}", dt.datetime(2018, 12, 31, n), 7) for n in range(3)),
    ]
    result, info = fetch(tmp_path, *scenes)
    assert (result.bands["dynamic_world__landcover"] == 5).all()
    assert info["DW_IMAGES"] == 1
    result, _ = fetch(tmp_path, *scenes, options=DynamicWorldOptions(last_day=True))
    assert (result.bands["dynamic_world__landcover"] == 8).all()


@pytest.mark.parametrize("elsewhere", [False, True])
def test_a_year_without_an_image_is_no_data_with_its_reason(tmp_path, elsewhere):
    day = dt.datetime(2018, 5, 5) if elsewhere else dt.datetime(2017, 5, 5)
    result, info = fetch(tmp_path, uniform("x", day, 3, left=LEFT + 5000 * elsewhere))
    assert (result.entry.outcome, result.requests) == ("done", {"locate": 1})
    assert np.isnan(result.bands["dynamic_world__landcover"]).all()
    assert info["BANDS"] == {"dynamic_world": []}
    why = "GOOGLE/DYNAMICWORLD/V1 has no image at the tile from 2018-01-01 to before 2018-12-31"
    assert info["MISSING"] == {"dynamic_world": why}


def test_the_composite_s_making_is_recorded(tmp_path):
    result, _ = fetch(tmp_path, uniform("x", dt.datetime(2018, 5, 5), 3))
    assert result.located(DynamicWorld()) == {
        "collection": "GOOGLE/DYNAMICWORLD/V1",
        "start": "2018-01-01",
        "end": "2018-12-31",
        "count": 1,
    }


def test_images_that_show_nothing_of_the_tile_are_told_in_the_journal(tmp_path):
    labels, day = np.full((SIDE, SIDE), 3, np.uint8), dt.datetime(2018, 5, 1)
    hidden, _ = fetch(tmp_path / "hidden", labelled("cloudy", day, labels, valid=np.zeros(labels.shape, bool)))
    assert hidden.entry.record["masked"] == ["dynamic_world"]
    seen, _ = fetch(tmp_path / "seen", labelled("clear", day, labels))
    assert "masked" not in seen.entry.record
    none, _ = fetch(tmp_path / "none")
    assert "masked" not in none.entry.record, "what was never asked for is the plugin's to tell"
