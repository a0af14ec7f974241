"""The anchor `file`: the day and CRS that tiles bring along."""

import datetime as dt
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import CRS
from shapely.geometry import box

from mmearth_core import Anchor, Scene, Skip
from mmearth_core.builtin.file_anchor import FileAnchor, FileAnchorOptions, utm_zone


def scene(lon=-75.6, lat=37.7, **attributes):
    return Scene("t", box(lon, lat, lon + 0.01, lat + 0.01), lon, lat, attributes)


def anchor(modality, scene):
    return modality.anchor(scene, modality.locate(scene))


@pytest.mark.parametrize("date", ["2018-07-01", "2018-07-01T00:00:00", "2018-07-01T22:00:00+00:00", "2018-07-01 10:00"])
def test_date_and_crs_of_the_columns(date):
    row = scene(date=date, crs="EPSG:32617")
    assert anchor(FileAnchor(), row) == Anchor(dt.date(2018, 7, 1), "EPSG:32617")
    assert FileAnchor().info(FileAnchor().locate(row)) == {"date": "2018-07-01"}


@pytest.mark.parametrize("attributes", [{}, {"crs": None}, {"crs": ""}])
def test_without_a_crs_it_is_the_utm_zone(attributes):
    assert anchor(FileAnchor(), scene(date="2018-07-01", **attributes)).crs == "EPSG:32618"


def test_other_columns():
    modality = FileAnchor(FileAnchorOptions(date="S2_DATE", crs="CRS", variant="S2_type"))
    row = scene(S2_DATE="2019-02-03", CRS="EPSG:32718", S2_type="l1c", date="x")
    assert anchor(modality, row) == Anchor(dt.date(2019, 2, 3), "EPSG:32718", "l1c")


def test_a_tile_without_date_is_skipped():
    for row in (scene(), scene(date=None), scene(date=""), scene(date=" ")):
        assert anchor(FileAnchor(), row) == Skip("the tile has no date in column 'date'")


@pytest.mark.parametrize("date", ["July 2018", "2018-02-30", "01.07.2018", 2018, "2018-W27", "0001-01-01T00:00+09:00"])
def test_a_date_that_cannot_be_read_is_an_error_and_never_skipped(date):
    for call in (lambda: anchor(FileAnchor(), scene(date=date)), lambda: FileAnchor().check_tile({"date": date})):
        with pytest.raises(
            ValueError, match=f"column 'date' is '{re.escape(str(date))}', not a date of the form YYYY-MM-DD"
        ):
            call()


@settings(deadline=None)
@given(st.datetimes(dt.datetime(1970, 1, 2), dt.datetime(2100, 1, 1), timezones=st.none() | st.timezones()))
def test_the_day_of_any_moment_is_its_day_in_utc(moment):
    day = (moment if moment.tzinfo is None else moment.astimezone(dt.UTC)).date()
    assert anchor(FileAnchor(), scene(date=moment.isoformat())).date == day
    assert anchor(FileAnchor(), scene(date=moment.isoformat(" "))).date == day


def test_it_downloads_nothing_and_can_anchor():
    assert FileAnchor.can_anchor()
    assert FileAnchor.layers == ()
    assert FileAnchor().image(scene(), None) is None


@settings(deadline=None)
@given(st.floats(-180, 180), st.floats(-84, 84))
def test_the_utm_zone_of_a_place_has_it_in_its_middle(lon, lat):
    crs = CRS(utm_zone(lon, lat))
    assert crs.utm_zone == f"{crs.to_epsg() % 100}{'N' if lat >= 0 else 'S'}"
    middle = crs.to_epsg() % 100 * 6 - 183
    assert abs((lon - middle + 180) % 360 - 180) <= 3 + 1e-9


@pytest.mark.parametrize(
    ("lon", "lat", "zone"),
    [
        (-180, 1, "EPSG:32601"),
        (179.99, 1, "EPSG:32660"),
        (180, -1, "EPSG:32701"),
        (180.5, 1, "EPSG:32601"),
        (0, 0, "EPSG:32631"),
        (-1e-9, -1e-9, "EPSG:32730"),
        (5.9999, 60, "EPSG:32631"),
        (6, 60, "EPSG:32632"),
    ],
)
def test_edges_of_the_zones(lon, lat, zone):
    assert utm_zone(lon, lat) == zone


@pytest.mark.parametrize("crs", [32617, 32617.0, "EPSG:32617"])
def test_a_crs_may_be_the_number_of_its_code(crs):
    assert anchor(FileAnchor(), scene(date="2018-07-01", crs=crs)).crs == "EPSG:32617"


def test_a_variant_is_text():
    modality = FileAnchor(FileAnchorOptions(variant="level"))
    assert anchor(modality, scene(date="2018-07-01", level=2)).variant == "2"
