"""The kit on tiles of other pixel sizes: means, modes, shifts, composites, and the grid that an anchor proposes."""

import datetime as dt
import re

import mmearth_devkit.finished
import numpy as np
import pytest
from mmearth_devkit import findings_of, try_modality
from mmearth_devkit.testing.command_line import cli
from mmearth_localearth.stage import WorldEngine
from mmearth_localearth.testing import ArrayBand, ArrayCollection, ArrayWorld, image

from mmearth_core import Anchor, Band, ClassLabel, Kind, Layer, Modality, Resampling, resample

UTM, SIDE = "EPSG:32632", 480
GRIDS = {
    "aligned": (UTM, (10, 0, 500_010, 0, -10, 5_000_010)),
    "between": (UTM, (10, 0, 500_003.4, 0, -10, 5_000_004.8)),
    "geographic": ("EPSG:4326", (1 / 7200, 0, 9.0, 0, -1 / 7200, 45.15)),
}
COARSE = (UTM, (60, 0, 500_000, 0, -60, 5_000_000))
CLASSES = tuple(ClassLabel(value, f"class {value}") for value in range(8))


@pytest.fixture(scope="module")
def engine():
    random = np.random.default_rng(4)
    images = []
    for name, grid in {**GRIDS, "coarse": COARSE}.items():
        valid = random.uniform(size=(SIDE, SIDE)) > 0.03
        heights = random.uniform(-30, 0, (SIDE, SIDE)).astype(np.float32)
        kinds = random.integers(0, 8, (SIDE, SIDE)).astype(np.uint8)
        bands = [ArrayBand("h", heights, *grid, valid), ArrayBand("kind", kinds, *grid, valid)]
        images.append(image(f"OWNER/{name.upper()}/one", bands, dt.datetime(2018, 7, 1)))
    return WorldEngine(ArrayWorld(*images, *(ArrayCollection(each.id[:-4], [each]) for each in images)))


def modality(build, unit="m", own=False, size=10):
    """A modality of heights and classes with pixels of one size, whose image is `build(ee)`."""

    class Kinds(Modality):
        name = "kinds"
        api_version = 1
        resampled = own
        layers = (
            Layer(
                "heights",
                [Band("h", "float32", float("nan"), unit, "height", resampling=Resampling.BILINEAR, pixel_size=size)],
                description="terrain",
            ),
            *(
                Layer(
                    "kinds",
                    [Band("kind", "uint8", 255, description="what it is", classes=CLASSES, pixel_size=size)],
                    kind=Kind.CLASSES,
                    description="cover",
                )
                for _ in range(not own)
            ),
        )

        def image(self, scene, located):
            import ee

            return build(ee)

    return Kinds


def at(ee, name):
    return ee.Image(f"OWNER/{name.upper()}/one")


@pytest.mark.parametrize("unit", ["m", pytest.param("dB", marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", [pytest.param(name, marks=[pytest.mark.slow][: name != "between"]) for name in GRIDS])
def test_means_and_modes_are_right_and_nowhere_shifted(engine, name, unit):
    record = try_modality(
        modality(lambda ee: at(ee, name), unit), engine=engine, scene=None, pixel_size=30, processes=False
    )
    assert record.wrong_pixels == record.misalignments == []
    assert record.pixel_size == 30
    assert {shift.name for shift in record.shifts} == {"heights__h", "kinds__kind"}
    assert max(shift.in_pixels for shift in record.shifts) < 0.1


@pytest.mark.slow
@pytest.mark.parametrize(
    "change",
    [
        lambda image: image.add(3).mod(8),
        lambda image: image.reproject(UTM, [30, 0, 500_020, 0, -30, 5_000_000]),
    ],
)
def test_other_pixels_than_the_mean_and_the_mode_are_found(engine, monkeypatch, change):
    """The core is made to finish pixels wrongly: other values, and the nearest pixel instead of all."""
    right = mmearth_devkit.finished.finish_bands
    monkeypatch.setattr(
        mmearth_devkit.finished, "finish_bands", lambda image, bands, grid: right(change(image), bands, grid)
    )
    record = try_modality(modality(lambda ee: at(ee, "aligned")), engine=engine, pixel_size=30, processes=False)
    assert [each.stack_band.name for each in record.wrong_pixels] == ["heights__h", "kinds__kind"]
    assert all(each.wrong > each.judged / 10 for each in record.wrong_pixels)


def test_a_shift_by_the_plugin_is_found_in_means(engine):
    """A corner that is taken for a centre: half of a pixel of 60 m is a third of one of 90 m."""
    wrong = [60, 0, 500_030, 0, -60, 5_000_000]
    build = lambda ee: at(ee, "coarse").reproject(UTM, wrong)  # noqa: E731
    found = findings_of(modality(build, size=60), engine=engine, pixel_size=90, processes=False, ignore=["resampling"])
    heights = next(each for each in found if each.where == "band heights.h")
    assert heights.check == "grid" and "its pixels are 90 m" in heights.problem
    assert float(re.search(r"shifted by (\S+) m west", heights.problem)[1]) == pytest.approx(30, abs=2)


def test_composites_need_pixels_to_be_averaged(engine):
    mosaic = lambda ee: ee.ImageCollection("OWNER/ALIGNED").mosaic()  # noqa: E731
    found = findings_of(modality(mosaic), engine=engine, pixel_size=30, processes=False)
    assert [(each.check, each.where) for each in found] == [
        ("resampling", "band heights.h"),
        ("resampling", "band kinds.kind"),
    ]
    assert all("interpolated or averaged" in each.problem for each in found)


@pytest.mark.slow
@pytest.mark.parametrize("name", GRIDS)
def test_a_composite_of_resampled_images_is_averaged(engine, name):
    build = lambda ee: resample(ee.ImageCollection(f"OWNER/{name.upper()}").select("h")).mosaic()  # noqa: E731
    record = try_modality(modality(build, own=True), engine=engine, pixel_size=30, processes=False)
    assert record.wrong_pixels == record.misalignments == record.composites == record.blocks == []
    (shift,) = record.shifts
    assert shift.in_pixels < 0.1


class Anchored(Modality):
    """An anchor of 30 m whose images are on a given grid."""

    name = "anchored"
    api_version = 1
    layers = ()
    pixel_size = 30
    origin = 15
    transform = (30, 0, 500_025, 0, -30, 4_999_995)

    def anchor(self, scene, located):
        return Anchor(dt.date(2018, 7, 1), UTM, transform=self.transform)


def test_the_kit_takes_the_grid_that_an_anchor_proposes(engine):
    record = try_modality(Anchored, engine=engine, processes=False)
    assert (record.pixel_size, record.origin) == (30, (15, 15))
    grid = record.grid(record.scene.polygon, UTM)
    assert ((grid.left - 15) % 30, (grid.top - 15) % 30, grid.size) == (0, 0, 64)
    record = try_modality(Anchored, engine=engine, pixel_size=60, processes=False)
    assert (record.pixel_size, record.origin) == (60, (0, 0))


@pytest.mark.parametrize(
    "transform", [(30, 0, 500_040, 0, -30, 4_999_995), (20, 0, 500_025, 0, -20, 4_999_995), (30, 1, 0, 1, -30, 0)]
)
def test_an_anchor_whose_images_are_on_another_grid_is_found(engine, monkeypatch, transform):
    monkeypatch.setattr(Anchored, "transform", transform)
    first, *_ = findings_of(Anchored, engine=engine, processes=False)
    assert (first.check, first.where) == ("steps", "anchor()")
    assert "grid, which the anchor proposes" in first.problem
    # On a grid of the user's, the images are resampled.
    record = try_modality(Anchored, engine=engine, pixel_size=10, processes=False)
    assert not any("proposes" in failure.problem for failure in record.failures)


@pytest.mark.slow
def test_the_command_takes_a_pixel_size_and_prints_shifts():
    done = cli("plugin", "check", "aster", "--pixel-size", "90", "--shifts", "--quick")
    assert done.exit_code == 0, done.output
    assert "aster: nothing is wrong." in done.stdout
    assert "aster: shifts in pixels" in done.stdout and "aster__elevation" in done.stdout
