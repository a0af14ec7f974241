"""The hidden planet: pure in its pixels, without seams between zones, and with real coasts."""

import json
import os
import subprocess
import sys
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from localearth.errors import SetupError
from localearth.planet import landmask
from localearth.planet.cover import Kind
from localearth.planet.hashing import bell, hash_words, salt, uniform
from localearth.planet.lattice import RADIUS, Lattice, Patch, Window, on_sphere
from localearth.planet.noise import fbm, ridges, value_noise
from localearth.planet.surface import surface
from localearth.planet.world import SyntheticWorld
from localearth.values.projection import reproject
from mmearth_devkit.testing.needs import needs_planet


@lru_cache(maxsize=1)
def planet() -> Any:
    return SyntheticWorld().planet


def window(crs: str, lon: float, lat: float, side: int = 64) -> tuple[Lattice, Window]:
    x, y = reproject("EPSG:4326", crs, np.array([lon]), np.array([lat]))
    return Lattice(crs, 0.0, 0.0, 10.0), Window(int(-y[0] // 10), int(x[0] // 10), side, side)


def test_hashes_and_noise_are_the_same_everywhere() -> None:
    assert salt("seed", 3) != salt("seed", 4)
    words = hash_words(5, [0, 1, -1], [2, 2, 2])
    assert words.dtype == np.uint32
    assert len(set(words.tolist())) == 3
    many = uniform(9, np.arange(20_000))
    assert abs(many.mean() - 0.5) < 0.01
    spread = bell(9, np.arange(20_000))
    assert abs(spread.mean()) < 0.03
    assert spread.std() == pytest.approx(1.0, abs=0.02)


@given(st.floats(-6e6, 6e6), st.floats(-6e6, 6e6), st.sampled_from([40.0, 900.0, 3e5]))
def test_noise_is_smooth_and_within_bounds(x: float, y: float, wavelength: float) -> None:
    line = np.linspace(0.0, 4.0 * wavelength, 400)
    points = np.stack([x + line, y + 0.3 * line, np.full(400, 1234.5)])
    for values in (value_noise(points, wavelength, 7), fbm(points, (wavelength, wavelength / 2), 7)):
        assert ((values >= 0) & (values <= 1)).all()
        assert np.abs(np.diff(values)).max() < 0.1
    assert (ridges([value_noise(points, wavelength, 7)], [1.0]) <= 1.0).all()


@needs_planet
@settings(max_examples=12, deadline=None)
@given(
    st.integers(0, 40), st.integers(0, 40), st.integers(3, 50), st.integers(3, 50), st.sampled_from([7.1, -120.2, 31.0])
)
def test_the_truth_of_a_pixel_does_not_depend_on_the_window(
    row: int, col: int, rows: int, cols: int, lon: float
) -> None:
    crs = f"EPSG:326{int((lon + 180) // 6) + 1:02d}"
    lattice, whole = window(crs, lon, 36.9, 96)
    part = Window(whole.row + row, whole.col + col, rows, cols)
    large, small = planet().compute(lattice, whole), planet().compute(lattice, part)
    inner = whole.slices(part)
    np.testing.assert_array_equal(large.cover.kind[inner], small.cover.kind)
    np.testing.assert_array_equal(large.terrain.elevation[inner], small.terrain.elevation)
    np.testing.assert_array_equal(large.cover.code[inner], small.cover.code)


@needs_planet
def test_there_is_no_seam_between_zones_nor_at_the_date_line() -> None:
    for west, east, lon, lat in (("EPSG:32631", "EPSG:32632", 6.0, 48.0), ("EPSG:32760", "EPSG:32701", 180.0, -16.6)):
        lattice, place = window(west, lon, lat)
        one = planet().compute(lattice, place)
        lons, lats = one.patch.lonlat
        x, y = reproject("EPSG:4326", east, (lons + 180) % 360 - 180, lats)
        rows, cols = np.floor(-y / 10).astype(int), np.floor(x / 10).astype(int)
        around = Window(rows.min(), cols.min(), np.ptp(rows) + 1, np.ptp(cols) + 1)
        other = planet().compute(Lattice(east, 0.0, 0.0, 10.0), around)
        at = rows - rows.min(), cols - cols.min()
        assert np.abs(one.terrain.elevation - other.terrain.elevation[at]).max() < 12.0
        assert (one.cover.kind == other.cover.kind[at]).mean() > 0.85


@needs_planet
def test_pixels_lie_on_the_sphere_where_proj_puts_them() -> None:
    lattice, place = window("EPSG:32633", 15.2, 52.0, 50)
    patch = Patch(lattice, place)
    x = (np.arange(place.col, place.col + 50) + 0.5) * 10
    y = -(np.arange(place.row, place.row + 50) + 0.5) * 10
    lon, lat = reproject("EPSG:32633", "EPSG:4326", *np.meshgrid(x, y))
    assert np.abs(patch.points - on_sphere(lon, lat)).max() < 0.01
    np.testing.assert_allclose((patch.points**2).sum(axis=0) ** 0.5, RADIUS, atol=0.01)


@needs_planet
def test_coasts_are_real() -> None:
    def at(lon: float, lat: float) -> Kind:
        zone = int((lon + 180) // 6) + 1
        lattice, place = window(f"EPSG:{326 if lat >= 0 else 327}{zone:02d}", lon, lat, 16)
        sea = planet().compute(lattice, place).terrain.sea
        return Kind.WATER if sea.all() else Kind.GRASS

    for lon, lat in ((-30.0, 40.0), (3.0, 56.0), (-74.0, 37.0), (150.0, -40.0)):
        assert at(lon, lat) == Kind.WATER
    for lon, lat in ((2.3, 48.8), (135.0, -25.0), (-60.0, -5.0), (100.0, 60.0)):
        assert at(lon, lat) != Kind.WATER


@needs_planet
def test_mixtures_add_up() -> None:
    for lon, lat, day in ((7.1, 48.1, 20), (7.1, 48.1, 200), (2.33, 49.47, 120), (-58.0, -3.0, 90), (20.5, 69.2, 60)):
        zone = int((lon + 180) // 6) + 1
        lattice, place = window(f"EPSG:{326 if lat >= 0 else 327}{zone:02d}", lon, lat)
        mixture = surface(planet().compute(lattice, place), day).mixture
        assert mixture.min() > -1e-9
        total = mixture.sum(axis=0)
        assert 0.75 < total.min() <= total.max() < 1.25


def test_a_missing_package_is_reported_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(landmask, "find_spec", lambda name: None)
    with pytest.raises(SetupError, match=r'pip install "mmearth-localearth\[planet\]"'):
        landmask.open_land_mask()


@pytest.mark.slow
@needs_planet
def test_the_cache_is_made_once_where_the_user_wants_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    first = landmask.open_land_mask()
    files = sorted(tmp_path.rglob("*.npy"))
    assert [file.name for file in files] == ["land-v1-bits.npy", "land-v1-coarse.npy"]
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and path not in files]
    stamps = [file.stat().st_mtime_ns for file in files]
    again = landmask.open_land_mask()
    assert stamps == [file.stat().st_mtime_ns for file in files]
    np.testing.assert_array_equal(first.coarse, again.coarse)
    assert 0.25 < again.coarse.mean() / 225 < 0.45
    assert first.window(4950, 21900, 3, 4).all()


@needs_planet
def test_a_cache_that_cannot_be_kept_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(SetupError, match="set XDG_CACHE_HOME"):
        landmask.open_land_mask()


@needs_planet
def test_opening_the_world_does_not_import_the_package_that_would_hold_a_gigabyte() -> None:
    code = (
        "import sys, json; from localearth.worlds.shipped import open_world; open_world('synthetic');"
        "print(json.dumps('global_land_mask' in sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=dict(os.environ)
    )
    assert json.loads(done.stdout) is False


def test_a_pixel_does_not_use_the_window_of_a_whole_region() -> None:
    """Every date of a series would be computed for the whole window, for each of the pixels that are sampled."""
    planet = SyntheticWorld().planet
    lattice = Lattice("EPSG:32632", 399_960.0, 5_400_000.0, 10.0)
    region, pixel = Window(1000, 1000, 400, 400), Window(1200, 1200, 1, 1)
    large = planet.truth(lattice, region)
    small = planet.truth(lattice, pixel)
    assert small.patch.window.rows < 40 < 400 < large.patch.window.rows
    inside = [truth.terrain.elevation[truth.patch.window.slices(pixel)] for truth in (large, small)]
    np.testing.assert_array_equal(*inside)
    # The window of a tile is used.
    tile = planet.truth(lattice, Window(3000, 3000, 128, 128))
    assert planet.truth(lattice, Window(3050, 3050, 1, 1)) is tile
