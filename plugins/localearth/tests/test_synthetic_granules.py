"""Granules and frames of the synthetic world: they cover the land, their footprints hold pixels, orbits repeat."""

import datetime as dt
from functools import lru_cache
from typing import Any

import numpy as np
import pytest
import shapely
from localearth.planet.orbits import SENTINEL1, SENTINEL2
from localearth.planet.world import SyntheticWorld
from localearth.values.projection import reproject
from localearth.worlds.base import BandSource, ImageAsset
from mmearth_devkit.testing.needs import needs_planet
from shapely.geometry import Point, box

pytestmark = needs_planet

S2, S1 = "COPERNICUS/S2_HARMONIZED", "COPERNICUS/S1_GRD"
SUMMER = tuple(dt.datetime(2019, month, 1, tzinfo=dt.UTC).timestamp() * 1000.0 for month in (6, 8))


@lru_cache(maxsize=1)
def world() -> Any:
    return SyntheticWorld()


def land_points(count: int) -> list[tuple[float, float]]:
    rng = np.random.default_rng(3)
    coarse = world().planet.mask.coarse
    points = []
    while len(points) < count:
        lon, lat = float(rng.uniform(-179.8, 179.8)), float(np.degrees(np.arcsin(rng.uniform(-0.97, 0.99))))
        if coarse[int((90 - lat) * 8), int((lon + 180) * 8)] > 112:
            points.append((lon, lat))
    return points


def test_every_place_on_land_lies_well_inside_an_image() -> None:
    inside = []
    for lon, lat in land_points(150):
        reach = 0.0077 / np.cos(np.radians(lat))
        tile = box(lon - reach, lat - 0.0077, lon + reach, lat + 0.0077)
        images = world().find(S2).images(tile, SUMMER)
        inside.append(any(image.footprint.contains(tile) for image in images))
    assert np.mean(inside) > 0.97


def test_a_granule_has_its_real_name_and_corner() -> None:
    known = {"18SVG": ((-75.9, 37.5), (399960, 4200000)), "31TCJ": ((1.0, 43.7), (300000, 4900020))}
    for name, ((lon, lat), corner) in known.items():
        granule = world().find(S2)._scenes.granules.named(name)
        assert (granule.left, granule.top) == corner
        assert granule.bounds[0] < lon < granule.bounds[2]
        names = {image.properties["MGRS_TILE"] for image in world().find(S2).images(Point(lon, lat), SUMMER)}
        assert name in names


def test_an_orbit_comes_back_every_five_days() -> None:
    images = world().find(S2).images(box(8.39, 48.49, 8.41, 48.51), SUMMER)
    by_orbit: dict[int, list[float]] = {}
    for image in images:
        by_orbit.setdefault(image.properties["SENSING_ORBIT_NUMBER"], []).append(image.properties["system:time_start"])
    assert len(by_orbit) >= 2
    for times in by_orbit.values():
        np.testing.assert_array_equal(np.diff(times), 5 * 86_400_000.0)


def test_passes_keep_their_local_time() -> None:
    for lon, lat in ((8.4, 48.5), (-75.9, 37.5), (140.0, -30.0)):
        image = world().find(S2).images(Point(lon, lat), SUMMER)[0]
        hour = (image.properties["system:time_start"] / 3_600_000.0 + lon / 15.0) % 24
        assert 9.5 < hour < 11.5
        for radar in world().find(S1).images(Point(lon, lat), SUMMER):
            hour = (radar.properties["system:time_start"] / 3_600_000.0 + lon / 15.0) % 24
            late = radar.properties["orbitProperties_pass"] == "ASCENDING"
            assert (16.5 < hour < 19.5) if late else (4.5 < hour < 7.5)


def check_pixels(image: ImageAsset, band: BandSource) -> None:
    """Pixels are valid inside the footprint, and not outside it."""
    assert image.footprint is not None
    rng = np.random.default_rng(1)
    rows, cols = rng.integers(2, band.height - 2, 60), rng.integers(2, band.width - 2, 60)
    a, _, left, _, e, top = band.transform
    lon, lat = reproject(band.crs, "EPSG:4326", left + (cols + 0.5) * a, top + (rows + 0.5) * e)
    margin = 3 * a / 111_000.0
    inner, outer = image.footprint.buffer(-margin), image.footprint.buffer(margin)
    seen = [bool(band.read(int(row), int(col), 1, 1)[1][0, 0]) for row, col in zip(rows, cols, strict=True)]
    for valid, x, y in zip(seen, lon, lat, strict=True):
        if inner.contains(Point(x, y)):
            assert valid
        elif not outer.contains(Point(x, y)):
            assert not valid


@pytest.mark.slow
def test_footprints_hold_the_valid_pixels() -> None:
    cut = [
        image
        for lon, lat in ((8.4, 48.5), (28.0, 64.0))
        for image in world().find(S2).images(Point(lon, lat), SUMMER)[:6]
    ]
    shares = {round(image.footprint.area, 4) for image in cut}
    assert len(shares) > 2, "some granules are cut by a strip's edge"
    for image in cut[:8]:
        check_pixels(image, image.bands[0])
    for image in world().find(S1).images(Point(28.0, 64.0), SUMMER)[:4]:
        check_pixels(image, image.bands[-1])


def test_footprints_are_sound_up_to_the_date_line() -> None:
    for lon, lat in ((179.5, -16.6), (-179.9, -16.8), (179.0, 68.5), (-179.0, 68.0)):
        images = world().find(S2).images(Point(lon, lat), SUMMER)
        assert images
        for image in images:
            west, _, east, _ = image.footprint.bounds
            assert -180.0 <= west < east <= 180.0
            assert east - west < 8.0
            assert image.footprint.is_valid
            assert shapely.is_ccw(image.footprint.exterior)


def test_radar_differs_from_region_to_region() -> None:
    passes, polarisations = set(), set()
    for lon, lat in [*land_points(60), (-50.0, 68.0), (-62.0, -4.0), (28.0, 64.0)]:
        images = world().find(S1).images(Point(lon, lat), SUMMER)
        passes.add(frozenset(image.properties["orbitProperties_pass"] for image in images))
        polarisations |= {tuple(image.properties["transmitterReceiverPolarisation"]) for image in images}
    assert polarisations == {("VV", "VH"), ("HH", "HV")}
    assert {frozenset({"ASCENDING", "DESCENDING"}), frozenset({"ASCENDING"}), frozenset({"DESCENDING"})} <= passes


def test_a_part_of_the_images_is_nearly_clear_and_deserts_have_more() -> None:
    year = tuple(dt.datetime(each, 1, 1, tzinfo=dt.UTC).timestamp() * 1000.0 for each in (2019, 2020))

    def clear(lon: float, lat: float) -> float:
        images = world().find(S2).images(Point(lon, lat), year)
        return float(np.mean([image.properties["CLOUDY_PIXEL_PERCENTAGE"] < 10 for image in images]))

    shares = [clear(lon, lat) for lon, lat in land_points(40)]
    assert 0.05 < np.mean(shares) < 0.6
    assert clear(5.0, 24.0) > 0.4 > clear(-62.0, -4.0)


def test_ground_tracks_lie_where_the_orbit_takes_them() -> None:
    for orbit in (SENTINEL1, SENTINEL2):
        lon, lat = orbit.ground(1, np.array([0.0]), 0.0)
        assert (round(float(lon[0]), 9), float(lat[0])) == (round(orbit.node(1)[0], 9), 0.0)
        _, top = orbit.ground(1, np.array([np.pi / 2]), 0.0)
        assert float(top[0]) == pytest.approx(180.0 - orbit.inclination)
        assert orbit.angle(89.0, northward=True) is None
        angle = orbit.angle(40.0, northward=False)
        assert angle is not None
        assert float(orbit.ground(5, np.array([angle]), 0.0)[1][0]) == pytest.approx(40.0)


@pytest.mark.slow
def test_every_image_is_found_again_by_its_id() -> None:
    # Rows of granules are lettered anew every 2,000 km, so a name alone could also be a place around the pole.
    for lon, lat in land_points(300):
        for image in world().find(S2).images(Point(lon, lat), SUMMER)[:2]:
            again = world().find(image.id)
            assert again is not None
            assert (again.id, again.footprint) == (image.id, image.footprint)
