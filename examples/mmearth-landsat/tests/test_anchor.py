"""Landsat as an anchor on a world of arrays: which image is drawn, its grid of 30 m, its pixels, and skipped tiles."""

import datetime as dt
from collections import Counter

import numpy as np
import pytest
from mmearth_devkit import check_modality
from mmearth_landsat.anchor import CLASSES, REFLECTANCE, AnchorOptions, LandsatAnchor, draw
from mmearth_localearth.stage import WorldEngine
from mmearth_localearth.testing import ArrayBand, ArrayCollection, ArrayWorld, download, image, to_lonlat
from shapely.geometry import box

from mmearth_core import Skip

# The corner is at 15 m of multiples of 30 m, as in every image of Landsat.
UTM, LEFT, TOP, SIDE = "EPSG:32632", 500_025, 4_999_995, 80
TILE = to_lonlat(box(LEFT + 901, TOP - 1379, LEFT + 1379, TOP - 901), UTM)
RANDOM = np.random.default_rng(3)
EIGHT, NINE = AnchorOptions().collections


def scene(collection, index, day, corner=(LEFT, TOP), **properties):
    """An image of random numbers."""
    numbers = {name: RANDOM.integers(7300, 40_000, (SIDE, SIDE)) for name in [*REFLECTANCE, "ST_B10"]}
    numbers["QA_PIXEL"] = RANDOM.integers(0, 256, (SIDE, SIDE))
    bands = [
        ArrayBand(name, values.astype(np.uint16), UTM, (30, 0, corner[0], 0, -30, corner[1]))
        for name, values in numbers.items()
    ]
    return image(f"{collection}/{index}", bands, day, **{"CLOUD_COVER": 5.0, **properties})


FIRST = scene(EIGHT, "LC08_first", dt.datetime(2019, 6, 20, 10))
WORLD = ArrayWorld(
    ArrayCollection(
        EIGHT,
        [
            FIRST,
            scene(EIGHT, "LC08_cloudy", dt.datetime(2019, 7, 14, 10), CLOUD_COVER=80.0),
            scene(EIGHT, "LC08_old", dt.datetime(2014, 7, 14, 10)),
            # It contains the tile, but not everything within 200 m of it.
            scene(EIGHT, "LC08_edge", dt.datetime(2019, 7, 1, 10), corner=(LEFT + 780, TOP - 780)),
        ],
    ),
    ArrayCollection(
        NINE,
        [
            scene(NINE, "LC09_second", dt.datetime(2019, 8, 4, 10)),
            scene(NINE, "LC09_third", dt.datetime(2020, 1, 4, 10)),
        ],
    ),
)
SUITABLE = [FIRST.id, f"{NINE}/LC09_second", f"{NINE}/LC09_third"]


def fetch(folder, world=WORLD, **options):
    modality = LandsatAnchor(AnchorOptions(**options))
    result = download(world, [modality], TILE, None, folder)
    return result, result.entry.record.get("located", {}).get(modality.name)


def test_it_keeps_the_contract():
    check_modality(LandsatAnchor, engine=WorldEngine(WORLD))


def test_draws_depend_on_the_tile_alone_and_are_even():
    assert draw("tile") == pytest.approx(0.5445, abs=1e-4)
    counts = Counter(int(3 * draw(f"{number:06}")) for number in range(3000))
    assert set(counts) == {0, 1, 2} and min(counts.values()) > 900


def test_the_drawn_image_sets_the_day_and_the_grid(tmp_path):
    result, located = fetch(tmp_path)
    drawn = SUITABLE[int(3 * draw("tile"))]
    assert (located["count"], located["images"][0]["asset"]) == (3, drawn)
    assert result.entry.record["anchor"] == {"date": "2019-08-04", "crs": UTM, "variant": None}
    transform = [30, 0, LEFT + 900, 0, -30, TOP - 900]
    assert result.entry.record["grid"] == {"crs": UTM, "transform": transform, "size": 16}
    assert result.requests == {"locate anchor": 1, "pixels": 1}


@pytest.mark.parametrize(
    ("options", "drawn"),
    [
        ({"years": [2014]}, [f"{EIGHT}/LC08_old"]),
        ({"months": [6]}, [FIRST.id]),
        ({"years": [2019], "months": [7], "cloud_cover": 90.0}, [f"{EIGHT}/LC08_cloudy"]),
        ({"years": [2019], "months": [7], "margin": 50.0}, [f"{EIGHT}/LC08_edge"]),
        ({"collections": [NINE], "years": [2020]}, [f"{NINE}/LC09_third"]),
    ],
)
def test_options_choose_the_images(options, drawn, tmp_path):
    _, located = fetch(tmp_path, **options)
    assert [each["asset"] for each in located["images"]] == drawn


def test_pixels_are_the_image_s_own(tmp_path):
    """None is resampled: every pixel of the tile is one of the image."""
    result, _ = fetch(tmp_path, months=[6])
    own = {band.name: band.pixels[30:46, 30:46].astype(float) for band in FIRST.bands}
    for source, name in REFLECTANCE.items():
        expected = (own[source] * 2.75e-5 - 0.2) * 1e4
        np.testing.assert_allclose(result.bands[f"landsat_sr__{name}"], expected, atol=0.501)
    np.testing.assert_allclose(result.bands["landsat_st__temperature"], own["ST_B10"] * 0.00341802 + 149, rtol=1e-6)
    bits = own["QA_PIXEL"].astype(int)
    worst = [(bits >> bit & 1 == 1) if bit is not None else bits >= 0 for bit, _ in CLASSES]
    assert (result.bands["landsat_qa__qa"] == np.select(worst[::-1], range(len(CLASSES))[::-1])).all()


def test_a_tile_without_an_image_is_skipped(tmp_path):
    result, _ = fetch(tmp_path, years=[2016], cloud_cover=20.0)
    reason = "no image with at most 20 % cloud contains the tile and 200 m around it in the chosen years and months"
    assert (result.entry.outcome, result.entry.reason) == ("skipped", reason)
    assert LandsatAnchor().anchor(None, {"images": []}) == Skip(reason.replace("20 %", "10 %"))


def test_an_image_on_another_grid_is_refused(tmp_path):
    """Whole multiples of 30 m, which no Landsat image has: all pixels would be shifted by half a pixel."""
    shifted = scene(EIGHT, "LC08_shifted", dt.datetime(2019, 6, 20, 10), corner=(LEFT + 15, TOP + 15))
    result, _ = fetch(tmp_path, ArrayWorld(ArrayCollection(EIGHT, [shifted]), ArrayCollection(NINE, [])))
    assert result.entry.outcome == "failed"
    assert "pixels of 30 x 30 m with a corner at 500040, 5000010" in result.entry.reason


@pytest.mark.parametrize(
    ("options", "words"),
    [({"years": []}, "at least one year"), ({"years": [1999]}, "from 2013"), ({"months": [13]}, "from 1 to 12")],
)
def test_wrong_years_and_months_are_refused(options, words):
    with pytest.raises(ValueError, match=words):
        AnchorOptions(**options)


def test_a_dataset(mmearth_dataset):
    dataset = mmearth_dataset(LandsatAnchor, engine=WorldEngine(WORLD))
    assert list(dataset.layers) == ["landsat_qa", "landsat_sr", "landsat_st"]
    assert dataset.pixel_size == 30
    assert dataset[0].masks["landsat_sr"].all()


def test_a_dataset_of_larger_pixels(mmearth_dataset):
    """Each pixel has one of Landsat's in its middle, and halves and quarters of eight others, as its edges are at 0."""
    dataset = mmearth_dataset(LandsatAnchor, engine=WorldEngine(WORLD), pixel_size=60)
    assert dataset.pixel_size == 60
    spread = 0.275 * (40_000 - 7300) / 12**0.5  # of Landsat's own pixels
    assert dataset[0].values["landsat_sr"].std() == pytest.approx(spread * (0.25**2 + 0.5**2 + 0.25**2), rel=0.05)
