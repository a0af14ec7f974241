"""The check `resampling`: composites, blocks, and finished pixels that are not those computed locally."""

import datetime as dt
import math
import re

import mmearth_devkit.finished
import numpy as np
import pytest
from mmearth_devkit import findings_of
from mmearth_localearth.stage import WorldEngine
from mmearth_localearth.testing import ArrayBand, ArrayCollection, ArrayWorld, image

from mmearth_core import Anchor, Band, Layer, Modality, Resampling, resample

UTM = "EPSG:32632"
METRES = (10, 30, 90, 250)
SOME = [pytest.param(metres, marks=pytest.mark.slow if metres in (30, 250) else ()) for metres in METRES]
"""Pixel sizes; the fast tests have two of them."""
FINER = (Resampling.NEAREST, Resampling.BILINEAR)
"""The methods for tiles whose pixels are not larger than those of the band."""
SIDE = 240


def picture(asset, metres, year, seed):
    pixels = np.random.default_rng(seed).uniform(0, 900, (SIDE, SIDE)).astype(np.float32)
    row, column = np.mgrid[0:SIDE, 0:SIDE]
    valid = (row % 9 > 2) | (column % 9 > 2)  # holes of 3 x 3 pixels
    # Off the whole metres of tiles, so that every pixel is interpolated.
    grid = (metres, 0, 500_003.5, 0, -metres, 5_000_004.5)
    return image(f"{asset}/{year}", [ArrayBand("h", pixels, UTM, grid, valid)], dt.datetime(year, 7, 1))


@pytest.fixture(scope="module")
def engine():
    collections = []
    for metres in METRES:
        asset = f"OWNER/M{metres}"
        years = (2016, 2018)
        collections.append(ArrayCollection(asset, [picture(asset, metres, year, metres + year) for year in years]))
    return WorldEngine(ArrayWorld(*collections))


def modality(build, *, own=False, resampling=Resampling.BILINEAR, dtype="float32", nodata=math.nan):
    """A modality whose image is `build(ee)`; `own`: it resamples itself."""

    class Heights(Modality):
        name = "heights"
        api_version = 1
        resampled = own
        layers = (
            Layer(
                "heights",
                [Band("h", dtype, nodata, unit="m", description="height", resampling=resampling)],
                description="terrain",
            ),
        )

        def image(self, scene, located):
            import ee

            return build(ee)

    return Heights


def found(engine, build, **how):
    return findings_of(modality(build, **how), engine=engine, processes=False, ignore=["fractions"])


def images(ee, metres):
    return ee.ImageCollection(f"OWNER/M{metres}")


@pytest.mark.parametrize("metres", SOME)
@pytest.mark.parametrize("dtype", ["float32", "int16", "uint8"])
def test_an_image_is_left_to_the_core(engine, metres, dtype):
    nodata = {"float32": math.nan, "int16": -32768, "uint8": 255}[dtype]
    for resampling in FINER:
        build = lambda ee: ee.Image(f"OWNER/M{metres}/2016").divide(4)  # noqa: E731
        assert found(engine, build, dtype=dtype, nodata=nodata, resampling=resampling) == []


@pytest.mark.parametrize("reduce", ["mosaic", "median", "mean", "min"])
def test_a_composite_that_the_core_would_interpolate_is_found(engine, reduce):
    (finding,) = found(engine, lambda ee: getattr(images(ee, 30), reduce)())
    assert (finding.check, finding.where) == ("resampling", "band heights.h")
    assert "returns a composite" in finding.problem
    assert "`resampled = True`" in finding.remedy and "setDefaultProjection" in finding.remedy


@pytest.mark.parametrize("metres", SOME)
@pytest.mark.parametrize("reduce", ["mosaic", "median"])
def test_a_composite_of_resampled_images_is_right(engine, metres, reduce):
    assert found(engine, lambda ee: getattr(resample(images(ee, metres)), reduce)(), own=True) == []


@pytest.mark.parametrize("metres", SOME)
def test_so_is_a_composite_with_a_grid(engine, metres):
    build = lambda ee: images(ee, metres).median().setDefaultProjection(images(ee, metres).first().projection())  # noqa: E731
    assert found(engine, build) == []


@pytest.mark.parametrize("metres", SOME)
def test_so_is_the_nearest_pixel_of_a_composite(engine, metres):
    assert found(engine, lambda ee: images(ee, metres).median(), resampling=Resampling.NEAREST) == []


@pytest.mark.parametrize("metres", SOME[1:])
@pytest.mark.parametrize("build", [lambda ee, metres: images(ee, metres).mosaic(), lambda ee, m: images(ee, m).first()])
def test_what_is_only_said_to_be_resampled_is_found(engine, metres, build):
    (finding,) = found(engine, lambda ee: build(ee, metres), own=True)
    assert (finding.check, finding.where) == ("resampling", "band heights.h")
    assert f"blocks of {metres} m" in finding.problem


def test_a_shift_within_a_composite_is_found_too(engine):
    """Images that are put on another grid before they are combined: the pixels are seen to be of 30 m."""

    def build(ee):
        return images(ee, 30).map(lambda each: each.reproject(UTM, [30, 0, 500_018.5, 0, -30, 5_000_004.5])).mosaic()

    (finding,) = found(engine, build, resampling=Resampling.NEAREST)
    assert finding.check == "grid"
    assert "its pixels are 30 m" in finding.problem
    assert float(re.search(r"by (\S+) m west", finding.problem)[1]) == pytest.approx(15, abs=0.5)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda image: image.add(1), "finished pixels"),
        (lambda image: image.resample("bilinear").floor(), "finished pixels"),
        (lambda image: image.unmask(7, False), "instead of no data"),
    ],
)
@pytest.mark.parametrize("resampling", FINER)
def test_other_pixels_than_those_computed_locally_are_found(engine, monkeypatch, change, words, resampling):
    """The core is made to finish pixels wrongly, as no modality can."""
    right = mmearth_devkit.finished.finish_bands
    wrong = lambda image, bands, grid: right(change(image), bands, grid)  # noqa: E731
    monkeypatch.setattr(mmearth_devkit.finished, "finish_bands", wrong)
    build = lambda ee: ee.Image("OWNER/M30/2016").divide(4)  # noqa: E731
    findings = found(engine, build, dtype="int16", nodata=-32768, resampling=resampling)
    assert [(each.check, each.where) for each in findings] == [("resampling", "band heights.h")]
    assert words in findings[0].problem


class Misplaced(Modality):
    """An anchor with one CRS for all places."""

    name = "misplaced"
    api_version = 1
    layers = ()
    crs = "EPSG:32652"

    def anchor(self, scene, located):
        return Anchor(dt.date(2018, 7, 1), self.crs)


@pytest.mark.parametrize(
    ("crs", "words"),
    [
        ("EPSG:32652", "does not cover the tile at longitude"),
        ("EPSG:4326", "is not projected in metres"),
        ("EPSG:1", "is unknown"),
    ],
)
def test_a_crs_of_another_place_is_found(engine, monkeypatch, crs, words):
    monkeypatch.setattr(Misplaced, "crs", crs)
    (finding,) = findings_of(Misplaced, engine=engine, processes=False)
    assert (finding.check, finding.where) == ("steps", "anchor()")
    assert words in finding.problem


@pytest.mark.parametrize("hemisphere", [32600, 32700])
@pytest.mark.parametrize("step", [-1, 1])
def test_the_zone_beside_that_of_the_tile_is_found(monkeypatch, hemisphere, step):
    def anchor(self, scene, located):
        zone = int((scene.lon + 180) // 6) + 1 + step
        return Anchor(scene_day, f"EPSG:{hemisphere + zone}")

    scene_day = dt.date(2018, 7, 1)
    monkeypatch.setattr(Misplaced, "anchor", anchor)
    findings = findings_of(Misplaced, engine="local:synthetic", processes=False)
    assert {(each.check, each.where) for each in findings} == {("steps", "anchor()")}
    assert any("km outside the area of its CRS 'EPSG:" in each.problem for each in findings)


def test_a_crs_that_is_right_for_the_first_place_only_is_found_at_another(monkeypatch):
    monkeypatch.setattr(Misplaced, "crs", "EPSG:32616")
    findings = findings_of(Misplaced, engine="local:synthetic", processes=False)
    assert {(each.check, each.where) for each in findings} == {("steps", "anchor()")}
    assert any("of another place" in each.problem for each in findings)
