"""Several tiles in several orders: what is kept between them, and what fails where there are no data."""

import datetime as dt
import functools

import numpy as np
import pytest
from mmearth_devkit import check_modality, findings_of
from mmearth_devkit.places import NO_DATA_DAY
from mmearth_devkit.trial import Trial
from mmearth_localearth.stage import WorldEngine
from mmearth_localearth.testing import ArrayBand, ArrayCollection, ArrayWorld, image

from mmearth_core import Anchor, Band, Kind, Layer, Modality, Skip

UTM = "EPSG:32632"
HEIGHT = Layer("tiles", [Band("h", "int16", -32768, unit="m", description="height")], description="terrain")


def pictures(asset, years, metres=10):
    """One image a year, of other values in each."""
    images = []
    for year in years:
        pixels = np.random.default_rng(year).integers(0, 900, (200, 200)).astype(np.int16)
        band = ArrayBand("h", pixels, UTM, (metres, 0, 500_000, 0, -metres, 5_000_000))
        images.append(image(f"{asset}/of_{year}", [band], dt.datetime(year, 7, 1)))
    return ArrayCollection(asset, images)


@pytest.fixture(scope="module")
def engine():
    return WorldEngine(ArrayWorld(pictures("OWNER/YEARS", (2016, 2019)), pictures("OWNER/WIDE", (2018,), 500)))


class Yearly(Modality):
    """Sound: the images of the anchor's year that are there, as a list that may be empty."""

    name = "tiles"
    api_version = 1
    layers = (HEIGHT,)

    def images(self, scene, year):
        import ee

        return ee.ImageCollection("OWNER/YEARS").filterDate(f"{year}-01-01", f"{year + 1}-01-01")

    def locate(self, scene):
        import ee

        found = self.images(scene, self.year(scene)).filterBounds(scene.geometry)
        return found.toList(1).map(lambda each: ee.Dictionary({"index": ee.Image(each).get("system:index")}))

    def year(self, scene):
        return scene.date.year

    def image(self, scene, located):
        import ee

        return ee.Image(f"OWNER/YEARS/{located[0]['index']}") if located else None


class FirstYear(Yearly):
    """Keeps the year of the first tile on its class, and gets the image of that year for all."""

    first = None

    def year(self, scene):
        if FirstYear.first is None:
            FirstYear.first = scene.date.year
        return FirstYear.first


class OwnYear(Yearly):
    """The same on the object, in a dictionary that all objects share."""

    known = {}  # noqa: RUF012 - the mistake

    def year(self, scene):
        return self.known.setdefault("year", scene.date.year)


YEARS = []


class ModuleYear(Yearly):
    """The same in a variable of the module."""

    def year(self, scene):
        YEARS.append(scene.date.year)
        return YEARS[0]


class CachedYear(Yearly):
    """A cache by the tile's id, which is not all that the answer depends on."""

    def year(self, scene):
        return cached_year(Key(scene.date.year))


class Key:
    def __init__(self, year):
        self.year = year

    def __hash__(self):
        return 0

    def __eq__(self, other):
        return True


@functools.cache
def cached_year(key):
    return key.year


class LastLocated(Yearly):
    """Keeps the tile of locate() for image(), but tiles are located in batches."""

    def locate(self, scene):
        self.tile = scene
        return super().locate(scene)

    def image(self, scene, located):
        import ee

        return ee.Image("OWNER/YEARS/of_2019").clip(self.tile.geometry)


@pytest.mark.parametrize("modality", [FirstYear, OwnYear, ModuleYear, CachedYear])
def test_what_is_kept_from_the_first_tile_is_found(modality, engine):
    findings = findings_of(modality, engine=engine, processes=False)
    assert [(each.check, each.where) for each in findings] == [("order", "locate()")]
    assert "other tiles were asked for before" in findings[0].problem


def test_so_is_what_is_kept_from_the_last_one(engine):
    (finding,) = findings_of(LastLocated, engine=engine, processes=False)
    assert (finding.check, finding.where) == ("order", "image()")


def test_a_check_leaves_nothing_behind(engine):
    findings_of(FirstYear, engine=engine, processes=False)
    findings_of(ModuleYear, engine=engine, processes=False)
    assert FirstYear.first is None
    assert YEARS == []


def test_a_sound_modality_passes(engine):
    check_modality(Yearly, engine=engine)


def test_two_places_two_dates_and_a_date_without_data_are_asked_for(engine):
    tiles = Trial(Yearly(), engine).run(processes=False).tiles
    days = [dt.date(2019, 7, 1), dt.date(2016, 7, 1), dt.date(2016, 7, 1), NO_DATA_DAY]
    assert [tile.scene.date for tile in tiles] == days
    assert [len(tile.located) for tile in tiles] == [1, 1, 0, 0]
    places = {(round(tile.scene.lon, 3), round(tile.scene.lat, 3)) for tile in tiles}
    assert len(places) == 3
    assert [len(tile.answers) for tile in tiles] == [3, 3, 3, 3]


class First(Yearly):
    """`.first()` of nothing: the index of a missing image."""

    def locate(self, scene):
        import ee

        found = self.images(scene, scene.date.year).filterBounds(scene.geometry)
        return ee.Dictionary({"index": ee.Image(found.first()).get("system:index")})

    def image(self, scene, located):
        import ee

        return ee.Image(f"OWNER/YEARS/{located['index']}")


class FirstImage(First):
    """The same in the image, which only the server can see."""

    def locate(self, scene):
        return None

    def image(self, scene, located):
        return self.images(scene, scene.date.year).filterBounds(scene.geometry).first()


class Mosaic(FirstImage):
    """A mosaic of nothing, which has no band."""

    def image(self, scene, located):
        return self.images(scene, scene.date.year).filterBounds(scene.geometry).mosaic()


class Unchecked(Yearly):
    def image(self, scene, located):
        import ee

        return ee.Image(f"OWNER/YEARS/{located[0]['index']}")


class Thinner(Yearly):
    """Fails in Python, in a function that only tiles without data reach."""

    def info(self, located):
        return {"YEAR": located[0]["index"]}


FAILING = [
    (First, "locate()", "of a place without data"),
    (FirstImage, "image()", "of a day without data"),
    (Mosaic, "image()", "has no band h"),
    (Unchecked, "image()", "IndexError"),
    (Thinner, "info()", "IndexError"),
]


@pytest.mark.parametrize(("modality", "where", "words"), FAILING)
def test_what_fails_without_data_is_found(modality, where, words, engine):
    findings = findings_of(modality, engine=engine, processes=False)
    assert {(each.check, each.where) for each in findings} == {("steps", where)}
    assert any(words in each.problem for each in findings)
    assert all("toList(1).map(describe)" in each.remedy for each in findings)


class ByPlace(Yearly):
    """An asset of a name made from the day, which the world has for one day only."""

    def locate(self, scene):
        return None

    def image(self, scene, located):
        import ee

        return ee.Image(f"OWNER/YEARS/of_{scene.date.year}")


def test_an_asset_that_a_world_does_not_have_elsewhere_is_no_fault(engine):
    assert findings_of(ByPlace, engine=engine, processes=False) == []


class Chooser(Yearly):
    """An anchor: without data, the tile is skipped."""

    def locate(self, scene):
        import ee

        found = ee.ImageCollection("OWNER/YEARS").filterBounds(scene.geometry)
        return found.toList(1).map(lambda each: ee.Dictionary({"index": ee.Image(each).get("system:index")}))

    def anchor(self, scene, located):
        return Anchor(dt.date(2019, 7, 1), UTM) if located else Skip("no image")


class Stubborn(Chooser):
    """The anchor is another one after the first tile."""

    turn = None

    def anchor(self, scene, located):
        Stubborn.turn = Stubborn.turn or scene.lon
        found = super().anchor(scene, located)
        return found if isinstance(found, Skip) or scene.lon == Stubborn.turn else Anchor(dt.date(2016, 7, 1), UTM)


def test_an_anchor_may_skip_a_tile_without_data(engine):
    assert findings_of(Chooser, engine=engine, processes=False) == []


def test_an_anchor_is_compared_as_well(engine):
    findings = findings_of(Stubborn, engine=engine, processes=False)
    assert {(each.check, each.where) for each in findings} == {("order", "anchor()")}


class Averaged(Modality):
    """Sound: a mean over the tile at 5 m, and a map of 500 m pixels."""

    name = "averaged"
    api_version = 1
    layers = (
        HEIGHT,
        Layer(
            "mean",
            [Band("mean", "float32", -9999, unit="m", description="mean height")],
            Kind.VECTOR,
            "mean height of the tile",
        ),
    )

    def locate(self, scene):
        import ee

        return ee.Image("OWNER/WIDE/of_2018").reduceRegion(ee.Reducer.mean(), scene.geometry, 5)

    def image(self, scene, located):
        import ee

        return ee.Image("OWNER/WIDE/of_2018")

    def values(self, located):
        return {"mean": [located["h"]]}


class Cramped(Averaged):
    """Refuses tiles as large as those of a run, and says so in locate()."""

    def locate(self, scene):
        west, _, east, _ = scene.polygon.bounds
        if east - west > 0.014:  # 1100 m
            raise ValueError("too large")
        return super().locate(scene)


def test_a_mean_over_the_tile_at_5_metres_is_fine(engine):
    assert findings_of(Averaged, engine=engine, processes=False) == []


def test_the_step_that_fails_on_the_test_pattern_is_named(engine):
    findings = findings_of(Cramped, engine=engine, processes=False)
    assert [(each.check, each.where) for each in findings] == [("steps", "locate()")]
    assert "of the test pattern: ValueError: too large" in findings[0].problem
