"""cubexpress: a search of scenes around places, and their chips as GeoTIFFs."""

import tempfile
from pathlib import Path

import cubexpress
import ee
import numpy as np
import rasterio

ee.Initialize(project="any")
NAME = "COPERNICUS/S2_SR_HARMONIZED"
BANDS = ["B4", "B8"]


def check(table: cubexpress.RequestTable) -> None:
    """The files of a table against plain `ee`."""
    with tempfile.TemporaryDirectory() as folder:
        result = cubexpress.express(table, folder, nworkers=2, verbose=False)
        assert not result.failed
        assert len(result.paths) == len(table.rows)
        for row in table.rows:
            with rasterio.open(Path(result.paths[row.id])) as file:
                assert file.shape == (32, 32)
                got = file.read()
                a, b, c, d, e, f = file.transform[:6]
                crs = file.crs.to_string()
                place = ee.Geometry.Point(file.xy(3, 5), crs)
            affine = {"scaleX": a, "shearX": b, "translateX": c, "shearY": d, "scaleY": e, "translateY": f}
            request = {"crsCode": crs, "dimensions": {"width": 32, "height": 32}, "affineTransform": affine}
            image = ee.Image(row.image).select(BANDS)
            plain = ee.data.computePixels({"expression": image, "fileFormat": "NUMPY_NDARRAY", "grid": request})
            np.testing.assert_array_equal(got, [plain[band] for band in BANDS])
            pixel = image.reduceRegion(ee.Reducer.first(), place, 10, crs).getInfo()
            assert [pixel[band] or 0 for band in BANDS] == got[:, 3, 5].tolist()


# A search by place and time.
info = cubexpress.inspect_asset(NAME, with_bands=True)
assert info.is_temporal
assert (info.band_dtypes["B4"], info.band_scales["B4"], info.band_scales["SCL"]) == ("uint16", 10, 20)
chips = [cubexpress.point_to_rt(lon, 48.0, 32, 32, 10.0) for lon in (9.0, 9.2)]
table = cubexpress.discover_images(NAME, chips[0], "2019-06-01", "2019-06-20").select_bands(*BANDS)
place = cubexpress.rt_to_geometry(chips[0])
scenes = ee.ImageCollection(NAME).filterBounds(place).filterDate("2019-06-01", "2019-06-20")
assert [row.image for row in table.rows] == [f"{NAME}/{n}" for n in scenes.aggregate_array("system:index").getInfo()]
assert len(table.rows) > 2
check(table)
several = cubexpress.discover_images(NAME, chips, "2019-06-01", "2019-06-08").select_bands(*BANDS)
assert {row.raster_transform for row in several.rows} == set(chips)

# Points in one scene.
scene = scenes.sort("CLOUDY_PIXEL_PERCENTAGE").first().get("system:index").getInfo()
check(cubexpress.build_from_points([(9.0, 48.0), (9.01, 48.0)], f"{NAME}/{scene}", BANDS, 32, 32, 10.0))
print("cubexpress: ok")
