"""Scripts written for Google's servers run unmodified: the seed's whole way of working, against `localearth serve`.

The script is a process of its own with the unmodified client; the server is another. What it printed is checked here.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyproj import Geod
from shapely.geometry import Polygon

SCRIPT = Path(__file__).parent / "scripts" / "seed_way.py"
pytestmark = pytest.mark.slow  # about ten seconds: a server, a script of some forty requests, and 2,500 squares

RING = [[10.8912, 48.6942], [10.9088, 48.6942], [10.9088, 48.7058], [10.8912, 48.7058], [10.8912, 48.6942]]


@pytest.fixture(scope="module")
def found() -> Any:
    serve = [sys.executable, "-m", "mmearth_core", "localearth", "serve", "--world", "synthetic", "--port", "0"]
    with subprocess.Popen(serve, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as serving:
        assert serving.stdout is not None
        try:
            ready = serving.stdout.readline()
            assert ready, serving.stderr and serving.stderr.read()
            script = [sys.executable, SCRIPT, json.loads(ready)["url"]]
            done = subprocess.run(script, capture_output=True, text=True, timeout=240, check=False)
        finally:
            serving.terminate()
            serving.communicate(timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_shapes(found: Any) -> None:
    shapes = found["geometry"]
    assert shapes["centroid"] == pytest.approx([10.9, 48.7], abs=1e-6)
    assert shapes["area"] == pytest.approx(abs(Geod(ellps="WGS84").geometry_area_perimeter(Polygon(RING))[0]), rel=1e-6)
    assert shapes["bounds"] == [RING]
    assert (shapes["buffer_contains"], shapes["polygon_contains"]) == (True, False)
    grown = np.array(shapes["bounds_of_buffer"]["coordinates"][0])
    assert (grown[2] - grown[0]) - [0.0176, 0.0116] == pytest.approx([2 * 200 / 73_700, 2 * 200 / 111_200], rel=0.01)


def test_scenes_are_filtered_sorted_and_taken(found: Any) -> None:
    everything, whole = found["sizes"]
    assert 1 < whole <= everything
    assert found["whole_by_property"] == whole
    assert found["clouds"] == sorted(found["clouds"])
    assert len(found["clouds"]) == everything
    assert max(found["clouds"]) < 20
    assert "2019-01-01" <= found["date"] < "2019-12-31"
    assert {"B1", "B2", "SCL", "QA60"} <= set(found["band_names"])


def test_images_and_collections_are_described_as_google_does(found: Any) -> None:
    assert found["projection"]["type"] == "Projection"
    assert found["projection"]["crs"] == "EPSG:32632"
    image, collection = found["image"], found["collection"]
    assert (image["type"], image["id"].rpartition("/")[0]) == ("Image", "COPERNICUS/S2_SR_HARMONIZED")
    assert image["properties"]["system:index"] == image["id"].rpartition("/")[2]
    assert image["properties"]["CLOUDY_PIXEL_PERCENTAGE"] < 20
    band = next(band for band in image["bands"] if band["id"] == "B11")
    origin = found["projection"]["transform"]
    assert band == {
        "id": "B11",
        "data_type": {"type": "PixelType", "precision": "int", "min": 0, "max": 65535},
        "dimensions": [5490, 5490],
        "crs": "EPSG:32632",
        "crs_transform": [20, 0, origin[2], 0, -20, origin[5]],
    }
    assert (collection["type"], collection["id"]) == ("ImageCollection", "COPERNICUS/S2_SR_HARMONIZED")
    assert collection["bands"] == []
    assert [each["type"] for each in collection["features"]] == ["Image", "Image"]


def test_the_nearest_passes_are_first(found: Any) -> None:
    for orbit in ("ASCENDING", "DESCENDING"):
        days = found[f"days_{orbit}"]
        assert days == sorted(days)
        assert 0 <= days[0] < 6, "each satellite comes again after 12 days, and there are two"
    assert found["never"] is None


def test_climate_is_reduced_over_time_and_place(found: Any) -> None:
    assert found["months"] == [*(f"2018{m:02d}" for m in range(7, 13)), *(f"2019{m:02d}" for m in range(1, 7))]
    names = found["climate_names"]
    assert [name.partition("_")[2] for name in names] == [
        *(f"month_{n}" for n in range(4)),
        *("temperature_2m_mean", "temperature_2m_min_min", "temperature_2m_max_max", "total_precipitation_sum_sum"),
    ]
    mean, least, most, rain, year_mean, year_least, year_most, year_rain = (found["climate"][name] for name in names)
    assert 240 < year_least < least < mean < most <= year_most < 320
    assert year_least < year_mean < mean, "June is warmer than the year"
    assert 0 < rain < year_rain < 5


def test_downloads_in_both_formats_are_alike(found: Any) -> None:
    bands = found["stack"]
    assert len(bands) == 16
    assert found["tiff"]["names"] == bands
    assert found["npy"] == dict.fromkeys(bands, "float32")
    assert (found["tiff"]["crs"], found["tiff"]["dtype"]) == ("EPSG:32632", "float32")
    assert found["tiff"]["transform"][0] == 10
    assert all(found["tiff"]["transform"][n] % 10 == 0 for n in (2, 5))
    (count, *shape), array = found["shapes"]
    assert (count, shape) == (16, array)
    assert all(130 <= side <= 136 for side in shape)
    assert found["alike"] == [True] * 16
    assert found["tall_follows"], "where(), comparisons and And() are those of numpy"


def test_the_pixels_are_of_the_kinds_asked_for(found: Any) -> None:
    ranges = found["ranges"]
    assert all(high > 0 for name, (_, high) in ranges.items() if name not in ("VV", "VH", "wooded", "tall"))
    assert -40 < ranges["VV"][0] < 0
    assert ranges["dynamic_world"][1] <= 9
    assert ranges["cover"][1] in (10, 20, 30, 40, 50, 60, 70, 80, 90, 95, 100)
    assert ranges["slope"][1] < 90


def test_tiles_of_an_ecoregion(found: Any) -> None:
    assert found["regions"] == 846
    assert found["region"]["ECO_NAME"] == "Western European broadleaf forests"
    assert 0 < found["tundra"] < 846
    squares = found["squares"]
    assert (squares["type"], squares["count"]) == ("FeatureCollection", 2500)
    first = squares["first"]
    assert (first["type"], first["geometry"]["type"]) == ("Feature", "Polygon")
    area = abs(Geod(ellps="WGS84").geometry_area_perimeter(Polygon(first["geometry"]["coordinates"][0]))[0])
    assert area == pytest.approx(1300**2, rel=0.01)
    assert found["same_points"]
    assert found["other_points"]
    assert found["all_inside"] == 200


def test_errors_are_googles(found: Any) -> None:
    assert found["first_of_none"] is None
    assert "List.get: List index must be between" in found["get_of_none"]
    assert "Parameter 'image' is required and may not be null" in found["date_of_none"]
    assert "Image.select" in found["wrong_type"]
    assert "'input'" in found["wrong_type"], "the argument is named"
    assert "Number.add" in found["text_for_number"]
    assert "'left'" in found["text_for_number"]
    assert "is not an Image" in found["collection_for_image"]
    assert "Image asset 'NO/SUCH/ASSET' not found" in found["no_asset"]
    assert "Band pattern 'Mop' did not match any bands. Available bands: [Map]" in found["no_band"]
